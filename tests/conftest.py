"""What every test shares: a skip that may not happen here is a failure.

``EXPLORER_REQUIRED_TESTS`` names markers ("browser mnist") whose tests must run on this machine.
Threads of OpenMP that wait for one another spin, and where more want a core than there are they keep the others from
it. Servers, browsers and training run beside the tests: so each process has one thread, and where a library takes
more all the same (openTSNE), they sleep while they wait.
"""

import os
import shutil
from collections.abc import Generator
from pathlib import Path

import pytest
from xdist.scheduler import LoadScopeScheduling

from explorer.locations import DATA

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before anything imports torch
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

REQUIRED = frozenset(os.environ.get("EXPLORER_REQUIRED_TESTS", "").split())

BROWSER = "tests/browser/"
SHIPPED = (
    *("digits-vae-2d", "digits-cvae-2d", "digits-ae-2d", "mnist-vae-2d", "mnist-ae-2d"),
    *("mnist-vae-16d", "mnist-ae-16d", "mnist-cvae-16d"),
)
SHIPPED_FOLDER = Path(os.environ.get("EXPLORER_SHIPPED") or Path(__file__).parents[1] / "checkpoints")


SLOW = (BROWSER, "tests/faults/", "tests/training/", "tests/analysis/", "tests/cli/", "tests/pages/")
"""What begins first, so that no process is left with much at the end."""


class BrowserBesideTheRest(LoadScopeScheduling):
    """Gives one process all that needs a browser, so that there is one, and the other the rest, file by file.

    What the tests of a file share is then made once. The groups that pytest-xdist 3.8 has itself are written where
    pytest 9.2 no longer reads them.
    """

    def _split_scope(self, nodeid: str) -> str:
        return BROWSER if nodeid.startswith(BROWSER) else nodeid.split("::", maxsplit=1)[0]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put what is slow first."""
    items.sort(key=lambda item: next((k for k, path in enumerate(SLOW) if item.nodeid.startswith(path)), len(SLOW)))


def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> LoadScopeScheduling:
    """Say which process runs which tests."""
    return BrowserBesideTheRest(config, log)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    required = REQUIRED & {marker.name for marker in item.iter_markers()}
    if report.skipped and required:
        report.outcome = "failed"
        report.longrepr = (
            f"{item.nodeid} was skipped, and EXPLORER_REQUIRED_TESTS={' '.join(required)} says it must run"
        )
    return report


@pytest.fixture(autouse=True)
def mnist_is_there(request) -> None:
    """Skip what needs MNIST where it is not."""
    is_needed = request.node.get_closest_marker("mnist") is not None
    if is_needed and not (DATA / "MNIST" / "raw" / "train-images-idx3-ubyte").is_file():
        # Data sets are never committed; EXPLORER_REQUIRED_TESTS makes this skip fail where MNIST is at hand.
        pytest.skip("MNIST is not under EXPLORER_DATA")


@pytest.fixture(scope="session")
def checkpoints(tmp_path_factory) -> Path:
    """A copy of the shipped runs, with two damaged ones beside them."""
    folder = tmp_path_factory.mktemp("checkpoints")
    for config in sorted(SHIPPED_FOLDER.glob("*/config.json")):
        # What training goes on from is large, and the app never reads it.
        shutil.copytree(config.parent, folder / config.parent.name, ignore=shutil.ignore_patterns("state.safetensors"))
    missing = [name for name in SHIPPED if not (folder / name / "encoded.safetensors").is_file()]
    assert missing == [], f"{SHIPPED_FOLDER} should hold the runs that come with the project"
    shutil.copytree(folder / "digits-vae-2d", folder / "cut-weights")
    weights = folder / "cut-weights" / "weights.safetensors"
    os.truncate(weights, weights.stat().st_size // 2)
    shutil.copytree(folder / "digits-vae-2d", folder / "a-broken-config")
    (folder / "a-broken-config" / "config.json").write_text('{"format_version": 1, "model": {')
    return folder


@pytest.fixture(scope="session")
def other_models(tmp_path_factory) -> Path:
    """A folder with a GAN, a CVAE with a prior for each class, and a VAE whose codes are gamma-distributed."""
    from tests.other_models import train_all

    folder = tmp_path_factory.mktemp("others")
    train_all(folder)
    return folder
