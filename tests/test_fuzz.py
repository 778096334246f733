"""A few cases of each kind of fuzzing; README says how many were tried."""

import subprocess
import sys

import pytest

from explorer.locations import ROOT

N_CASES = {"files": 300, "folders": 8, "links": 8, "requests": 400}
PATIENCE = "60"
"""Seconds after which a case hangs, on a machine that has more to do than this."""


@pytest.mark.parametrize("kind", N_CASES)
def test_nothing_at_random_breaks_it(kind):
    command = [sys.executable, "-m", "tests.fuzz", kind, "--n", str(N_CASES[kind]), "--seed", "1"]
    ended = subprocess.run(
        [*command, "--patience", PATIENCE], cwd=ROOT, capture_output=True, text=True, timeout=1200, check=False
    )
    assert ended.returncode == 0, ended.stderr[-4000:]
    assert f"{N_CASES[kind]} {'pictures and tables' if kind == 'files' else kind} in" in ended.stdout
    assert "; 0 faults;" in ended.stdout
