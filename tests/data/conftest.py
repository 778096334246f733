import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def mnist_root() -> Path:
    """The folder in EXPLORER_DATA, if MNIST is there."""
    root = Path(os.environ.get("EXPLORER_DATA") or "absent").expanduser().absolute()
    if not (root / "MNIST" / "raw" / "train-images-idx3-ubyte").is_file():
        pytest.skip("MNIST is not under EXPLORER_DATA")
    return root
