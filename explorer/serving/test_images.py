"""The images that runs were tested on, one copy of each data set in the process."""

from functools import lru_cache

from explorer.data.catalogue import load_split
from explorer.data.images import ImageSplit
from explorer.errors import DataError
from explorer.serving.run_cache import LoadedRun


@lru_cache(maxsize=4)
def held_test_images(data: str) -> ImageSplit:
    """Return the test part of the data set ``data``, read once.

    Raises:
        DataError: if it is not there, or damaged.
    """
    return load_split(data, "test")


def matching_originals(loaded: LoadedRun, images: ImageSplit) -> ImageSplit:
    """Return ``images`` if they are as many as the run encoded: row k of one is row k of the other.

    Raises:
        DataError: if they are not.
    """
    if len(images) != len(loaded.encoded):
        raise DataError(
            f"{loaded.run.name} encoded {len(loaded.encoded):,} images, but the test set of {images.name} has "
            f"{len(images):,}. Run: python -m explorer encode {loaded.run.name}"
        )
    return images
