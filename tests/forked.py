"""Processes that have torch from their first moment: a fork server imports it once, and not each of them in 7 s.

Such is one that is there to train, to be stopped or to be killed. Where the start of ``python -m explorer`` or torchrun
is itself the point, that is what a test starts.
"""

import gc
import multiprocessing
import os
import sys
from collections.abc import Callable, Mapping
from multiprocessing.process import BaseProcess
from pathlib import Path

PROCESSES = multiprocessing.get_context("forkserver")
# torch._dynamo is what the first optimiser of a process imports.
PROCESSES.set_forkserver_preload(
    [
        *("torch._dynamo", "torch.nn.parallel", "torchvision.datasets", "pyarrow.parquet"),
        *("sklearn.datasets", "sklearn.decomposition", "sklearn.manifold"),
        *("explorer.__main__", "explorer.training.trainer", "explorer.analysis.projections.methods"),
        *("tests.forked", "tests.support"),
    ]
)


def forked(
    log: Path, begin: Callable[..., object], *arguments: object, environment: Mapping[str, str] | None = None
) -> BaseProcess:
    """Start a process that does ``begin(*arguments)`` and adds to ``log`` what it says, on whichever stream.

    Args:
        log: a file.
        begin: something that can be imported.
        arguments: of ``begin``.
        environment: what is different for this process.
    """
    process = PROCESSES.Process(target=_begin, args=(log, environment or {}, begin, arguments), daemon=True)
    process.start()
    return process


def command_line(*arguments: str) -> None:
    """Do what ``python -m explorer`` does with these arguments."""
    from explorer.__main__ import main

    sys.argv = ["explorer", *arguments]
    main()


def _begin(
    log: Path, environment: Mapping[str, str], begin: Callable[..., object], arguments: tuple[object, ...]
) -> None:
    import torch

    os.environ.update(environment)
    torch.set_num_threads(1)
    with log.open("ab") as file:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
            os.dup2(file.fileno(), stream.fileno())
    gc.freeze()  # training collects garbage at its end, and need not look through torch for it
    begin(*arguments)
