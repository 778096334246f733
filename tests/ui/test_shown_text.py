"""That pages show strings which are not the program's own as they are, by reading the source of all that shows."""

import ast
import re

import pytest

from explorer.locations import PAGES, ROOT
from tests.ui.shown_text import ShownText, rendered_parameters

AS_MARKDOWN = {
    "explorer.ui.text.as_text": "escapes its argument",
    "explorer.ui.text.as_code": "escapes its argument",
    "explorer.ui.evaluate.words.linked": "makes links of the sources that the program's own formulas name",
}
AS_HTML = {
    "html.escape": "escapes its argument",
    "explorer.analysis.comparison.tables.number": "returns digits",
    "importlib.metadata.version": "returns that of an installed package",
}
"""Functions whose words may be shown, and why."""

AS_THEIR_ARGUMENT = {"explorer.ui.notation.given": "puts the class into the densities of a text of ours"}

SOURCES = [*(ROOT / "explorer" / "ui").rglob("*.py"), *PAGES.glob("*.py"), ROOT / "explorer" / "main.py"]


def modules():
    names = {path: ".".join(path.relative_to(ROOT).with_suffix("").parts) for path in SOURCES}
    return {name.removesuffix(".__init__"): ast.parse(path.read_text("utf-8")) for path, name in names.items()}


def test_pages_show_as_markdown_their_own_words_numbers_and_what_is_escaped():
    shown = ShownText(modules(), AS_MARKDOWN, AS_THEIR_ARGUMENT)
    assert shown.unescaped(shown.modules) == [], (
        "put as_text (explorer/ui/text.py) around it, or give a number a format"
    )


def test_pages_show_as_html_their_own_words_and_what_is_escaped():
    shown = ShownText(modules(), AS_HTML, rendered={"html": {"body"}})
    assert shown.unescaped(shown.modules) == [], "put html.escape around it"


def test_what_is_known_to_return_words_that_may_be_shown_is_used():
    text = "\n".join(path.read_text("utf-8") for path in SOURCES)
    for name in AS_MARKDOWN | AS_HTML | AS_THEIR_ARGUMENT:
        assert f"{name.rpartition('.')[2]}(" in text


def test_what_streamlit_shows_as_markdown_is_known_from_its_documentation():
    rendered = rendered_parameters()
    for name in ("error", "warning", "info", "success", "caption", "markdown", "subheader", "toast"):
        assert "body" in rendered[name]
    assert {"label", "options", "help"} <= rendered["radio"] & rendered["pills"] & rendered["segmented_control"]
    assert {"label", "value", "delta", "help"} <= rendered["metric"]
    assert rendered["selectbox"] & rendered["multiselect"] & {"label", "options", "help"} == {"label", "help"}
    assert rendered["progress"] == rendered["spinner"] == {"text"}
    assert rendered["image"] == {"caption"}
    assert rendered["table"] == {"data"}
    assert "tabs" in rendered["tabs"]
    assert "body" not in rendered["text"]


def test_in_the_browser_no_string_becomes_html():
    made = re.compile(
        r"innerHTML|outerHTML|insertAdjacentHTML|createContextualFragment|setHTML|document\.write|text/html"
    )
    scripts = (ROOT / "explorer").rglob("*.js")
    assert {path.name: found for path in scripts if (found := made.findall(path.read_text("utf-8")))} == {}


BEGINNING = """
from functools import partial
import streamlit as st
from explorer.ui.text import as_text
from explorer.ui.view import control, keyed_control
from elsewhere import METHODS, described

def page(run, view, names):
"""

FOREIGN = {
    "a name": 'st.caption(f"{run.name}")',
    "a name among words": 'st.info(f"The run {run.name} is here.", icon=":material/info:")',
    "a name without a format": 'st.caption(f"{run.seed}")',
    "a name with a format that texts have": 'st.caption(f"{run.name:>10}")',
    "as repr": 'st.caption(f"{run.name!r}")',
    "of a container": 'st.columns(2)[0].markdown("**" + run.name + "**")',
    "by keyword": 'st.button("Go", help=run.about)',
    "by a variable": 'words = f"{run.name}"; st.caption(words)',
    "by one of several values": 'words = ""; words = run.name if run else ""; st.caption(words)',
    "added to a variable": 'words = "A"; words += run.name; st.caption(words)',
    "of a list": 'lines = []; lines.append(run.name); st.caption(" ".join(lines))',
    "of a comprehension": 'st.caption(", ".join(name for name in names))',
    "of a loop": "for name in names: st.caption(name)",
    "of a loop over pairs": 'for name, words in zip(names, ("a", "b")): st.caption(name)',
    "in a table": 'st.table({"name": [run.name]})',
    "as an option": 'st.radio("Run", names)',
    "as an option's words": 'st.pills("Run", [1, 2], format_func=lambda k: names[k])',
    "a control's": 'control(st.segmented_control, view, "run", "Run", names)',
    "a control's label": 'control(st.slider, view, "n", f"of {run.name}")',
    "a keyed control's": 'keyed_control(st.segmented_control, "run", 1, "Run", names)',
    "a keyed control's label": 'keyed_control(st.number_input, "n", 1, f"of {run.name}", step=1)',
    "an error": "try: run()\n    except ValueError as error: st.error(str(error))",
    "of the session": 'st.error(st.session_state.pop("problem"))',
    "of an unknown function": "st.caption(described(run))",
    "of a method": "st.caption(run.described())",
    "a function that is handed on": "show = st.error; show(run.name)",
    "put off": "later = partial(st.caption, run.name)",
    "by a dictionary": 'common = {"label": run.name}; st.text_input(**common)',
    "what a table is asked for": 'st.caption(METHODS.get("a", run.name))',
    "by a function": "def note(text): st.caption(text)\n    note(run.name)",
    "by a function, put off": "def note(text): st.caption(text)\n    partial(note, run.name)",
    "by two functions": "def a(text): st.caption(text)\n    def b(it): a(it)\n    b(run.name)",
    "by a function's options": 'def note(**more): st.button("Go", **more)\n    note(help=run.about)',
    "from a function": "def words(): return run.name\n    st.caption(words())",
    "through a function": 'def words(a): return f"{a} is"\n    st.caption(words(run.name))',
    "from a function that is handed over": "def say(words): st.caption(words(1))\n    say(lambda k: run.name)",
    "of nobody that is known": "st.caption(names)",
}

OURS = {
    "a constant": 'st.caption("A constant.")',
    "numbers": 'st.caption(f"{run.n:d} of {run.m:,}, {run.x:.2f}, {run.y:g}, {run.z:+.1%}, {run.w:.{run.digits}f}")',
    "counted": 'st.caption(f"{len(names)} and {int(run.n)}")',
    "escaped": 'st.caption(f"**{as_text(run.name)}**")',
    "a table": 'st.caption(METHODS[run.method].title + METHODS.get(run.method, "none").lower())',
    "of a loop over a table": "for name, it in METHODS.items(): st.caption(it.title)",
    "one of two": 'st.caption("one" if run.n == 1 else "many")',
    "escaped before": 'name = as_text(run.name); st.caption(f"of {name}")',
    "of a loop over pairs": 'for name, words in zip(names, ("a", "b")): st.caption(words)',
    "options of a selectbox": 'st.selectbox("Run", names, format_func=lambda name: name)',
    "in place of a picture": 'st.image(run.image, caption="An image", alt=run.name)',
    "keys and values": 'st.button("Go", key=run.name, on_click=run.go, args=(run.name,))',
    "through a function": 'def words(a): return f"{a} is"\n    st.caption(words(as_text(run.name)))',
    "by a function": "def note(text): st.caption(text)\n    note(as_text(run.name))",
    "a method of another object that is called so": "run.of(view).status(run.name)",
}


def found_in(lines: str) -> list[str]:
    modules = {"page": ast.parse(f"{BEGINNING}    {lines}\n")}
    return ShownText(modules, AS_MARKDOWN).unescaped(modules)


@pytest.mark.parametrize("lines", FOREIGN.values(), ids=FOREIGN)
def test_a_string_that_is_not_ours_is_found(lines):
    assert found_in(lines) != []


@pytest.mark.parametrize("lines", OURS.values(), ids=OURS)
def test_a_string_that_is_ours_a_number_or_escaped_is_not(lines):
    assert found_in(lines) == []


def test_what_is_found_is_said_with_its_line():
    lines = BEGINNING.count("\n") + 1
    assert found_in('st.caption(f"{run.name}")') == [f"page:{lines}: run.name"]
