"""Folders of runs that others copied, cut or filled: each page opens, and what is damaged costs itself alone."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from explorer.analysis.projections.methods import pca
from explorer.runs.run import Run
from tests.support import encode_run, new_run

PAGES = ("", "interpolate", "generate", "compare", "evaluate", "train")
WITH_MODEL = ("", "interpolate", "generate", "compare", "evaluate")


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-9])


def rewritten(path: Path, change: Callable[[dict[str, np.ndarray]], None], **metadata: str) -> None:
    arrays = load_file(path)
    change(arrays)
    save_file(arrays, path, {"fingerprint": Run(path.parent).fingerprint(), "elbo": "-9.0"} | metadata)


def encoded(change: Callable[[dict[str, np.ndarray]], None], **metadata: str) -> Callable[[Path], None]:
    return lambda path: rewritten(path / "encoded.safetensors", change, **metadata)


def replaced(path: Path, before: str, after: str) -> None:
    text = path.read_text()
    assert text.count(before) == 1
    path.write_text(text.replace(before, after))


def pipe(file: str) -> Callable[[Path], None]:
    def make(path: Path) -> None:
        (path / file).unlink(missing_ok=True)
        os.mkfifo(path / file)

    return make


DAMAGE: dict[str, Callable[[Path], object]] = {
    "a-config-pipe": pipe("config.json"),
    "b-cut-encoded": lambda path: cut(path / "encoded.safetensors"),
    "c-no-weights": lambda path: (path / "weights.safetensors").unlink(),
    "d-weights-do-not-fit": lambda path: shutil.copy(
        path.parent / "whole-3d" / "weights.safetensors", path / "weights.safetensors"
    ),
    "e-other-width": encoded(lambda a: a.update({n: np.zeros((60, 3), np.float16) for n in ("mu", "log_var")})),
    "f-no-rows": encoded(lambda a: a.update({name: array[:0] for name, array in a.items()})),
    "g-huge-codes": encoded(lambda a: a.update(mu=np.full((60, 2), 3e38, np.float32))),
    "h-one-label": encoded(lambda a: a.update(labels=np.full(60, 3_000_000_000, np.uint32))),
    "i-no-bound": encoded(lambda a: a.update(kl=np.full(60, np.inf, np.float32)), elbo="nan"),
    "j-same-codes": encoded(lambda a: a.update(mu=np.ones((60, 2), np.float16))),
    "k-cut-map": lambda path: cut(path / "projections" / "pca.safetensors"),
    "l-odd-history": lambda path: (path / "history.jsonl").write_text("null\n3\n[1]\n{}\n" + "[" * 5000),
    "m-history-folder": lambda path: (path / "history.jsonl").mkdir(),
    "n-cut-columns": lambda path: (path / "columns.safetensors").write_bytes(b"{}"),
    "o-infinite-weights": lambda path: rewritten(
        path / "weights.safetensors", lambda a: next(iter(a.values())).__setitem__(0, np.inf)
    ),
    "p-classes-apart": encoded(lambda a: a.update(labels=np.full(60, 999, np.uint16))),
    "q-copied-job": lambda path: (path / "job.json").write_text('{"order":0,"queued_at":0,"epochs":100000}'),
    "r-older": lambda path: (shutil.rmtree(path), path.mkdir(), (path / "decoder.pt").write_bytes(b"PK")),
    "s (copy)": lambda path: None,
    "t-other-activation": lambda path: replaced(path / "config.json", '"activation": "relu"', '"activation": "tanh"'),
}
WITHOUT_MAP = {"b-cut-encoded", "e-other-width", "f-no-rows", "g-huge-codes", "h-one-label", "t-other-activation"}
UNUSABLE = {"a-config-pipe", "c-no-weights", "r-older", "s (copy)"}


@pytest.fixture(scope="module")
def damaged(tmp_path_factory) -> Path:
    """A folder of runs of which each is damaged in its own way, but for the last ones."""
    folder = tmp_path_factory.mktemp("damaged")
    new_run(folder / "whole-3d", latent_dim=3)
    whole = new_run(folder / "whole")
    encode_run(whole)
    whole.save_projection(pca(whole.encoded()))
    for name in DAMAGE:
        shutil.copytree(whole.path, folder / name)
    for name, damage in DAMAGE.items():
        damage(folder / name)
    return folder


@pytest.mark.parametrize("path", PAGES)
def test_a_page_opens_whatever_lies_in_the_folder(run_page, damaged, path):
    page = run_page(path, on=damaged)
    assert page.n_tracebacks() == 0
    assert not [alert for alert in page.alerts() if "damaged" in alert or "cannot be read" in alert]
    for name in UNUSABLE & set(DAMAGE) if path not in {"train", "compare"} else ():
        assert name in page.words().replace("\\", "")


@pytest.mark.parametrize("name", DAMAGE)
def test_what_is_wrong_with_a_run_is_told_where_it_is_chosen(run_page, damaged, name):
    for path in ("", "interpolate", "generate", "evaluate"):
        page = run_page(path, on=damaged, run=name)
        assert page.n_tracebacks() == 0
        if name in UNUSABLE or (name in WITHOUT_MAP and not path):
            assert page.alerts()


@pytest.mark.parametrize("name", [name for name in DAMAGE if name not in {"r-older", "s (copy)"}])
def test_training_of_a_damaged_run_is_looked_at_without_a_traceback(run_page, damaged, name):
    page = run_page("train", on=damaged, training_run=name)
    assert page.n_tracebacks() == 0
    if name == "l-odd-history":
        assert "5 lines of history.jsonl say nothing of an epoch" in page.words().replace("\\", "")
    if name == "q-copied-job":
        assert "queued" not in page.words()


@pytest.mark.parametrize("path", WITH_MODEL)
def test_without_a_run_every_page_says_how_to_make_one(run_page, tmp_path, path):
    page = run_page(path, on=tmp_path)
    assert page.n_tracebacks() == 0
    assert any("python -m explorer train --data digits" in alert for alert in page.alerts())


@pytest.mark.parametrize("path", WITH_MODEL)
def test_with_damaged_runs_alone_a_page_says_how_to_make_one(run_page, tmp_path, path):
    new_run(tmp_path / "a")
    (tmp_path / "a" / "config.json").write_text("{")
    page = run_page(path, on=tmp_path)
    assert page.n_tracebacks() == 0
    assert any("python -m explorer train --data digits" in alert for alert in page.alerts())


@pytest.mark.parametrize("path", PAGES)
def test_a_file_where_the_folder_of_runs_should_be_is_told_on_every_page(run_page, tmp_path, path):
    (tmp_path / "file").write_text("")
    page = run_page(path, on=tmp_path / "file")
    assert page.n_tracebacks() == 0
    assert any("Not a directory" in alert.replace("\\", "") for alert in page.alerts())


def test_damaged_columns_cost_the_columns_and_can_be_taken_away(run_page, damaged, tmp_path):
    shutil.copytree(damaged / "n-cut-columns", tmp_path / "run")
    page = run_page(on=tmp_path)
    assert page.component("latent-map")["points"]
    assert any("columns.safetensors" in alert.replace("\\", "") for alert in page.alerts())
    page.click("Remove them")
    assert not (tmp_path / "run" / "columns.safetensors").exists()
    assert page.alerts() == []
