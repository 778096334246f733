"""Numbers that runs are compared by, as data: what each is called, means, and comes from. Nothing is computed here."""

from dataclasses import dataclass
from typing import Literal

from explorer.analysis.sources import BURDA, GHOSH, HEUSEL, KINGMA, VENNA

Better = Literal["higher", "lower"]
Kind = Literal["bound", "reconstruction", "pixels", "codes", "samples", "paths", "cost"]
"""What has to agree between two runs for a difference to mean something; ``comparison/compare.py`` says how."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Metric:
    """A number that a run can have.

    Attributes:
        name: its key.
        title: what a table calls it.
        explanation: a line that says what it is.
        source: where it comes from.
        unit: of the number; empty for a share or a ratio.
        is_better: which way is better; None where neither is.
        kind: what two runs must share to be compared by it.
    """

    name: str
    title: str
    explanation: str
    source: str
    unit: str
    is_better: Better | None
    kind: Kind


def _metric(name: str, title: str, explanation: str, *about: str, better: Better | None, kind: Kind) -> Metric:
    source, unit = about
    return Metric(
        name=name, title=title, explanation=explanation, source=source, unit=unit, is_better=better, kind=kind
    )


METRICS: tuple[Metric, ...] = (
    _metric(
        "knn_accuracy",
        "k-NN accuracy",
        "Share of test images whose class is that of most of the 10 nearest other codes. A model that is given the "
        "class need not keep it in the code.",
        "Cover & Hart (1967), https://doi.org/10.1109/TIT.1967.1053964",
        "",
        better="higher",
        kind="codes",
    ),
    _metric(
        "linear_probe",
        "linear probe",
        "Share of test codes whose class a logistic regression on the other four of five folds reads right.",
        "Alain & Bengio (2017), https://arxiv.org/abs/1610.01644",
        "",
        better="higher",
        kind="codes",
    ),
    _metric(
        "silhouette",
        "silhouette",
        "How much nearer a code is to those of its class than to the nearest other class, from -1 to 1, mean.",
        "Rousseeuw (1987), https://doi.org/10.1016/0377-0427(87)90125-7",
        "",
        better="higher",
        kind="codes",
    ),
    _metric(
        "nmi",
        "NMI of k-means",
        "Normalised mutual information of classes and as many k-means clusters, the best of 10 starts, from 0 to 1.",
        "Strehl & Ghosh (2002), https://www.jmlr.org/papers/v3/strehl02a.html",
        "",
        better="higher",
        kind="codes",
    ),
    _metric(
        "trustworthiness",
        "trustworthiness",
        "Whether the 10 nearest codes are near as images, in pixels: 1 if all are; at most 2,000 images.",
        VENNA,
        "",
        better="higher",
        kind="codes",
    ),
    _metric(
        "continuity",
        "continuity",
        "Whether the 10 nearest images, in pixels, are near as codes: 1 if all are; at most 2,000 images.",
        VENNA,
        "",
        better="higher",
        kind="codes",
    ),
    _metric(
        "elbo",
        "ELBO",
        "Lower bound on log p(x), or log p(x|y) where the class is given: less reconstruction error and KL.",
        KINGMA,
        "nats",
        better="higher",
        kind="bound",
    ),
    _metric(
        "iwae",
        "IWAE bound",
        "Tighter lower bound on the same, from as many importance samples as stated.",
        BURDA,
        "nats",
        better="higher",
        kind="bound",
    ),
    _metric(
        "reconstruction",
        "reconstruction",
        "-log p(x|z) at one posterior sample; an autoencoder's at its code.",
        KINGMA,
        "nats",
        better="lower",
        kind="reconstruction",
    ),
    _metric(
        "squared_error",
        "squared error",
        "Sum over pixels in [0, 1] between an image and what its mean code decodes to.",
        KINGMA,
        "",
        better="lower",
        kind="pixels",
    ),
    _metric(
        "kl",
        "KL",
        "KL(q(z|x) || p(z)): what a code costs. Neither much nor little is better by itself.",
        KINGMA,
        "nats",
        better=None,
        kind="codes",
    ),
    _metric(
        "mutual_information",
        "mutual information",
        "What a code tells of which image it is of; at most the log of the number of images.",
        "Hoffman & Johnson (2016); Dieng et al. (2019), https://arxiv.org/abs/1807.04863",
        "nats",
        better=None,
        kind="codes",
    ),
    _metric(
        "active_units",
        "active units",
        "Dimensions whose mean code varies over images by more than 0.01.",
        f"{BURDA}, section 5.2",
        "",
        better=None,
        kind="codes",
    ),
    _metric(
        "frechet_prior",
        "Frechet distance, prior",
        "Of samples of the prior to as many test images, in the judge's features: not comparable with published "
        "ones, and larger the fewer images.",
        HEUSEL,
        "",
        better="lower",
        kind="samples",
    ),
    _metric(
        "frechet_density",
        "Frechet distance, density",
        "The same for samples of a mixture of 10 normals fitted to codes of training images.",
        f"{HEUSEL}; {GHOSH}",
        "",
        better="lower",
        kind="samples",
    ),
    _metric(
        "class_accuracy_prior",
        "class accuracy, prior",
        "Share of samples that the judge reads as the class they were asked to be, codes from the prior.",
        "the judge of the data set, which errs on real images too",
        "",
        better="higher",
        kind="samples",
    ),
    _metric(
        "class_accuracy_density",
        "class accuracy, density",
        "The same for codes of the fitted mixture.",
        f"the judge of the data set; {GHOSH}",
        "",
        better="higher",
        kind="samples",
    ),
    _metric(
        "smoothness",
        "detour of interpolation",
        "Length of what a straight walk between two codes decodes to, by the distance of its ends, mean over 50 "
        "pairs of test images: 1 is a cross-fade, and more is a detour, be it through other images.",
        "Arvanitidis et al. (2018), https://arxiv.org/abs/1710.11379, for the length",
        "",
        better=None,
        kind="paths",
    ),
    _metric("parameters", "parameters", "Weights of the model.", "counted", "", better=None, kind="cost"),
    _metric(
        "seconds",
        "training",
        "Time that training took, on the machine where it was trained.",
        "the run's history",
        "s",
        better=None,
        kind="cost",
    ),
)
"""In the order of a table."""

NAMES = tuple(metric.name for metric in METRICS)
