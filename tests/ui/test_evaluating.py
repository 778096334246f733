"""What the page Evaluate says, without a browser: parts, reasons, terms in words, and rows of extremes."""

from dataclasses import replace

import numpy as np
import pytest

from explorer.analysis.evaluation.elbo_terms import BoundTerm
from explorer.analysis.evaluation.sbc import Calibration
from explorer.analysis.statistics.bootstrap import Resampling, mean_estimate
from explorer.errors import ConfigError
from explorer.serving.run_cache import RunCache
from explorer.ui.evaluate.best_and_worst import extreme_rows, pinned_view, ranked_values
from explorer.ui.evaluate.calibration import verdict_words
from explorer.ui.evaluate.sections import SECTIONS
from explorer.ui.evaluate.words import (
    bound_notes,
    linked,
    pixels_note,
    rankings_of,
    steps_of,
    support_note,
    terms_explained,
    terms_table,
)
from explorer.ui.map.view import MapView
from explorer.ui.pins import MAX_PINS, Pin, added
from tests.support import model_config, new_run


def term(name, value, title=""):
    it = mean_estimate(np.array([value - 1, value + 1.0]), Resampling(n_resamples=50))
    source = "Someone (2001), https://example.org/a; Another (2002), https://example.org/b"
    return BoundTerm(name=name, title=title or name, explanation="It is so.", source=source, estimate=it)


TERMS = [
    term("log_likelihood", -20.0, "E log p(x|z)"),
    term("mutual_information", 3.0),
    term("aggregate_kl", 2.0),
    term("kl", 5.0),
    term("elbo", -25.0, "ELBO"),
    term("squared_error", 9.0),
]


def test_an_autoencoder_is_told_why_it_has_not_a_section_and_a_vae_has_all(run_cache):
    reasons = {name: section.why_missing(run_cache.run("ae")) for name, section in SECTIONS.items()}
    missing = {name for name, reason in reasons.items() if "An autoencoder has no prior p(z), so" in reason}
    assert missing >= {"bound", "evidence", "dimensions", "aggregate", "calibration"}
    assert {name for name, reason in reasons.items() if reason} == missing
    assert not any(section.why_missing(run_cache.run("vae")) for section in SECTIONS.values())
    assert rankings_of(model_config("ae")) == ("reconstruction",)
    assert rankings_of(model_config("cvae")) == ("elbo", "reconstruction", "kl")


def test_the_bars_of_the_bound_lead_from_zero_to_the_elbo():
    steps = steps_of(TERMS, model_config("vae"))
    assert [(step.start, step.end) for step in steps] == [(0, -20), (-20, -23), (-23, -25), (0, -25)]
    assert [step.is_total for step in steps] == [False, False, False, True]
    for step in steps:
        assert step.low <= step.value <= step.high
    # Without a bound the log-likelihood stands alone.
    assert [step.name for step in steps_of([TERMS[0], TERMS[-1]], model_config("ae"))] == ["E log p(x|z)"]


def test_terms_stand_in_a_table_with_their_figures_and_below_it_with_their_sources():
    table = terms_table(TERMS, model_config("vae"))
    assert table.count("\n") == 7
    assert r"| E log p(x\|z) | -20.00 |" in table
    assert "| **ELBO** | -25.00 |" in table
    line = "It is so. [Someone (2001)](https://example.org/a); [Another (2002)](https://example.org/b)."
    assert line in terms_explained(TERMS, model_config("vae"))


def test_a_source_without_an_address_stays_as_it_is():
    assert linked("counted") == "counted"


@pytest.fixture(scope="module")
def run_cache(tmp_path_factory):
    folder = tmp_path_factory.mktemp("checkpoints")
    new_run(folder / "vae")
    new_run(folder / "ae", family="ae", likelihood="gaussian")
    return RunCache(folder)


def test_information_near_its_ceiling_is_said_to_be_and_none_below_it(run_cache):
    full = [replace_value(it, 6.8) if it.name == "mutual_information" else it for it in TERMS]
    assert any("log 1,000 = 6.91" in note for note in bound_notes(run_cache.run("vae"), full, 1000))
    assert not any("6.91" in note for note in bound_notes(run_cache.run("vae"), TERMS, 1000))


def replace_value(it, value):
    return replace(it, estimate=replace(it.estimate, value=value))


def test_a_gaussian_is_told_its_normaliser_and_grey_pixels_under_a_bernoulli_that_they_are_none(run_cache):
    loaded = run_cache.run("ae")
    # A squared error: sigma^2 = 1/2, so the constant is 32 log pi for 64 pixels.
    assert loaded.config.model.normaliser == pytest.approx(32 * np.log(np.pi))
    assert "-36.6 nats are its normaliser" in " ".join(bound_notes(loaded, [TERMS[0], TERMS[-1]], 100))
    greys = replace_config(run_cache.run("vae"), binarisation="none")
    assert "no log-likelihood" in pixels_note(greys)


def replace_config(loaded, **changes):
    class Changed:
        config = loaded.config.model_copy(update={"training": loaded.config.training.model_copy(update=changes)})

    return Changed


def test_a_posterior_that_misses_a_part_of_the_prior_is_said_to():
    assert "does not become tight" in support_note(model_config(posterior="uniform"))
    assert support_note(model_config()) == ""


@pytest.mark.parametrize(("is_high_worst", "worst", "best"), [(False, [4, 1], [3, 0]), (True, [4, 3], [1, 2])])
def test_extremes_are_the_ends_and_what_is_no_number_is_worst(is_high_worst, worst, best):
    values = np.array([3.0, 1.0, 2.0, 9.0, np.nan])
    found = extreme_rows(values, 2, is_high_worst=is_high_worst)
    assert [rows.tolist() for rows in found] == [worst, best]


def test_images_are_ranked_by_the_terms_of_their_encoded_set():
    class Encoded:
        reconstruction, kl = np.array([10.0, 20.0], np.float32), np.array([1.0, 2.0], np.float32)

    assert ranked_values(Encoded, "elbo").tolist() == [-11, -22]
    assert ranked_values(Encoded, "reconstruction").tolist() == [-10, -20]
    assert ranked_values(Encoded, "kl").tolist() == [1, 2]


def test_a_link_to_the_map_pins_the_image_once_and_looks_at_it():
    view = pinned_view(MapView(run="a", colour="kl"), 7)
    assert (view.run, view.colour, view.pin.row, view.index) == ("a", "kl", 7, 0)
    again = pinned_view(replace(view, active_pin=-1), 7)
    assert len(again.pins) == 1
    assert pinned_view(view, 8).pin.row == 8


def test_of_a_full_tray_the_last_pin_makes_room():
    pins = ()
    for row in range(MAX_PINS):
        pins = added(pins, Pin(row=row))
    with pytest.raises(ConfigError):
        added(pins, Pin(row=99))
    view = pinned_view(MapView(pins=pins), 99)
    assert len(view.pins) == MAX_PINS
    assert view.pin.row == 99


def test_the_verdict_counts_dimensions_by_the_way_in_which_they_are_off():
    rng = np.random.default_rng(0)
    uniform, low = rng.integers(100, size=(1000, 1)), rng.integers(50, size=(1000, 1))
    found = Calibration(ranks=np.hstack([uniform, low, uniform]), n_draws=99, seed=0)
    facts = [found.facts(dim) for dim in range(3)]
    assert verdict_words(facts) == "q(z|x) is not the true posterior: shifted in 1 of 3 dimensions"
    assert verdict_words(facts[:1]) == "No sign in 1 dimension that q(z|x) is not the true posterior"


def test_in_the_table_of_a_prior_of_each_class_every_bar_is_escaped():
    of_prior = term("aggregate_kl", 2.0, "KL(q(z) ‖ p(z))")
    table = terms_table([of_prior], model_config("cvae", prior="conditional"))
    assert r"| KL(q(z\|y) ‖ p(z\|y)) |" in table
