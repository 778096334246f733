from types import SimpleNamespace

import pytest

from explorer.locations import ROOT
from explorer.runs.listing import list_runs
from explorer.ui.compare.map_grid import linked_words
from explorer.ui.compare.maps import default_runs, images_only, left_out_words
from explorer.ui.pins import Pin
from explorer.ui.view import View

PINS = (
    Pin(name="A", code=(0.5, 1.0)),
    Pin(name="B", row=7),
    Pin(name="C", row=9_000),
    Pin(name="D", point=(1.0, 2.0)),
    Pin(name="E", row=3),
)


@pytest.fixture(scope="module")
def entries():
    return list_runs(ROOT / "checkpoints")


@pytest.mark.parametrize(
    ("first", "rival"),
    [
        ("mnist-vae-2d", "mnist-ae-2d"),
        ("mnist-vae-16d", "mnist-ae-16d"),
        ("mnist-cvae-16d", "mnist-ae-16d"),
        ("mnist-ae-16d", "mnist-vae-16d"),
        ("digits-vae-2d", "digits-ae-2d"),
    ],
)
def test_a_run_is_set_against_the_other_kind_of_the_same_data_size_and_body(entries, first, rival):
    assert default_runs(entries, first) == (first, rival)


def test_without_a_run_the_first_pair_is_a_vae_and_its_autoencoder(entries):
    assert default_runs(entries) == default_runs(entries, "no-such-run") == ("mnist-vae-2d", "mnist-ae-2d")


def test_one_run_alone_has_no_rival_and_none_has_none(entries):
    alone = [entry for entry in entries if entry.name == "digits-vae-2d"]
    assert default_runs(alone) == ("digits-vae-2d",)
    assert default_runs([]) == ()


def test_only_images_of_the_set_are_pinned_on_compared_maps_and_the_one_looked_at_stays_so():
    shown, kept = images_only(View(pins=PINS, active_pin=4, reference=7), 1797)
    assert [pin.name for pin in shown.pins] == ["B", "E"]
    assert kept == [1, 4]
    assert (shown.pin.name, shown.reference) == ("E", -1)
    elsewhere, _ = images_only(View(pins=PINS, active_pin=0), 1797)
    assert elsewhere.pin.name == "E", "the last one, where none of them is looked at"


def test_pins_that_the_compared_maps_do_not_show_are_named_with_the_reason():
    digits, mnist = (
        SimpleNamespace(name=name, loaded=SimpleNamespace(encoded=range(n)))
        for name, n in (("digits", 1797), ("mnist", 10_000))
    )
    assert left_out_words(View(pins=PINS[1:3]), [mnist]) == ""
    assert left_out_words(View(pins=PINS[:1]), [mnist]) == (
        "Pin A is a place in one model's latent space, which means nothing in another: "
        "a pin on an image is shown on every map."
    )
    assert left_out_words(View(pins=PINS), [digits, mnist]) == (
        "Pins A, D are places in one model's latent space, which mean nothing in another: "
        "a pin on an image is shown on every map. digits has 1,797 images, so not C (image 9,000)."
    )


@pytest.mark.parametrize(
    ("images", "words"),
    [
        (
            ("a", "a"),
            "Models of the same images, side by side. Point at one map and the same image is marked and decoded "
            "on all of them",
        ),
        (("a", "b", "a"), "decoded on those that show the same images"),
        (("a", "b"), "so no image of one map is on another"),
    ],
)
def test_only_maps_of_the_same_images_are_called_linked(images, words):
    said = linked_words([SimpleNamespace(images=one) for one in images])
    assert words in said
    assert ("lasso" in said) == (len(set(images)) < len(images))
