"""The same two images, and the straight path between their codes in each model."""

from collections.abc import Sequence

import numpy as np
import streamlit as st

from explorer.analysis.latent.priors import spread_rows
from explorer.analysis.paths.interpolation import linear_path, path_times
from explorer.serving.run_cache import LoadedRun
from explorer.ui import session
from explorer.ui.compare.maps import images_only
from explorer.ui.compare.view import CompareView
from explorer.ui.sampling import decoded
from explorer.ui.text import as_text
from explorer.ui.widgets.classifier import classifier_of
from explorer.ui.widgets.classifier_readings import classified_images
from explorer.ui.widgets.images import wrapped_picture

N_FRAMES = 12
SIDE = 56


def interpolated_pair(runs: Sequence[LoadedRun], view: CompareView) -> None:
    """Show the path between the first two pinned images, or between two of different classes, in each model."""
    encoding = [loaded for loaded in runs if loaded.config.model.can_encode]
    if not encoding:
        return
    rows = _pair(encoding[0], view)
    if len(rows) <= 1:
        return
    first, last = rows
    st.markdown(f"**From image {first:,} to image {last:,}, straight, in each model**")
    for loaded in encoding:
        if max(rows) < len(loaded.encoded):
            _walk(loaded, first, last)
    st.caption(
        f"{N_FRAMES} frames at equal steps of z. Pin two images above to choose others; their way on the map, other "
        "paths, and films are on the page Interpolate."
    )


def _walk(loaded: LoadedRun, first: int, last: int) -> None:
    mu = loaded.encoded.mu
    codes = linear_path(mu[first], mu[last], path_times(N_FRAMES)).codes.astype(np.float32)
    label = int(loaded.encoded.labels[first])
    labels = None if loaded.config.model.n_classes is None else np.full(len(codes), label, np.int64)
    images = decoded(loaded, codes, labels)
    classifier, names = classifier_of(loaded), session.class_names(loaded)
    read = [] if classifier is None else classified_images(classifier, images, names)
    judged = f" · judged {as_text(' '.join(name for name, _ in read))}" if read else ""
    given = "" if labels is None else f" · all in class {as_text(names[label])}"
    st.caption(f"{as_text(loaded.run.name)}{given}{judged}")
    wrapped_picture(images, f"From one image to the other in {loaded.run.name}", n_columns=len(images), side=SIDE)


def _pair(loaded: LoadedRun, view: CompareView) -> list[int]:
    shown, _ = images_only(view, len(loaded.encoded))
    pinned = [pin.row for pin in shown.pins if pin.row is not None][:2]
    labels = loaded.encoded.labels
    # Where one end is left open, it is of another class than the first.
    others = [row for row in spread_rows(labels, 4).tolist() if not pinned or labels[row] != labels[pinned[0]]]
    return list(dict.fromkeys([*pinned, *others]))[:2]
