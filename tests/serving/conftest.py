import shutil
from pathlib import Path

import pytest

from tests.support import trained_run


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a trained and encoded run of each family; to be read, not changed."""
    folder = tmp_path_factory.mktemp("checkpoints")
    trained_run(folder / "vae", latent_dim=2)
    trained_run(folder / "wide", latent_dim=5)
    trained_run(folder / "cvae", family="cvae", latent_dim=3)
    trained_run(folder / "ae", family="ae", latent_dim=2, likelihood="gaussian")
    return folder


@pytest.fixture
def own(trained: Path, tmp_path: Path) -> Path:
    """A copy of the same folder that a test may damage."""
    shutil.copytree(trained, tmp_path / "checkpoints")
    return tmp_path / "checkpoints"
