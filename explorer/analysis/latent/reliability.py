"""How far a decoded image can be believed: whether the model was ever near its code, and whether the image leads back.

Every number is set against what is typical of the encoded set, so that it means something at any latent size and scale.
What a model decodes in a class is compared with encoded images of that class: its decoder saw no others there.
torch is loaded only where a model is asked.
"""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from explorer.analysis.arrays import Floats, Labels
from explorer.analysis.latent.neighbourhood import Neighbourhood, Verdict, spread
from explorer.analysis.records import EncodedSet

if TYPE_CHECKING:
    from torch import Tensor
    from torch.distributions import Distribution

    from explorer.models.latent_model import LatentModel

NO_PRIOR = "an autoencoder has no prior"
OFF_SUPPORT = "outside the prior's support"


# Stored codes are rounded to float16, 3 digits, which takes those of a Dirichlet off their simplex by that much.
SIMPLEX_TOLERANCE = 5e-3


@dataclass(frozen=True, kw_only=True, slots=True)
class Reliability:
    """How far the image that is decoded from one code can be believed.

    Attributes:
        n_near: encoded images within ``radius`` in z.
        n_typical: as many are around half of the encoded images.
        radius: median distance, over the encoded images, to the ``n_typical``-th nearest other one.
        nearest: distance in z to the nearest encoded image; infinite if there is none.
        log_prior: log p(z), or log p(z|y), in nats; None without a density, for the reason in ``no_log_prior``.
        no_log_prior: why there is no density; empty where there is one.
        typical_log_prior: its median over the encoded images; None where there is none.
        re_encoding: distance in z from the code to the posterior mean of its own decoded image.
        typical_re_encoding: its median over the encoded images.
        verdict: in distribution where the nearest encoded image is no farther than 9 in 10 encoded ones are from
            another, out of it where it is farther than for 99 in 100, else borderline.
    """

    n_near: int
    n_typical: int
    radius: float
    nearest: float
    log_prior: float | None
    no_log_prior: str
    typical_log_prior: float | None
    re_encoding: float
    typical_re_encoding: float
    verdict: Verdict

    def to_json(self) -> dict[str, Any]:
        """Return the fields with numbers of 4 digits, and the verdict's mark and words as "says"; None for infinity."""
        fields = {name: _rounded(getattr(self, name)) for name in self.__slots__}
        return fields | {"says": f"{self.verdict.mark} {self.verdict.words}"}


def _rounded(value: Any) -> Any:
    if not isinstance(value, float):
        return value
    return float(f"{value:.4g}") if math.isfinite(value) else None


class ReliabilityGauge:
    """Tells the reliability of codes of one model from one encoded set. What is typical is measured once, when made."""

    def __init__(self, model: "LatentModel", encoded: EncodedSet) -> None:
        """Measure what is typical of ``encoded``, which ``model`` encoded."""
        self.model, self.encoded = model, encoded
        self._neighbourhoods: dict[int | None, Neighbourhood] = {}
        rows = spread(len(encoded))
        codes, labels = encoded.mu[rows], encoded.labels[rows] if model.needs_label else None
        self.typical_re_encoding = float(np.median(re_encoding_error(model, codes, labels)))
        log_prior = self._log_prior(codes, labels)
        self.typical_log_prior = None if log_prior is None else _rounded(float(np.median(log_prior)))
        for label in np.unique(encoded.labels).tolist() if model.needs_label else [None]:
            self.neighbourhood(label)

    def neighbourhood(self, label: int | None = None) -> Neighbourhood:
        """Return the codes to compare with: for a model that decodes in a class, those of the class ``label``."""
        key = label if self.model.needs_label else None
        if key not in self._neighbourhoods:
            rows = np.arange(len(self.encoded)) if key is None else np.flatnonzero(self.encoded.labels == key)
            self._neighbourhoods[key] = Neighbourhood(self.encoded.mu[rows], rows)
        return self._neighbourhoods[key]

    def measure(self, codes: Floats, labels: Labels | None, back: Floats) -> list[Reliability]:
        """Return the reliability of each code.

        Args:
            codes: shape ``(M, L)``.
            labels: classes, shape ``(M,)``, for a model that needs them.
            back: posterior means of the images that the codes decode to, shape ``(M, L)``: see ``re_encoded``.
        """
        log_prior = self._log_prior(codes, labels)
        errors = np.linalg.norm(back - codes, axis=1)
        found: dict[int, Reliability] = {}
        for label, rows in rows_of_classes(labels, len(codes)):
            around = self.neighbourhood(label)
            for row, nearest, n_near in zip(rows.tolist(), *around.around(codes[rows]), strict=True):
                found[row] = _reliability(
                    around,
                    float(nearest),
                    int(n_near),
                    log_prior=None if log_prior is None else float(log_prior[row]),
                    typical_log_prior=self.typical_log_prior,
                    re_encoding=float(errors[row]),
                    typical_re_encoding=self.typical_re_encoding,
                )
        return [found[row] for row in range(len(codes))]

    @cached_property
    def _shared_prior(self) -> "Distribution | None":
        """The prior of all codes, made once; that of a model that needs classes is made for each request."""
        return self.model.prior()

    def _log_prior(self, codes: Floats, labels: Labels | None) -> NDArray[np.float64] | None:
        """Log p(z), or p(z|y), in nats, ``(M,)``, of codes ``(M, L)``: -inf off the support; None without a prior."""
        import torch

        with torch.inference_mode():
            is_shared = not self.model.needs_label
            prior = self._shared_prior if is_shared else self.model.prior(torch.from_numpy(labels))
            return None if prior is None else log_density(prior, torch.from_numpy(codes))


def _reliability(
    around: Neighbourhood, nearest: float, n_near: int, *, log_prior: float | None, **measured: Any
) -> Reliability:
    has_density = log_prior is not None and math.isfinite(log_prior)
    return Reliability(
        n_near=n_near,
        n_typical=around.n_typical,
        radius=around.radius,
        nearest=nearest,
        log_prior=log_prior if has_density else None,
        no_log_prior="" if has_density else NO_PRIOR if log_prior is None else OFF_SUPPORT,
        verdict=around.verdict(nearest),
        **measured,
    )


def rows_of_classes(labels: Labels | None, n: int) -> list[tuple[int | None, NDArray[np.int64]]]:
    """Return each class of ``n`` codes with their rows; all rows, of no class, without labels."""
    if labels is None:
        return [(None, np.arange(n))]
    return [(int(label), np.flatnonzero(labels == label)) for label in np.unique(labels)]


def log_density(prior: "Distribution", z: "Tensor") -> NDArray[np.float64]:
    """Return the log density of codes ``z``, shape ``(M, L)``, in nats, shape ``(M,)``; -inf off the support."""
    import torch
    from torch.distributions import constraints

    support = prior.support
    assert support is not None, "every prior of ours says where it lives"
    if support is constraints.simplex:
        total = z.sum(dim=-1, keepdim=True)
        z = torch.where((total - 1).abs() <= SIMPLEX_TOLERANCE, z / total, z)
    inside: Tensor = support.check(z)  # type: ignore[no-untyped-call]  # torch gives its constraints no types
    inside = inside.all(dim=-1) if inside.ndim == z.ndim else inside
    log_prob = torch.where(inside, prior.log_prob(z), -math.inf)
    density: NDArray[np.float64] = log_prob.double().numpy()
    return density


def re_encoded(model: "LatentModel", means: "Tensor", labels: Labels | None = None) -> Floats:
    """Return the posterior means, shape ``(M, L)``, of decoded images ``means``, shape ``(M, C, H, W)`` in [0, 1].

    They are encoded grey, as they are shown, by a model of binary images too.
    """
    import torch

    with torch.inference_mode():
        y = None if labels is None else torch.from_numpy(labels)
        back: Floats = model.encode(means, y).mean.numpy()
    return back


def re_encoding_error(model: "LatentModel", codes: Floats, labels: Labels | None = None) -> NDArray[np.float64]:
    """Return the distances |enc(dec(z)) - z|, shape ``(M,)``, of codes ``(M, L)`` and, if needed, classes ``(M,)``."""
    from explorer.analysis.coding import decoded_means

    back = re_encoded(model, decoded_means(model, codes, labels), labels)
    error: NDArray[np.float64] = np.linalg.norm(back.astype(np.float64) - codes, axis=1)
    return error
