from dataclasses import fields
from typing import get_args, get_type_hints
from urllib.parse import parse_qsl

import numpy as np
import pytest

from explorer.ui.compare.sections import SECTIONS as QUESTIONS
from explorer.ui.compare.view import CompareView
from explorer.ui.evaluate.sections import SECTIONS as EVALUATE_SECTIONS
from explorer.ui.evaluate.view import EvaluateView
from explorer.ui.evaluate.words import RANKINGS
from explorer.ui.explore.inspector import TABS
from explorer.ui.explore.view import ExploreView
from explorer.ui.generate.sections import SECTIONS as GENERATE_SECTIONS
from explorer.ui.generate.view import GenerateView
from explorer.ui.interpolate.filmstrip import NAMES as PATHS
from explorer.ui.interpolate.sections import SECTIONS as INTERPOLATE_SECTIONS
from explorer.ui.interpolate.view import InterpolateView
from explorer.ui.map.overlays import OVERLAYS
from explorer.ui.map.view import MapView, OverlayName
from explorer.ui.pins import Pin, added
from explorer.ui.train.view import TrainView
from explorer.ui.view import View, fields_of, view_from_query, view_to_query
from explorer.ui.views import VIEWS

N_VIEWS = 100

LINKS = {
    "run=mnist-vae-2d": MapView(run="mnist-vae-2d"),
    "run=mnist-vae-2d&space=pca": MapView(run="mnist-vae-2d", space="pca"),
    "run=mnist-vae-16d&space=pacmap&overlays=prior,density": MapView(
        run="mnist-vae-16d", space="pacmap", overlays=("prior", "density")
    ),
    "run=mnist-cvae-16d&dims=3,7&reference=42": MapView(run="mnist-cvae-16d", dims=(3, 7), reference=42),
    "run=mnist-cvae-16d&space=pca&decode_as=5": MapView(run="mnist-cvae-16d", space="pca", decode_as=5),
    "pin=row:1234": MapView(pins=(Pin(name="A", row=1234),)),
    "pin=0.5,0.25": MapView(pins=(Pin(name="A", point=(0.5, 0.25)),)),
    "pins=A=row:5;B=row:9&at=0": MapView(pins=(Pin(name="A", row=5), Pin(name="B", row=9)), active_pin=0),
    "pins=A=0.5,0.25": MapView(pins=(Pin(name="A", point=(0.5, 0.25)),)),
    "pins=A=z:1.5,1.0;B=z:-1.5,0.5": MapView(
        pins=(Pin(name="A", code=(1.5, 1.0)), Pin(name="B", code=(-1.5, 0.5))),
    ),
    "pins=mean of 0=z:0.5,-1;E A-B%2BC=row:3": MapView(
        pins=(Pin(name="mean of 0", code=(0.5, -1.0)), Pin(name="E A-B+C", row=3)),
    ),
    "overlays=images": MapView(overlays=("images",)),
    "overlays=images,prior,density,untrained,posterior,thumbnails": MapView(
        overlays=("images", "prior", "density", "untrained", "posterior", "thumbnails")
    ),
    "colour=kl": MapView(colour="kl"),
    "colour=density": MapView(colour="density"),
    "colour=own:weight": MapView(colour="own:weight"),
    "run=digits-cvae-2d&label=7&seed=3&temperature=0.5": GenerateView(
        run="digits-cvae-2d", label=7, seed=3, temperature=0.5
    ),
    "generate=style&image=12": GenerateView(generate="style", image=12),
    "generate=blend&blend=1,6&steps=3": GenerateView(generate="blend", blend=(1, 6), steps=3),
    "generate=traverse": GenerateView(generate="traverse"),
    "generate=manifold&steps=15": GenerateView(generate="manifold", steps=15),
    "walk=data&frames=9&ends=B;D&even=1": InterpolateView(path="data", frames=9, endpoints="B;D", constant_speed=True),
    "interpolate=corners&frames=5": InterpolateView(interpolate="corners", frames=5),
    "interpolate=arithmetic": InterpolateView(interpolate="arithmetic"),
    "interpolate=attribute&direction=classes:0,1": InterpolateView(interpolate="attribute", direction="classes:0,1"),
    "compare=mnist-vae-2d,mnist-ae-2d&question=spaces": CompareView(
        compare=("mnist-vae-2d", "mnist-ae-2d"), question="spaces"
    ),
    "compare=mnist-vae-2d,mnist-ae-2d&maps=plane&align=0": CompareView(
        compare=("mnist-vae-2d", "mnist-ae-2d"), maps="plane", align=False
    ),
    "question=numbers": CompareView(question="numbers"),
    "evaluate=evidence&weighed=1000": EvaluateView(evaluate="evidence", iwae_samples=1000),
    "evaluate=extremes&ranking=kl&scored=100": EvaluateView(evaluate="extremes", ranking="kl", n_images=100),
    "evaluate=calibration": EvaluateView(evaluate="calibration"),
    "inspect=neighbours&pin=row:3": ExploreView(inspect="neighbours", pins=(Pin(name="A", row=3),)),
    "space=pca&zoom=-1.5,2.25,0.125": ExploreView(space="pca", zoom=(-1.5, 2.25, 0.125)),
    "outline=-1,-1,1,-1,0.5,1.25&outline_without=3,5&outline_on=mnist-vae-2d/pca": ExploreView(
        outline=(-1.0, -1.0, 1.0, -1.0, 0.5, 1.25), outline_without=(3, 5), outline_on="mnist-vae-2d/pca"
    ),
    "watch=lasting": TrainView(training_run="lasting"),
}
"""Links as README, tests and people have them; what they open must stay, whatever names come after."""

UNREADABLE = [
    (MapView, "dims", "1"),
    (MapView, "dims", "0,1,2"),
    (MapView, "dims", "a,b"),
    (MapView, "dims", "0,-2"),
    (MapView, "pin", ""),
    (MapView, "pin", "abc"),
    (MapView, "pin", "1"),
    (MapView, "pin", "1,2,3"),
    (MapView, "pin", "nan,0"),
    (MapView, "pin", "0,inf"),
    (MapView, "pin", "1e7,0"),
    (MapView, "pin", "row:"),
    (MapView, "pin", "row:1.5"),
    (MapView, "pin", "row:99999999999"),
    (MapView, "reference", "x"),
    (MapView, "reference", "-2"),
    (MapView, "decode_as", "1.0"),
    (MapView, "overlays", "magic"),
    (MapView, "overlays", "images,prior;"),
    (ExploreView, "zoom", "1,2"),
    (ExploreView, "zoom", "2,1,0"),
    (ExploreView, "zoom", "1,nan,0"),
    (ExploreView, "zoom", "1,2,3,4"),
    (MapView, "outline", "1,2,3"),
    (MapView, "outline", "1,2,3,x"),
    (MapView, "outline", "1,2,3,inf"),
    (MapView, "outline", "1,2,3,nan"),
    (MapView, "outline", ",".join(["0"] * 4002)),
    (MapView, "outline_without", "-1"),
    (ExploreView, "inspect", "magic"),
    (GenerateView, "label", "seven"),
    (MapView, "seed", "x"),
    (MapView, "seed", "-1"),
    (MapView, "seed", "2147483648"),
    (GenerateView, "temperature", "warm"),
    (GenerateView, "temperature", "nan"),
    (GenerateView, "temperature", "-0.1"),
    (GenerateView, "temperature", "2.1"),
    (InterpolateView, "interpolate", "film"),
    (InterpolateView, "walk", "crooked"),
    (InterpolateView, "frames", "3"),
    (InterpolateView, "frames", "49"),
    (InterpolateView, "frames", "many"),
    (InterpolateView, "even", "2"),
    (InterpolateView, "constant_speed", "true"),
    (InterpolateView, "direction", "class:x"),
    (InterpolateView, "direction", "classes:3"),
    (InterpolateView, "direction", "smile"),
    (GenerateView, "generate", "magic"),
    (GenerateView, "image", "-1"),
    (GenerateView, "blend", "3"),
    (GenerateView, "blend", "3,-1"),
    (GenerateView, "steps", "1"),
    (GenerateView, "steps", "16"),
    (EvaluateView, "evaluate", "magic"),
    (EvaluateView, "ranking", "beauty"),
    (EvaluateView, "scored", "1"),
    (EvaluateView, "scored", "5001"),
    (EvaluateView, "weighed", "0"),
    (EvaluateView, "weighed", "many"),
    (CompareView, "compare", "a,b,c,d,e"),
    (CompareView, "align", "2"),
    (CompareView, "question", "why"),
]


def any_pins(rng):
    """Pins whose numbers have few enough digits to stand in a link."""
    x, y = (float(f"{number:.5g}") for number in rng.normal(scale=10.0 ** rng.integers(-3, 4), size=2))
    kinds = (Pin(row=int(rng.integers(70_000))), Pin(point=(x, y)), Pin(code=(x, y, -x)))
    pins = ()
    for kind in rng.integers(len(kinds), size=rng.integers(6)):
        pins = added(pins, kinds[kind])
    return pins


FIELDS = {
    "run": lambda rng: str(rng.choice(["", "mnist-vae-2d", "a_b.c-d"])),
    "space": lambda rng: str(rng.choice(["plane", "pca"])),
    "dims": lambda rng: (int(rng.integers(64)), int(rng.integers(64))),
    "pins": any_pins,
    "active_pin": lambda rng: int(rng.integers(-1, 6)),
    "reference": lambda rng: int(rng.integers(-1, 10_000)),
    "decode_as": lambda rng: int(rng.integers(-1, 10)),
    "overlays": lambda rng: tuple(name for name in OVERLAYS if rng.integers(2)),
    "colour": lambda rng: str(rng.choice(["class", "kl", "own:weight"])),
    "zoom": lambda rng: (-1.25, float(rng.integers(5)), 0.5) if rng.integers(2) else (),
    "outline": lambda rng: tuple(rng.normal(size=2 * rng.integers(5)).tolist()),
    "outline_without": lambda rng: tuple(rng.integers(0, 10, size=rng.integers(3)).tolist()),
    "outline_on": lambda rng: str(rng.choice(["", "mnist-vae-2d/plane/z0/z1"])),
    "inspect": lambda rng: str(rng.choice(list(TABS))),
    "label": lambda rng: int(rng.integers(62)),
    "seed": lambda rng: int(rng.integers(2**31)),
    "temperature": lambda rng: float(rng.integers(0, 41)) / 20,
    "training_run": lambda rng: str(rng.choice(["", "being-trained"])),
    "interpolate": lambda rng: str(rng.choice(list(INTERPOLATE_SECTIONS))),
    "endpoints": lambda rng: str(rng.choice(["", "A;B", "B mean of 7;A"])),
    "path": lambda rng: str(rng.choice(list(PATHS))),
    "frames": lambda rng: int(rng.integers(4, 49)),
    "constant_speed": lambda rng: bool(rng.integers(2)),
    "direction": lambda rng: str(rng.choice(["class:3", "classes:3,8", "own:weight"])),
    "generate": lambda rng: str(rng.choice(list(GENERATE_SECTIONS))),
    "image": lambda rng: int(rng.integers(10_000)),
    "blend": lambda rng: (int(rng.integers(62)), int(rng.integers(62))),
    "steps": lambda rng: int(rng.integers(2, 16)),
    "compare": lambda rng: ("mnist-vae-2d", "a_b.c-d", "digits-ae-2d")[: rng.integers(4)],
    "maps": lambda rng: str(rng.choice(["pca", "plane", "umap"])),
    "align": lambda rng: bool(rng.integers(2)),
    "question": lambda rng: str(rng.choice(list(QUESTIONS))),
    "evaluate": lambda rng: str(rng.choice(list(EVALUATE_SECTIONS))),
    "ranking": lambda rng: str(rng.choice(list(RANKINGS))),
    "n_images": lambda rng: int(rng.integers(2, 5001)),
    "iwae_samples": lambda rng: int(rng.integers(1, 1001)),
}


@pytest.mark.parametrize("view_type", VIEWS)
def test_a_view_comes_back_from_its_link(view_type):
    rng = np.random.default_rng(0)
    names = [field.name for field in fields(view_type)]
    views = [view_type(**{name: FIELDS[name](rng) for name in names}) for _ in range(N_VIEWS)]
    assert [view_from_query(view_type, view_to_query(view)) for view in views] == [(view, []) for view in views]
    for name in names:
        assert len({getattr(view, name) for view in views}) > 1, f"{name} is left out of the journey"


@pytest.mark.parametrize(("link", "expected"), LINKS.items(), ids=LINKS)
def test_a_link_that_was_once_given_opens_the_same_view(link, expected):
    assert view_from_query(type(expected), dict(parse_qsl(link))) == (expected, [])


def test_todays_name_of_a_field_has_the_last_word():
    view, problems = view_from_query(EvaluateView, {"n_images": "200", "scored": "100"})
    assert (view.n_images, problems) == (200, [])
    assert view_to_query(view) == {"n_images": "200"}


@pytest.mark.parametrize(
    ("view_type", "name", "known"),
    [
        (ExploreView, "inspect", TABS),
        (GenerateView, "generate", GENERATE_SECTIONS),
        (InterpolateView, "interpolate", INTERPOLATE_SECTIONS),
        (InterpolateView, "path", PATHS),
        (EvaluateView, "evaluate", EVALUATE_SECTIONS),
        (EvaluateView, "ranking", RANKINGS),
        (CompareView, "question", QUESTIONS),
    ],
)
def test_what_a_link_can_name_is_what_a_page_has(view_type, name, known):
    assert get_args(get_type_hints(view_type)[name]) == tuple(known)


@pytest.mark.parametrize("name", FIELDS)
def test_a_field_that_two_pages_have_means_the_same_on_both(name):
    # The session keeps one value of it.
    having = [view_type for view_type in VIEWS if name in fields_of(view_type)]
    meanings = {
        (str(get_type_hints(view_type, include_extras=True)[name]), fields_of(view_type)[name].default)
        for view_type in having
    }
    assert len(meanings) == 1


def test_every_overlay_that_a_link_can_name_can_be_chosen():
    assert get_args(OverlayName) == tuple(OVERLAYS)


def test_a_place_in_a_link_is_where_it_was_to_four_digits():
    rng = np.random.default_rng(1)
    places = rng.normal(scale=10.0 ** rng.integers(-4, 5, size=(N_VIEWS, 1)), size=(N_VIEWS, 2))
    queries = [view_to_query(MapView(pins=(Pin(point=(x, y)),))) for x, y in places.tolist()]
    views = [view_from_query(MapView, query)[0] for query in queries]
    np.testing.assert_allclose([view.pin.point for view in views], places, rtol=1e-4)
    assert [view_to_query(view) for view in views] == queries


def test_the_first_view_needs_no_parameters():
    for view_type in VIEWS:
        assert view_to_query(view_type()) == {}
        assert view_from_query(view_type, {}) == (view_type(), [])


def test_parameters_of_others_are_left_alone():
    assert view_from_query(View, {"embed": "true", "utm": "x"}) == (View(), [])


@pytest.mark.parametrize(("view_type", "name", "text"), UNREADABLE)
def test_what_cannot_be_read_is_said_in_one_sentence_and_the_rest_is_kept(view_type, name, text):
    view, problems = view_from_query(view_type, {"run": "mnist-vae-2d", "space": "pca", name: text})
    assert view == view_type(run="mnist-vae-2d", space="pca")
    assert len(problems) == 1
    assert f"{name}={text[:40]!r}" in problems[0]


def test_each_unreadable_parameter_has_a_sentence():
    _, problems = view_from_query(View, {"pin": "abc", "seed": "x", "dims": "?"})
    assert sorted(problem.split("=")[0].split()[-1] for problem in problems) == ["dims", "pin", "seed"]


def test_a_sentence_shows_the_beginning_of_a_long_value():
    _, problems = view_from_query(View, {"pin": "9" * 100_000})
    assert len(problems) == 1
    assert len(problems[0]) < 200
