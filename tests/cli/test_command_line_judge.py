"""The command that trains a judge: what it prints and leaves, and how it is refused or stopped."""

import json
import os
import signal
import time

from explorer.jobs.progress import Progress
from explorer.locations import SHIPPED
from explorer.runs.classifiers import classifier_path, read_classifier, read_facts
from tests.forked import command_line, forked

SECONDS = 120


def test_where_there_is_none_of_ones_own_the_shipped_judge_is_told_and_nothing_is_trained(command, tmp_path):
    status, out, messages = command("judge", "--data", "digits", "--json")
    facts = json.loads(out)
    assert status == 0
    assert facts["path"] == str(classifier_path("digits", SHIPPED))
    assert facts["accuracy"] == read_facts(classifier_path("digits", SHIPPED)).accuracy >= 0.97
    assert "There is one already; --again trains it anew" in messages
    assert list(tmp_path.iterdir()) == []


def test_a_judge_is_trained_stored_and_told_and_says_how_far_it_is(command, tmp_path):
    progress = tmp_path / "progress.json"
    status, out, _ = command("judge", "--data", "digits", "--again", "--seed", "4", "--progress", str(progress))
    path = classifier_path("digits", tmp_path)
    facts = read_classifier(path).facts
    assert status == 0
    assert (facts.seed, facts.n_test) == (4, 300)
    assert facts.accuracy >= 0.95
    assert f"The judge of digits is right on {facts.accuracy:.2%} of 300 test images" in out
    assert Progress.from_json(progress.read_text()).what == "counting its right answers"


def test_a_data_set_that_is_unknown_or_not_here_is_told_in_words(command, monkeypatch):
    assert command("judge", "--data", "letters")[0] == 1
    assert "There is no data set 'letters'; use one of digits" in command("judge", "--data", "letters")[2]


def test_a_judge_that_is_interrupted_leaves_nothing(tmp_path):
    progress = tmp_path / "progress.json"
    arguments = ("--data", "digits", "--again", "--checkpoints", str(tmp_path), "--progress", str(progress))
    process = forked(tmp_path / "messages", command_line, "judge", *arguments)
    deadline = time.monotonic() + SECONDS
    while not (progress.exists() and "epoch" in progress.read_text()):
        assert process.is_alive()
        assert time.monotonic() < deadline
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGTERM)
    process.join(SECONDS)
    messages = (tmp_path / "messages").read_text()
    assert process.exitcode == 1
    assert "The judge of digits was stopped before it was trained; nothing was stored" in " ".join(messages.split())
    assert not classifier_path("digits", tmp_path).exists()
