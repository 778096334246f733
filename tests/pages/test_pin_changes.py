import pytest

from explorer.errors import ConfigError
from explorer.ui.pins import (
    MAX_PINS,
    Pin,
    added,
    moved,
    next_name,
    pins_from_text,
    pins_to_text,
    removed,
    renamed,
    reordered,
)

PLACES = [Pin(row=5), Pin(point=(0.5, -0.25)), Pin(code=(0.1, 0.2, 0.3))]


def three():
    pins = ()
    for place in PLACES:
        pins = added(pins, place)
    return pins


def names(pins):
    return [pin.name for pin in pins]


def test_pins_are_called_by_the_first_letter_that_is_free():
    pins = three()
    assert names(pins) == ["A", "B", "C"]
    assert names(added(removed(pins, 1), PLACES[0])) == ["A", "C", "B"]


def test_a_letter_that_begins_a_longer_name_is_taken():
    pins = renamed(three(), 1, "B mean of 7")
    assert next_name(pins) == "D"
    assert next_name(renamed(three(), 1, "Bert")) == "B"


def test_there_are_as_many_pins_as_letters_and_no_more():
    pins = ()
    for _ in range(MAX_PINS):
        pins = added(pins, Pin(row=1))
    assert names(pins) == [chr(ord("A") + k) for k in range(26)]
    with pytest.raises(ConfigError, match="26 places are pinned, and no more can be"):
        added(pins, Pin(row=2))


def test_a_pin_that_moves_keeps_its_name_and_its_position():
    pins = moved(renamed(three(), 1, "start"), 1, Pin(row=9))
    assert pins[1] == Pin(name="start", row=9)
    assert (pins[0], pins[2]) == (three()[0], three()[2])


@pytest.mark.parametrize(("index", "to", "expected"), [(0, 2, "BCA"), (2, 0, "CAB"), (1, 1, "ABC"), (0, 1, "BAC")])
def test_a_pin_is_put_at_its_new_position(index, to, expected):
    assert "".join(names(reordered(three(), index, to))) == expected


@pytest.mark.parametrize("name", ["", "   ", "a=b", "a;b", "x" * 25])
def test_a_name_that_a_link_cannot_hold_is_refused(name):
    with pytest.raises(ConfigError, match="cannot name a pin"):
        renamed(three(), 0, name)


def test_two_pins_cannot_bear_one_name():
    with pytest.raises(ConfigError, match="Another pin is called 'B'"):
        renamed(three(), 0, "B")
    assert renamed(three(), 1, " B ") == three()


def test_every_kind_of_pin_comes_back_from_its_text():
    pins = renamed(three(), 0, "my first")
    assert pins_to_text(pins) == "my first=row:5;B=0.5,-0.25;C=z:0.1,0.2,0.3"
    assert pins_from_text(pins_to_text(pins)) == pins
    assert next_name(pins) == "A"


@pytest.mark.parametrize(
    "text", ["A", "A=", "A=row:-1", "A=row:x", "A=1", "A=1,2,3", "A=z:nan,0", "A=z:", "A=w:1", "A=1e7,0", "A=row:1;"]
)
def test_text_that_is_no_pins_is_refused(text):
    with pytest.raises(ValueError, match=r"."):
        pins_from_text(text)


def test_two_pins_of_one_name_in_a_link_are_refused():
    with pytest.raises(ConfigError, match="Another pin is called 'A'"):
        pins_from_text("A=row:1;A=row:2")
