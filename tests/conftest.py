"""What every test shares: a skip that may not happen here is a failure.

``EXPLORER_REQUIRED_TESTS`` names markers ("browser mnist") whose tests must run on this machine.
Threads of OpenMP that wait for one another spin, and where more want a core than there are they keep the others from
it. Servers, browsers and training run beside the tests: so each process has one thread.
"""

import os
from collections.abc import Generator

import pytest
from xdist.scheduler import LoadScopeScheduling

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before anything imports torch

REQUIRED = frozenset(os.environ.get("EXPLORER_REQUIRED_TESTS", "").split())

BROWSER = "tests/browser/"


class BrowserBesideTheRest(LoadScopeScheduling):
    """Gives one process all that needs a browser, so that there is one, and the other the rest, test by test.

    The largest group is handed out first, and a process is given more when it has two tests left. The groups that
    pytest-xdist 3.8 has itself are written where pytest 9.2 no longer reads them.
    """

    def _split_scope(self, nodeid: str) -> str:
        return BROWSER if nodeid.startswith(BROWSER) else nodeid


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
