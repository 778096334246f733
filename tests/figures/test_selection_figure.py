import numpy as np

from explorer.figures.palette import class_colour
from explorer.figures.selection import class_shares_figure, class_shares_text

COUNTS, TOTALS = np.array([30, 0, 10]), np.array([50, 100, 50])
NAMES = ("cat", "dog", "owl")


def test_bars_are_shares_of_the_selection_and_of_the_whole_set_in_per_cent():
    selected, whole = class_shares_figure(COUNTS, TOTALS, NAMES).data
    assert list(selected.x) == list(whole.x) == list(NAMES)
    np.testing.assert_allclose(selected.y, [75, 0, 25])
    np.testing.assert_allclose(whole.y, [25, 50, 25])


def test_bars_have_the_colours_of_their_classes():
    selected, _ = class_shares_figure(COUNTS, TOTALS, NAMES).data
    assert list(selected.marker.color) == [class_colour(label) for label in range(3)]


def test_any_number_of_classes_has_a_bar():
    n = 62
    selected, _ = class_shares_figure(np.ones(n, int), np.ones(n, int), [f"class {k}" for k in range(n)]).data
    assert len(selected.x) == len(selected.marker.color) == n


def test_the_text_names_the_selected_classes_the_largest_first():
    assert class_shares_text(COUNTS, TOTALS, NAMES) == (
        "Share of each class among 40 selected images: cat 75.0% (whole set 25.0%), owl 25.0% (whole set 25.0%)."
    )
