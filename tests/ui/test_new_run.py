import pytest

from explorer.runs.presets import PRESETS
from explorer.ui.train.draft import Draft, checked, choose, preset_of
from tests.support import new_run


@pytest.fixture
def folder(tmp_path):
    return tmp_path


def fields_with_problems(draft, folder):
    return [problem.field for problem in checked(draft, folder).problems]


def test_a_draft_without_choices_is_a_run_with_every_default(folder):
    state = checked(Draft("digits"), folder)
    assert state.values == state.defaults
    assert (state.new_run.name, state.new_run.download) == ("digits-vae-2d", False)
    assert state.new_run.config.model.image_shape == (1, 8, 8)


def test_a_data_set_that_is_not_here_is_to_be_downloaded(folder, monkeypatch):
    monkeypatch.setattr("explorer.ui.train.draft.is_on_disk", lambda _: False)
    assert checked(Draft("svhn"), folder).new_run.download is True


@pytest.mark.parametrize("value", [None, "", 1e-3])
def test_the_default_itself_or_nothing_lets_a_field_follow_its_default_again(folder, value):
    draft = Draft("digits", {"learning_rate": 0.5})
    choose(draft, "learning_rate", value, folder)
    assert draft.choices == {}
    choose(draft, "family", "gan", folder)
    assert checked(draft, folder).new_run.config.training.learning_rate == 2e-4


def test_widths_are_chosen_as_they_are_written_and_told_where_they_cannot_be_read(folder):
    draft = Draft("digits")
    choose(draft, "hidden", "512,256", folder)
    assert draft.choices == {}
    choose(draft, "hidden", "64, 32", folder)
    assert checked(draft, folder).new_run.config.model.hidden == (64, 32)
    choose(draft, "hidden", "64 and 32", folder)
    state = checked(draft, folder)
    assert state.new_run is None
    assert state.at("hidden") == ["'64 and 32' is not a list of widths such as 512,256"]
    assert state.values["hidden"] == "64 and 32"


def test_a_name_that_is_taken_is_told_with_one_that_is_free(folder):
    new_run(folder / "digits-vae-2d")
    assert checked(Draft("digits"), folder).new_run.name == "digits-vae-2d-2"
    state = checked(Draft("digits", name="digits-vae-2d"), folder)
    assert state.new_run is None
    assert state.at("name") == ["There is a run called digits-vae-2d: use another name, such as digits-vae-2d-2."]


@pytest.mark.parametrize("name", ["../up", "a b", "-x"])
def test_a_name_that_no_folder_may_have_is_told(folder, name):
    (message,) = checked(Draft("digits", name=name), folder).at("name")
    assert "cannot name a run" in message


def test_a_run_that_starts_from_a_decoder_is_made_like_it(folder):
    new_run(folder / "origin", hidden=(16, 8), latent_dim=3, activation="tanh")
    state = checked(Draft("digits", {"decoder_from": "origin", "family": "gan"}), folder)
    model = state.new_run.config.model
    assert (model.family, model.hidden, model.latent_dim, model.activation) == ("gan", (16, 8), 3, "tanh")
    assert state.origins == ("origin",)
    assert state.defaults["hidden"] == (16, 8)


def test_what_does_not_fit_the_decoder_that_is_started_from_is_told_there(folder):
    new_run(folder / "origin", hidden=(16, 8))
    assert fields_with_problems(Draft("digits", {"decoder_from": "origin", "latent_dim": 9}), folder) == ["latent_dim"]
    assert fields_with_problems(Draft("mnist", {"decoder_from": "origin"}), folder) == ["decoder_from"]
    assert fields_with_problems(Draft("digits", {"decoder_from": "gone"}), folder) == ["decoder_from"]


def test_a_decoder_that_is_given_the_class_is_no_start_for_one_that_is_not(folder):
    new_run(folder / "plain")
    new_run(folder / "by-class", "cvae")
    assert checked(Draft("digits"), folder).origins == ("plain",)
    assert checked(Draft("digits", {"family": "cvae"}), folder).origins == ("by-class",)


@pytest.mark.parametrize("name", PRESETS)
def test_a_draft_is_a_preset_until_something_is_changed(folder, name):
    preset = PRESETS[name]
    draft = Draft(preset.data or "mnist", dict(preset.choices))
    assert preset_of(draft) == name
    assert checked(draft, folder).problems == []
    choose(draft, "seed", 1, folder)
    assert preset_of(draft) is None
