"""The view: what is chosen on every page.

It lives in the URL, so that a link restores it, and in the session, so that it follows to other pages.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

import streamlit as st

from explorer.errors import ConfigError
from explorer.runs.columns import MAX_NAME
from explorer.serving.point_values import COLUMNS, OWN
from explorer.ui.pins import Pin, Pins, pins_from_text, pins_to_text, place_from_text

_KEY = "view"
_UNDO, _REDO = "pins_before", "pins_after"
_PROBLEMS = "view_problems"
_SUPPOSED = "pins_supposed"

INTERPOLATE_PARTS = ("path", "corners", "arithmetic", "attribute")
WALKS = ("linear", "spherical", "geodesic", "data")
GENERATE_SECTIONS = ("samples", "style", "blend", "traverse", "manifold")
MOST_STEPS = 15
QUESTIONS = ("generate", "likelihood", "spaces", "numbers")
MOST_COMPARED = 4
EVALUATE_PARTS = ("bound", "evidence", "dimensions", "extremes", "aggregate", "calibration")
RANKINGS = ("elbo", "reconstruction", "kl")

OVERLAY_NAMES = ("images", "prior", "density", "untrained", "posterior", "thumbnails")


MAX_TEXT = 60_000
"""Characters of a parameter that are read: 26 pins of 512 numbers would be cut, and then refused."""

MAX_STEPS = 100
"""Changes of the pins that can be undone."""


@dataclass(frozen=True, kw_only=True, slots=True)
class View:
    """What a link holds. Each field is a query parameter; a field at its default is left out.

    Attributes:
        run: name of the run; empty for the default one.
        space: projection of the map.
        dims: the two dimensions of a latent plane.
        pins: the places that are kept, in order.
        at: which of them is looked at; -1 for the last one.
        reference: row that gives the rest of z off the map's plane; -1 for the mean code.
        decode_as: class in which a conditional model decodes the map; -1 for that of the nearest point.
        colour: what the points are coloured by: "class" or a column.
        overlays: what is drawn over and under the points of the map, of ``OVERLAY_NAMES``.
        label: class to generate.
        seed: of the samples.
        temperature: of the samples.
        watch: name of the run whose training is looked at; empty for the form of a new one.
        interpolate: part of the page Interpolate, of ``INTERPOLATE_PARTS``.
        ends: names of the pins that it goes between, in order, with semicolons between; empty for the first ones.
        walk: the kind of walk that is played, of ``WALKS``.
        frames: of a strip, from end to end.
        even: whether frames are apart equally in image space: 1 or 0.
        direction: what tells the two sides of an attribute apart: ``class:3``, ``classes:3,8`` or ``own:NAME``.
        generate: part of the page Generate, of ``GENERATE_SECTIONS``.
        image: test image whose style is taken.
        blend: the classes from and to which is blended.
        steps: of a blend, both ends among them.
        compare: names of the runs that are compared, the first of them with all others; empty for the default ones.
        maps: projection of the maps that are compared.
        align: whether these are turned onto the first one: 1 or 0.
        question: what is asked of the runs that are compared, of ``QUESTIONS``.
        evaluate: part of the page Evaluate, of ``EVALUATE_PARTS``.
        ranking: what the best and worst images are chosen by, of ``RANKINGS``.
        scored: test images, the first ones, whose bound is taken apart.
        weighed: importance samples of an image, at most.
    """

    run: str = ""
    space: str = "plane"
    dims: tuple[int, int] = (0, 1)
    pins: Pins = ()
    at: int = -1
    reference: int = -1
    decode_as: int = -1
    colour: str = "class"
    overlays: tuple[str, ...] = ()
    label: int = 0
    seed: int = 0
    temperature: float = 1.0
    watch: str = ""
    interpolate: str = "path"
    ends: str = ""
    walk: str = "linear"
    frames: int = 12
    even: int = 0
    direction: str = "class:0"
    generate: str = "samples"
    image: int = 0
    blend: tuple[int, int] = (0, 1)
    steps: int = 9
    compare: tuple[str, ...] = ()
    maps: str = "pca"
    align: int = 1
    question: str = "generate"
    evaluate: str = "bound"
    ranking: str = "elbo"
    scored: int = 1000
    weighed: int = 100

    @property
    def pin(self) -> Pin | None:
        """The pin that is looked at; None where there is none."""
        return self.pins[self.index] if self.pins else None

    @property
    def index(self) -> int:
        """Which of the pins is looked at, from 0; -1 where there is none."""
        return self.at if 0 <= self.at < len(self.pins) else len(self.pins) - 1


def current_view() -> View:
    """Return the view of this session: that of the URL where it says one, else that of the page before."""
    parameters = st.query_params.to_dict()
    if any(name in parameters for name in (*View.__slots__, _ONE_PIN)):
        view, problems = view_from_query(parameters)
        st.session_state[_PROBLEMS] = problems
    else:
        view = st.session_state.get(_KEY, View())
    _store(view)
    return view


def suppose_pins(pins: Pins) -> View:
    """Return the view, which has no pins, with ``pins``: a page's own to start from.

    They are in the link once something is changed. Before that a person has done nothing, and Back has nothing to undo.
    """
    st.session_state[_SUPPOSED] = pins
    return held_view()


def change_view(**changes: Any) -> View:
    """Change fields of the view, in the session and in the URL, and return it."""
    view = replace(held_view(), **changes)
    _store(view)
    return view


def change_pins(pins: Pins, at: int = -1, **changes: Any) -> View:
    """Change the pins, which of them is looked at, and other fields of the view; it can be undone."""
    before = held_view()
    if pins != before.pins:
        _steps(_UNDO).append((before.pins, before.at))
        del _steps(_UNDO)[:-MAX_STEPS]
        _steps(_REDO).clear()
    return change_view(pins=pins, at=at, **changes)


def undo_pins() -> View:
    """Take back the last change of the pins; without one, nothing changes."""
    return _step(_UNDO, _REDO)


def redo_pins() -> View:
    """Take back the last undo; without one, nothing changes."""
    return _step(_REDO, _UNDO)


def pins_before() -> Pins:
    """Return the pins before their last change; none where nothing was changed."""
    steps = _steps(_UNDO)
    return steps[-1][0] if steps else ()


def forget_steps() -> None:
    """Forget what could be undone: it belongs to another run."""
    _steps(_UNDO).clear()
    _steps(_REDO).clear()


def undoable() -> tuple[bool, bool]:
    """Return whether there is a change of the pins to undo, and one to do again."""
    return bool(_steps(_UNDO)), bool(_steps(_REDO))


def _step(source: str, target: str) -> View:
    view = held_view()
    if not _steps(source):
        return view
    pins, at = _steps(source).pop()
    _steps(target).append((view.pins, view.at))
    return change_view(pins=pins, at=at)


def _steps(name: str) -> list[tuple[Pins, int]]:
    steps: list[tuple[Pins, int]] = st.session_state.setdefault(name, [])
    return steps


def view_problems() -> list[str]:
    """Return what was wrong with the last URL, a sentence each, once."""
    problems: list[str] = st.session_state.pop(_PROBLEMS, [])
    return problems


def held_view() -> View:
    """Return the view as this session holds it, without a look at the URL: for callbacks."""
    view: View = st.session_state.get(_KEY, View())
    return view if view.pins else replace(view, pins=st.session_state.get(_SUPPOSED, ()))


def _store(view: View) -> None:
    st.session_state[_KEY] = view
    st.session_state.pop(_SUPPOSED, None)
    ours = view_to_query(view)
    others = {key: value for key, value in st.query_params.to_dict().items() if key not in (*View.__slots__, _ONE_PIN)}
    if st.query_params.to_dict() != ours | others:
        st.query_params.from_dict(ours | others)


def view_to_query(view: View) -> dict[str, str]:
    """Return the query parameters that stand for ``view``."""
    default = View()
    return {
        field.name: _to_text(getattr(view, field.name))
        for field in fields(View)
        if getattr(view, field.name) != getattr(default, field.name)
    }


def view_from_query(parameters: Mapping[str, str]) -> tuple[View, list[str]]:
    """Return the view that query parameters stand for, and a sentence for each that could not be read."""
    view, problems = View(), []
    for name, (field, read) in _FROM_TEXT.items():
        if name in parameters:
            try:
                view = replace(view, **{field: read(parameters[name][:MAX_TEXT])})
            except (ValueError, ConfigError):
                problems.append(
                    f"The link says {name}={parameters[name][:40]!r}, which cannot be read; "
                    f"{_to_text(getattr(view, field)) or 'the default'} is shown instead."
                )
    return view, problems


def _to_text(value: Any) -> str:
    if isinstance(value, tuple) and value and isinstance(value[0], Pin):
        return pins_to_text(value)
    if isinstance(value, tuple):
        return ",".join(str(part) for part in value)
    return "" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def _one_pin(text: str) -> Pins:
    return (place_from_text(text),)


def _dims(text: str) -> tuple[int, int]:
    i, j = (_bounded(part) for part in text.split(","))
    return i, j


def _overlays(text: str) -> tuple[str, ...]:
    names = set(filter(None, text.split(",")))
    if not names <= set(OVERLAY_NAMES):
        raise ValueError(text)
    return tuple(name for name in OVERLAY_NAMES if name in names)


def _bounded(text: str) -> int:
    number = int(text)
    if not -1 <= number < 2**31:
        raise ValueError(text)
    return number


def _natural(text: str) -> int:
    number = _bounded(text)
    if number < 0:
        raise ValueError(text)
    return number


def _colour(text: str) -> str:
    is_own = text.startswith(OWN) and len(text) <= len(OWN) + MAX_NAME
    if text != View().colour and text not in COLUMNS and not is_own:
        raise ValueError(text)
    return text


def _temperature(text: str) -> float:
    number = float(text)
    if not 0 <= number <= 2:
        raise ValueError(text)
    return number


def _direction(text: str) -> str:
    is_own = text.startswith(OWN) and len(text) <= len(OWN) + MAX_NAME
    if not is_own and not re.fullmatch(r"class:\d{1,4}|classes:\d{1,4},\d{1,4}", text):
        raise ValueError(text)
    return text


def _classes(text: str) -> tuple[int, int]:
    first, last = (_natural(part) for part in text.split(","))
    return first, last


def _run_names(text: str) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(filter(None, text.split(","))))
    if len(names) > MOST_COMPARED:
        raise ValueError(text)
    return names


def _one_of(*names: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text not in names:
            raise ValueError(text)
        return text

    return read


def _within(least: int, most: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        number = int(text)
        if not least <= number <= most:
            raise ValueError(text)
        return number

    return read


_ONE_PIN = "pin"
"""A link by hand may name one place and leave its name out: ``?pin=row:5``, ``?pin=0.5,0.25``."""

_FROM_TEXT: dict[str, tuple[str, Callable[[str], Any]]] = {
    "run": ("run", str),
    "space": ("space", str),
    "dims": ("dims", _dims),
    _ONE_PIN: ("pins", _one_pin),
    "pins": ("pins", pins_from_text),
    "at": ("at", _bounded),
    "reference": ("reference", _bounded),
    "decode_as": ("decode_as", _bounded),
    "colour": ("colour", _colour),
    "overlays": ("overlays", _overlays),
    "label": ("label", _natural),
    "seed": ("seed", _natural),
    "temperature": ("temperature", _temperature),
    "watch": ("watch", str),
    "interpolate": ("interpolate", _one_of(*INTERPOLATE_PARTS)),
    "ends": ("ends", str),
    "walk": ("walk", _one_of(*WALKS)),
    "frames": ("frames", _within(4, 48)),
    "even": ("even", _within(0, 1)),
    "direction": ("direction", _direction),
    "generate": ("generate", _one_of(*GENERATE_SECTIONS)),
    "image": ("image", _natural),
    "blend": ("blend", _classes),
    "steps": ("steps", _within(2, MOST_STEPS)),
    "compare": ("compare", _run_names),
    "maps": ("maps", str),
    "align": ("align", _within(0, 1)),
    "question": ("question", _one_of(*QUESTIONS)),
    "evaluate": ("evaluate", _one_of(*EVALUATE_PARTS)),
    "ranking": ("ranking", _one_of(*RANKINGS)),
    "scored": ("scored", _within(2, 5000)),
    "weighed": ("weighed", _within(1, 1000)),
}
"""For each parameter of a link, the field that it fills and what reads it."""


def show_problems() -> None:
    """Show what was wrong with the link, in words."""
    for problem in view_problems():
        st.warning(problem, icon=":material/link_off:")
