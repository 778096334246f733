"""Samples of a class, and the same few z in every class, with what the classifier reads as another class framed."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from explorer.analysis.arrays import Floats, Images
from explorer.analysis.evaluation.classifier import agreement, class_fidelity, class_probabilities
from explorer.runs.classifiers import EvaluationClassifier
from explorer.serving.run_cache import LoadedRun
from explorer.ui.generate.sampling import drawn_codes, prior_words
from explorer.ui.generate.view import GenerateView
from explorer.ui.sampling import decoded
from explorer.ui.text import as_text
from explorer.ui.widgets.classifier import classifier_of
from explorer.ui.widgets.classifier_facts import fidelity_words
from explorer.ui.widgets.images import grid_picture

N_COLUMNS = 10
N_ROWS = 5
N_STYLES = 6
SIDE = 64
SMALL_SIDE = 36
MANY_CLASSES = 12
"""From more classes on, a column for each is of small images."""


@dataclass(frozen=True, slots=True, eq=False)
class ClassifiedImages:
    """Images that were asked to be of classes, and what the classifier, if there is one, reads them as.

    Attributes:
        images: uint8, ``(M, C, H, W)``.
        labels: classes that were asked for, ``(M,)``.
        classifier: what reads them.
        probabilities: of each class, ``(M, K)``; None without a classifier.
    """

    images: Images
    labels: NDArray[np.int64]
    classifier: EvaluationClassifier | None
    probabilities: Floats | None

    @property
    def is_wrong(self) -> NDArray[np.bool_]:
        """Whether each image is read as another class, ``(M,)``; none is without a classifier."""
        if self.probabilities is None:
            return np.zeros(len(self.images), bool)
        return ~agreement(self.probabilities, self.labels)


def class_samples(loaded: LoadedRun, view: GenerateView, names: Sequence[str]) -> None:
    """Show samples of the view's class, and a few z in every class: all decoded, and classified, in one batch."""
    n, n_classes = N_COLUMNS * N_ROWS, loaded.config.model.n_classes or 0
    classes = np.arange(n_classes)
    labels = np.concatenate([np.full(n, view.label, np.int64), np.tile(classes, N_STYLES)])
    of_class = drawn_codes(loaded, view, n, labels[:n])
    styles = np.stack([drawn_codes(loaded, view, N_STYLES, np.full(N_STYLES, label)) for label in classes], axis=1)
    images = decoded(loaded, np.concatenate([of_class, styles.reshape(N_STYLES * n_classes, -1)]), labels)
    classifier = classifier_of(loaded)
    read = None if classifier is None else class_probabilities(classifier.network, images)
    left, right = st.columns(2, gap="large")
    with left:
        _samples_of_class(
            loaded,
            view,
            names,
            ClassifiedImages(images[:n], labels[:n], classifier, None if read is None else read[:n]),
        )
    with right:
        _same_style(
            loaded, names, ClassifiedImages(images[n:], labels[n:], classifier, None if read is None else read[n:])
        )


def _samples_of_class(loaded: LoadedRun, view: GenerateView, names: Sequence[str], it: ClassifiedImages) -> None:
    name = names[view.label]
    st.markdown(f"##### {len(it.images)} samples of class {as_text(name)}")
    shape = N_ROWS, N_COLUMNS
    grid_picture(
        it.images.reshape(*shape, *it.images.shape[1:]),
        f"Samples of class {name}",
        side=SIDE,
        is_marked=it.is_wrong.reshape(shape),
    )
    if it.classifier is not None and it.probabilities is not None:
        st.markdown(fidelity_words(class_fidelity(it.probabilities, it.labels), it.classifier, f"class {name}"))
        _tell_wrong(it.probabilities[it.is_wrong], names)
    st.caption(f"Means of p(x|z, y) for z from {prior_words(loaded, view)}, seed {view.seed:d}.")


def _tell_wrong(probabilities: Floats, names: Sequence[str]) -> None:
    """Say what the images that have a frame, of probabilities ``(n, K)``, are read as."""
    if len(probabilities):
        labels, counts = np.unique(probabilities.argmax(axis=1), return_counts=True)
        order = np.argsort(-counts, kind="stable").tolist()
        read = ", ".join(f"{as_text(names[int(labels[k])])} ({counts[k]:d})" for k in order)
        st.caption(f":material/crop_square: With a frame: what the judge reads as another class, {read}.")


def _same_style(loaded: LoadedRun, names: Sequence[str], it: ClassifiedImages) -> None:
    """Show a row per z and a column per class."""
    shape = N_STYLES, len(it.images) // N_STYLES
    shared = "noise" if loaded.config.model.prior == "conditional" else "z"
    st.markdown(f"##### The same {shared} in every class")
    grid_picture(
        it.images.reshape(*shape, *it.images.shape[1:]),
        "A row per z, a column per class",
        side=SIDE if shape[1] <= MANY_CLASSES else SMALL_SIDE,
        is_marked=it.is_wrong.reshape(shape),
    )
    if it.classifier is not None:
        st.markdown(_columns_in_words(~it.is_wrong.reshape(shape), names))
    st.caption(
        f"A row has the same {shared}, that of one of the first {N_STYLES} samples; a column is a class, "
        f"{as_text(names[0])} to "
        f"{as_text(names[shape[1] - 1])}."
    )


def _columns_in_words(is_right: NDArray[np.bool_], names: Sequence[str]) -> str:
    """Return how many of each column, of ``(R, K)``, are read as its class."""
    n_rows, n_classes = is_right.shape
    counts = is_right.sum(axis=0)
    missed = [
        f"{as_text(names[label])}: {counts[label]:d} of {n_rows:d}"
        for label in range(n_classes)
        if counts[label] < n_rows
    ]
    others = "every column in full" if not missed else f"{', '.join(missed)}, every other column in full"
    return f"**Judged to be the class of the column: {counts.sum():d} of {is_right.size:d}** ({others})."
