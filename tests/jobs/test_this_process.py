"""How a process works that a person starts: how its threads wait, and what it does with memory that was freed."""

import os
import subprocess
import sys

import pytest

from explorer.jobs.this_process import WAITING_CHOICES, wait_briefly
from explorer.locations import ROOT


@pytest.mark.parametrize("chosen", [{}, *({name: "7"} for name in WAITING_CHOICES)])
def test_threads_spin_briefly_while_they_wait_unless_a_person_chose_otherwise(chosen, monkeypatch):
    others = {name: value for name, value in os.environ.items() if name not in WAITING_CHOICES}
    monkeypatch.setattr(os, "environ", others | chosen)
    wait_briefly()
    said = {name: os.environ[name] for name in WAITING_CHOICES if name in os.environ}
    assert said == (chosen or {"GOMP_SPINCOUNT": "1000", "KMP_BLOCKTIME": "0"})


@pytest.mark.parametrize("entry", ["explorer.__main__", "explorer.app"])
def test_the_app_and_the_command_line_say_so_before_torch_is_loaded(entry):
    program = f"""
import os, sys
class Watch:
    def find_spec(self, name, path=None, target=None):
        if name == "torch":
            print("turns", os.environ.get("GOMP_SPINCOUNT"))
            sys.exit()
sys.meta_path.insert(0, Watch())
import runpy
sys.argv = ["explorer", "sample", "digits-vae-2d", "--out", "never.png"]
runpy.run_module("{entry}", run_name="__main__")
import torch
"""
    environment = {name: value for name, value in os.environ.items() if name not in WAITING_CHOICES}
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["turns", "1000"]


FAULTS = """
import resource
import numpy as np
from explorer.jobs.this_process import keep_memory

keep_memory()
for k in range(12):
    if k == 2:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    parts = [np.ones(100_000) for _ in range(80)]
    del parts
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""
PAGES_A_ROUND = 80 * 800_000 // os.sysconf("SC_PAGE_SIZE")


@pytest.mark.skipif(sys.platform != "linux" or not os.confstr("CS_GNU_LIBC_VERSION"), reason="it is glibc's to do")
@pytest.mark.parametrize(("chosen", "least", "most"), [({}, 0, 0.1), ({"MALLOC_TRIM_THRESHOLD_": "0"}, 0.9, 2)])
def test_what_is_freed_is_used_again_unless_a_person_chose_otherwise(chosen, least, most):
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("MALLOC_", "GLIBC_"))}
    done = subprocess.run(
        [sys.executable, "-c", FAULTS], env=environment | chosen, cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert least <= int(done.stdout) / (10 * PAGES_A_ROUND) <= most
