"""Measuring one run by every metric: estimates that can be drawn again, and reasons where there is none.

What is drawn or chosen, it is the same for every run that is measured on the same images: noise, pairs, resamples.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from explorer.analysis.arrays import Doubles, Floats, Images
from explorer.analysis.paths.interpolation import N_FINE
from explorer.analysis.statistics.bootstrap import Estimate, Resampling, estimate, mean_estimate, share_estimate
from explorer.data.images import ImageSplit
from explorer.errors import ConfigError, ExplorerError

if TYPE_CHECKING:
    from explorer.analysis.evaluation.evaluate import ImageTerms
    from explorer.analysis.statistics.frechet import Moments
    from explorer.models.classifier import Classifier
    from explorer.models.latent_model import LatentModel

N_TRAIN = 10_000
"""Training images, the first ones, whose codes the density is fitted to."""

N_PAIRS = 50
N_STEPS = N_FINE
"""Steps in which a walk is measured, as any path is: in 64 the walks of `mnist-ae-2d` come out 3 % too short."""

PAIRS_AT_ONCE = 10
BATCH = 500
SAMPLE_SEED, PAIR_SEED = 0, 0
REAL_SEED = 1
"""Of the resamples of real images: another than that of the generated ones, which are drawn apart from them."""

NO_CLASS_ASKED = "no class is asked of a model that is not given one"
NO_PRIOR_TO_SAMPLE = "an autoencoder has no prior to sample"
NO_CODES = "a GAN has no encoder, so there are no codes of images"
CODES_BY_CLASS = "codes depend on the class by the prior: one density for all would not"
NO_TIME = "the run has no history that says so"


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class MeasuredRun:
    """A run that is compared.

    Attributes:
        name: of the run.
        group: the same for runs that differ by their seed alone.
        model: in evaluation mode.
        is_binary: whether it sees binarised pixels.
        test: the images that it is measured on.
        train: those that it was trained on.
        classifier: the classifier of their data set, or None.
        seconds: that training took, or None where that is not known.
    """

    name: str
    group: str
    model: "LatentModel"
    is_binary: bool
    test: ImageSplit
    train: ImageSplit
    classifier: "Classifier | None"
    seconds: float | None


Outcome = Estimate | float | str
"""A number with resamples, one that is counted and not estimated, or why there is none."""

Outcomes = dict[str, Outcome]


def attempt(name: str, compute: Callable[[], Estimate | float]) -> Outcomes:
    """Return what ``compute`` finds under ``name``, or why it cannot: other metrics stand whatever becomes of it."""
    try:
        return {name: compute()}
    except ExplorerError as error:
        return {name: str(error)}


def bound_outcomes(terms: "ImageTerms", resampling: Resampling) -> Outcomes:
    """Return the outcomes of reconstruction, bound and KL, and of what the codes carry."""
    from explorer.analysis.evaluation.evaluate import NO_PRIOR

    negative = -terms.log_likelihood.astype(np.float64)
    values: dict[str, NDArray[Any] | None] = {
        "elbo": None if terms.kl is None else -negative - terms.kl,
        "iwae": terms.log_px,
        "reconstruction": negative,
        "squared_error": terms.squared_error,
        "kl": terms.kl,
        "mutual_information": terms.mutual_information,
    }
    outcomes: Outcomes = {}
    for name, each in values.items():
        found = None if each is None else attempt(name, partial(mean_estimate, each, resampling))
        outcomes |= {name: NO_PRIOR} if found is None else found
    return outcomes | attempt("active_units", lambda: active_units(terms.mu, resampling))


def active_units(mu: Floats, resampling: Resampling) -> Estimate:
    """Return how many dimensions of mean codes ``(N, L)`` vary over images by more than 0.01.

    Raises:
        ConfigError: if a code is not a finite number.
    """
    from explorer.objectives.information import ACTIVE_VARIANCE

    if not np.isfinite(mu).all():
        raise ConfigError("A code is not a finite number: the model has diverged.")
    centred = mu.astype(np.float64) - mu.mean(axis=0, dtype=np.float64)
    variances = resampling.means(np.square(centred)) - np.square(resampling.means(centred))
    value = (np.square(centred).mean(axis=0) > ACTIVE_VARIANCE).sum()
    return estimate(float(value), (variances > ACTIVE_VARIANCE).sum(axis=1).astype(np.float64))


def code_outcomes(codes: Floats, test: ImageSplit, resampling: Resampling) -> Outcomes:
    """Return the outcomes of what ``codes``, ``(N, L)``, keep of the classes and neighbours of the images ``test``."""
    from explorer.analysis.statistics import embedding as measures

    labels = test.labels
    return (
        attempt("knn_accuracy", lambda: share_estimate(measures.knn_hits(codes, labels), resampling))
        | attempt("linear_probe", lambda: share_estimate(measures.probe_hits(codes, labels), resampling))
        | attempt("silhouette", lambda: mean_estimate(measures.silhouettes(codes, labels), resampling))
        | attempt("nmi", lambda: measures.nmi_estimate(measures.clusters(codes, labels), labels, resampling))
        | _neighbour_outcomes(codes, test, resampling)
    )


def _neighbour_outcomes(codes: Floats, test: ImageSplit, resampling: Resampling) -> Outcomes:
    from explorer.analysis.statistics.embedding import MAX_RANKED, neighbour_terms

    names = ("trustworthiness", "continuity")
    pixels = test.images[:MAX_RANKED].reshape(min(len(test), MAX_RANKED), -1).astype(np.float64) / 255
    try:
        terms = neighbour_terms(pixels, codes[:MAX_RANKED])
        return {name: mean_estimate(getattr(terms, name), resampling) for name in names}
    except ConfigError as error:
        return dict.fromkeys(names, str(error))


def sample_outcomes(measured_run: MeasuredRun, resampling: Resampling) -> Outcomes:
    """Return the outcomes of samples, from the prior and from a density fitted to codes: as many as test images."""
    from explorer.analysis.evaluation.classifier import classifier_features
    from explorer.analysis.statistics.frechet import resampled_moments

    sources = {"prior": _prior_codes, "density": _density_codes}
    names = [f"{what}_{source}" for source in sources for what in ("frechet", "class_accuracy")]
    classifier, test = measured_run.classifier, measured_run.test
    if classifier is None:
        return dict.fromkeys(
            names, f"there is no judge of {test.name}; train it: python -m explorer judge --data {test.name}"
        )
    try:
        real = classifier_features(classifier, test.images)
        again = resampled_moments(
            real, Resampling(seed=resampling.seed + REAL_SEED, n_resamples=resampling.n_resamples)
        )
    except ConfigError as error:
        return dict.fromkeys(names, str(error))
    outcomes: Outcomes = {}
    for source, draw in sources.items():
        outcomes |= _classified(
            measured_run, classifier, (source, draw), Real(features=real, resampled=again), resampling
        )
    return outcomes


def path_outcomes(measured_run: MeasuredRun, codes: Floats, resampling: Resampling) -> Outcomes:
    """Return the outcomes of what the decoder makes between the ``codes``, ``(N, L)``, of test images."""
    return attempt("smoothness", lambda: mean_estimate(smoothness(measured_run, codes), resampling))


def smoothness(measured_run: MeasuredRun, codes: Floats) -> Doubles:
    """Return, for fixed pairs of test images, the image length of the straight walk over the distance of its ends.

    Shape ``(P,)``, each at least 1. A model that is given the class walks in that of the first image.

    Args:
        measured_run: whose decoder walks.
        codes: of its test images, shape ``(N, L)``.

    Raises:
        ConfigError: if there are fewer than four images, both ends of a walk decode to the same image, or a pixel is
            not a finite number.
    """
    rows = np.random.default_rng(PAIR_SEED).permutation(len(codes))
    n_pairs = min(N_PAIRS, len(rows) // 2)
    if n_pairs < 2:
        raise ConfigError(f"{len(codes)} images make no two pairs to walk between: use at least 4.")
    pairs = rows[: 2 * n_pairs].reshape(n_pairs, 2)
    starts = range(0, n_pairs, PAIRS_AT_ONCE)
    return np.concatenate([_detours(measured_run, codes, pairs[k : k + PAIRS_AT_ONCE]) for k in starts])


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Real:
    """What samples are held against: features of the test images ``(N, D)``, and their moments in each resample."""

    features: Floats
    resampled: "Moments"


Draw = Callable[[MeasuredRun], Floats]


def _classified(
    measured_run: MeasuredRun, classifier: "Classifier", source: tuple[str, Draw], real: Real, resampling: Resampling
) -> Outcomes:
    from explorer.analysis.evaluation.classifier import agreement, class_probabilities, classifier_features
    from explorer.analysis.statistics.frechet import frechet_estimate

    name, draw = source
    try:
        images = _decoded(measured_run, draw(measured_run))
    except ConfigError as error:
        return dict.fromkeys((f"frechet_{name}", f"class_accuracy_{name}"), str(error))
    features = classifier_features(classifier, images)
    outcomes = attempt(f"frechet_{name}", lambda: frechet_estimate(features, real.features, real.resampled, resampling))
    if not measured_run.model.needs_label:
        return outcomes | {f"class_accuracy_{name}": NO_CLASS_ASKED}
    right = agreement(class_probabilities(classifier, images), measured_run.test.labels)
    return outcomes | attempt(f"class_accuracy_{name}", lambda: share_estimate(right, resampling))


def _prior_codes(measured_run: MeasuredRun) -> Floats:
    from explorer.analysis.latent.priors import prior_codes

    model, test = measured_run.model, measured_run.test
    if not model.config.has_prior:
        raise ConfigError(NO_PRIOR_TO_SAMPLE)
    return prior_codes(model, len(test), seed=SAMPLE_SEED, labels=test.labels if model.needs_label else None)


def _density_codes(measured_run: MeasuredRun) -> Floats:
    from explorer.analysis.coding import encode_split
    from explorer.analysis.latent.density_models import CodeDensity

    model = measured_run.model
    if not model.can_encode:
        raise ConfigError(NO_CODES)
    if model.config.prior == "conditional":
        raise ConfigError(CODES_BY_CLASS)
    train = measured_run.train.head(N_TRAIN)
    codes = encode_split(model, train, is_binary=measured_run.is_binary, fingerprint="").mu
    return CodeDensity(codes, "mixture", seed=SAMPLE_SEED).sample(len(measured_run.test), seed=SAMPLE_SEED)


def _decoded(measured_run: MeasuredRun, codes: Floats) -> Images:
    """Return the mean images of codes ``(N, L)``, each in the class of its test image where one is needed."""
    from explorer.analysis.coding import as_pixels, decoded_means

    labels = measured_run.test.labels if measured_run.model.needs_label else None
    batches = (slice(start, start + BATCH) for start in range(0, len(codes), BATCH))
    parts = []
    for batch in batches:
        means = decoded_means(measured_run.model, codes[batch], None if labels is None else labels[batch])
        if not means.isfinite().all():
            raise ConfigError("A pixel of a sample is not a finite number: the model has diverged.")
        parts.append(as_pixels(means))
    return np.concatenate(parts)


def _detours(measured_run: MeasuredRun, codes: Floats, pairs: NDArray[np.int64]) -> Doubles:
    from explorer.analysis.paths.summary import mean_images

    t = np.linspace(0, 1, N_STEPS + 1, dtype=np.float32)[None, :, None]
    first, last = codes[pairs[:, 0]][:, None], codes[pairs[:, 1]][:, None]
    walks = ((1 - t) * first + t * last).reshape(-1, codes.shape[1])
    labels = measured_run.test.labels[pairs[:, 0]].repeat(N_STEPS + 1) if measured_run.model.needs_label else None
    images = mean_images(measured_run.model, walks, labels).reshape(len(pairs), N_STEPS + 1, -1).astype(np.float64)
    lengths = np.linalg.norm(np.diff(images, axis=1), axis=2).sum(axis=1)
    straight = np.linalg.norm(images[:, -1] - images[:, 0], axis=1)
    if not np.isfinite(lengths).all():
        raise ConfigError("A pixel on a walk is not a finite number: the model has diverged.")
    if not (straight > 0).all():
        raise ConfigError("Two codes decode to the same image: between them there is no distance to walk.")
    detours: Doubles = lengths / straight
    return detours


def cost_outcomes(measured_run: MeasuredRun) -> Outcomes:
    """Return the outcomes of what the run costs: weights, and seconds of training."""
    n_weights = sum(parameter.numel() for parameter in measured_run.model.parameters())
    seconds = measured_run.seconds
    return {"parameters": float(n_weights), "seconds": NO_TIME if seconds is None else seconds}
