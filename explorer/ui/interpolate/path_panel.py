"""Paths from one pinned place to another: filmstrips, lines on the map, and a table of their properties."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any, cast

import numpy as np
import streamlit as st

from explorer.analysis.latent.neighbourhood import Verdict
from explorer.analysis.projections.base import Projection
from explorer.figures.paths import EndNames, Line, along_paths, class_shares, describe
from explorer.runs.classifiers import EvaluationClassifier
from explorer.serving.run_cache import LoadedRun
from explorer.ui.interpolate.endpoints import pin_code
from explorer.ui.interpolate.export import animation_export
from explorer.ui.interpolate.filmstrip import ABOUT, DASHES, NAMES, DecodedFrame, Reel, filmstrip
from explorer.ui.interpolate.paths import Found, endpoints_of, frame_images, frame_probabilities, paths_between
from explorer.ui.interpolate.view import InterpolateView, PathKind
from explorer.ui.places import PinnedPlace
from explorer.ui.tasks import show_query, while_under_way
from explorer.ui.text import as_text
from explorer.ui.view import change_view, control, held_view
from explorer.ui.widgets.classifier import classifier_of, offer_classifier
from explorer.ui.widgets.classifier_facts import accuracy_words
from explorer.ui.widgets.classifier_readings import read_frames
from explorer.ui.widgets.sliders import short_number
from explorer.workflows.paths import SLOW, Endpoints, MeasuredPath, Sampling

NO_BAR = {"displayModeBar": False}
"""Plotly's buttons would lie over what the figure says, for good where there is no pointer that hovers."""


def sampling_controls(view: InterpolateView) -> Sampling:
    """Show how many frames a strip has and how they are apart, and return it."""
    control(st.slider, view, "frames", "Frames", width=190)
    control(
        st.toggle,
        view,
        "constant_speed",
        "Even steps in the image",
        help="Frames apart equally in what changes in the image (distance of decoded means), not along the curve.",
    )
    return Sampling(n_frames=view.frames, is_even=view.constant_speed)


def filmstrips(
    loaded: LoadedRun,
    view: InterpolateView,
    projection: Projection | None,
    endpoints: tuple[PinnedPlace, PinnedPlace],
    names: Sequence[str],
) -> Found:
    """Show the strips and the animation of every path between two places, and return the paths."""
    sampling = Sampling(n_frames=view.frames, is_even=view.constant_speed)
    between = endpoints_of(loaded, view, *endpoints)
    found = paths_between(loaded, between, sampling)
    classifier = classifier_of(loaded)
    shown = shown_kind(view, found)
    reels = {
        kind: Reel(
            path=path,
            places=None if projection is None else projection.forward(path.latent.codes),
            frames=_frames(loaded, classifier, path, names, 1 if kind == shown else sampling.stride),
        )
        for kind, path in found.paths.items()
    }
    filmstrip(loaded, reels, shown, sampling, on_choose=_set_path, on_keep=partial(_keep, view))
    _what_is_missing(found)
    st.caption(_legend(loaded, classifier))
    _class_note(loaded, between, endpoints, names)
    return found


def _frames(
    loaded: LoadedRun, classifier: EvaluationClassifier | None, path: MeasuredPath, names: Sequence[str], every: int
) -> dict[int, DecodedFrame]:
    """Return ``every`` so many frames of a path by their numbers, decoded and classified."""
    images = frame_images(loaded, path, every)
    read: list[tuple[str, float] | None] = [None] * len(images)
    if classifier is not None:
        read = [*read_frames(frame_probabilities(loaded, classifier, path, every), names)]
    return {every * k: DecodedFrame(image, of) for k, (image, of) in enumerate(zip(images, read, strict=True))}


def _legend(loaded: LoadedRun, classifier: EvaluationClassifier | None) -> str:
    """Say what the paths are, and what stands below the frames."""
    paths = " ".join(f"**{NAMES[kind]}**: {ABOUT[kind][0].lower()}{ABOUT[kind][1:]}" for kind in NAMES)
    parts = [paths, "Greyed frames lie beyond the ends."]
    if loaded.config.model.can_encode:
        parts.append(
            "Below a frame ● is near the data, ◐ at its edge, ○ far from it, by how far the nearest test image is "
            "beside what is typical among them: believe the image as far as that. The number counts the test images "
            "within the typical radius."
        )
    if classifier is not None:
        parts.append(f"Then its class by the judge ({accuracy_words(classifier)}).")
    return " ".join(parts)


def shown_kind(view: InterpolateView, found: Found) -> str:
    """Return the kind of path that is played: the chosen one, or the first while that is not there."""
    return view.path if view.path in found.paths else next(iter(found.paths))


def lines_on_map(view: InterpolateView, found: Found, projection: Projection) -> list[dict[str, Any]]:
    """Return the paths as lines on a map."""
    shown = shown_kind(view, found)
    return [
        {
            "points": projection.forward(path.latent.codes[~path.latent.is_overshoot]).round(5).tolist(),
            "dash": DASHES[kind],
            "is_shown": kind == shown,
        }
        for kind, path in found.paths.items()
    ]


def path_table(found: Found) -> None:
    """Show the properties of each path from end to end, side by side."""
    rows: list[dict[str, str]] = []
    for kind, path in found.paths.items():
        facts = path.facts
        inside = ~path.latent.is_overshoot
        row = {"path": NAMES[kind]}
        if facts.verdicts is not None and facts.n_near is not None:
            far = np.array([verdict is Verdict.OUT_OF_DISTRIBUTION for verdict in facts.verdicts])[inside]
            row |= {"far from the data": f"{far.mean():.0%}", "least neighbours": f"{facts.n_near[inside].min():,}"}
        row |= {
            "length in z": f"{short_number(facts.latent_length)}",
            "length in images": f"{short_number(facts.image_length)}",
            "energy": f"{short_number(facts.image_energy)}",
        }
        if facts.log_prior is not None:
            row["least log p(z)"] = f"{facts.log_prior[inside].min():.1f}"
        rows.append(row)
    st.table({name: [row.get(name, "") for row in rows] for name in rows[0]}, border="horizontal")
    first = next(iter(found.paths.values())).facts
    st.caption(
        "Far from the data: a share of the frames. Length in images: the sum of distances between decoded means, "
        "pixels in [0, 1]; energy: half the mean square of its speed. Both are measured on "
        f"{first.n_steps:d} steps from end to end, for every path alike."
        f"{_geodesic_note(found.paths.get(SLOW))}"
    )


def _geodesic_note(path: MeasuredPath | None) -> str:
    if path is None or path.latent.energy is None or path.latent.straight_energy is None:
        return ""
    found, straight = short_number(path.latent.energy), short_number(path.latent.straight_energy)
    ended = "converged" if path.latent.is_converged else "stopped before it converged"
    return (
        f" The geodesic {ended} after {path.latent.iterations:d} iterations: by the points that were moved its energy "
        f"is {found}, that of the straight line {straight}."
    )


def path_figures(
    loaded: LoadedRun, view: InterpolateView, found: Found, names: Sequence[str], endpoints: EndNames
) -> None:
    """Show log p(z), the neighbours and the predicted class along the paths between two ``endpoints``, by name."""
    typical = loaded.reliability_gauge.typical_log_prior if loaded.config.model.can_encode else None
    left, right = st.columns(2, gap="large")
    with left:
        _lines(found, "log p(z), nats", "log_prior", endpoints, typical)
    with right:
        classifier, kind = classifier_of(loaded), shown_kind(view, found)
        if classifier is None:
            offer_classifier(loaded)
            _lines(found, "distance to the nearest code", "nearest", endpoints)
            return
        path = found.paths[kind]
        st.markdown(f"**Class along the path: {NAMES[kind].lower()}**")
        figure = class_shares(path.latent.t, frame_probabilities(loaded, classifier, path), names, endpoints)
        said = f"Probability of each class along the {NAMES[kind].lower()} path"
        st.plotly_chart(figure, alt=said, key="shares", config=NO_BAR)


def _lines(found: Found, title: str, fact: str, endpoints: EndNames, typical: float | None = None) -> None:
    lines = [
        Line(name=NAMES[kind], kind=kind, t=path.latent.t, values=np.where(np.isfinite(values), values, np.nan))
        for kind, path in found.paths.items()
        if (values := getattr(path.facts, fact)) is not None
    ]
    if not lines:
        st.caption("This model has no prior, so there is no log p(z) along a path.")
        return
    st.markdown(f"**{title[0].upper()}{title[1:]}**" if not title.startswith("log") else f"**{title}**")
    figure = along_paths(lines, title, endpoints, typical)
    st.plotly_chart(figure, alt=describe(lines, title), key=f"along-{fact}", config=NO_BAR)


def _what_is_missing(found: Found) -> None:
    for kind, reason in found.missing.items():
        with st.container(horizontal=True, vertical_alignment="center"):
            st.caption(f":material/info: **{NAMES[kind]}** is not here. {as_text(reason)}")
    if found.awaited is not None:
        while_under_way([found.awaited], partial(show_query, found.awaited, "geodesic"))


def _class_note(
    loaded: LoadedRun, between: Endpoints, endpoints: tuple[PinnedPlace, PinnedPlace], names: Sequence[str]
) -> None:
    if between.label is None:
        return
    others = [
        f"{as_text(place.name)} is a {as_text(names[place.label])}"
        for place in endpoints
        if place.label not in (None, between.label)
    ]
    also = f" {' and '.join(others)}: to go from one class to another, blend them on Generate." if others else ""
    st.caption(f"All frames are decoded in class {as_text(names[between.label])}.{also}")


def export_of_path(loaded: LoadedRun, view: InterpolateView, found: Found, endpoints: EndNames) -> None:
    """Offer the path that is played, between two ``endpoints``, as a file."""
    kind = shown_kind(view, found)
    animation_export(loaded, found.paths[kind], NAMES[kind].lower(), endpoints)


def _keep(view: InterpolateView, z: Sequence[float]) -> None:
    pin_code(list(z), NAMES[view.path].lower())


def _set_path(kind: str) -> None:
    if kind in NAMES:
        change_view(replace(held_view(InterpolateView), path=cast(PathKind, kind)))
