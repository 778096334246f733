"""What every page has in its head before its script has run: style, what the first screen asks for, one step a page."""

from functools import cache
from pathlib import Path

from explorer.serving.plotly_file import PLOTLY
from explorer.ui.streamlit_files import first_files, scripts_of
from explorer.ui.theme import STYLE

ELEMENTS = ("BidiComponent", "ButtonGroup", "ImageList")
"""What Streamlit calls the elements of the first screen, which its page does not name itself."""

WITHOUT_MAP = ("generate", "evaluate", "train")
"""The pages that draw no map."""

_SCRIPTS = Path(__file__).with_name("browser")


@cache
def first_screen_files() -> tuple[str, ...]:
    """Return the addresses of the files that the first screen asks for, below the app's base path."""
    return (*first_files(), *scripts_of(ELEMENTS), PLOTLY)


@cache
def page_head() -> str:
    """Return HTML for the end of the head of every page."""
    links = [f'<link rel="modulepreload" crossorigin href="./{address}">' for address in scripts_of(ELEMENTS)]
    early_plotly = _script("early_plotly.js", f'data-address="{PLOTLY}" data-without-map="{" ".join(WITHOUT_MAP)}"')
    return "\n".join([f"<style>{STYLE}</style>", early_plotly, _script("one_step.js"), *links, ""])


def _script(name: str, attributes: str = "") -> str:
    return f"<script {attributes}>{(_SCRIPTS / name).read_text(encoding='utf-8')}</script>"
