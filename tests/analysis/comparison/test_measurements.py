"""What was measured of a run, as arrays and metadata: its round trip, and what is refused in its place."""

import json

import numpy as np
import pytest

from explorer.analysis.comparison.measurements import COUNTED, ComparisonConditions, Figure, Measurements
from explorer.analysis.evaluation.metrics import NAMES

CONDITIONS = ComparisonConditions(
    images="0123456789abcdef", n_images=80, is_binary=True, likelihood="bernoulli", is_given_class=False
)
REPLICATES = np.array([0.25, 0.5, 1.0])


def measured():
    figures = dict.fromkeys(NAMES, Figure(reason="an autoencoder has no prior to sample"))
    figures["kl"] = Figure(value=1 / 3, low=0.1, high=0.7, replicates=REPLICATES)
    figures["parameters"] = Figure(value=1e6, reason=COUNTED)
    return Measurements(name="a", group="g", figures=figures, conditions=CONDITIONS)


def test_what_was_measured_comes_back_to_the_last_bit_under_the_name_that_the_run_has_now():
    ours = measured()
    read = Measurements.from_arrays(*ours.to_arrays(), name="b", group="h")
    assert (read.name, read.group, read.conditions) == ("b", "h", CONDITIONS)
    assert tuple(read.figures) == NAMES
    assert {name: each.to_json() for name, each in read.figures.items()} == {
        name: each.to_json() for name, each in ours.figures.items()
    }
    assert read.figures["kl"].value == 1 / 3
    assert read.figures["kl"].replicates.shape == (3,)
    assert read.figures["kl"].replicates.dtype == np.float64
    assert read.figures["elbo"].reason == "an autoencoder has no prior to sample"


def without_a_metric(figures, arrays, _conditions):
    del figures["elbo"]


def with_an_unknown_metric(figures, arrays, _conditions):
    arrays["beauty"] = REPLICATES


def with_a_number_that_is_none(figures, arrays, _conditions):
    figures["kl"][0] = float("nan")


def with_a_word_for_a_number(figures, arrays, _conditions):
    figures["kl"][0] = "0.3"


def with_no_reason(figures, arrays, _conditions):
    figures["elbo"] = [None, None, None, ""]


def with_half_an_interval(figures, arrays, _conditions):
    figures["kl"][1] = None


def with_no_resamples(figures, arrays, _conditions):
    del arrays["kl"]


def with_an_interval_of_nothing(figures, arrays, _conditions):
    figures["kl"] = [None, 0.1, 0.7, "none"]


def with_resamples_in_half_precision(figures, arrays, _conditions):
    arrays["kl"] = REPLICATES.astype(np.float16)


def with_resamples_of_two_dimensions(figures, arrays, _conditions):
    arrays["kl"] = REPLICATES[None]


def with_resamples_that_are_none(figures, arrays, _conditions):
    arrays["kl"] = REPLICATES * np.inf


def with_too_few_parts(figures, arrays, _conditions):
    figures["kl"].pop()


def with_other_grounds(figures, arrays, conditions):
    conditions["n_images"] = "80"


def with_more_grounds(figures, arrays, conditions):
    conditions["weather"] = "fine"


CHANGES = {name: change for name, change in globals().items() if name.startswith("with")}


@pytest.mark.parametrize("change", CHANGES.values(), ids=list(CHANGES))
def test_what_is_not_whole_is_refused(change):
    arrays, metadata = measured().to_arrays()
    figures, conditions = json.loads(metadata["figures"]), json.loads(metadata["grounds"])
    change(figures, arrays, conditions)
    changed = {"figures": json.dumps(figures), "grounds": json.dumps(conditions)}
    with pytest.raises((KeyError, TypeError, ValueError)):
        Measurements.from_arrays(arrays, changed, name="a", group="g")


@pytest.mark.parametrize("text", ["", "[]", "7", "null", '"kl"', "[" * 100_000])
def test_figures_that_are_something_else_are_refused(text):
    arrays, metadata = measured().to_arrays()
    with pytest.raises((KeyError, TypeError, ValueError, RecursionError)):
        Measurements.from_arrays(arrays, metadata | {"figures": text}, name="a", group="g")
