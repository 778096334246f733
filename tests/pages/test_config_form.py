import sys
from pathlib import Path
from typing import get_args

import pytest
from streamlit.testing.v1 import AppTest

from explorer.errors import ConfigError, DataError
from explorer.models.config import Family
from explorer.runs.choices import FIELDS, GROUPS, choices_of
from explorer.runs.presets import PRESETS
from explorer.ui.text import as_text
from explorer.ui.train import draft as drafts
from explorer.ui.train.field_widget import MAX_SEGMENT_CHARACTERS, field_key
from explorer.ui.train.fields import facts_of
from explorer.ui.train.form import IN_PLAIN_SIGHT
from tests.support import new_run, run_config

SCRIPT = Path(__file__).with_name("form_script.py")
WIDGETS = ("number_input", "text_input", "selectbox", "button_group")


@pytest.fixture(autouse=True)
def main_stays_what_it_is(monkeypatch):
    """AppTest puts its script in the place of the main module, which processes that later tests start would import."""
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("EXPLORER_CHECKPOINTS", str(tmp_path))
    return tmp_path


@pytest.fixture
def form(folder):
    """The form on the digits, with nothing chosen."""
    return shown_form({})


def shown_form(choices, data="digits"):
    test = AppTest.from_file(SCRIPT, default_timeout=30)
    test.session_state["no-estimate"] = True
    test.session_state["new-run"] = drafts.Draft(data, dict(choices))
    test.run()
    assert not test.exception
    return test


def widgets(form):
    """Every widget of the form, by the field or the part that it is for."""
    found = [widget for kind in WIDGETS for widget in form.get(kind)]
    names = [widget.key.removeprefix(field_key("")) for widget in found]
    assert len(set(names)) == len(names)
    return dict(zip(names, found, strict=True))


def take(form, name, value):
    widgets(form)[name].set_value(value).run()
    assert not form.exception
    return form


def press(form, preset):
    form.button(key=f"preset-{preset}").click().run()
    assert not form.exception
    return form


def returned(form):
    return form.session_state["returned"]


def captions(form):
    return [caption.value for caption in form.caption]


def errors(form):
    return errors_in(form)


def errors_in(part):
    return [line.value for line in part.markdown if line.value.startswith(":small[:red[")]


def fold_of(form, group):
    return next(fold for fold in form.expander if group in fold.label)


@pytest.mark.parametrize("family", get_args(Family))
def test_every_field_is_there_exactly_once(folder, family):
    assert widgets(shown_form({"family": family})).keys() == {*FIELDS, "data", "name"}


def test_what_matters_first_is_in_plain_sight_and_the_rest_is_under_its_group(form):
    folded = {group: [w.key for kind in WIDGETS for w in fold_of(form, group).get(kind)] for group in GROUPS}
    for group, names in folded.items():
        assert sorted(names) == sorted(field_key(name) for name in GROUPS[group] if name not in IN_PLAIN_SIGHT)
    assert {"family", "network", "latent_dim", "hidden", "epochs", "beta"} == IN_PLAIN_SIGHT


@pytest.mark.parametrize("name", FIELDS)
def test_a_widget_has_the_kind_of_its_field(form, name):
    widget, facts = widgets(form)[name], facts_of(name, FIELDS[name])
    assert widget.help == as_text(facts.help)
    if facts.kind in {"whole", "number"}:
        assert widget.step == pytest.approx(facts.step)
    if facts.kind == "choice":
        assert widget.type == (
            "button_group" if sum(map(len, facts.choices)) <= MAX_SEGMENT_CHARACTERS else "selectbox"
        )
        assert len(widget.options) == len(facts.choices)


IN_USE = [name for name in FIELDS if name not in drafts.checked(drafts.Draft("digits"), Path("no-runs")).idle]
LIMITED = [
    (name, end) for name in IN_USE for end in ("low", "high") if getattr(facts_of(name, FIELDS[name]), end) is not None
]


@pytest.mark.parametrize(("name", "end"), LIMITED)
def test_a_number_beyond_its_limits_is_told_at_its_field_and_makes_no_run(form, name, end):
    facts = facts_of(name, FIELDS[name])
    limit = getattr(facts, end)
    beyond = limit + (1 if end == "high" else -1) * (1 if facts.kind == "whole" else max(1.0, abs(limit)))
    take(form, name, beyond)
    assert returned(form) is None
    assert len(errors(form)) >= 1
    # A widget with limits of its own would keep on the screen what it refuses, and let a run start without it.
    assert widgets(form)[name].value == beyond


def test_without_choices_the_form_is_the_default_run(form):
    run = returned(form)
    assert choices_of(run.config) == {}
    assert (run.name, run.download, run.config.training.data) == ("digits-vae-2d", False, "digits")
    assert widgets(form)["name"].placeholder == "digits-vae-2d"


def test_a_choice_is_in_the_run_and_its_default_is_told(form):
    take(form, "latent_dim", 7)
    assert returned(form).config.model.latent_dim == 7
    assert returned(form).name == "digits-vae-7d"
    assert widgets(form)["latent_dim"].label == "Latent size :small[:gray[default 2]]"
    take(form, "latent_dim", None)
    assert returned(form).config.model.latent_dim == 2
    assert widgets(form)["latent_dim"].value == 2


def test_defaults_follow_the_family_where_nothing_was_chosen(form):
    take(form, "batch_size", 64)
    take(form, "family", "gan")
    assert widgets(form)["learning_rate"].value == 2e-4
    assert widgets(form)["activation"].value == "leaky-relu"
    assert widgets(form)["batch_size"].value == 64
    take(form, "family", "ae")
    assert widgets(form)["likelihood"].value == "gaussian"
    assert widgets(form)["activation"].value == "relu"
    assert returned(form).config.training.batch_size == 64


def test_what_changes_nothing_is_switched_off_with_what_it_is_for(form):
    rank = widgets(form)["rank"]
    assert rank.disabled
    assert rank.label == "Rank :small[:gray[for likelihood gaussian-low-rank]]"
    assert widgets(form)["ramp_epochs"].label == "Ramp epochs :small[:gray[for KL schedule warm-up or cyclic]]"
    take(form, "likelihood", "gaussian-low-rank")
    assert not widgets(form)["rank"].disabled


def test_the_objective_of_a_model_without_a_bound_is_switched_off_and_left_out(form):
    take(form, "beta", 4.0)
    take(form, "family", "ae")
    assert all(widgets(form)[name].disabled for name in GROUPS["Objective"])
    assert returned(form).config.training.objective.beta == 1
    take(form, "family", "vae")
    assert returned(form).config.training.objective.beta == 4


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("hidden", "12, x", "'12, x' is not a list of widths such as 512,256"),
        ("hidden", "5000", "Each number must be at most 4096."),
        ("learning_rate", 0.0, "It must be more than 0."),
        ("prior", "conditional", "a conditional prior p(z|y) needs classes, and a vae has none; use family 'cvae'"),
    ],
)
def test_an_error_is_at_its_field_and_there_is_no_run(form, name, value, message):
    take(form, name, value)
    assert returned(form) is None
    assert errors(form) == [f":small[:red[:material/error: {as_text(message)}]]"]
    group = next(group for group, fields in GROUPS.items() if name in fields)
    column = next(c for c in form.columns if any(w.key == field_key(name) for kind in WIDGETS for w in c.get(kind)))
    assert errors_in(column) == errors(form)
    if name not in IN_PLAIN_SIGHT:
        assert fold_of(form, group).proto.expanded


def test_a_combination_that_is_refused_is_told_where_it_can_be_mended(form):
    take(form, "estimator", "iwae")
    take(form, "beta", 2.0)
    assert returned(form) is None
    (error,) = errors(form)
    assert "the importance-weighted bound has no KL term of its own to weigh" in error
    take(form, "beta", 1.0)
    assert returned(form).config.training.objective.estimator == "iwae"


def test_a_name_that_is_taken_is_told(form, folder):
    new_run(folder / "mine")
    take(form, "name", "mine")
    assert returned(form) is None
    assert "There is a run called mine" in errors(form)[0]
    take(form, "name", "yours")
    assert returned(form).name == "yours"


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_fills_the_form(form, name):
    press(form, name)
    preset = PRESETS[name]
    config = returned(form).config
    values = config.model.model_dump() | config.training.model_dump() | config.training.objective.model_dump()
    assert {field: values[field] for field in preset.choices} == preset.choices
    assert config.training.data == (preset.data or "digits")
    assert as_text(preset.about) in captions(form)


def test_a_change_leaves_the_preset_and_pressing_it_again_brings_it_back(form):
    press(form, "conditional-digits")
    assert drafts.preset_of(form.session_state["new-run"]) == "conditional-digits"
    take(form, "epochs", 7)
    assert drafts.preset_of(form.session_state["new-run"]) is None
    assert "Your own choices" in " ".join(captions(form))
    press(form, "conditional-digits")
    assert drafts.preset_of(form.session_state["new-run"]) == "conditional-digits"
    assert widgets(form)["epochs"].value == 300


def test_pressing_the_chosen_preset_keeps_it(form):
    press(form, "conditional-digits")
    press(form, "conditional-digits")
    assert drafts.preset_of(form.session_state["new-run"]) == "conditional-digits"


def test_a_data_set_that_is_not_here_says_what_it_costs(form, monkeypatch, tmp_path):
    monkeypatch.setattr("explorer.data.catalogue.is_on_disk.__kwdefaults__", {"root": tmp_path})
    take(form, "data", "svhn")
    assert returned(form).download is True
    assert returned(form).config.model.image_shape == (3, 32, 32)
    assert any("Not on this machine" in caption and "246" in caption for caption in captions(form))


def test_cautions_are_told_in_time(form):
    take(form, "binarisation", "none")
    assert any("not a likelihood of the data" in caption for caption in captions(form))


def test_a_run_can_be_duplicated_with_changes(folder):
    config = run_config("cvae", prior="conditional", hidden=(24,), epochs=4)
    form = shown_form(choices_of(config))
    assert returned(form).config == config
    take(form, "epochs", 5)
    assert returned(form).config.training.epochs == 5
    assert returned(form).config.model == config.model


def test_the_form_is_filled_from_elsewhere(folder, monkeypatch):
    session = {}
    monkeypatch.setattr(drafts.st, "session_state", session)
    config = run_config("gan", hidden=(24,))
    drafts.prefill_with(config)
    draft = drafts.held_draft()
    assert drafts.checked(draft, folder).new_run.config == config
    drafts.prefill({"epochs": 9}, name="again")
    assert drafts.held_draft() == drafts.Draft("digits", {"epochs": 9}, "again")
    with pytest.raises(ConfigError, match="There is no setting 'epoch': use one of family,"):
        drafts.prefill({"epoch": 9})
    with pytest.raises(DataError, match="There is no data set 'mnits'"):
        drafts.prefill({}, data="mnits")


@pytest.mark.parametrize(("is_here", "preset"), [(True, "map-in-a-minute"), (False, "conditional-digits")])
def test_at_first_the_form_is_a_preset_that_can_begin_at_once(monkeypatch, is_here, preset):
    monkeypatch.setattr(drafts.st, "session_state", {})
    monkeypatch.setattr(drafts, "is_on_disk", lambda _: is_here)
    assert drafts.preset_of(drafts.held_draft()) == preset
