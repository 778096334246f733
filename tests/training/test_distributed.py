"""Several processes train what one process trains, with real processes."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from explorer.analysis.coding import encode_split
from explorer.errors import TrainingError
from explorer.locations import ROOT
from explorer.objectives.share import WholeBatch
from explorer.runs.run import Run
from explorer.runs.tables import write_codes
from explorer.training.distributed import RankShare, World, joined_world
from explorer.training.trainer import Trainer
from tests.forked import command_line, forked
from tests.support import digits, fresh_run, run_config
from tests.training.ranks import train_all
from tests.training.test_resume import MODELS

TRAIN, VALIDATION = digits("train", 150), digits("validation", 50)
# 150 images in batches of 32: the last batch has 22, which three processes cannot share evenly.
SETTINGS = {"epochs": 2, "batch_size": 32, "seed": 5}
FURTHER = {
    "batch-mean free bits": {"objective": {"free_bits": "batch-mean", "free_nats": 0.05}},
    "batches of 2": {"batch_size": 2, "epochs": 1},
    "clipped, per presentation": {"max_gradient_norm": 0.5, "binarisation": "per-presentation"},
}
RUNS = {name.replace(", ", "-").replace(" ", "-"): changes for name, changes in (MODELS | FURTHER).items()}


class Ranks:
    """Processes that train together, as torchrun would start them. It ends what is left; these must end by themselves.

    Args:
        n: of them.
        log: the file of what all of them say.
        begin: what each does.
        arguments: of ``begin``.
    """

    def __init__(self, n: int, log: Path, begin: Callable[..., object], *arguments: str) -> None:
        with socket.socket() as free:
            free.bind(("localhost", 0))
            port = str(free.getsockname()[1])
        shared = {"WORLD_SIZE": str(n), "MASTER_ADDR": "localhost", "MASTER_PORT": port}
        self.log = log
        self.processes = [
            forked(log, begin, *arguments, environment=shared | {"RANK": str(rank), "LOCAL_RANK": str(rank)})
            for rank in range(n)
        ]

    def ended(self, seconds: float = 300) -> tuple[str, list[int | None]]:
        """What they said, and the exit status of each; whatever is left of them is killed."""
        end = time.monotonic() + seconds
        for process in self.processes:
            process.join(max(0.0, end - time.monotonic()))
        statuses = [process.exitcode for process in self.processes]
        for process in self.processes:
            process.kill()
            process.join()
        return self.log.read_text(), statuses


@pytest.fixture(scope="module")
def alone(tmp_path_factory) -> dict[str, Run]:
    folder = tmp_path_factory.mktemp("alone")
    runs = {name: fresh_run(folder / name, run_config(**SETTINGS | changes), TRAIN) for name, changes in RUNS.items()}
    for run in runs.values():
        Trainer(run, TRAIN, VALIDATION).fit()
    return runs


@pytest.fixture(scope="module", params=[2, 3])
def together(request, tmp_path_factory) -> Path:
    """The folder of the same runs, trained by two or three processes."""
    folder = tmp_path_factory.mktemp("together")
    for name, changes in RUNS.items():
        fresh_run(folder / name, run_config(**SETTINGS | changes), TRAIN)
    for name in ("vae", "gan", "aggressive"):
        fresh_run(folder / f"{name}-stopped", run_config(**SETTINGS | RUNS[name]), TRAIN)
    log = tmp_path_factory.mktemp("messages") / "log"
    output, statuses = Ranks(request.param, log, train_all, str(folder)).ended()
    assert statuses == [0] * request.param, output
    return folder


def weights_apart(first: Run, second: Run) -> float:
    """The greatest difference of a weight, where training stands."""
    (tensors, _), (others, _) = first.state(), second.state()
    assert tensors.keys() == others.keys()
    weights = [name for name in tensors if name.startswith("model.")]
    return max(float((tensors[name] - others[name]).abs().max()) for name in weights)


@pytest.mark.parametrize("name", RUNS)
def test_processes_train_what_one_process_trains(alone, together, name):
    run = Run(together / name)
    assert weights_apart(run, alone[name]) < 1e-5
    assert_same_history(run, alone[name], 1e-5)


def assert_same_history(run: Run, expected: Run, tolerance: float) -> None:
    for record, other in zip(run.history(), expected.history(), strict=True):
        for part in ("train", "validation"):
            assert record[part].keys() == other[part].keys()
            for quantity, value in other[part].items():
                assert record[part][quantity] == pytest.approx(value, rel=tolerance, abs=tolerance), (part, quantity)


@pytest.mark.parametrize("name", ["vae", "gan", "aggressive"])
def test_processes_that_stop_when_the_first_one_says_so_go_on_as_if_they_had_not(together, name):
    stopped, whole = Run(together / f"{name}-stopped"), Run(together / name)
    # Not to the bit with three: buckets of gradients are cut anew after a start, and added up in another order.
    assert weights_apart(stopped, whole) < 1e-6
    assert_same_history(stopped, whole, 1e-5)


def test_the_command_line_under_torchrun_makes_one_run_and_says_everything_once(tmp_path):
    arguments = ["--data", "digits", "--epochs", "1", "--name", "shared", "--checkpoints", str(tmp_path)]
    launch = ["torch.distributed.run", "--standalone", "--nproc_per_node=2", "-m", "--", "explorer", "train"]
    done = subprocess.run(
        [sys.executable, "-m", *launch, *arguments],
        cwd=ROOT,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
        check=False,
    )
    output = done.stdout
    assert done.returncode == 0, output
    assert output.count("epoch   1") == 1
    assert output.count("Trained shared for 1 epochs") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["shared"]
    assert len(Run(tmp_path / "shared").encoded()) == 300


@pytest.mark.parametrize(("size", "posterior"), [(2, "gamma"), (3, "normal")])
def test_parts_that_processes_write_are_together_what_one_process_writes(tmp_path, size, posterior):
    # 1,297 training images are two batches: the first of three processes has none.
    run = fresh_run(tmp_path / "run", run_config(posterior=posterior, binarisation="fixed"), TRAIN)
    whole = encode_split(run.model(), digits("train"), is_binary=True, fingerprint="")
    write_codes(tmp_path / "whole.parquet", whole)
    arguments = ("run", "--split", "train", "--checkpoints", str(tmp_path), "--out", str(tmp_path / "parts"))
    output, statuses = Ranks(size, tmp_path / "log", command_line, "encode", *arguments).ended()
    assert statuses == [0] * size, output
    assert output.count(f"Encoded 1,297 images -> {size} parts") == 1
    parts = sorted((tmp_path / "parts").iterdir())
    assert [path.name for path in parts] == [f"part-{k:05d}-of-{size:05d}.parquet" for k in range(size)]
    tables = [pq.read_table(path) for path in parts]
    assert pa.concat_tables(tables).equals(pq.read_table(tmp_path / "whole.parquet"))
    assert sorted(table.num_rows for table in tables) == [0] * (size - 2) + [297, 1000]


def test_a_refusal_of_the_first_process_ends_all_of_them_in_words(tmp_path):
    arguments = ("--data", "no-such-data", "--checkpoints", str(tmp_path))
    output, statuses = Ranks(2, tmp_path / "log", command_line, "train", *arguments).ended(90)
    assert statuses == [1, 1]
    assert output.count("Error: There is no data set 'no-such-data'") == 1
    assert output.count("Error: The first process could not go on; its own message says why.") == 1
    assert "Traceback" not in output


def test_a_process_that_is_killed_ends_all_of_them_and_the_run_can_be_gone_on_with(tmp_path):
    config = run_config(epochs=500, batch_size=32, seed=5)
    run = fresh_run(tmp_path / "run", config, digits("train"))
    arguments = ("--run", str(run.path), "--checkpoints", str(tmp_path))
    ranks = Ranks(2, tmp_path / "log", command_line, "train", *arguments)
    wait_until(lambda: len(run.history()) >= 2)
    ranks.processes[1].kill()
    output, statuses = ranks.ended(90)
    assert statuses == [1, -signal.SIGKILL]
    assert "Process 0 of 2 ends: another one is no longer there" in output
    n = len(Run(run.path).history())
    assert 2 <= n < 500
    trainer = Trainer(Run(run.path), digits("train"), digits("validation"))
    assert trainer.epoch in (n, n - 1)


def wait_until(condition, seconds: float = 60) -> None:
    """Wait, and fail rather than wait for ever."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_shares_of_a_batch_are_its_rows_in_order_each_once():
    rows = torch.arange(23)
    for size in (2, 3, 7, 23, 40):
        own = [RankShare(23, World(rank, size)).own(rows) for rank in range(size)]
        # With more processes than rows some hold a row of another, but none holds nothing.
        assert all(len(part) > 0 for part in own)
        assert torch.equal(torch.cat(own).unique_consecutive(), rows)


def test_parts_of_a_mean_average_to_the_mean_and_weigh_up_to_the_sum():
    values = torch.rand(23, 4, dtype=torch.float64)
    for size in (1, 2, 3, 7, 40):
        shares = [World(rank, size).share(23) for rank in range(size)]
        parts = torch.stack([share.mean(share.own(values)) for share in shares])
        torch.testing.assert_close(parts.mean(0), values.mean(0), rtol=1e-12, atol=0)
        weighed = sum(part * share.weight for part, share in zip(parts, shares, strict=True))
        torch.testing.assert_close(weighed, values.sum(0), rtol=1e-12, atol=0)


def test_a_world_of_one_holds_every_batch_whole_and_asks_nobody():
    world = World()
    assert world.share(5) == WholeBatch(5)
    assert world.share(5).is_whole
    assert (world.any(True), world.agree(False), world.is_first) == (True, False, True)
    assert world.from_first(lambda: {"a": [1.5, None]}) == {"a": [1.5, None]}
    assert torch.equal(world.sum(torch.ones(2)), torch.ones(2))


def test_a_device_that_is_not_there_is_refused_in_words():
    with pytest.raises(TrainingError, match="There is no device 'cuda:99'"), joined_world("cuda:99"):
        pass


def test_json_keeps_what_processes_tell_each_other():
    # Figures of validation travel as JSON: every double must come back as it was, and what is no number too.
    figures = [0.1, 1 / 3, 1e-300, float("inf")]
    assert json.loads(json.dumps(figures)) == figures
