"""Sweeps of compared maps: asked for beside the page, one after another, and kept."""

from collections.abc import Callable
from concurrent.futures import CancelledError

from explorer.analysis.projections.round_trip import Sweep, sweep
from explorer.errors import ExplorerError
from explorer.jobs.progress import OnProgress, Progress
from explorer.jobs.threads import Errand, errands
from explorer.serving.run_cache import map_version
from explorer.ui.compare.maps import ComparedMap


def sweep_of(compared: ComparedMap) -> Sweep | Progress | str:
    """Return the sweep of a map, how far it is where it is not there yet, or why there is none."""
    errand = _errand(compared)
    if not errand.is_over:
        return errand.progress
    try:
        found = errand.result(0)
    except CancelledError:
        return "It was cancelled."
    except ExplorerError as error:
        return str(error)
    return "It was cancelled." if found is None else found


def cancel_sweep(compared: ComparedMap) -> None:
    """Give up the sweep of a map."""
    _errand(compared).give_up()


def sweep_again(compared: ComparedMap) -> None:
    """Ask anew for a sweep that was given up or failed."""
    errands().forget(_key(compared))


def _errand(compared: ComparedMap) -> "Errand[Sweep | None]":
    def work(tell: OnProgress, stop: Callable[[], bool]) -> Sweep | None:
        return sweep(compared.loaded.trust_gauge, compared.projection, on_progress=tell, stop=stop)

    return errands().ask(_key(compared), work)


def _key(compared: ComparedMap) -> tuple[object, ...]:
    return "sweep", compared.loaded, map_version(compared.projection)
