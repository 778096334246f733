"""What travels before a page's script has run: files that are there, all that is needed, none twice."""

import re

import pytest

from explorer.locations import PAGES
from explorer.serving.plotly_file import PLOTLY, plotly_js
from explorer.ui.page_head import ELEMENTS, WITHOUT_MAP, first_screen_files, page_head
from explorer.ui.streamlit_files import first_files, scripts_of, streamlit_files


def test_every_file_of_the_first_screen_is_there_and_named_once():
    files = first_screen_files()
    known = streamlit_files() | {PLOTLY: plotly_js()}
    assert [address for address in files if not known[address].is_file()] == []
    assert len(set(files)) == len(files)


@pytest.mark.parametrize("element", ELEMENTS)
def test_an_element_comes_with_all_that_it_imports(element):
    addresses = scripts_of([element])
    have = {*addresses, *first_files()}
    for address in addresses:
        source = streamlit_files()[address].read_text(encoding="utf-8")
        imported = re.findall(r'(?:from|import) *"\./([^"]+)"', source)
        assert {f"static/js/{name}" for name in imported} <= have, address
    assert addresses[0].startswith(f"static/js/{element}.")
    assert not set(addresses) & set(first_files())


def test_what_another_version_calls_otherwise_is_left_out():
    assert scripts_of(["NoSuchElement"]) == []
    assert scripts_of(["Selectbox", "NoSuchElement"]) == scripts_of(["Selectbox"])


def test_the_head_names_each_of_them_and_has_no_end_of_its_own():
    head = page_head()
    for address in scripts_of(ELEMENTS):
        assert head.count(f'href="./{address}"') == 1
    assert head.count(PLOTLY) == 1
    assert "</head>" not in head
    assert head.count("</script>") == head.count("<script ") == 2
    assert head.count("</style>") == 1


def test_plotly_is_loaded_early_on_the_pages_that_draw_a_map_and_on_no_other():
    draws_map = re.compile(r"^from explorer\.ui\.(map|compare\.map_grid)\b", re.MULTILINE)
    without = {page.stem for page in PAGES.glob("*.py") if not draws_map.search(page.read_text(encoding="utf-8"))}
    assert without == set(WITHOUT_MAP)
