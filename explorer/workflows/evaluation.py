"""What the page Evaluate asks of a run, each an errand: begun when it is first asked for, and kept."""

from collections.abc import Callable
from concurrent.futures import CancelledError
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from explorer.data.images import ImageSplit
from explorer.jobs.progress import OnProgress, Progress
from explorer.jobs.threads import Errand, errands
from explorer.serving.run_cache import LoadedRun
from explorer.serving.test_images import held_test_images

if TYPE_CHECKING:
    from explorer.analysis.evaluation.aggregate_posterior import AggregateSample
    from explorer.analysis.evaluation.evaluate import Evaluation, ImageTerms
    from explorer.analysis.evaluation.iwae_curve import BoundGrowth
    from explorer.analysis.evaluation.sbc import Calibration

N_WEIGHED = 200
"""Images, the first ones, whose bound is drawn as its samples grow."""

N_AGGREGATED = 1000
"""Images, the first ones, whose codes are compared with draws of the prior."""

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Inquiry(Generic[T]):
    """Something to be found out of a run.

    Attributes:
        loaded: the run.
        what: in a few words, which with ``size`` tells it from the run's others.
        size: how much of it: images, or samples.
        compute: finds it; what it tells of its progress may end it by an error.
    """

    loaded: LoadedRun
    what: str
    size: int
    compute: Callable[[OnProgress], T]

    @property
    def key(self) -> tuple[LoadedRun, str, int]:
        """What its errand is called."""
        return self.loaded, self.what, self.size

    def errand(self) -> Errand[T]:
        """Return its errand, asked for now if it was not yet."""

        def work(tell: OnProgress, stop: Callable[[], bool]) -> T:
            def tell_or_end(progress: Progress) -> None:
                if stop():
                    raise CancelledError
                tell(progress)

            tell(Progress(what="model and images are read", fraction=0.0, until=0.0))
            return self.compute(tell_or_end)

        return errands().ask(self.key, work)

    def begin_again(self) -> None:
        """Forget its errand, so that the next look asks for it anew."""
        errands().forget(self.key)


def scores_of(loaded: LoadedRun, n_images: int) -> "Inquiry[tuple[Evaluation, ImageTerms]]":
    """Return the inquiry into the bound of the first ``n_images`` test images, with one sample each."""

    def compute(tell: OnProgress) -> "tuple[Evaluation, ImageTerms]":
        from explorer.analysis.evaluation.evaluate import scored

        split = _images(loaded, n_images)
        return scored(loaded.model, split, is_binary=loaded.config.is_binary, n_samples=1, on_progress=tell)

    return Inquiry(loaded=loaded, what="The bound", size=n_images, compute=compute)


def growth_of(loaded: LoadedRun, n_samples: int) -> "Inquiry[BoundGrowth]":
    """Return the inquiry into how the bound rises with up to ``n_samples`` samples."""

    def compute(tell: OnProgress) -> "BoundGrowth":
        from explorer.analysis.evaluation.iwae_curve import bound_growth

        split, is_binary = _images(loaded, N_WEIGHED), loaded.config.is_binary
        return bound_growth(loaded.model, split, is_binary=is_binary, n_samples=n_samples, on_progress=tell)

    return Inquiry(loaded=loaded, what="Importance sampling", size=n_samples, compute=compute)


def aggregate_of(loaded: LoadedRun) -> "Inquiry[AggregateSample]":
    """Return the inquiry into the aggregated posterior of the first ``N_AGGREGATED`` test images."""

    def compute(tell: OnProgress) -> "AggregateSample":
        from explorer.analysis.evaluation.aggregate_posterior import aggregate_sample

        split = _images(loaded, N_AGGREGATED)
        return aggregate_sample(loaded.model, split, is_binary=loaded.config.is_binary, on_progress=tell)

    return Inquiry(loaded=loaded, what="The aggregated posterior", size=N_AGGREGATED, compute=compute)


def calibration_of(loaded: LoadedRun, n_simulated: int) -> "Inquiry[Calibration]":
    """Return the inquiry into the calibration of the posterior by ``n_simulated`` codes of the prior."""

    def compute(tell: OnProgress) -> "Calibration":
        from explorer.analysis.evaluation.sbc import calibrate

        return calibrate(loaded.model, n_classes=loaded.config.model.n_classes, n=n_simulated, on_progress=tell)

    return Inquiry(loaded=loaded, what="Calibration", size=n_simulated, compute=compute)


def _images(loaded: LoadedRun, n: int) -> ImageSplit:
    return held_test_images(loaded.config.training.data).head(n)
