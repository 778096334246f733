import numpy as np

from explorer.figures.generation import blend_figure, blend_text, predicted_classes_figure, predicted_classes_text
from explorer.figures.palette import class_colour


def test_a_bar_for_each_class_has_its_count_and_the_colour_of_the_class_everywhere():
    figure = predicted_classes_figure(np.array([3, 0, 2]), ["a", "b", "c"])
    (bars,) = figure.data
    assert list(bars.x) == ["a", "b", "c"]
    assert list(bars.y) == [3, 0, 2]
    assert list(bars.marker.color) == [class_colour(label) for label in range(3)]
    assert figure.layout.yaxis.title.text == "images"


def test_the_counts_are_told_in_words_too():
    assert predicted_classes_text(np.array([3, 0]), ["a", "b"]).endswith("each class: a 3, b 0.")


def test_a_blend_has_a_thin_line_for_each_z_and_their_mean_in_the_colour_of_each_end():
    shares = np.linspace(0, 1, 3)
    probabilities = np.array([[[1, 0], [0.4, 0.6], [0, 1]], [[0.8, 0.2], [0.6, 0.2], [0, 1]]])
    figure = blend_figure(shares, probabilities, (2, 0), ("c", "a"))
    assert [len(trace.x) for trace in figure.data] == [3] * 6
    means = [trace for trace in figure.data if trace.name is not None]
    np.testing.assert_allclose(means[0].y, [0.9, 0.5, 0])
    np.testing.assert_allclose(means[1].y, [0.1, 0.4, 1])
    assert [mean.line.color for mean in means] == [class_colour(2), class_colour(0)]
    assert figure.layout.xaxis.title.text == "share of class a in y"
    assert "at 50%: c 50%, a 40%" in blend_text(shares, probabilities, ("c", "a"))
