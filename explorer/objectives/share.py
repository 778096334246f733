"""The part of a batch that one process holds, where several train one model together."""

from dataclasses import dataclass
from typing import Protocol

from torch import Tensor


class Share(Protocol):
    """Rows of a batch that one process holds.

    A statistic of the whole batch is written once, against this interface, and is the same however many processes hold
    the batch between them.
    """

    @property
    def n(self) -> int:
        """Rows of the batch, over all processes."""

    @property
    def is_whole(self) -> bool:
        """Whether this process holds every row."""

    @property
    def weight(self) -> float:
        """Rows that a part returned by ``mean`` stands for: times this, the parts add up to the batch's sum."""

    def own(self, rows: Tensor, dim: int = 0) -> Tensor:
        """Return this process's rows of all the batch's, which lie along ``dim``."""

    def joined(self, rows: Tensor) -> Tensor:
        """Return all rows of the batch, ``(n, *)``, from this process's, ``(B, *)``; gradients reach these alone."""

    def mean(self, values: Tensor) -> Tensor:
        """Return this process's part of the batch's mean over the first dimension, ``(B, *)`` to ``(*,)``.

        The mean over processes of the parts is the mean over the batch, and so it is with their gradients.
        """

    def joint_mean(self, values: Tensor) -> Tensor:
        """Return the batch's mean itself, the same in every process, with the gradient of this process's part."""


@dataclass(frozen=True, slots=True)
class WholeBatch:
    """A batch of ``n`` rows that one process holds alone."""

    n: int

    @property
    def is_whole(self) -> bool:
        """True."""
        return True

    @property
    def weight(self) -> float:
        """The number of rows."""
        return self.n

    def own(self, rows: Tensor, dim: int = 0) -> Tensor:  # along any dimension all rows are its own
        """Return ``rows``."""
        return rows

    def joined(self, rows: Tensor) -> Tensor:
        """Return ``rows``."""
        return rows

    def mean(self, values: Tensor) -> Tensor:
        """Return the mean over the first dimension."""
        return values.mean(0)

    def joint_mean(self, values: Tensor) -> Tensor:
        """Return the mean over the first dimension."""
        return values.mean(0)
