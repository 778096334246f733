"""The view: what is chosen on a page. A page has what every page shares, and choices of its own.

It lives in the URL, so that a link restores it, and in the session, so that it follows to other pages. The URL holds
what is shared and the page's own; the session keeps what belongs to the others. A field is declared once, in a frozen
dataclass over ``View``: its name is that of the query parameter, its type what a link and a control may say.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass as plain_dataclass
from dataclasses import fields, replace
from typing import Annotated, Any, NoReturn, TypeVar, get_args, get_type_hints

import streamlit as st
from pydantic import BeforeValidator, Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass
from streamlit.runtime.scriptrunner import get_script_run_ctx

from explorer.errors import ConfigError
from explorer.ui.pins import Pin, Pins, pins_from_text, pins_to_text
from explorer.ui.text import as_text

_VALUES, _UNREAD, _LINK = "view", "view_unread", "view_link"
_UNDO, _REDO = "pins_before", "pins_after"
_PROBLEMS = "view_problems"
_PAGE = "view_page"
_known: set[type["View"]] = set()
_SUPPOSED = "pins_supposed"

MAX_TEXT = 60_000
"""Characters of a parameter that are read: 26 pins of 512 numbers would be cut, and then refused."""

MAX_STEPS = 100
"""Changes of the pins that can be undone."""


@plain_dataclass(frozen=True, slots=True)
class Formerly:
    """Marks a field that links had under another name, which is still read."""

    name: str


@plain_dataclass(frozen=True, slots=True)
class KeptByBrowser:
    """Marks a field that the browser writes into the URL by itself, without a run of the script."""


def from_text(read: Callable[[str], Any]) -> BeforeValidator:
    """Read what a link says by ``read``; what is no text is taken as it is."""

    def validate(value: Any) -> Any:
        try:
            return read(value) if isinstance(value, str) else value
        except ConfigError as error:
            raise ValueError(str(error)) from error

    return BeforeValidator(validate)


def separated(text: str) -> tuple[str, ...]:
    """Return the parts of a text with commas between, without the empty ones."""
    return tuple(filter(None, text.split(",")))


Whole = Annotated[int, from_text(int)]
Natural = Annotated[Whole, Field(ge=0, le=2**31 - 1)]
NaturalOrNone = Annotated[Whole, Field(ge=-1, le=2**31 - 1)]
"""A number from 0; -1 stands for none."""

Pair = Annotated[tuple[Natural, Natural], from_text(lambda text: tuple(text.split(",")))]
Switch = Annotated[bool, from_text({"0": False, "1": True}.get)]


@dataclass(frozen=True, kw_only=True)
class View:
    """What every page shares.

    Attributes:
        run: name of the run; empty for the default one.
        space: projection of the map.
        dims: the two dimensions of a latent plane.
        pins: the places that are kept, in order. A link by hand may leave a name out: ``?pin=row:5``.
        active_pin: which of them is looked at; -1 for the last one.
        reference: row that gives the rest of z off the map's plane; -1 for the mean code.
        decode_as: class in which a conditional model decodes the map; -1 for that of the nearest point.
        seed: of samples.
    """

    run: str = ""
    space: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")] = "plane"
    dims: Pair = (0, 1)
    pins: Annotated[Pins, from_text(pins_from_text), Formerly("pin")] = ()
    active_pin: Annotated[NaturalOrNone, Formerly("at")] = -1
    reference: NaturalOrNone = -1
    decode_as: NaturalOrNone = -1
    seed: Natural = 0

    @property
    def pin(self) -> Pin | None:
        """The pin that is looked at; None where there is none."""
        return self.pins[self.index] if self.pins else None

    @property
    def index(self) -> int:
        """Which of the pins is looked at, from 0; -1 where there is none."""
        return self.active_pin if 0 <= self.active_pin < len(self.pins) else len(self.pins) - 1


V = TypeVar("V", bound=View)


@plain_dataclass(frozen=True, slots=True)
class ViewField:
    """A field of a view.

    Attributes:
        name: of the field and of its query parameter.
        default: value that a link leaves out.
        names: those that a link may say it by, today's first.
        adapter: makes a value of what a link or a control says.
        is_browsers: whether the browser writes it into the URL by itself.
        least: limit of a number; None where it has none.
        most: limit of a number; None where it has none.
    """

    name: str
    default: Any
    names: tuple[str, ...]
    adapter: TypeAdapter[Any]
    is_browsers: bool
    least: Any
    most: Any


_FIELDS: dict[type[View], dict[str, ViewField]] = {}


def fields_of(view_type: type[View]) -> dict[str, ViewField]:
    """Return the fields of a kind of view by their names."""
    if view_type not in _FIELDS:
        hints, default = get_type_hints(view_type, include_extras=True), view_type()
        names = [field.name for field in fields(view_type)]
        _FIELDS[view_type] = {name: _described(name, hints[name], getattr(default, name)) for name in names}
    return _FIELDS[view_type]


def _described(name: str, hint: Any, default: Any) -> ViewField:
    marks = get_args(hint)[1:] if hasattr(hint, "__metadata__") else ()
    limits: list[Any] = [limit for mark in marks for limit in (getattr(mark, "metadata", None) or [mark])]
    return ViewField(
        name=name,
        default=default,
        names=(name, *(mark.name for mark in marks if isinstance(mark, Formerly))),
        adapter=TypeAdapter(hint),
        is_browsers=any(isinstance(mark, KeptByBrowser) for mark in marks),
        least=next((limit.ge for limit in limits if hasattr(limit, "ge")), None),
        most=next((limit.le for limit in limits if hasattr(limit, "le")), None),
    )


def know_views(*view_types: type[View]) -> None:
    """Say which views pages have: the link of one page leaves out what only another one's says."""
    _known.update(view_types)


def current_view(view_type: type[V]) -> V:
    """Return the view of a page: that of the URL where it says one, else that of this session."""
    is_opened = st.session_state.get(_PAGE) is not view_type
    parameters, ours = _parameters(is_opened=is_opened), _names(view_type)
    # What a link says of other pages waits until one of them is opened.
    _unread().update({name: text[:MAX_TEXT] for name, text in parameters.items() if name not in ours})
    if any(name in parameters for name in ours):
        view, problems = view_from_query(view_type, parameters)
        _forget_unread(view_type)
        st.session_state[_PROBLEMS] = problems
    elif _went_back(view_type):
        view = view_type()
    else:
        view = _held(view_type)
    st.session_state[_PAGE] = view_type
    return _store(view, parameters, is_opened=is_opened)


def _went_back(view_type: type[View]) -> bool:
    """Whether the URL, which says nothing of this page's view, said something when the page was left or stood still.

    It is the page's own without a view, where one comes by going back: what the session holds, written into it, would
    be the step forward again. From another page one brings the view along.
    """
    link: dict[str, str] = st.session_state.get(_LINK, {})
    return st.session_state.get(_PAGE) is view_type and any(name in link for name in _names(view_type))


def held_view(view_type: type[V]) -> V:
    """Return the view as this session holds it, without a look at the URL: for callbacks."""
    view = _held(view_type)
    return view if view.pins else replace(view, pins=st.session_state.get(_SUPPOSED, ()))


def change_view(view: V) -> V:
    """Make ``view`` that of the session and of the URL, and return it."""
    return _store(view, _parameters())


def change_pins(view: V) -> V:
    """Make ``view``, whose pins may be others, that of the session and of the URL; the change of pins can be undone."""
    before = held_view(View)
    if view.pins != before.pins:
        _steps(_UNDO).append((before.pins, before.active_pin))
        del _steps(_UNDO)[:-MAX_STEPS]
        _steps(_REDO).clear()
    return change_view(view)


def suppose_pins(view: V, pins: Pins) -> V:
    """Return ``view``, which has no pins, with ``pins``: a page's own to start from.

    They are in the link once something is changed. Before that a person has done nothing, and Back has nothing to undo.
    """
    st.session_state[_SUPPOSED] = pins
    return replace(view, pins=pins)


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
    view = held_view(View)
    if not _steps(source):
        return view
    pins, active_pin = _steps(source).pop()
    _steps(target).append((view.pins, view.active_pin))
    return change_view(replace(view, pins=pins, active_pin=active_pin))


def _steps(name: str) -> list[tuple[Pins, int]]:
    steps: list[tuple[Pins, int]] = st.session_state.setdefault(name, [])
    return steps


def show_problems() -> None:
    """Show what was wrong with the link, a sentence each, once."""
    for problem in st.session_state.pop(_PROBLEMS, []):
        st.warning(as_text(problem), icon=":material/link_off:")


def control(
    widget: Callable[..., Any], view: View, name: str, label: str, *arguments: Any, key: str = "", **options: Any
) -> None:
    """Show a control of Streamlit that changes the field ``name`` of the view; numbers have the limits of the field.

    Args:
        widget: draws it, such as ``st.slider`` or the method of a container.
        view: holds the field.
        name: of the field.
        label: of the control.
        arguments: of the control.
        key: of the control in the session; that of the field where it is empty.
        options: of the control.
    """
    key, value, field = key or name, getattr(view, name), fields_of(type(view))[name]
    if widget.__name__ in {"slider", "number_input"}:
        options = {"min_value": field.least, "max_value": field.most} | options
    shown = list(value) if widget.__name__ == "multiselect" else value
    keyed_control(widget, key, shown, label, *arguments, on_change=_keep, args=(type(view), name, key), **options)


_DEFAULTS = {
    **dict.fromkeys(("slider", "number_input", "text_input", "toggle"), "value"),
    **dict.fromkeys(("segmented_control", "pills", "multiselect"), "default"),
}
"""What each control of Streamlit calls the value that it begins with; a choice from a list has its place there.

Tabs have one, too, but with another they are other tabs: what is in them would be drawn anew.
"""


def keyed_control(
    widget: Callable[..., Any], key: str, value: Any, label: Any, /, *arguments: Any, **options: Any
) -> Any:
    """Show a control of Streamlit with that ``key`` as ``value`` says, and return what it returns.

    One that shows it already is left alone: Streamlit sends the browser each value that is set, and there it would undo
    what a person has chosen since this run began. It is sent once, and is lost where the next run overtakes the
    control's own code on its way: so it is what the control begins with, too.

    Args:
        widget: draws it, such as ``st.slider`` or the method of a container; its limits are the same in every run.
        key: of the control in the session.
        value: that it shows.
        label: its first argument.
        arguments: the others.
        options: of the control; a ``value`` among them is what it begins with instead.
    """
    if key not in st.session_state or st.session_state[key] != value:
        st.session_state[key] = value
    if widget.__name__ == "selectbox":
        choices = list(arguments[0] if arguments else options["options"])
        options["index"] = choices.index(value) if value in choices else None
    elif widget.__name__ in _DEFAULTS:
        options.setdefault(_DEFAULTS[widget.__name__], value)
    return widget(label, *arguments, key=key, **options)


def _keep(view_type: type[View], name: str, key: str) -> None:
    value = fields_of(view_type)[name].adapter.validate_python(st.session_state[key])
    change_view(replace(held_view(view_type), **{name: value}))


def _held(view_type: type[V]) -> V:
    """Return what the session holds of a kind of view; what an earlier link said of it is read now."""
    said = {name: text for name, text in _unread().items() if name in _names(view_type)}
    if said:
        _forget_unread(view_type)
        view, problems = view_from_query(view_type, said)
        _values().update({name: getattr(view, name) for name in _said_fields(view_type, said)})
        st.session_state[_PROBLEMS] = problems
    held = _values()
    return view_type(**{name: held[name] for name in fields_of(view_type) if name in held})


def _store(view: V, parameters: Mapping[str, str], *, is_opened: bool = False) -> V:
    """Keep ``view``, and those of ``parameters`` that it says nothing of.

    On a page that is not just opened, what the browser keeps is as the browser says.
    """
    page = st.session_state.get(_PAGE, type(view))
    browsers = {field.name for field in fields_of(page).values() if field.is_browsers and not is_opened}
    said, _ = view_from_query(page, {name: st.query_params[name] for name in browsers if name in st.query_params})
    own = {name: getattr(said, name) for name in browsers}
    view = replace(view, **{name: value for name, value in own.items() if name in fields_of(type(view))})
    _values().update(own | {name: getattr(view, name) for name in fields_of(type(view))})
    st.session_state.pop(_SUPPOSED, None)
    kept = _kept_parameters(parameters, type(view), page)
    st.session_state[_LINK] = kept | view_to_query(said, browsers) | view_to_query(view)
    _write_link()
    return view


def _kept_parameters(parameters: Mapping[str, str], view_type: type[View], page: type[View]) -> dict[str, str]:
    """Return those of ``parameters`` that a change of ``view_type`` leaves as they are: the page's own, and nobody's.

    Nobody's are Streamlit's, such as ``embed``. Other pages' are kept by the session, the browser's own by the browser.
    """
    others = {name for known in _known for name in _names(known)} - set(_names(page))
    browsers = {field.name for field in fields_of(page).values() if field.is_browsers}
    changed = {*_names(view_type), *others, *browsers}
    return {name: text for name, text in parameters.items() if name not in changed}


def rerun_page() -> NoReturn:
    """Run the whole page again, by the view of this session."""
    _write_link()
    st.rerun()


def _write_link() -> None:
    link: dict[str, str] = st.session_state.get(_LINK, {})
    if st.query_params.to_dict() != link:
        st.query_params.from_dict(link)


def _parameters(*, is_opened: bool = False) -> dict[str, str]:
    """Return the parameters of the URL where a page is opened or gone back to; else those that were written last.

    A run says the URL that its browser had when it asked, which may be that of before a change: a part that runs again
    by itself asks all the time, and Streamlit makes one run of what waits, with the URL of the last who asked. Taken
    for a link that would undo the change.
    """
    context, link = get_script_run_ctx(suppress_warning=True), st.session_state.get(_LINK)
    if context is None or link is None:
        return st.query_params.to_dict()
    is_followed = not context.fragment_ids_this_run and (is_opened or context.is_history_navigation)
    return st.query_params.to_dict() if is_followed else dict(link)


def _values() -> dict[str, Any]:
    values: dict[str, Any] = st.session_state.setdefault(_VALUES, {})
    return values


def _unread() -> dict[str, str]:
    unread: dict[str, str] = st.session_state.setdefault(_UNREAD, {})
    return unread


def _forget_unread(view_type: type[View]) -> None:
    for name in _names(view_type):
        _unread().pop(name, None)


def _names(view_type: type[View]) -> tuple[str, ...]:
    """Return the query parameters that say something of a kind of view."""
    return tuple(name for field in fields_of(view_type).values() for name in field.names)


def _said_fields(view_type: type[View], parameters: Mapping[str, str]) -> list[str]:
    return [field.name for field in fields_of(view_type).values() if any(name in parameters for name in field.names)]


def view_to_query(view: View, names: Collection[str] | None = None) -> dict[str, str]:
    """Return the query parameters that stand for ``view``, or for its fields ``names`` alone; for defaults none."""
    return {
        field.name: _to_text(getattr(view, field.name))
        for field in fields_of(type(view)).values()
        if getattr(view, field.name) != field.default and (names is None or field.name in names)
    }


def view_from_query(view_type: type[V], parameters: Mapping[str, str]) -> tuple[V, list[str]]:
    """Return the view that query parameters stand for, and a sentence for each that could not be read."""
    values, problems = {}, []
    for field in fields_of(view_type).values():
        for name in reversed(field.names):  # today's name has the last word
            if name not in parameters:
                continue
            try:
                values[field.name] = field.adapter.validate_python(parameters[name][:MAX_TEXT])
            except ValidationError:
                problems.append(
                    f"The link says {name}={parameters[name][:40]!r}, which cannot be read; "
                    f"{_to_text(values.get(field.name, field.default)) or 'the default'} is shown instead."
                )
    return view_type(**values), problems


def _to_text(value: Any) -> str:
    if isinstance(value, tuple) and value and isinstance(value[0], Pin):
        return pins_to_text(value)
    if isinstance(value, tuple):
        return ",".join(str(part).removesuffix(".0") for part in value)  # numbers as a browser writes them
    if isinstance(value, bool):
        return str(int(value))
    return f"{value:g}" if isinstance(value, float) else str(value)
