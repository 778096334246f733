"""What pages share within the process: the decode service, the list of runs, the original images."""

import streamlit as st

from explorer.data.catalogue import data_set
from explorer.data.images import ImageSplit
from explorer.errors import DataError
from explorer.locations import CHECKPOINTS
from explorer.runs.listing import RunSummary, list_runs
from explorer.serving.decoder import DecodeService, decode_service
from explorer.serving.run_cache import LoadedRun
from explorer.serving.test_images import held_test_images, matching_originals


def service() -> DecodeService:
    """Return the service that the HTTP routes use too: one copy of each model in the process."""
    return decode_service(CHECKPOINTS)


def loaded_run(name: str) -> LoadedRun:
    """Return the run called ``name`` with what is in memory of it.

    Raises:
        CheckpointError: if there is no such run, or it is damaged.
    """
    return service().run_cache.run(name)


def run_summaries() -> list[RunSummary]:
    """Return a summary of every run, read anew: headers only, a millisecond a run."""
    return list_runs(CHECKPOINTS)


def originals(loaded: LoadedRun) -> ImageSplit | DataError:
    """Return the test images that a run's encoded set was made of, or the error that says why they are not there."""
    try:
        return matching_originals(loaded, _test_images(loaded.config.training.data))
    except DataError as error:
        return error


@st.cache_resource(show_spinner="Reading the original images …")
def _test_images(data: str) -> ImageSplit:
    return held_test_images(data)


def class_names(loaded: LoadedRun) -> tuple[str, ...]:
    """Return the names of the classes of a run's data set; a class beyond these that was encoded has its number.

    Raises:
        DataError: if the data set is not in the catalogue.
    """
    names = data_set(loaded.config.training.data).class_names
    n_classes = int(loaded.encoded.labels.max(initial=-1)) + 1 if loaded.config.model.can_encode else 0
    return (*names, *(str(label) for label in range(len(names), n_classes)))
