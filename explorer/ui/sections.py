"""The sections of a page: what each is called and shows, and why a run has not got one."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st

from explorer.serving.run_cache import LoadedRun
from explorer.ui.text import as_text
from explorer.ui.view import View, control


@dataclass(frozen=True, kw_only=True, slots=True)
class Section:
    """A section of a page.

    Attributes:
        title: what it is called.
        show: draws it; what it is given is the page's affair.
        why_missing: says why a run has not got it, and what to choose for it; empty where it has.
    """

    title: str
    show: Callable[..., None]
    why_missing: Callable[[LoadedRun], str] = lambda _: ""


def section_control(
    sections: Mapping[Any, Section],
    view: View,
    name: str,
    label: str,
    *,
    offered: Sequence[str] | None = None,
    words: Callable[[str], str] = str,
) -> None:
    """Show the choice of a section.

    Args:
        sections: of the page, by the values of the view's field.
        view: of the page.
        name: of the view's field.
        label: of the choice, which is read out.
        offered: sections to choose from; all where it is None.
        words: makes a title fit the run.
    """
    control(
        st.segmented_control,
        view,
        name,
        label,
        list(sections) if offered is None else offered,
        format_func=lambda section: as_text(words(sections[section].title)),
        required=True,
        label_visibility="collapsed",
    )
