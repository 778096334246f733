"""Several processes that train one model: torch.distributed, with each batch shared between them.

Everything that a process must not do alone is a method of ``World``; in a world of one they do nothing, and nothing
else in the project asks how many there are.
"""

import gc
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from explorer.errors import ExplorerError, TrainingError
from explorer.objectives.share import Share, WholeBatch

PATIENCE = timedelta(minutes=30)
"""How long a process waits for the others before it gives up; the first one validates and writes meanwhile."""


@dataclass(frozen=True, slots=True)
class World:
    """The processes that train one model together, as one of them sees it.

    Attributes:
        rank: which of them this is, from 0.
        size: how many there are.
        device: where this one computes.
    """

    rank: int = 0
    size: int = 1
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))

    @property
    def is_first(self) -> bool:
        """Whether this process is the one that validates, writes and reports."""
        return self.rank == 0

    def share(self, n: int) -> Share:
        """Return this process's share of a batch of ``n`` rows."""
        return WholeBatch(n) if self.size == 1 else RankShare(n, self)

    def wrap(self, step: nn.Module, *, uses_all: bool = True) -> nn.Module:
        """Return ``step`` such that gradients of a loss it returns are the mean over all processes.

        Weights that need no gradient now take no part, now or later.

        Args:
            step: a module whose ``forward`` returns the loss.
            uses_all: whether the loss depends on every weight; where not, it is found out at each step.
        """
        if self.size == 1:
            return step
        return DistributedDataParallel(step, forward_sync_buffers=False, find_unused_parameters=not uses_all)

    def sum(self, numbers: Tensor) -> Tensor:
        """Return the sum of every process's ``numbers``, the same in each."""
        if self.size == 1:
            return numbers
        total = numbers.detach().clone()
        dist.all_reduce(total)
        return total

    def any(self, flag: bool) -> bool:
        """Return whether ``flag`` is true in any process."""
        return flag if self.size == 1 else bool(self.sum(torch.tensor(float(flag), device=self.device)))

    def agree(self, flag: bool) -> bool:
        """Return the first process's ``flag``."""
        return self.any(flag and self.is_first)

    def from_first(self, compute: Callable[[], Any]) -> Any:
        """Return what ``compute()`` returns in the first process, which must be something that JSON can hold.

        Raises:
            TrainingError: in the others, if it raises an ExplorerError there.
        """
        if self.size == 1:
            return compute()
        if not self.is_first:
            answer = json.loads(self._broadcast(b""))
            if "refused" in answer:
                raise TrainingError("The first process could not go on; its own message says why.")
            return answer["value"]
        try:
            value = compute()
        except ExplorerError:
            self._broadcast(b'{"refused": true}')
            raise
        self._broadcast(json.dumps({"value": value}).encode())
        return value

    def _broadcast(self, message: bytes) -> bytes:
        """Return the first process's ``message``."""
        length = torch.tensor([len(message)], device=self.device)
        dist.broadcast(length, src=0)
        content = torch.zeros(int(length), dtype=torch.uint8, device=self.device)
        if self.is_first:
            content.copy_(torch.frombuffer(bytearray(message), dtype=torch.uint8))
        dist.broadcast(content, src=0)
        return bytes(content.tolist())


@dataclass(frozen=True, slots=True)
class RankShare:
    """The rows of a batch of ``n`` that one process of ``world`` holds: a run of neighbours, about n / size.

    Where there are more processes than rows, some compute a row that another one holds, and it counts for nothing:
    densities and networks need not know batches without rows.
    """

    n: int
    world: World

    @property
    def is_whole(self) -> bool:
        """False."""
        return False

    @property
    def weight(self) -> float:
        """The batch's rows over the number of processes, which parts of a mean are scaled to."""
        return self.n / self.world.size

    @property
    def _first(self) -> int:
        return self.n * self.world.rank // self.world.size

    @property
    def _n_own(self) -> int:
        return self.n * (self.world.rank + 1) // self.world.size - self._first

    def own(self, rows: Tensor, dim: int = 0) -> Tensor:
        """Return this process's rows of all the batch's, which lie along ``dim``."""
        return rows.narrow(dim, self._first, max(self._n_own, 1))

    def joined(self, rows: Tensor) -> Tensor:
        """Return all rows of the batch from this process's; gradients reach these alone."""
        everyone = rows.new_zeros((self.n, *rows.shape[1:]))
        everyone[self._first : self._first + self._n_own] = rows[: self._n_own].detach()
        everyone = self.world.sum(everyone)
        return torch.cat([everyone[: self._first], rows, everyone[self._first + len(rows) :]])

    def mean(self, values: Tensor) -> Tensor:
        """Return this process's part of the batch's mean; the mean over processes of the parts is the mean."""
        return values[: self._n_own].sum(0) / self.weight

    def joint_mean(self, values: Tensor) -> Tensor:
        """Return the batch's mean itself, with the gradient of this process's part."""
        part = self.mean(values)
        return part + (self.world.sum(part) / self.world.size - part).detach()


@contextmanager
def joined_world(device: str) -> Iterator[World]:
    """Join the processes that torchrun started beside this one, or be alone; leave them at the end of the block.

    Args:
        device: cpu, cuda, cuda:N or mps. With several processes "cuda" is one GPU each.

    Raises:
        TrainingError: if this machine does not have the device, or another process ended while this one waited for it.
    """
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1:
        yield World(device=usable_device(device))
        return
    if device == "cuda":
        device = f"cuda:{os.environ['LOCAL_RANK']}"
    usable = usable_device(device)
    if usable.type == "cuda":
        torch.cuda.set_device(usable)
    dist.init_process_group("nccl" if usable.type == "cuda" else "gloo", timeout=PATIENCE)
    world = World(rank=dist.get_rank(), size=size, device=usable)
    try:
        yield world
        # Wrapped modules lie in cycles and hold the group, whose threads would then outlive it; one that asks for the
        # interpreter when that has ended aborts the process ("terminate called without an active exception"). Not after
        # a failure: torchrun is about to end this process too, and what it has to say comes first.
        gc.collect()
    except RuntimeError as error:
        if not _is_of_the_connection(error):
            raise
        raise TrainingError(
            f"Process {world.rank} of {size} ends: another one is no longer there ({str(error).splitlines()[0]}). "
            "The run is as it was last saved: start the same number of processes, or any other, with --run NAME."
        ) from error
    finally:
        dist.destroy_process_group()


def usable_device(name: str) -> torch.device:
    """Return the device called ``name`` (cpu, cuda, cuda:1, mps).

    Raises:
        TrainingError: if this machine does not have it.
    """
    try:
        device = torch.device(name)
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError) as error:
        n_gpus = torch.cuda.device_count()
        raise TrainingError(
            f"There is no device {name!r}: this machine has the cpu and {n_gpus} CUDA devices. Use --device cpu."
        ) from error
    return device


def _is_of_the_connection(error: RuntimeError) -> bool:
    """Whether a collective failed: torch raises what gloo and nccl say as plain RuntimeErrors."""
    text = str(error).lower()
    return isinstance(error, dist.DistError) or any(word in text for word in ("gloo", "nccl", "connection", "peer"))
