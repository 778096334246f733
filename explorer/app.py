"""What ``streamlit run explorer/app.py`` starts: the pages, and beside them the routes that decode while one points."""

import gc
import sys
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

# Streamlit puts this file's folder on the path; our imports say `explorer.…` and start one folder above.
_HERE = Path(__file__).resolve().parent
sys.path[:] = [str(_HERE.parent), *(entry for entry in sys.path if Path(entry).resolve() != _HERE)]

# These imports need the path that was just set (pyproject.toml lets them stand here).
import streamlit as st
from starlette.middleware import Middleware

from explorer.errors import ConfigError
from explorer.jobs.processes import sleep_while_waiting
from explorer.locations import CHECKPOINTS, FRAMES, HOSTS, READONLY
from explorer.runs.trash import purge
from explorer.serving.decoder import decode_service, warm_default
from explorer.serving.gate import AllowedHosts, Gate, framing_headers
from explorer.serving.routes import api_routes, path_prefix
from explorer.training.jobs import training_jobs

sleep_while_waiting()


@asynccontextmanager
async def _warming_up(_: st.App) -> AsyncIterator[None]:
    """Prepare the first screen while the browser loads: importing torch alone takes seconds."""
    threading.Thread(target=_warm_up, name="warm-up", daemon=True).start()
    if not READONLY:
        threading.Thread(target=_look_after_runs, name="look after runs", daemon=True).start()
    yield


def _warm_up() -> None:
    # What the page draws first comes first; the decoder must be ready only when somebody points.
    import explorer.ui.explore.inspector
    import explorer.ui.map.component  # noqa: F401  (what matters is that they are loaded)

    warm_default(decode_service(CHECKPOINTS))
    # What is loaded by now stays. Walking all of it takes the garbage collector 0.16 s, in which nothing else runs.
    gc.freeze()


def _look_after_runs() -> None:
    """Go on with the runs that waited to be trained when the app ended, and empty the trash of what is old."""
    training_jobs(CHECKPOINTS)
    purge(CHECKPOINTS)


def _gate(base_path: str) -> Middleware:
    """Return what stands before pages, files, the WebSocket and the routes: who may ask, and who may frame."""
    try:
        hosts = AllowedHosts(HOSTS, st.get_option("server.address"))
        framing_headers(FRAMES)
    except ConfigError as error:
        raise SystemExit(f"The app does not start: {error}") from error
    return Middleware(Gate, hosts=hosts, frames=FRAMES, api_path=f"{path_prefix(base_path)}/api")


_BASE_PATH = st.get_option("server.baseUrlPath")

app = st.App(
    _HERE / "main.py",
    routes=api_routes(decode_service(CHECKPOINTS), _BASE_PATH),
    middleware=[_gate(_BASE_PATH)],
    lifespan=_warming_up,
)
