"""What every test shares: a skip that may not happen here is a failure.

``EXPLORER_REQUIRED_TESTS`` names markers ("browser mnist") whose tests must run on this machine.
Tests run in two workers. Threads of OpenMP that wait for one another spin, and where more want a core than there are
they keep the others from it: so each process, and what it starts, has one.
"""

import os
from collections.abc import Generator

import pytest

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before anything imports torch

REQUIRED = frozenset(os.environ.get("EXPLORER_REQUIRED_TESTS", "").split())


@pytest.hookimpl(tryfirst=True)  # before the names of groups are taken
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give one worker all tests in a browser, since two browsers that draw in software starve each other."""
    for item in items:
        is_browser = item.get_closest_marker("browser") is not None
        item.add_marker(pytest.mark.xdist_group("browser" if is_browser else item.path.name))


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
