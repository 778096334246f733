"""A classifier's file: its round trip, where it is looked for, and what is said of a damaged one."""

import json
import os

import pytest
import torch
from pydantic import ValidationError
from safetensors.torch import load_file, save_file

from explorer.errors import CheckpointError
from explorer.models.classifier import Classifier
from explorer.runs.classifiers import (
    FOLDER,
    MAX_BYTES,
    ClassifierFacts,
    EvaluationClassifier,
    classifier_path,
    expected_seconds,
    find_classifier,
    n_epochs,
    read_classifier,
    read_facts,
    save_classifier,
)
from explorer.runs.listing import list_runs
from tests.support import new_run

FACTS = {"data": "digits", "image_shape": (1, 8, 8), "n_classes": 10, "n_test": 300, "n_right": 294, "seed": 3}


def classifier(**changes):
    facts = ClassifierFacts(**(FACTS | {"epochs": 2, "seconds": 1.5, "images": "0123456789abcdef"} | changes))
    torch.manual_seed(0)
    return EvaluationClassifier(facts=facts, network=Classifier(facts.image_shape, facts.n_classes).eval())


def rewritten(path, metadata, change=lambda weights: weights):
    save_file(change(load_file(path)), path, metadata)


def test_a_judge_comes_back_from_its_file_with_its_facts_and_judges_the_same(tmp_path):
    ours = classifier()
    read = read_classifier(save_classifier(tmp_path, ours))
    assert read.facts == ours.facts == read_facts(classifier_path("digits", tmp_path))
    assert read.facts.accuracy == 0.98
    x = torch.rand(5, 1, 8, 8)
    assert torch.equal(read.network(x), ours.network(x))
    assert not read.network.training
    assert not any(weight.requires_grad for weight in read.network.parameters())


def test_a_judge_takes_the_place_of_an_older_one_and_leaves_nothing_beside_it(tmp_path):
    save_classifier(tmp_path, classifier())
    path = save_classifier(tmp_path, classifier(n_right=300))
    assert read_facts(path).accuracy == 1
    assert [file.name for file in path.parent.iterdir()] == ["digits.safetensors"]


def test_a_folder_of_judges_is_no_run(tmp_path):
    new_run(tmp_path / "a")
    save_classifier(tmp_path, classifier())
    assert [entry.name for entry in list_runs(tmp_path)] == ["a"]


def test_a_judge_of_the_folder_of_runs_goes_before_the_shipped_one_which_serves_where_there_is_none(tmp_path):
    own, shipped = tmp_path / "own", tmp_path / "shipped"
    assert find_classifier("digits", own, shipped=shipped) is None
    theirs = save_classifier(shipped, classifier())
    assert find_classifier("digits", own, shipped=shipped) == theirs
    ours = save_classifier(own, classifier())
    assert find_classifier("digits", own, shipped=shipped) == ours
    assert find_classifier("mnist", own, shipped=shipped) is None


@pytest.mark.parametrize("data", ["../digits", "", "a/b", ".digits"])
def test_a_judge_is_never_looked_for_outside_its_folder(tmp_path, data):
    with pytest.raises(CheckpointError, match="cannot name"):
        find_classifier(data, tmp_path)


def cut(path):
    os.truncate(path, path.stat().st_size // 2)


def overlong(path):
    with path.open("ab") as file:
        file.truncate(MAX_BYTES + 1)


DAMAGES = {
    "cut": (cut, "is damaged: not a safetensors file"),
    "too large": (overlong, "at most 4,194,304 are read"),
    "gone": (lambda path: path.unlink(), "is missing"),
    "no facts": (lambda path: rewritten(path, {}), "holds no judge: it does not say whose"),
    "no json": (lambda path: rewritten(path, {"judge": "?"}), "holds no judge: Invalid JSON"),
    "too good": (
        lambda path: rewritten(path, {"judge": json.dumps(FACTS | {"epochs": 1, "seconds": 1, "n_right": 301})}),
        "n_right=301 is more than n_test=300",
    ),
    "later": (
        lambda path: rewritten(path, {"judge": json.dumps(FACTS | {"epochs": 1, "seconds": 1, "format_version": 2})}),
        "format_version: .* less than or equal to 1",
    ),
    "huge": (
        lambda path: rewritten(path, {"judge": json.dumps(FACTS | {"epochs": 1, "seconds": 1, "n_classes": 10**9})}),
        "n_classes: .* less than or equal to 1000",
    ),
    "other size": (
        lambda path: rewritten(path, {"judge": json.dumps(FACTS | {"epochs": 1, "seconds": 1, "n_classes": 11})}),
        "are not those of a judge of 11 classes",
    ),
    "other weights": (
        lambda path: rewritten(path, {"judge": classifier().facts.model_dump_json()}, lambda w: {"a": w["head.bias"]}),
        "are not those of a judge of 10 classes",
    ),
    "half precision": (
        lambda path: rewritten(
            path, {"judge": classifier().facts.model_dump_json()}, lambda w: {name: t.half() for name, t in w.items()}
        ),
        "are not those of a judge of 10 classes",
    ),
}


@pytest.mark.parametrize(("damage", "text"), DAMAGES.values(), ids=list(DAMAGES))
def test_a_damaged_judge_is_refused_with_what_to_do_next(tmp_path, damage, text):
    path = save_classifier(tmp_path, classifier())
    damage(path)
    with pytest.raises(CheckpointError, match=text) as refused:
        read_classifier(path)
    assert "python -m explorer judge --data digits --again" in str(refused.value)


def test_a_folder_that_cannot_be_made_is_said(tmp_path):
    (tmp_path / FOLDER).write_text("")
    with pytest.raises(CheckpointError, match=f"{FOLDER} could not be made|could not be written"):
        save_classifier(tmp_path, classifier())


@pytest.mark.parametrize(
    "changes", [{"n_classes": 1}, {"image_shape": (1, 8, 10**6)}, {"images": "xyz"}, {"n_test": 0}]
)
def test_facts_out_of_bounds_are_refused(changes):
    with pytest.raises(ValidationError):
        ClassifierFacts(**(FACTS | {"epochs": 1, "seconds": 1} | changes))


def test_a_small_data_set_is_seen_more_often_and_a_large_one_at_least_four_times():
    assert [n_epochs(n) for n in (10, 1297, 55_000, 119_800, 10**7)] == [60, 60, 7, 4, 4]


def test_more_images_and_larger_ones_take_longer():
    small, more, larger = (
        expected_seconds(*of) for of in ((1297, (1, 8, 8)), (55_000, (1, 28, 28)), (55_000, (3, 32, 32)))
    )
    assert small < more < larger
