"""The classifier of a run's data set: whether there is one, and what may be said by it."""

from collections.abc import Sequence

import streamlit as st

from explorer.analysis.evaluation.classifier import ClassFidelity, ClassShares
from explorer.data.catalogue import is_on_disk
from explorer.errors import CheckpointError, DataError
from explorer.locations import CHECKPOINTS
from explorer.runs.classifiers import EvaluationClassifier, find_classifier, read_classifier
from explorer.serving.run_cache import LoadedRun
from explorer.ui.text import as_text


def found_classifier(loaded: LoadedRun) -> EvaluationClassifier | CheckpointError | None:
    """Return the classifier of the run's data set, or why it cannot be read, or None where there is none.

    A classifier of images of another shape, or of fewer classes than the model has, is none.
    """
    path = find_classifier(loaded.config.training.data, CHECKPOINTS)
    if path is None:
        return None
    held = _read(str(path), path.stat().st_mtime_ns)
    if isinstance(held, CheckpointError):
        return held
    model = loaded.config.model
    fits = held.facts.image_shape == model.image_shape and held.facts.n_classes >= (model.n_classes or 0)
    return held if fits else None


@st.cache_resource(max_entries=8, show_spinner=False)
def _read(path: str, modified_ns: int) -> EvaluationClassifier | CheckpointError:
    from pathlib import Path

    try:
        return read_classifier(Path(path))
    except CheckpointError as error:
        return error


def has_images(data: str) -> bool:
    """Whether the images that a classifier of ``data`` would be trained on are here."""
    try:
        return is_on_disk(data)
    except DataError:
        return False


def accuracy_words(classifier: EvaluationClassifier) -> str:
    """Return how far the classifier can be believed, for the end of a sentence."""
    return f"the judge is right on {classifier.facts.accuracy:.1%} of {classifier.facts.n_test:,} test images"


def fidelity_words(fidelity: ClassFidelity, classifier: EvaluationClassifier, name: str) -> str:
    """Return in a line how many images are read as the class ``name``, and how far that can be believed."""
    return (
        f"**Judged to be {as_text(name)}: {fidelity.n_right:d} of {fidelity.n:d}** (95% interval {fidelity.low:.0%} to "
        f"{fidelity.high:.0%}); {accuracy_words(classifier)}."
    )


def shares_words(shares: ClassShares, classifier: EvaluationClassifier, names: Sequence[str]) -> str:
    """Return in a line which classes images of no class in particular are read as, and how surely."""
    missing = [names[label] for label, count in enumerate(shares.counts) if count == 0]
    seen = "all of them" if not missing else f"none is judged to be {as_text(', '.join(missing))}"
    return (
        f"**Judged to be {shares.n_classes_seen:d} of {len(shares.counts)} classes** ({seen}), with a mean confidence "
        f"of {shares.confidence:.0%}; {accuracy_words(classifier)}."
    )
