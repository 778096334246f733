"""What a page says of something that takes a while: offered, refused, under way, cancelled, failed, there."""

import re
import shutil
import sys
import threading
from pathlib import Path

import pytest

from explorer.jobs.process_queue import MAX_WAITING, Jobs
from explorer.jobs.threads import BackgroundTasks
from explorer.runs.classifiers import classifier_path
from explorer.ui import tasks
from tests.conftest import SHIPPED_FOLDER

RUN, RIVAL = "digits-cvae-2d", "digits-ae-2d"
SECONDS = 60
# A command that ends once a file is there: well by ``go``, badly by ``fail``.
PROGRAM = """
import sys, time
from pathlib import Path
place = Path(sys.argv[1])
while not (place / "go").exists():
    if (place / "fail").exists():
        sys.exit("Error: The disk is full.")
    time.sleep(0.01)
"""


@pytest.fixture
def folder(tmp_path):
    """Two runs without maps or numbers, and a classifier that is damaged."""
    without = shutil.ignore_patterns("measures", "projections")
    for name in (RUN, RIVAL):
        shutil.copytree(SHIPPED_FOLDER / name, tmp_path / name, ignore=without)
    path = classifier_path("digits", tmp_path)
    path.parent.mkdir()
    path.write_bytes(b"no judge")
    return tmp_path


@pytest.fixture
def commands(monkeypatch, tmp_path_factory):
    """The queue of the app, whose commands end when the folder that is returned holds a file ``go`` or ``fail``."""
    place: Path = tmp_path_factory.mktemp("place")
    jobs = Jobs(max_running=1, program=(sys.executable, "-c", PROGRAM, str(place)))
    monkeypatch.setattr(tasks, "jobs_of_app", lambda: jobs)
    place_of = {"jobs": jobs, "folder": place}
    yield place_of
    jobs.close()


class Recording(BackgroundTasks):
    """Tasks that are all remembered."""

    def __init__(self):
        super().__init__()
        self.asked = []

    def ask(self, key, work):
        task = super().ask(key, work)
        if task not in self.asked:
            self.asked.append(task)
        return task


@pytest.fixture
def held_thread(monkeypatch):
    """The thread of queries, busy until the event that is returned is set; ``event.asked`` are its tasks, in order."""
    threads, event = Recording(), threading.Event()
    event.asked = threads.asked
    monkeypatch.setattr("explorer.jobs.threads.background_tasks", lambda: threads)
    monkeypatch.setattr(tasks, "background_tasks", lambda: threads)
    threads.ask("busy", lambda tell, stop: event.wait(SECONDS))
    yield event
    event.set()


def fill(jobs: Jobs, n: int) -> None:
    for number in range(n):
        jobs.start(f"other-{number}", "another", [])


def says(page, pattern: str) -> bool:
    """Whether a line of the page begins so."""
    return re.search(f"^{pattern}", page.words(), re.MULTILINE) is not None


def buttons(page) -> dict[str, str]:
    """The page's buttons: the key of each label."""
    return {button.label: button.key for button in page.test.button}


def test_a_map_is_computed_cancelled_and_tried_again(run_page, folder, commands):
    page = run_page(run=RUN, on=folder).choose("Map", "pacmap")
    assert says(
        page, r"\*\*PaCMAP\*\* is being computed: starting. \d+ s so far, (about .+ left \(an estimate\)|longer)"
    )
    assert "space" not in page.query
    assert buttons(page)["Cancel"] == f"cancel-{RUN}/pacmap"
    another = run_page("interpolate", run=RUN, on=folder)
    assert "**PaCMAP** is being computed" in another.words(), "every session sees it"
    page.click("Cancel")
    assert says(page, r"PaCMAP was cancelled after \d+ s; nothing was stored\.")
    assert "PaCMAP was cancelled" not in another.run().words(), "who did not ask is not told"
    page.click("Try again")
    assert "**PaCMAP** is being computed" in page.words()
    page.click("Cancel").click("Dismiss")
    assert page.alerts() == []


def test_a_map_that_fails_says_why_and_one_that_waits_for_how_many(run_page, folder, commands):
    fill(commands["jobs"], 2)
    page = run_page(run=RUN, on=folder).choose("Map", "umap")
    assert "**UMAP** waits for 2 other computations. The map stays as it is until then." in page.words()
    commands["jobs"].cancel("other-1")
    assert "**UMAP** waits for 1 other computation. The map" in page.run().words()
    (commands["folder"] / "fail").touch()
    page.until("**UMAP could not be computed.** The disk is full.")
    assert {"Try again", "Dismiss"} <= set(buttons(page))


def test_a_map_that_cannot_be_started_says_so_until_it_is_dismissed_or_another_is_chosen(run_page, folder, commands):
    fill(commands["jobs"], MAX_WAITING + 1)
    page = run_page(run=RUN, on=folder).choose("Map", "tsne")
    (said,) = page.alerts()
    assert said.startswith(f"**Not started.** t-SNE of {RUN} was not started: {MAX_WAITING} computations wait already")
    assert page.run().alerts() == [said], "it stays"
    assert page.choose("Map", "pca").alerts() == []
    page.choose("Map", "tsne").click("Dismiss")
    assert page.alerts() == []


def test_a_link_to_a_map_starts_nothing_and_offers_it(run_page, folder, commands):
    page = run_page(run=RUN, space="umap", on=folder)
    (said,) = page.alerts()
    assert said.startswith(f"The link asks for UMAP, which was not computed for {RUN} yet. It takes about ")
    assert commands["jobs"].status(f"{RUN}/umap") is None
    page.click("Compute UMAP")
    assert page.alerts() == []
    assert "**UMAP** is being computed" in page.words()


def test_a_comparison_is_offered_measured_cancelled_and_told_of_to_who_asked(run_page, folder, commands):
    def compare():
        return run_page("compare", compare=f"{RUN},{RIVAL}", question="numbers", on=folder)

    page = compare()
    assert page.alerts()[0].startswith("Numbers with intervals, of 2 models: about ")
    page.click("Measure")
    assert says(page, r"Measuring: starting. \d+ s so far, about \d+ s left\.")
    assert "Measure" not in buttons(page)
    assert buttons(page)["Cancel"] == "cancel-comparison"
    page.click("Cancel")
    assert page.alerts()[0] == "Measuring was cancelled. Runs that were measured by then need not be measured again."
    assert "Measuring was cancelled" not in compare().words()
    (commands["folder"] / "fail").touch()
    page.click("Measure").until("The runs could not all be measured. The disk is full.")


def test_a_judge_is_offered_trained_cancelled_and_refused(run_page, folder, commands):
    page = run_page("generate", run=RUN, on=folder)
    assert "A judge, a small classifier trained on digits, says which class" in page.alerts()[0]
    assert buttons(page)["Train the judge"] == "train-judge-digits"
    page.click("Train the judge")
    assert says(page, r"\*\*The judge of digits\*\* is being trained: starting. \d+ s so far, about \d+ s left\.")
    assert buttons(page)["Cancel"] == "cancel-judge/digits"
    page.click("Cancel")
    assert page.alerts()[0] == "Training the judge was cancelled; nothing was stored."
    fill(commands["jobs"], MAX_WAITING + 1)
    page.click("Train the judge")
    assert page.alerts()[0].startswith("the judge of digits was not started")


def test_an_evaluation_begins_at_once_and_is_cancelled_and_begun_again(run_page, held_thread):
    page = run_page("evaluate", run=RUN)
    assert "The bound: waiting for its turn" in page.words()
    assert buttons(page)["Cancel"] == "inquiry-cancel"
    page.click("Cancel")
    assert "**The bound** is not here. It was cancelled." in page.words()
    assert buttons(page)["Compute it"] == "inquiry-again"
    assert "The bound: waiting" in page.click("Compute it").words()
    held_thread.set()
    page.until("The ELBO, a **lower bound**")
    assert "Cancel" not in buttons(page)


def test_who_looks_at_another_part_cancels_what_waited(run_page, held_thread):
    page = run_page("evaluate", run=RUN)
    page.choose("What to evaluate", "calibration")
    assert "Calibration: waiting for its turn" in page.words()
    busy, bound, calibration = held_thread.asked
    assert [task.is_cancelled for task in (busy, bound, calibration)] == [False, True, False]


def test_a_geodesic_and_a_sweep_are_cancelled_and_begun_again(run_page, held_thread):
    page = run_page("interpolate", run=RUN, pins="A=row:3;B=row:5")
    assert "Geodesic: waiting for its turn" in page.words()
    assert buttons(page)["Cancel"] == "geodesic-cancel"
    page.click("Cancel")
    assert "**Geodesic** is not here. It was cancelled." in page.words()
    assert buttons(page)["Compute it"] == "geodesic-again"
    assert "Geodesic: waiting" in page.click("Compute it").words()
    page = run_page("compare", compare=f"{RUN},{RIVAL}", question="spaces")
    keys = [button.key for button in page.test.button if button.label == "Cancel"]
    assert keys == [f"sweep-{name}-cancel" for name in (RUN, RIVAL)]
    page.test.button(keys[1]).click().run()
    assert f"**{RIVAL}** has no sweep. It was cancelled." in page.words()
    assert f"{RUN}: waiting for its turn" in page.words()
    assert buttons(page)["Try again"] == f"sweep-{RIVAL}-again"
    assert f"{RIVAL}: waiting for its turn" in page.click("Try again").words()
    held_thread.set()
    page.until(" places swept", n=2)
