"""The runs that are compared: which, on which maps, and what is selected on all of these at once."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, TypeVar
from zlib import crc32

import streamlit as st

from explorer.analysis.projections.base import AlignedProjection, Projection, aligned_onto
from explorer.analysis.projections.methods import METHODS
from explorer.errors import CheckpointError, ProjectionError
from explorer.runs.config import RunConfig
from explorer.runs.listing import RunSummary
from explorer.serving.run_cache import LoadedRun
from explorer.ui import session
from explorer.ui.compare.view import CompareView
from explorer.ui.map.projection_state import is_missing
from explorer.ui.map.selection import Selection, held_selection
from explorer.ui.places import PinnedPlace, resolve_pin, resolve_pins
from explorer.ui.text import as_text
from explorer.ui.view import View, change_view, held_view
from explorer.ui.widgets.run_picker import can_be_shown, default_run, stop_without_models

FEWEST = 2
V = TypeVar("V", bound=View)
DEFAULT_MAP = CompareView().maps
SPACES = tuple(sorted(METHODS, key=lambda name: name != DEFAULT_MAP))
"""Names of projections, the default before the others."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class ComparedMap:
    """A run on its map, beside others.

    Attributes:
        loaded: the run.
        projection: its map, turned onto the first one's where it is.
        images: what tells which test images it shows: maps of the same ones are linked.
        note: why the map is not as it was asked for, in a sentence; empty where it is.
    """

    loaded: LoadedRun
    projection: Projection
    images: str
    note: str = ""

    @property
    def name(self) -> str:
        """Name of the run."""
        return self.loaded.run.name

    @property
    def disparity(self) -> float | None:
        """Share of the first map's spread that this one, turned onto it, does not fit; None where it was not turned."""
        return self.projection.similarity.disparity if isinstance(self.projection, AlignedProjection) else None


def default_runs(entries: Sequence[RunSummary], first: str = "") -> tuple[str, ...]:
    """Return the names of two runs to compare: the run ``first``, and what it is best set against.

    That is a plain autoencoder of the same data, latent size and body; for an autoencoder, a VAE.
    """
    whole = {
        entry.name: entry.config for entry in entries if entry.error is None and entry.has_encoded and entry.config
    }
    name = first if first in whole else default_run(entries)
    if name is None:
        return ()
    others = sorted((other for other in whole if other != name), key=lambda other: _distance(whole[name], whole[other]))
    return (name, *islice(filter(can_be_shown, others), 1))


def _distance(one: RunConfig, other: RunConfig) -> tuple[bool, ...]:
    """Return what makes ``other`` a worse rival of ``one``, the weightiest first."""
    a, b = one.model, other.model
    rival = "vae" if a.family == "ae" else "ae"
    return (
        one.training.data != other.training.data,
        a.latent_dim != b.latent_dim,
        b.family != rival,
        a.network != b.network,
        a.hidden != b.hidden,
    )


def compared_runs(view: CompareView) -> list[LoadedRun]:
    """Return the runs that the view compares, or the default ones; one that cannot be is told in words and left out."""
    entries = session.run_summaries()
    names = view.compare or default_runs(entries, view.run)
    loaded = [run for name in names if (run := _usable(name, entries)) is not None]
    if len(loaded) < FEWEST:
        known = [run.run.name for run in loaded]
        more = (name for name in default_runs(entries, known[0] if known else "") if name not in known)
        loaded += [session.loaded_run(name) for name in more][: FEWEST - len(loaded)]
    if len(loaded) < FEWEST:
        there_is = " and ".join(as_text(run.run.name) for run in loaded) or "none"
        stop_without_models(f"A comparison takes two models, and there is {there_is}.")
    if view.compare and tuple(run.run.name for run in loaded) != view.compare:
        change_view(replace(view, compare=tuple(run.run.name for run in loaded)))
    return loaded


def _usable(name: str, entries: Iterable[RunSummary]) -> LoadedRun | None:
    try:
        damage = next((entry.error for entry in entries if entry.name == name), None)
        if damage is not None:
            raise CheckpointError(damage)
        return session.loaded_run(name)
    except CheckpointError as error:
        st.error(f"{as_text(error)} It is left out.", icon=":material/error:")
        return None


def shared_spaces(runs: Iterable[LoadedRun]) -> tuple[str, ...]:
    """Return the projections by which every run that can encode has a map at once."""
    encoding = [run for run in runs if run.config.model.can_encode]
    return tuple(space for space in SPACES if not any(is_missing(run, space) for run in encoding))


def validated_maps(runs: Sequence[LoadedRun], view: CompareView) -> CompareView:
    """Return ``view`` with a projection that not all runs have a map by replaced by the default, and say so."""
    if view.maps in shared_spaces(runs):
        return view
    lacking = [run.run.name for run in runs if run.config.model.can_encode and is_missing(run, view.maps)]
    reason = f"{', '.join(lacking)} has no map by {view.maps} yet: compute it on the page Latent map."
    if view.maps not in SPACES:
        reason = f"There is no projection {view.maps[:40]!r}."
    st.warning(f"{as_text(reason)} {DEFAULT_MAP.upper()} is shown instead.", icon=":material/link_off:")
    return change_view(replace(view, maps=DEFAULT_MAP))


def compared_maps(runs: Sequence[LoadedRun], view: CompareView) -> list[ComparedMap]:
    """Return the maps of those of ``runs`` that have one, turned onto the first where the view says so."""
    maps: list[ComparedMap] = []
    for loaded in runs:
        if not loaded.config.model.can_encode:
            continue
        try:
            own = _own_map(loaded, view.maps)
        except (CheckpointError, ProjectionError) as error:
            st.info(as_text(error), icon=":material/info:")
            continue
        maps.append(_turned(own, maps[0]) if maps and view.align else own)
    return maps


def _own_map(loaded: LoadedRun, space: str) -> ComparedMap:
    images = _images_of(loaded)
    try:
        return ComparedMap(loaded=loaded, projection=loaded.projection(space), images=images)
    except (CheckpointError, ProjectionError) as error:
        plane = loaded.projection("plane")
        return ComparedMap(loaded=loaded, projection=plane, images=images, note=f"{error} Its latent plane is shown.")


def _turned(own: ComparedMap, first: ComparedMap) -> ComparedMap:
    if own.images != first.images:
        return replace(
            own, note=f"Other images than those of {first.name}: neither turned onto its map nor linked to it."
        )
    try:
        return replace(own, projection=aligned_onto(own.projection, first.projection))
    except ProjectionError as error:
        return replace(own, note=str(error))


def _images_of(loaded: LoadedRun) -> str:
    labels = loaded.encoded.labels
    return f"{loaded.config.training.data}/{len(labels)}/{crc32(labels.tobytes()):08x}"


def images_only(view: V, n_images: int) -> tuple[V, list[int]]:
    """Return ``view`` with those pins alone that are images below ``n_images``, and which of all pins these are.

    A code, or a place on a map, is another model's: it means nothing on the maps beside it.
    """
    kept = [k for k, pin in enumerate(view.pins) if pin.row is not None and pin.row < n_images]
    active_pin = kept.index(view.index) if view.index in kept else -1
    return replace(view, pins=tuple(view.pins[k] for k in kept), active_pin=active_pin, reference=-1), kept


def left_out_words(view: View, maps: Sequence[ComparedMap]) -> str:
    """Say which pins the compared maps do not show, and why; empty where they show all."""
    places = [pin.name for pin in view.pins if pin.row is None]
    parts = []
    if places:
        which, are, mean = ("Pin", "is a place", "means") if len(places) == 1 else ("Pins", "are places", "mean")
        parts.append(
            f"{which} {', '.join(places)} {are} in one model's latent space, which {mean} nothing in another: a pin on "
            "an image is shown on every map."
        )
    for compared in maps:
        n_images = len(compared.loaded.encoded)
        beyond = [f"{pin.name} (image {pin.row:,})" for pin in view.pins if pin.row is not None and pin.row >= n_images]
        if beyond:
            parts.append(f"{compared.name} has {n_images:,} images, so not {', '.join(beyond)}.")
    return " ".join(parts)


def places_on(compared: ComparedMap, view: View) -> tuple[PinnedPlace, list[PinnedPlace]]:
    """Return the place that is looked at, and all pins of ``view``, images alone, where they lie on a compared map."""
    own = replace(view, space=_served(compared.projection).method, dims=(0, 1))
    place, pins = resolve_pin(compared.loaded, own), resolve_pins(compared.loaded, own)
    return _moved(compared, place), [_moved(compared, pin) for pin in pins]


def _moved(compared: ComparedMap, place: PinnedPlace) -> PinnedPlace:
    if not isinstance(compared.projection, AlignedProjection):
        return place
    return replace(place, point=compared.projection.similarity.apply(place.point[None])[0])


def _served(projection: Projection) -> Projection:
    return projection.of if isinstance(projection, AlignedProjection) else projection


def shared_selection(maps: Iterable[ComparedMap]) -> tuple[Selection, ComparedMap] | None:
    """Return what is selected, and the map on which it was drawn; None where that is none of ``maps``."""
    for compared in maps:
        selection = held_selection(compared.loaded, compared.projection)
        if selection is not None:
            return selection, compared
    return None


def link_data(compared: ComparedMap, maps: Sequence[ComparedMap]) -> dict[str, Any]:
    """Return what links a map to the others: its group and name, whether it leads, and how it was turned."""
    similarity = compared.projection.similarity if isinstance(compared.projection, AlignedProjection) else None
    return {
        "group": compared.images,
        "name": compared.name,
        "leads": compared is maps[0],
        "similarity": similarity and {"matrix": similarity.matrix.tolist(), "shift": similarity.shift.tolist()},
    }


def among_all_pins(action: Mapping[str, Any], n_images: int) -> dict[str, Any]:
    """Return what was done to one of the pins that a compared map shows, as done to it among all pins."""
    _, kept = images_only(held_view(View), n_images)
    changed = dict(action)
    for name in ("index", "to"):
        if name in changed and 0 <= int(changed[name]) < len(kept):
            changed[name] = kept[int(changed[name])]
    return changed
