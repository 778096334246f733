"""Strings that are not the program's own, in a browser: seen as they are, with nothing of them fetched or made."""

import json
import shutil

import pytest

from explorer.locations import ROOT
from explorer.runs.columns import columns_from_file
from explorer.runs.listing import open_run
from tests.browser.conftest import serving
from tests.conftest import SHIPPED_FOLDER

pytestmark = pytest.mark.browser

RUN = "digits-vae-2d"
IMAGE = "![t](http://127.0.0.1:9/x.png)"
LINK = "<a href='http://127.0.0.1:9'>a</a>"

TEXTS = [
    *("digits-vae-2d", IMAGE, LINK, "<b>b</b>", "[l](https://e.example)", "[l] [^1]", "[l]: https://e.example"),
    *("https://e.example/?a=b&c_d_", "HTTP://E.EXAMPLE", "see www.e.example now", "WWW.e.example", "a@e.example"),
    *("mailto:a@e.example", "@@a@e.example", "xmpp:a@e.example", "<https://e.example>", "http:/ /e.example"),
    *(":material/home:", r"\:material/home:", "a:material/b", ":smile: and :+1:", "x:streamlit:y", ":数:"),
    *(":red[x] :red-badge[y] :help[z]", ":small[x]", ':color[x]{foreground="red"}', ":::note", "::leaf", ":", "::"),
    *("$x^2$ and $$y$$", "`a` ``b``", "```", "~~~", "~~a~~ ~b~", "_a_ __b__ *c* **d**", r"\*a\* \\", "\\", r"a\: b"),
    *("&amp; & &copy; &#60;", "| a | b |", "|:-|", "# a", "- a", "+ a", "* a", "> a", "1. a", "12) a", "[x] a"),
    *("---", "===", "--", "- - -", "a -- b", "<->", "a --> b -- c <- d <-> e", ">= <= ~= ->", "a:-- b", "--download"),
    *("a\n\n# b\n    code", "  a  b\tc ", "<!-- a -->", "a<br>b", "ends:", "a: b", "a_b_c-d_e", "(c) 1.5% größe", "!"),
]

SCRIPT = f"""
import sys
sys.path.insert(0, {str(ROOT)!r})
import streamlit as st
from explorer.ui.text import as_code, as_text

for k, text in enumerate({TEXTS!r}):
    shown = as_text(text)
    with st.container(key=f"text-{{k}}"):
        st.markdown(shown)
        st.markdown(f"**{{shown}}** and {{shown}}")
        st.caption(f":small[:gray[{{shown}}]]")
        st.error(shown)
        st.button(shown, key=f"button-{{k}}")
        st.table({{shown: [shown]}})
        st.pills("pills", [shown], key=f"pills-{{k}}")
        st.expander(shown)
        st.caption(as_code(text))
"""

# What is read of each text, in its order; and what was made of it that is no text.
READ = """(element) => {
  const read = (places) => [...element.querySelectorAll(places)].map((place) => place.textContent);
  const own = "a, img, h1, h2, h3, h4, ol, ul, li, blockquote, hr, em, del, pre, sup, b, br, input, .katex, [role=img]";
  return {
    texts: read('[data-testid="stMarkdownContainer"], [data-testid="stCaptionContainer"], th:not(:empty), td'),
    made: [...element.querySelectorAll('[data-testid="stMarkdownContainer"], [data-testid="stCaptionContainer"]')]
      .flatMap((place) => [...place.querySelectorAll(own)].map((made) => made.outerHTML)),
  };
}"""


def elsewhere(page):
    """The addresses that a page asked for on other servers."""
    return [url for url in page.requests if not url.startswith((page.app.url, "data:", "blob:"))]


def test_streamlit_shows_what_is_escaped_as_it_is_wherever_it_reads_markdown(visit, checkpoints, tmp_path):
    (tmp_path / "script.py").write_text(SCRIPT, "utf-8")
    with serving(tmp_path, checkpoints, script=str(tmp_path / "script.py")) as app:
        page = visit(on=app)
        page.page.locator(f".st-key-text-{len(TEXTS) - 1} table").wait_for()
        for k, text in enumerate(TEXTS):
            read = page.page.locator(f".st-key-text-{k}").evaluate(READ)
            line = " ".join(text.split())
            said = {" ".join(each.split()) for each in read["texts"]} - {"pills"}
            assert (said, read["made"]) == ({line, f"{line} and {line}"}, []), text
        assert elsewhere(page) == []


@pytest.fixture(scope="module")
def foreign_app(tmp_path_factory):
    """The app with a run that has columns called by markup, and one whose configuration has a field called so."""
    folder = tmp_path_factory.mktemp("checkpoints")
    shutil.copytree(SHIPPED_FOLDER / RUN, folder / RUN)
    lines = "".join(f"{row},{row % 2}\n" for row in range(300))
    columns = columns_from_file(f'"{IMAGE}","{LINK}"\n{lines}'.encode(), "markup.csv", 300).columns
    open_run(RUN, folder).save_columns(columns)
    shutil.copytree(SHIPPED_FOLDER / RUN, folder / "damaged")
    config = folder / "damaged" / "config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | {IMAGE: LINK}))
    with serving(tmp_path_factory.mktemp("server"), folder) as app:
        yield app


def test_what_a_link_says_and_what_a_run_holds_is_seen_as_it_is(visit, foreign_app):
    page = visit(on=foreign_app, run=IMAGE, space=IMAGE, dims=IMAGE, pins=IMAGE, decode_as=IMAGE)
    page.drawn()
    assert sum(IMAGE in alert for alert in page.alerts()) >= 4
    page.page.get_by_test_id("stPopoverButton").first.click()
    page.page.get_by_test_id("stPopoverBody").get_by_text(IMAGE).wait_for()
    assert page.page.locator(".stMainBlockContainer a[href*='127.0.0.1:9'], img[src*='127.0.0.1:9']").count() == 0
    assert elsewhere(page) == []


@pytest.mark.parametrize("name", [IMAGE, LINK], ids=["image", "link"])
def test_a_column_is_called_on_the_map_what_its_file_calls_it(visit, foreign_app, name):
    page = visit(on=foreign_app, run=RUN, colour=f"own:{name}").drawn()
    assert page.page.locator(".latent-map .cbtitle, .latent-map .cbcoloraxistitle").first.text_content() == (
        f"{name} (percentiles 1 to 99)"
    )
    assert page.page.get_by_role("combobox", name="Colour by").input_value() == name
    page.page.get_by_role("button", name="Own numbers").click()
    page.page.get_by_text(f"Kept with the run: {IMAGE}, {LINK}.").wait_for()
    assert page.page.locator("a[href*='127.0.0.1:9'], img[src*='127.0.0.1:9']").count() == 0
    assert elsewhere(page) == []
