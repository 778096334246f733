import io

import av
import numpy as np
import pytest

from explorer.errors import ConfigError
from explorer.workflows.image_grids import FORMATS, GRID_SIDE, DecodedGrid, write_grid


def grid(channels: int = 1) -> DecodedGrid:
    rng = np.random.default_rng(0)
    return DecodedGrid(
        images=rng.integers(0, 256, (5, channels, 8, 8), np.uint8),
        codes=rng.normal(size=(5, 3)).astype(np.float32),
        labels=np.arange(5),
        n_columns=2,
    )


def joined(of: DecodedGrid) -> np.ndarray:
    """The five images by hand: two in a row, the last place black, each pixel 7 by 7."""
    cells = [*of.images, np.zeros_like(of.images[0])]
    rows = [np.concatenate(cells[k : k + 2], axis=2) for k in (0, 2, 4)]
    return np.kron(np.concatenate(rows, axis=1), np.ones((1, 7, 7), np.uint8))


def picture(content: bytes, channels: int = 1) -> np.ndarray:
    """The picture as FFmpeg reads it, shape ``(C, H, W)``."""
    with av.open(io.BytesIO(content)) as file:
        pixels = next(file.decode(video=0)).to_ndarray(format="gray" if channels == 1 else "rgb24")
    return pixels.reshape(*pixels.shape[:2], channels).transpose(2, 0, 1)


def check_png(content: bytes, of: DecodedGrid) -> None:
    np.testing.assert_array_equal(picture(content, of.images.shape[1]), joined(of))


def check_npz(content: bytes, of: DecodedGrid) -> None:
    with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
        assert set(arrays) == {"images", "codes", "labels"}
        for name in arrays:
            np.testing.assert_array_equal(arrays[name], getattr(of, name))


CHECKS = {"png": check_png, "npz": check_npz}


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("kind", FORMATS)
def test_a_file_of_every_kind_holds_the_images_for_a_reader_that_did_not_write_it(kind, channels, tmp_path):
    write_grid(tmp_path / f"images.{kind}", grid(channels))
    CHECKS[kind]((tmp_path / f"images.{kind}").read_bytes(), grid(channels))


def test_images_without_classes_have_none_in_their_file(tmp_path):
    bare = DecodedGrid(images=grid().images, codes=grid().codes)
    write_grid(tmp_path / "images.npz", bare)
    assert set(np.load(tmp_path / "images.npz")) == {"images", "codes"}


def test_by_themselves_as_many_rows_as_columns_are_made_and_large_images_stay_as_they_are():
    images = np.zeros((10, 1, GRID_SIDE, GRID_SIDE + 10), np.uint8)
    content = FORMATS["png"].to_bytes(DecodedGrid(images=images, codes=np.zeros((10, 2), np.float32)))
    assert picture(content).shape == (1, 3 * GRID_SIDE, 4 * (GRID_SIDE + 10))


def test_a_name_that_says_no_kind_of_file_is_refused_with_those_that_there_are(tmp_path):
    with pytest.raises(ConfigError, match=r"images\.jpg cannot hold images: end its name in \.png or \.npz\."):
        write_grid(tmp_path / "images.jpg", grid())
    assert list(tmp_path.iterdir()) == []
