"""Libraries that do the same, each in a place of its own beside torch, and never part of ours.

They are installed at first use into the user's cache folder, with pip, without what is here already: torch, numpy,
scikit-learn.
"""

import json
import os
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

import numpy as np

from explorer.locations import CACHE

PYTHAE = ("pythae==0.1.2", "cloudpickle==3.1.3", "imageio==2.38.1")
SECONDS = 300


@cache
def pythae_folder() -> Path:
    """Return the folder that has pythae, installed now if it is not there.

    Raises:
        SystemExit: if it cannot be installed.
    """
    folder = CACHE / "peers" / PYTHAE[0].replace("==", "-")
    if not (folder / "pythae").is_dir():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent) as partial:
            command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", partial, *PYTHAE]
            if subprocess.run(command, check=False).returncode:
                raise SystemExit(f"{PYTHAE[0]} could not be installed; this part is measured beside it.")
            Path(partial).chmod(0o755)
            Path(partial).rename(folder)
            Path(partial).mkdir()
    return folder


def pythae(what: str, images: np.ndarray, **options: int) -> list[float]:
    """Return the seconds that pythae took for each epoch or image, in a fresh process.

    Args:
        what: ``train`` or ``log-px``.
        images: ``(N, 28, 28)`` of bytes.
        options: of ``tests/benchmarks/pythae_peer.py``.
    """
    script = Path(__file__).with_name("pythae_peer.py")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "images.npy"
        np.save(path, images)
        command = [sys.executable, str(script), what, str(path)]
        command += [word for name, value in options.items() for word in (f"--{name}", str(value))]
        environment = os.environ | {"PYTHONPATH": str(pythae_folder())}
        done = subprocess.run(
            command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True, timeout=SECONDS
        )
    seconds: list[float] = json.loads(done.stdout.splitlines()[-1])
    return seconds
