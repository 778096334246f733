"""Strings that are not the program's own are text on every page: of links, of runs, of files."""

import io
import json
import shutil

import pytest
from PIL import Image, ImageDraw

from explorer.figures.text import figure_text
from explorer.runs.columns import columns_from_file
from explorer.runs.listing import open_run
from explorer.ui.compare.view import CompareView
from explorer.ui.evaluate.view import EvaluateView
from explorer.ui.generate.view import GenerateView
from explorer.ui.interpolate.view import InterpolateView
from explorer.ui.map.view import MapView
from explorer.ui.text import as_text
from explorer.ui.train.view import TrainView
from explorer.ui.view import fields_of

RUN = "digits-vae-2d"
IMAGE = "![t](http://127.0.0.1:9/x.png)"
BOLD = "<b>b</b>"
VIEWS = {
    "": MapView,
    "interpolate": InterpolateView,
    "generate": GenerateView,
    "compare": CompareView,
    "evaluate": EvaluateView,
    "train": TrainView,
}


def assert_is_text(page, text=IMAGE):
    """Check that ``text`` is on the page, and there as text alone."""
    assert page.n_tracebacks() == 0
    assert text not in page.words()
    assert as_text(text) in page.words()


@pytest.mark.parametrize("path", VIEWS)
def test_what_a_link_says_is_text_on_every_page(run_page, path):
    names = [name for field in fields_of(VIEWS[path]).values() for name in field.names]
    page = run_page(path, **dict.fromkeys(names, IMAGE))
    assert_is_text(page)
    assert page.words().count(as_text(IMAGE)) > 5


@pytest.mark.parametrize(
    ("path", "name", "value"),
    [
        ("", "run", IMAGE),
        ("", "space", IMAGE),
        ("", "dims", IMAGE),
        ("", "colour", IMAGE),
        ("", "colour", f"own:{IMAGE}"),
        ("interpolate", "direction", IMAGE),
        ("compare", "compare", IMAGE),
        ("compare", "maps", IMAGE),
        ("train", "watch", IMAGE),
        ("", "pins", IMAGE),
    ],
)
def test_a_link_that_says_one_thing_says_it_as_text(run_page, path, name, value):
    assert_is_text(run_page(path, **{name: value}))


@pytest.mark.parametrize("section", ["path", "corners", "arithmetic", "attribute"])
def test_a_pin_is_called_what_a_link_says_in_text(run_page, section):
    name = "![](//127.0.0.1:9/x.png)"
    page = run_page("interpolate", run=RUN, interpolate=section, pins=f"{name}=row:1;{BOLD}=row:2;C=row:3;D=row:4")
    assert page.n_tracebacks() == 0
    assert name not in page.words()
    assert BOLD not in page.words()
    assert any(name in one.options for one in page.test.selectbox)
    if section == "path":
        (figure, *_) = [chart.proto.spec for chart in page.test.get("plotly_chart")]
        title = json.loads(figure)["layout"]["xaxis"]["title"]["text"]
        assert title == f"from {figure_text(name)} (0) to {figure_text(BOLD)} (1)"


@pytest.fixture(scope="module")
def foreign_runs(checkpoints, tmp_path_factory):
    """A run with columns whose names are markup, and one whose configuration has a field that is called so."""
    folder = tmp_path_factory.mktemp("foreign")
    shutil.copytree(checkpoints / RUN, folder / RUN)
    run = open_run(RUN, folder)
    lines = "".join(f"{row},{row % 2}\n" for row in range(300))
    run.save_columns(columns_from_file(f'"{IMAGE}","{BOLD}"\n{lines}'.encode(), "markup.csv", 300).columns)
    shutil.copytree(checkpoints / RUN, folder / "damaged")
    config = folder / "damaged" / "config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | {IMAGE: BOLD}))
    return folder


@pytest.mark.parametrize("path", ["", "generate"])
def test_an_unknown_field_of_a_damaged_run_is_named_in_text_in_the_list_of_runs(run_page, foreign_runs, path):
    page = run_page(path, on=foreign_runs, run=RUN)
    assert_is_text(page)
    assert as_text("damaged") in page.words()


@pytest.mark.parametrize(("path", "name"), [("compare", "compare"), ("train", "training_run")])
def test_the_error_of_a_damaged_run_is_text(run_page, foreign_runs, path, name):
    page = run_page(path, on=foreign_runs, **{name: "damaged"})
    assert page.n_tracebacks() == 0
    assert IMAGE not in page.words()


def test_a_column_is_called_in_text_what_its_file_calls_it(run_page, foreign_runs):
    page = run_page(on=foreign_runs, run=RUN, colour=f"own:{IMAGE}")
    assert_is_text(page)
    assert_is_text(page, BOLD)
    (choice,) = [one for one in page.test.selectbox if one.label == "Colour by"]
    assert {IMAGE, BOLD} <= set(choice.options)
    page = run_page(on=foreign_runs, run=RUN, colour=f"own:{BOLD}")
    assert page.component("latent-map")["colour"]["title"].startswith("&lt;b&gt;b&lt;/b&gt; (percentiles")


def test_an_attribute_is_called_in_text_what_its_file_calls_it(run_page, foreign_runs):
    page = run_page("interpolate", on=foreign_runs, run=RUN, interpolate="attribute", direction=f"own:{BOLD}")
    assert_is_text(page, f"Column {BOLD}")
    (choice,) = [one for one in page.test.selectbox if one.label == "Attribute"]
    assert f"column {BOLD}" in choice.options


def test_a_picture_is_called_in_text_what_its_file_is_called(run_page):
    name = "![t](x).png"
    page = run_page("interpolate", run=RUN)
    page.bring("A picture of your own", name, ring())
    assert as_text(name) in page.captions()
    assert name not in page.captions()


def ring() -> bytes:
    """A picture file with something on it."""
    image = Image.new("L", (60, 60))
    ImageDraw.Draw(image).ellipse((15, 15, 45, 45), outline=255, width=5)
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()
