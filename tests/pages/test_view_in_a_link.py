from dataclasses import fields
from urllib.parse import parse_qsl

import numpy as np
import pytest

from explorer.ui.pins import Pin, added
from explorer.ui.view import (
    EVALUATE_PARTS,
    GENERATE_SECTIONS,
    INTERPOLATE_PARTS,
    OVERLAY_NAMES,
    QUESTIONS,
    RANKINGS,
    WALKS,
    View,
    view_from_query,
    view_to_query,
)

N_VIEWS = 300

LINKS = {
    "run=mnist-vae-2d": {"run": "mnist-vae-2d"},
    "run=mnist-vae-2d&space=pca": {"run": "mnist-vae-2d", "space": "pca"},
    "run=mnist-vae-16d&space=pacmap&overlays=prior,density": {
        "run": "mnist-vae-16d",
        "space": "pacmap",
        "overlays": ("prior", "density"),
    },
    "run=mnist-cvae-16d&dims=3,7&reference=42": {"run": "mnist-cvae-16d", "dims": (3, 7), "reference": 42},
    "run=mnist-cvae-16d&space=pca&decode_as=5": {"run": "mnist-cvae-16d", "space": "pca", "decode_as": 5},
    "pin=row:1234": {"pins": (Pin(name="A", row=1234),)},
    "pin=0.5,0.25": {"pins": (Pin(name="A", point=(0.5, 0.25)),)},
    "pins=A=row:5;B=row:9&at=0": {"pins": (Pin(name="A", row=5), Pin(name="B", row=9)), "at": 0},
    "pins=A=0.5,0.25": {"pins": (Pin(name="A", point=(0.5, 0.25)),)},
    "pins=A=z:1.5,1.0;B=z:-1.5,0.5": {"pins": (Pin(name="A", code=(1.5, 1.0)), Pin(name="B", code=(-1.5, 0.5)))},
    "pins=mean of 0=z:0.5,-1;E A-B%2BC=row:3": {
        "pins": (Pin(name="mean of 0", code=(0.5, -1.0)), Pin(name="E A-B+C", row=3)),
    },
    "overlays=images": {"overlays": ("images",)},
    "overlays=images,prior,density,untrained,posterior,thumbnails": {"overlays": OVERLAY_NAMES},
    "colour=kl": {"colour": "kl"},
    "colour=density": {"colour": "density"},
    "colour=own:weight": {"colour": "own:weight"},
    "run=digits-cvae-2d&label=7&seed=3&temperature=0.5": {
        "run": "digits-cvae-2d",
        "label": 7,
        "seed": 3,
        "temperature": 0.5,
    },
    "generate=style&image=12": {"generate": "style", "image": 12},
    "generate=blend&blend=1,6&steps=3": {"generate": "blend", "blend": (1, 6), "steps": 3},
    "generate=traverse": {"generate": "traverse"},
    "generate=manifold&steps=15": {"generate": "manifold", "steps": 15},
    "walk=data&frames=9&ends=B;D&even=1": {"walk": "data", "frames": 9, "ends": "B;D", "even": 1},
    "interpolate=corners&frames=5": {"interpolate": "corners", "frames": 5},
    "interpolate=arithmetic": {"interpolate": "arithmetic"},
    "interpolate=attribute&direction=classes:0,1": {"interpolate": "attribute", "direction": "classes:0,1"},
    "compare=mnist-vae-2d,mnist-ae-2d&question=spaces": {
        "compare": ("mnist-vae-2d", "mnist-ae-2d"),
        "question": "spaces",
    },
    "compare=mnist-vae-2d,mnist-ae-2d&maps=plane&align=0": {
        "compare": ("mnist-vae-2d", "mnist-ae-2d"),
        "maps": "plane",
        "align": 0,
    },
    "question=numbers": {"question": "numbers"},
    "evaluate=evidence&weighed=1000": {"evaluate": "evidence", "weighed": 1000},
    "evaluate=extremes&ranking=kl&scored=100": {"evaluate": "extremes", "ranking": "kl", "scored": 100},
    "evaluate=calibration": {"evaluate": "calibration"},
    "watch=lasting": {"watch": "lasting"},
}
"""Links as README, tests and people have them; what they open must stay, whatever names come after."""

UNREADABLE = [
    ("dims", "1"),
    ("dims", "0,1,2"),
    ("dims", "a,b"),
    ("dims", "0,-2"),
    ("pin", ""),
    ("pin", "abc"),
    ("pin", "1"),
    ("pin", "1,2,3"),
    ("pin", "nan,0"),
    ("pin", "0,inf"),
    ("pin", "1e7,0"),
    ("pin", "row:"),
    ("pin", "row:1.5"),
    ("pin", "row:99999999999"),
    ("reference", "x"),
    ("reference", "-2"),
    ("decode_as", "1.0"),
    ("overlays", "magic"),
    ("overlays", "images,prior;"),
    ("label", "seven"),
    ("seed", "x"),
    ("seed", "-1"),
    ("seed", "2147483648"),
    ("temperature", "warm"),
    ("temperature", "nan"),
    ("temperature", "-0.1"),
    ("temperature", "2.1"),
    ("interpolate", "film"),
    ("walk", "crooked"),
    ("frames", "3"),
    ("frames", "49"),
    ("frames", "many"),
    ("even", "2"),
    ("direction", "class:x"),
    ("direction", "classes:3"),
    ("direction", "smile"),
    ("generate", "magic"),
    ("image", "-1"),
    ("blend", "3"),
    ("blend", "3,-1"),
    ("steps", "1"),
    ("steps", "16"),
    ("evaluate", "magic"),
    ("ranking", "beauty"),
    ("scored", "1"),
    ("scored", "5001"),
    ("weighed", "0"),
    ("weighed", "many"),
]


def any_view(rng):
    """A view whose numbers have few enough digits to stand in a link."""
    x, y = (float(f"{number:.5g}") for number in rng.normal(scale=10.0 ** rng.integers(-3, 4), size=2))
    kinds = (Pin(row=int(rng.integers(70_000))), Pin(point=(x, y)), Pin(code=(x, y, -x)))
    pins = ()
    for kind in rng.integers(len(kinds), size=rng.integers(6)):
        pins = added(pins, kinds[kind])
    return View(
        run=str(rng.choice(["", "mnist-vae-2d", "a_b.c-d"])),
        space=str(rng.choice(["plane", "pca"])),
        dims=(int(rng.integers(64)), int(rng.integers(64))),
        pins=pins,
        at=int(rng.integers(-1, 6)),
        reference=int(rng.integers(-1, 10_000)),
        decode_as=int(rng.integers(-1, 10)),
        overlays=tuple(name for name in OVERLAY_NAMES if rng.integers(2)),
        colour=str(rng.choice(["class", "kl", "own:weight"])),
        label=int(rng.integers(62)),
        seed=int(rng.integers(2**31)),
        temperature=float(rng.integers(0, 41)) / 20,
        watch=str(rng.choice(["", "being-trained"])),
        interpolate=str(rng.choice(INTERPOLATE_PARTS)),
        ends=str(rng.choice(["", "A;B", "B mean of 7;A"])),
        walk=str(rng.choice(WALKS)),
        frames=int(rng.integers(4, 49)),
        even=int(rng.integers(2)),
        direction=str(rng.choice(["class:3", "classes:3,8", "own:weight"])),
        generate=str(rng.choice(GENERATE_SECTIONS)),
        image=int(rng.integers(10_000)),
        blend=(int(rng.integers(62)), int(rng.integers(62))),
        steps=int(rng.integers(2, 16)),
        compare=("mnist-vae-2d", "a_b.c-d", "digits-ae-2d")[: rng.integers(4)],
        maps=str(rng.choice(["pca", "plane", "umap"])),
        align=int(rng.integers(2)),
        question=str(rng.choice(QUESTIONS)),
        evaluate=str(rng.choice(EVALUATE_PARTS)),
        ranking=str(rng.choice(RANKINGS)),
        scored=int(rng.integers(2, 5001)),
        weighed=int(rng.integers(1, 1001)),
    )


def test_a_view_comes_back_from_its_link():
    rng = np.random.default_rng(0)
    views = [any_view(rng) for _ in range(N_VIEWS)]
    assert [view_from_query(view_to_query(view)) for view in views] == [(view, []) for view in views]
    # No field is left out of the journey.
    for field in fields(View):
        assert len({getattr(view, field.name) for view in views}) > 1, field.name


@pytest.mark.parametrize(("link", "expected"), LINKS.items(), ids=LINKS)
def test_a_link_that_was_once_given_opens_the_same_view(link, expected):
    assert view_from_query(dict(parse_qsl(link))) == (View(**expected), [])


def test_a_place_in_a_link_is_where_it_was_to_four_digits():
    rng = np.random.default_rng(1)
    places = rng.normal(scale=10.0 ** rng.integers(-4, 5, size=(N_VIEWS, 1)), size=(N_VIEWS, 2))
    queries = [view_to_query(View(pins=(Pin(point=(x, y)),))) for x, y in places.tolist()]
    views = [view_from_query(query)[0] for query in queries]
    np.testing.assert_allclose([view.pin.point for view in views], places, rtol=1e-4)
    assert [view_to_query(view) for view in views] == queries


def test_the_first_view_needs_no_parameters():
    assert view_to_query(View()) == {}
    assert view_from_query({}) == (View(), [])


def test_parameters_of_others_are_left_alone():
    assert view_from_query({"embed": "true", "utm": "x"}) == (View(), [])


@pytest.mark.parametrize(("name", "text"), UNREADABLE)
def test_what_cannot_be_read_is_said_in_one_sentence_and_the_rest_is_kept(name, text):
    view, problems = view_from_query({"run": "mnist-vae-2d", "space": "pca", name: text})
    assert view == View(run="mnist-vae-2d", space="pca")
    assert len(problems) == 1
    assert f"{name}={text!r}" in problems[0]


def test_each_unreadable_parameter_has_a_sentence():
    _, problems = view_from_query({"pin": "abc", "seed": "x", "dims": "?"})
    assert sorted(problem.split("=")[0].split()[-1] for problem in problems) == ["dims", "pin", "seed"]


def test_a_sentence_shows_the_beginning_of_a_long_value():
    _, problems = view_from_query({"pin": "9" * 100_000})
    assert len(problems) == 1
    assert len(problems[0]) < 200
