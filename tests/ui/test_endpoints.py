"""Which pins a path goes between."""

import pytest

from explorer.ui.interpolate.endpoints import endpoint_indices
from explorer.ui.interpolate.view import InterpolateView
from explorer.ui.pins import Pin, added, renamed


def view(n=4, **fields):
    pins = ()
    for row in range(n):
        pins = added(pins, Pin(row=row))
    return InterpolateView(pins=pins, **fields)


@pytest.mark.parametrize(
    ("endpoints", "expected"),
    [
        ("", (0, 1)),
        ("C;A", (2, 0)),
        ("D", (3, 0)),
        ("A", (0, 1)),
        ("gone;B", (1, 0)),
        ("B;B", (1, 0)),
        ("A;B;C;D", (0, 1)),
    ],
)
def test_ends_are_the_named_pins_and_then_the_first_others(endpoints, expected):
    assert endpoint_indices(view(endpoints=endpoints), 2) == expected


def test_a_pin_keeps_being_an_end_when_others_are_put_before_it():
    before = view(3, endpoints="C;A")
    after = InterpolateView(pins=before.pins[::-1], endpoints=before.endpoints)
    assert [after.pins[k].name for k in endpoint_indices(after, 2)] == ["C", "A"]


def test_names_of_several_words_are_told_apart():
    pins = renamed(view(3).pins, 2, "C mean of 7")
    assert endpoint_indices(InterpolateView(pins=pins, endpoints="C mean of 7;B"), 2) == (2, 1)
