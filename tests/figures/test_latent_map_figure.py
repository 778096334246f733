import numpy as np

from explorer.analysis.projections.base import LinearProjection
from explorer.figures.latent_map import latent_map_figure
from explorer.figures.palette import class_colour, class_symbol

CLASSES = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


def projection(axis_names: tuple[str, str] = ("z0", "z1")) -> LinearProjection:
    return LinearProjection(
        method="plane",
        points=np.zeros((3, 2), np.float32),
        axes=np.eye(2, dtype=np.float32),
        origin=np.zeros(2, np.float32),
        axis_names=axis_names,
    )


def test_each_class_has_a_trace_in_its_colour_and_shape():
    traces = latent_map_figure(projection(), CLASSES).data
    assert [trace.name for trace in traces] == list(CLASSES)
    assert [trace.marker.color for trace in traces] == [class_colour(label) for label in range(11)]
    assert [trace.marker.symbol for trace in traces] == [class_symbol(label) for label in range(11)]


def test_a_unit_is_as_long_on_both_axes():
    layout = latent_map_figure(projection(), CLASSES).layout
    assert (layout.yaxis.scaleanchor, layout.yaxis.scaleratio) == ("x", 1)


def test_the_axes_are_named_by_the_projection():
    layout = latent_map_figure(projection(("PC1, 40% of variance", "PC2, 9% of variance")), CLASSES).layout
    assert layout.xaxis.title.text == "PC1, 40% of variance"
    assert layout.yaxis.title.text == "PC2, 9% of variance"


def test_another_map_does_not_keep_the_view_of_the_last():
    first, second = (latent_map_figure(projection(names), CLASSES) for names in (("z0", "z1"), ("z2", "z1")))
    assert first.layout.uirevision != second.layout.uirevision
