"""The view: what is chosen on every page.

It lives in the URL, so that a link restores it, and in the session, so that it follows to other pages.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

import streamlit as st

from explorer.errors import ConfigError

_KEY = "view"
_PROBLEMS = "view_problems"

OVERLAY_NAMES = ("images", "prior", "density", "untrained", "posterior", "thumbnails")


@dataclass(frozen=True, kw_only=True, slots=True)
class Pin:
    """A place that was kept: a row of the encoded set, or map coordinates."""

    row: int | None = None
    point: tuple[float, float] | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class View:
    """What a link holds. Each field is a query parameter; a field at its default is left out.

    Attributes:
        run: name of the run; empty for the default one.
        space: projection of the map.
        dims: the two dimensions of a latent plane.
        pin: the place that was kept; None for the first one of the run.
        reference: row that gives the rest of z off the map's plane; -1 for the mean code.
        decode_as: class in which a conditional model decodes the map; -1 for that of the nearest point.
        overlays: what is drawn over and under the points of the map, of ``OVERLAY_NAMES``.
        label: class to generate.
        seed: of the samples.
        temperature: of the samples.
    """

    run: str = ""
    space: str = "plane"
    dims: tuple[int, int] = (0, 1)
    pin: Pin | None = None
    reference: int = -1
    decode_as: int = -1
    overlays: tuple[str, ...] = ()
    label: int = 0
    seed: int = 0
    temperature: float = 1.0


def current_view() -> View:
    """Return the view of this session: that of the URL where it says one, else that of the page before."""
    parameters = st.query_params.to_dict()
    if any(field.name in parameters for field in fields(View)):
        view, problems = view_from_query(parameters)
        st.session_state[_PROBLEMS] = problems
    else:
        view = held_view()
    _store(view)
    return view


def change_view(**changes: Any) -> View:
    """Change fields of the view, in the session and in the URL, and return it."""
    view = replace(held_view(), **changes)
    _store(view)
    return view


def view_problems() -> list[str]:
    """Return what was wrong with the last URL, a sentence each, once."""
    problems: list[str] = st.session_state.pop(_PROBLEMS, [])
    return problems


def held_view() -> View:
    """Return the view as this session holds it, without a look at the URL: for callbacks."""
    view: View = st.session_state.get(_KEY, View())
    return view


def _store(view: View) -> None:
    st.session_state[_KEY] = view
    ours = view_to_query(view)
    others = {key: value for key, value in st.query_params.to_dict().items() if key not in View.__slots__}
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
    for field in fields(View):
        if field.name in parameters:
            try:
                view = replace(view, **{field.name: _FROM_TEXT[field.name](parameters[field.name][:200])})
            except (ValueError, ConfigError):
                problems.append(
                    f"The link says {field.name}={parameters[field.name][:40]!r}, which cannot be read; "
                    f"{_to_text(getattr(view, field.name)) or 'the default'} is shown instead."
                )
    return view, problems


def _to_text(value: Any) -> str:
    if isinstance(value, Pin):
        return f"row:{value.row}" if value.point is None else ",".join(f"{number:.5g}" for number in value.point)
    if isinstance(value, tuple):
        return ",".join(str(part) for part in value)
    return "" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def _pin(text: str) -> Pin:
    if text.startswith("row:"):
        return Pin(row=_bounded(text.removeprefix("row:")))
    x, y = (float(part) for part in text.split(","))
    if not (abs(x) <= 1e6 and abs(y) <= 1e6):  # also false for NaN
        raise ValueError(text)
    return Pin(point=(x, y))


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


def _temperature(text: str) -> float:
    number = float(text)
    if not 0 <= number <= 2:
        raise ValueError(text)
    return number


_FROM_TEXT: dict[str, Any] = {
    "run": str,
    "space": str,
    "dims": _dims,
    "pin": _pin,
    "reference": _bounded,
    "decode_as": _bounded,
    "overlays": _overlays,
    "label": _natural,
    "seed": _natural,
    "temperature": _temperature,
}


def show_problems() -> None:
    """Show what was wrong with the link, in words."""
    for problem in view_problems():
        st.warning(problem, icon=":material/link_off:")
