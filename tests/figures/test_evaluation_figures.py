import numpy as np

from explorer.figures.evaluation import (
    Step,
    bound_figure,
    bound_text,
    dimensions_figure,
    dimensions_text,
    effective_figure,
    effective_text,
    growth_figure,
    growth_text,
    marginal_figure,
    rank_figure,
    rank_text,
)

STEPS = [
    Step(name="first", start=0.0, end=-10.0, low=-11.0, high=-9.5, is_total=False),
    Step(name="- second", start=-10.0, end=-13.0, low=-3.25, high=-2.5, is_total=False),
    Step(name="sum", start=0.0, end=-13.0, low=-14.0, high=-12.0, is_total=True),
]


def test_each_bar_of_the_bound_begins_where_the_one_above_ends_and_has_its_interval():
    (bars,) = bound_figure(STEPS).data
    assert list(bars.base) == [0, -10, 0]
    assert list(bars.x) == [-10, -3, -13]
    assert list(bars.error_x.array) == [0.5, 0.5, 1]
    assert list(bars.error_x.arrayminus) == [1, 0.25, 1]
    assert bars.marker.color[2] != bars.marker.color[0] == bars.marker.color[1]
    assert "- second -3.00 (-3.25 to -2.50)" in bound_text(STEPS)


def test_growth_is_over_a_logarithmic_axis_with_a_bar_of_one_standard_error():
    k, values, errors = np.array([1, 10, 100]), np.array([-3.0, -2.0, -1.5]), np.array([0.1, 0.2, 0.3])
    figure = growth_figure(k, values, errors, "bound, nats")
    assert list(figure.data[0].error_y.array) == [0.1, 0.2, 0.3]
    assert figure.layout.xaxis.type == "log"
    assert list(figure.layout.xaxis.tickvals) == [1, 10, 100]
    assert figure.layout.yaxis.title.text == "bound, nats"
    assert "-2.00 (standard error 0.20) at k = 10" in growth_text(k, values, errors, "bound, nats")


def test_dead_dimensions_are_told_apart_by_more_than_colour_and_keep_their_place():
    names, values, is_active = ["z2", "z0", "z1"], np.array([2.0, 1.0, 0.001]), np.array([True, True, False])
    active, dead = dimensions_figure(names, values, np.full(3, 0.1), is_active, "KL, nats").data
    assert (list(active.x), list(dead.x)) == (["z2", "z0"], ["z1"])
    assert (active.marker.pattern.shape, dead.marker.pattern.shape) == ("", "/")
    assert list(dead.error_y.array) == [0.1]
    text = dimensions_text(names, values, is_active, "KL, nats")
    assert "z1 0.001 (dead). 2 of 3 are active." in text


def test_dimensions_without_intervals_have_no_bars_of_error():
    (bars,) = dimensions_figure(["z0"], np.ones(1), None, np.array([True]), "variance").data
    assert bars.error_y.array is None


def test_a_marginal_has_a_line_only_where_there_is_a_prior():
    edges, density = np.linspace(-1, 1, 5), np.full(4, 0.5)
    assert len(marginal_figure(edges, density, edges, None).data) == 1
    codes, prior = marginal_figure(edges, density, edges, np.full(5, 0.4)).data
    assert list(codes.x) == [-0.75, -0.25, 0.25, 0.75]
    assert prior.mode == "lines"


def test_bars_of_ranks_outside_their_band_have_another_colour_and_are_counted_in_words():
    counts = np.array([10, 50, 90])
    figure = rank_figure(counts, (33, 69), 50.0)
    colours = figure.data[0].marker.color
    assert colours[0] == colours[2] != colours[1]
    assert (figure.layout.shapes[0].y0, figure.layout.shapes[0].y1) == (33, 69)
    assert rank_text(counts, (33, 69)).endswith("2 are outside the band of uniform ranks, 33 to 69.")


def test_effective_samples_are_shown_up_to_all_there_are():
    figure = effective_figure(np.linspace(1, 40, 11), 40)
    assert list(figure.layout.xaxis.range) == [0, 40]
    assert "median 20.5" in effective_text(np.linspace(1, 40, 11), 40)
