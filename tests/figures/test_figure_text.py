import json

import numpy as np
import pytest

from explorer.figures.generation import blend_figure, predicted_classes_figure
from explorer.figures.paths import along_paths, class_shares
from explorer.figures.selection import class_shares_figure
from explorer.figures.text import figure_text

LINK = "<a href='http://127.0.0.1:9'>&lt;n</a>"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("digits-vae-2d", "digits-vae-2d"),
        ("<b>a</b>", "&lt;b&gt;a&lt;/b&gt;"),
        ("&lt;", "&amp;lt;"),
        ("a 'b' \"c\"", "a 'b' \"c\""),
        ("a\n b", "a b"),
    ],
)
def test_tags_and_entities_are_escaped_and_all_else_stays(text, shown):
    assert figure_text(text) == shown


def figures_of_names():
    counts, shares = np.array([1, 2]), np.linspace(0, 1, 2)
    probabilities = np.full((2, 2), 0.5, np.float32)
    return {
        "predicted classes": predicted_classes_figure(counts, [LINK, "b"]),
        "a blend": blend_figure(shares, probabilities[None], (0, 1), (LINK, LINK)),
        "shares of a selection": class_shares_figure(counts, counts, [LINK, "b"]),
        "classes along a path": class_shares(shares, probabilities, [LINK, "b"], (LINK, LINK)),
        "lines along paths": along_paths([], "nats", (LINK, LINK)),
    }


@pytest.mark.parametrize("kind", figures_of_names())
def test_a_name_in_a_figure_is_text(kind):
    drawn = json.dumps(figures_of_names()[kind].to_plotly_json(), default=lambda value: np.asarray(value).tolist())
    assert "<a " not in drawn
    assert figure_text(LINK) in drawn
