"""Training from the app: what the form refuses, the queue, what is deleted and brought back, and what is wrong."""

import shutil

import pytest

from explorer.runs.run import Run
from explorer.training.jobs import training_jobs
from explorer.training.status import TrainingState, training_status
from explorer.ui.train import new_run as form_page
from explorer.ui.train.field_widget import field_key
from tests.conftest import SHIPPED_FOLDER
from tests.support import end_training, new_run

MANY = 5000


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder of runs of one's own, with a shipped one in it."""
    folder = tmp_path_factory.mktemp("runs")
    shutil.copytree(SHIPPED_FOLDER / "digits-vae-2d", folder / "digits-vae-2d")
    yield folder
    training_jobs(folder).close()


@pytest.fixture
def run_train(run_page, folder, monkeypatch):
    """Runs the page on that folder, without the process that estimates what a run takes."""
    monkeypatch.setattr(form_page, "training_estimate", lambda _: None)
    return lambda **query: run_page("train", on=folder, **query)


@pytest.fixture
def training(folder):
    """Ends what a test has started."""
    yield
    end_training(folder)


def fill(page, name, value):
    """Fill the field ``name`` of the form."""
    widgets = [*page.test.number_input, *page.test.text_input]
    (widget,) = [widget for widget in widgets if widget.key == field_key(name)]
    widget.set_value(value).run()


def can_start(page):
    (start,) = [button for button in page.test.button if button.label == "Start training"]
    return not start.disabled


def test_a_bad_field_is_refused_at_the_field(run_train):
    page = run_train().click("Conditional digits")
    fill(page, "hidden", "wide")
    assert "'wide' is not a list of widths such as 512,256" in page.words()
    assert not can_start(page)
    fill(page, "hidden", "32")
    assert "'wide' is not a list of widths" not in page.words()
    assert can_start(page)
    fill(page, "name", "digits-vae-2d")
    assert "There is a run called digits-vae-2d" in page.words()
    assert not can_start(page)
    assert page.n_tracebacks() == 0


@pytest.mark.usefixtures("training")
def test_a_second_run_waits_for_the_first_and_can_be_taken_out_of_the_queue(run_train, folder):
    for name in ("one", "two"):
        page = run_train().click("Conditional digits")
        fill(page, "name", name)
        fill(page, "epochs", MANY)
        page.click("Start training")
        assert page.query["training_run"] == name
    page.until("Waits for one to end.")
    # The form that it was made by does not hold its name.
    page.test.button(key="new-run-button").click().run()
    assert [heading.value for heading in page.test.subheader] == ["Train a new model"]
    assert page.test.text_input(key=field_key("name")).value == ""
    assert "There is a run called" not in page.words()
    page = run_train(training_run="two").click("Take out of the queue")
    assert "Start" in page.labels("button")
    assert training_status(Run(folder / "two")).state is TrainingState.UNTRAINED
    assert page.n_tracebacks() == 0


def test_a_deleted_run_is_brought_back_by_undo(run_train, folder):
    page = run_train(training_run="digits-vae-2d").click("Delete")
    assert page.alerts() == ["digits-vae-2d was deleted. It is kept for seven days."]
    assert not (folder / "digits-vae-2d").exists()
    page.click("Undo")
    assert page.query["training_run"] == "digits-vae-2d"
    assert "Delete" in page.labels("button")
    assert (folder / "digits-vae-2d" / "weights.safetensors").exists()
    assert page.n_tracebacks() == 0


def test_a_collapse_is_told_with_remedies_that_fill_the_form(run_train, folder):
    run = new_run(folder / "collapsed", latent_dim=4)
    kl = {"kl": 0.01, "kl_per_dimension": [0.002] * 4, "mutual_information": 0.0, "active_units": 0}
    validation = {"log_likelihood": -30.0, "elbo": -30.01, "objective": -30.01, **kl}
    epoch = {"seconds": 1.0, "train": validation, "validation": validation, "beta": 1.0}
    run.save_history([{"epoch": number, **epoch} for number in range(1, 13)])
    page = run_train(training_run="collapsed")
    assert "**Posterior collapse.**" in page.words()
    page.click("Aggressive encoder updates")
    assert can_start(page)
    assert "training_run" not in page.query
    assert "A new run like collapsed, which stays as it is, but with em = aggressive." in page.words()
    assert page.test.number_input(key=field_key("latent_dim")).value == 4
    assert page.n_tracebacks() == 0


def test_a_run_that_does_not_exist_is_told_and_the_form_shown(run_train):
    page = run_train(training_run="nowhere")
    assert "There is no run called nowhere" in page.alerts()[0]
    assert "Start training" in page.labels("button")
    assert page.n_tracebacks() == 0
