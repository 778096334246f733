"""Maps that take a while: which ones a session asked for, and their computation beside the app.

A map is asked for by choosing it, or by the button that a link to it leads to; a mere link starts nothing. It is
swapped in when it is there, unless another was chosen since. The jobs are the app's, and every session sees them; what
was asked for is the session's.
"""

from explorer.analysis.projections.methods import METHODS, SLOW, check_can_be_mapped, expected_seconds
from explorer.jobs.status import JobState
from explorer.serving.run_cache import LoadedRun
from explorer.ui.tasks import Command, asked, start

PLACE = "map"
"""Where the session waits for the map to swap in when it is there."""

OFFERED = "map-offered"
"""Where it notes the map that a link asked for."""


def computation(loaded: LoadedRun, method: str) -> Command:
    """Return the command that computes a run's map."""

    def expected() -> float:
        check_can_be_mapped(loaded.encoded, method)
        return expected_seconds(method, len(loaded.encoded))

    return Command(
        key=f"{loaded.run.name}/{method}",
        title=f"{METHODS[method].title} of {loaded.run.name}",
        arguments=("project", str(loaded.run.path), "--method", method),
        expected_seconds=expected,
        place=PLACE,
    )


def is_missing(loaded: LoadedRun, method: str) -> bool:
    """Whether a map would have to be computed first, and takes a while."""
    return method in SLOW and method not in loaded.run.projections()


def choose(method: str, loaded: LoadedRun) -> None:
    """Start computing a map, or wait with those who did, and swap it in when it is there; a refusal is kept."""
    asked().waits.pop(OFFERED, None)
    start(computation(loaded, method))


def offer(loaded: LoadedRun, method: str) -> None:
    """Note that a link asked for a map that is not there."""
    asked().waits[OFFERED] = computation(loaded, method).key


def choose_another() -> None:
    """Note that a map was chosen that is there: what is still being computed is not swapped in."""
    dismiss()
    asked().waits.pop(PLACE, None)


def dismiss(key: str = "") -> None:
    """Tell no more of the computation ``key`` that ended, nor of a refusal or what a link asked for."""
    mine = asked()
    mine.told.discard(key)
    mine.refusals.pop(PLACE, None)
    mine.waits.pop(OFFERED, None)


def arrived(loaded: LoadedRun) -> str:
    """Return the method whose map was waited for and is there now, once; empty where there is none."""
    waits = asked().waits
    name, _, method = str(waits.get(PLACE, "")).rpartition("/")
    if name != loaded.run.name:
        waits.pop(PLACE, None)  # another model was chosen since
        return ""
    command = computation(loaded, method)
    status = command.status()
    if status is None or status.state is not JobState.DONE:
        return ""
    dismiss(command.key)
    del waits[PLACE]
    return method
