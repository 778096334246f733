"""The view over a visit: what a link says of the page that is open, and of those that are opened later."""

import re
from dataclasses import replace
from types import SimpleNamespace

import pytest

from explorer.locations import PAGES
from explorer.ui import view as module
from explorer.ui.compare.view import CompareView
from explorer.ui.explore.view import ExploreView
from explorer.ui.generate.view import GenerateView
from explorer.ui.interpolate.view import InterpolateView
from explorer.ui.map.view import MapView
from explorer.ui.pins import Pin
from explorer.ui.view import (
    View,
    change_pins,
    change_view,
    control,
    current_view,
    held_view,
    know_views,
    redo_pins,
    suppose_pins,
    undo_pins,
    undoable,
)
from explorer.ui.views import VIEWS


class Parameters(dict):
    """The query parameters of a browser, as Streamlit holds them."""

    def to_dict(self):
        return dict(self)

    def from_dict(self, parameters):
        self.clear()
        self.update(parameters)


@pytest.fixture
def visit(monkeypatch):
    """A visit: its session, its URL, and the warnings that it saw."""
    warned = []
    held = SimpleNamespace(session_state={}, query_params=Parameters(), warned=warned)
    held.warning = lambda text, icon: warned.append(text)
    monkeypatch.setattr(module, "st", held)
    return held


@pytest.fixture
def part_of_the_page(monkeypatch):
    """What follows runs a part of the page, as a poll or a control in it does."""
    context = SimpleNamespace(fragment_ids_this_run=["a"])
    return lambda: monkeypatch.setattr(module, "get_script_run_ctx", lambda **_: context)


def turn_to(visit, **link):
    """Open another page, as Streamlit does: its URL begins with what the link says alone."""
    visit.query_params.from_dict(link)


def test_the_url_holds_what_is_shared_and_the_pages_own_and_the_session_the_others(visit):
    turn_to(visit, run="a", generate="blend", blend="1,6")
    current_view(GenerateView)
    turn_to(visit)
    change_view(replace(current_view(MapView), colour="kl"))
    assert visit.query_params == {"run": "a", "colour": "kl"}
    turn_to(visit)
    view = current_view(GenerateView)
    assert (view.run, view.generate, view.blend) == ("a", "blend", (1, 6))
    assert visit.query_params == {"run": "a", "generate": "blend", "blend": "1,6"}


def test_what_a_link_says_of_another_page_is_shown_when_that_is_opened(visit):
    turn_to(visit, run="a", walk="data", frames="9", colour="kl", embed="true")
    assert current_view(MapView) == MapView(run="a", colour="kl")
    turn_to(visit)
    assert current_view(InterpolateView) == InterpolateView(run="a", colour="kl", path="data", frames=9)
    assert visit.query_params == {"run": "a", "colour": "kl", "path": "data", "frames": "9"}
    # It is read once: what is chosen afterwards stays chosen.
    change_view(replace(held_view(InterpolateView), path="linear"))
    turn_to(visit)
    current_view(MapView)
    turn_to(visit)
    assert current_view(InterpolateView).path == "linear"


def test_what_cannot_be_read_of_another_page_is_told_there(visit):
    turn_to(visit, frames="99")
    current_view(MapView)
    module.show_problems()
    assert visit.warned == []
    turn_to(visit)
    assert current_view(InterpolateView).frames == 12
    module.show_problems()
    module.show_problems()
    assert visit.warned == ["The link says frames='99', which cannot be read; 12 is shown instead."]


def test_a_link_to_a_page_says_all_of_it(visit):
    turn_to(visit, label="3", temperature="0.5")
    current_view(GenerateView)
    turn_to(visit, label="4")
    assert current_view(GenerateView) == GenerateView(label=4)


def test_parameters_that_are_nobodys_stay_in_the_url(visit):
    turn_to(visit, embed="true", at="0")
    change_view(replace(current_view(MapView), space="pca"))
    assert visit.query_params == {"embed": "true", "active_pin": "0", "space": "pca"}


def test_parameters_of_other_pages_leave_the_url_and_are_kept_for_them(visit, monkeypatch):
    monkeypatch.setattr(module, "_known", set())
    know_views(MapView, GenerateView, InterpolateView)
    turn_to(visit, colour="kl", temperature="0.5", walk="data", embed="true")
    change_view(replace(current_view(MapView), space="pca"))
    assert visit.query_params == {"colour": "kl", "embed": "true", "space": "pca"}
    # A callback that knows of the shared fields alone leaves the page its own.
    change_view(replace(held_view(View), decode_as=3))
    assert visit.query_params == {"colour": "kl", "embed": "true", "space": "pca", "decode_as": "3"}
    turn_to(visit)
    assert current_view(GenerateView).temperature == 0.5
    assert visit.query_params == {"space": "pca", "decode_as": "3", "temperature": "0.5"}
    turn_to(visit)
    assert current_view(InterpolateView).path == "data"


def test_the_app_knows_the_view_of_each_page():
    found = {}
    for page in sorted(PAGES.glob("*.py")):
        called = re.findall(r"current_view\((\w+)\)", page.read_text(encoding="utf-8"))
        found[page.stem] = set(called)
    assert all(len(names) == 1 for names in found.values()), found
    assert {name for names in found.values() for name in names} == {view.__name__ for view in VIEWS}


def test_a_callback_that_knows_what_is_shared_alone_leaves_a_pages_own_as_it_is(visit):
    turn_to(visit, colour="kl", overlays="prior")
    current_view(MapView)
    change_view(replace(held_view(View), decode_as=3))
    assert held_view(MapView) == MapView(colour="kl", overlays=("prior",), decode_as=3)
    assert visit.query_params == {"colour": "kl", "overlays": "prior", "decode_as": "3"}


def test_a_part_of_the_page_that_was_asked_for_before_a_change_does_not_undo_it(visit, part_of_the_page):
    turn_to(visit, run="a", space="pca", embed="true")
    change_view(replace(current_view(MapView), space="plane", colour="kl"))
    part_of_the_page()
    visit.query_params.from_dict({"run": "a", "space": "pca", "embed": "true"})
    assert current_view(MapView) == MapView(run="a", colour="kl")
    assert visit.query_params == {"run": "a", "colour": "kl", "embed": "true"}
    visit.query_params.from_dict({"run": "a", "space": "pca"})
    change_view(replace(held_view(View), seed=3))
    assert visit.query_params == {"run": "a", "colour": "kl", "seed": "3", "embed": "true"}


def test_what_the_browser_writes_by_itself_stays_as_it_wrote_it(visit, part_of_the_page):
    turn_to(visit, run="a")
    current_view(ExploreView)
    visit.query_params["zoom"] = "-1,2,0.5"  # no run of the script
    change_view(replace(held_view(ExploreView), colour="kl"))
    assert visit.query_params == {"run": "a", "colour": "kl", "zoom": "-1,2,0.5"}
    change_view(replace(held_view(View), seed=3))
    assert (held_view(ExploreView).zoom, visit.query_params["zoom"]) == ((-1, 2, 0.5), "-1,2,0.5")
    part_of_the_page()
    visit.query_params["zoom"] = "0,1,0.5"
    assert current_view(ExploreView).zoom == (0, 1, 0.5)
    del visit.query_params["zoom"]
    change_view(replace(held_view(View), seed=4))
    assert held_view(ExploreView) == ExploreView(run="a", colour="kl", seed=4)
    assert visit.query_params == {"run": "a", "colour": "kl", "seed": "4"}


def test_a_zoom_follows_to_the_next_page_with_a_map(visit):
    turn_to(visit, zoom="-1,2,0.5")
    current_view(ExploreView)
    turn_to(visit)
    assert current_view(InterpolateView).zoom == (-1, 2, 0.5)
    assert visit.query_params == {"zoom": "-1,2,0.5"}
    # Compare has several maps, and a link zooms none of them.
    know_views(*VIEWS)
    turn_to(visit, zoom="-1,2,0.5")
    current_view(CompareView)
    assert visit.query_params == {}
    turn_to(visit)
    assert current_view(ExploreView).zoom == (-1, 2, 0.5)


def test_a_page_run_that_was_asked_for_before_a_change_does_not_undo_it(visit, monkeypatch):
    # Streamlit makes one run of the whole page and of parts that wait, with the URL of the last who asked.
    context = SimpleNamespace(fragment_ids_this_run=[], is_history_navigation=False)
    monkeypatch.setattr(module, "get_script_run_ctx", lambda **_: context)
    turn_to(visit, run="a", embed="true")
    change_view(replace(current_view(MapView), space="pca"))
    turn_to(visit, run="a", embed="true")
    assert current_view(MapView).space == "pca"
    assert visit.query_params == {"run": "a", "space": "pca", "embed": "true"}
    # Who goes back, or opens another page, follows the URL.
    context.is_history_navigation = True
    turn_to(visit, run="a")
    assert current_view(MapView).space == "plane"
    context.is_history_navigation = False
    turn_to(visit, run="b", space="pca")
    assert current_view(GenerateView).run == "b"


def test_the_page_runs_again_by_the_view_of_the_session(visit, part_of_the_page):
    rerun = []
    visit.rerun = lambda: rerun.append(dict(visit.query_params))
    turn_to(visit, space="pca")
    change_view(replace(current_view(MapView), space="umap"))
    part_of_the_page()
    visit.query_params.from_dict({"space": "pca"})
    module.rerun_page()
    assert rerun == [{"space": "umap"}]


def test_who_goes_back_sees_what_was_before(visit):
    turn_to(visit, space="pca")
    change_view(replace(current_view(MapView), space="umap"))
    visit.query_params.from_dict({"space": "pca"})
    assert current_view(MapView).space == "pca"


def test_a_change_of_pins_is_undone_and_done_again(visit):
    first, second = (Pin(row=1),), (Pin(row=1), Pin(name="B", row=2))
    current_view(MapView)
    change_pins(replace(held_view(View), pins=first))
    change_pins(replace(held_view(View), pins=second, active_pin=0))
    assert undoable() == (True, False)
    assert (undo_pins().pins, held_view(MapView).active_pin) == (first, -1)
    assert redo_pins() == View(pins=second, active_pin=0)
    assert (undo_pins().pins, undo_pins().pins, undo_pins().pins) == (first, (), ())
    assert undoable() == (False, True)


def test_pins_that_a_page_supposes_are_in_the_link_once_something_is_changed(visit):
    pins = (Pin(row=1),)
    assert suppose_pins(current_view(InterpolateView), pins).pins == pins
    assert visit.query_params == {}
    assert held_view(View).pins == pins
    change_view(replace(held_view(InterpolateView), frames=5))
    assert visit.query_params == {"pins": "A=row:1", "frames": "5"}


def test_a_control_has_the_limits_of_its_field_and_changes_it(visit):
    shown = {}

    def slider(label, **options):
        shown.update(options, label=label)

    current_view(InterpolateView)
    control(slider, held_view(InterpolateView), "frames", "Frames", key="grid-frames", max_value=20, width=190)
    assert (shown["label"], shown["min_value"], shown["max_value"], shown["width"]) == ("Frames", 4, 20, 190)
    assert visit.session_state["grid-frames"] == 12
    visit.session_state[shown["key"]] = 7
    shown["on_change"](*shown["args"])
    assert held_view(InterpolateView).frames == 7
    assert visit.query_params == {"frames": "7"}
