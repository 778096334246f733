"""What the page Evaluate asks of a run, each a query: begun when it is first looked at, and kept."""

from collections.abc import Callable
from concurrent.futures import CancelledError
from typing import TYPE_CHECKING, TypeVar

from explorer.data.images import ImageSplit
from explorer.jobs.progress import OnProgress, Progress
from explorer.jobs.threads import Query
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


def scores_of(loaded: LoadedRun, n_images: int) -> "Query[tuple[Evaluation, ImageTerms]]":
    """Return the query for the bound of the first ``n_images`` test images, with one sample each."""

    def compute(tell: OnProgress) -> "tuple[Evaluation, ImageTerms]":
        from explorer.analysis.evaluation.evaluate import scored

        split = _images(loaded, n_images)
        return scored(loaded.model, split, is_binary=loaded.config.is_binary, n_samples=1, on_progress=tell)

    return query(loaded, "The bound", n_images, compute)


def growth_of(loaded: LoadedRun, n_samples: int) -> "Query[BoundGrowth]":
    """Return the query how the bound rises with up to ``n_samples`` samples."""

    def compute(tell: OnProgress) -> "BoundGrowth":
        from explorer.analysis.evaluation.iwae_curve import bound_growth

        split, is_binary = _images(loaded, N_WEIGHED), loaded.config.is_binary
        return bound_growth(loaded.model, split, is_binary=is_binary, n_samples=n_samples, on_progress=tell)

    return query(loaded, "Importance sampling", n_samples, compute)


def aggregate_of(loaded: LoadedRun) -> "Query[AggregateSample]":
    """Return the query for the aggregated posterior of the first ``N_AGGREGATED`` test images."""

    def compute(tell: OnProgress) -> "AggregateSample":
        from explorer.analysis.evaluation.aggregate_posterior import aggregate_sample

        split = _images(loaded, N_AGGREGATED)
        return aggregate_sample(loaded.model, split, is_binary=loaded.config.is_binary, on_progress=tell)

    return query(loaded, "The aggregated posterior", N_AGGREGATED, compute)


def calibration_of(loaded: LoadedRun, n_simulated: int) -> "Query[Calibration]":
    """Return the query for the calibration of the posterior by ``n_simulated`` codes of the prior."""

    def compute(tell: OnProgress) -> "Calibration":
        from explorer.analysis.evaluation.sbc import calibrate

        return calibrate(loaded.model, n_classes=loaded.config.model.n_classes, n=n_simulated, on_progress=tell)

    return query(loaded, "Calibration", n_simulated, compute)


def query(loaded: LoadedRun, title: str, size: int, compute: Callable[[OnProgress], T]) -> Query[T]:
    """Return the query called ``title`` for ``size`` images or samples, which tell it from the run's others.

    ``compute`` answers it. What it tells of its progress ends it by an error once it is cancelled.
    """

    def work(tell: OnProgress, stop: Callable[[], bool]) -> T:
        def tell_or_end(progress: Progress) -> None:
            if stop():
                raise CancelledError
            tell(progress)

        tell(Progress(what="model and images are read", fraction=0.0, until=0.0))
        return compute(tell_or_end)

    return Query(key=(loaded, title, size), title=title, work=work)


def _images(loaded: LoadedRun, n: int) -> ImageSplit:
    return held_test_images(loaded.config.training.data).head(n)
