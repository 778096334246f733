"""How far an image that a person brings is like those that a model knows: where its code lies, and what comes back.

A code alone does not tell: an encoder has a code near the data for almost anything, and a decoder makes an image of the
data of it. What such an image lost on the way is in its reconstruction error.
"""

from dataclasses import dataclass

import numpy as np

from explorer.analysis.arrays import Images
from explorer.analysis.latent.neighbourhood import CLOSE, FARTHEST, Verdict
from explorer.analysis.records import EncodedSet
from explorer.data.images import ImageSplit


@dataclass(frozen=True, kw_only=True, slots=True)
class Likeness:
    """What an image's reconstruction error says of it, beside those of the encoded images.

    Attributes:
        reconstruction: -log p(x|z) of the image at one seeded posterior sample, nats.
        typical: its median over the encoded images, nats.
        n_worse: encoded images that are reconstructed no better.
        n_images: encoded images.
        of_code: what the place of its code says.
    """

    reconstruction: float
    typical: float
    n_worse: int
    n_images: int
    of_code: Verdict

    @property
    def of_image(self) -> Verdict:
        """In distribution where 1 in 10 encoded images are reconstructed no better, out of it where not 1 in 100 is."""
        share_better = 1 - self.n_worse / self.n_images
        if share_better <= CLOSE:
            return Verdict.IN_DISTRIBUTION
        return Verdict.BORDERLINE if share_better <= FARTHEST else Verdict.OUT_OF_DISTRIBUTION

    @property
    def verdict(self) -> Verdict:
        """The worse of the two."""
        return max(self.of_code, self.of_image, key=list(Verdict).index)


def likeness(reconstruction: float, encoded: EncodedSet, of_code: Verdict) -> Likeness:
    """Return how an image with that ``reconstruction`` error, in nats, stands among the ``encoded`` ones."""
    known = encoded.reconstruction.astype(np.float64)
    return Likeness(
        reconstruction=reconstruction,
        typical=float(np.median(known)),
        n_worse=int((known >= reconstruction).sum()),
        n_images=len(encoded),
        of_code=of_code,
    )


def one_image(data: str, image: Images, label: int | None, class_names: tuple[str, ...]) -> ImageSplit:
    """Return ``image``, uint8 ``(C, H, W)``, as a set of itself; without a class it counts as of the first."""
    labels = np.array([0 if label is None else label], np.int64)
    return ImageSplit(name=data, part="test", images=image[None].copy(), labels=labels, class_names=class_names)
