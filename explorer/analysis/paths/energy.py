"""The energy of a curve of codes in a decoder's metric, and its first and second derivatives.

A curve is T points at equal times, and its energy that of the images' differences. Nothing here knows models: a decoder
is any function of codes that torch can differentiate.
"""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

Decoder = Callable[[Tensor], Tensor]
"""From codes ``(T, L)`` to what is measured, ``(T, D)``; each row by itself."""

LEAST_CURVATURE = 1e-30
MAX_TANGENTS = 4096
"""Tangents that are carried through the decoder at once: what bounds the memory."""


def curve_energy(g: Decoder, z: Tensor, *, pieces: int = 1) -> float:
    """Return the energy 1/2 sum_k |g(z_{k+1}) - g(z_k)|^2 / dt of a curve ``(T, L)`` walked in unit time.

    With ``pieces`` it is that of the same polyline with so many images to each piece.
    """
    with torch.inference_mode(False), torch.no_grad():
        return of_images(g(refined(z, pieces)))


def refined(z: Tensor, pieces: int) -> Tensor:
    """Return a polyline ``(T, L)`` with each piece cut into ``n = pieces`` equal ones, shape ``((T - 1) n + 1, L)``."""
    share = (torch.arange(pieces, device=z.device) / pieces).to(z.dtype)[:, None]
    cut = (1 - share) * z[:-1, None] + share * z[1:, None]
    return torch.cat([cut.flatten(0, 1), z[-1:]])


def energy_and_slope(g: Decoder, z: Tensor, *, pieces: int = 1) -> tuple[float, Callable[[], Tensor]]:
    """Return the energy of a curve ``(T, L)``, and what gives its gradient by the inner points, ``(T - 2, L)`` float64.

    The gradient is one product of the decoder's Jacobian, transposed, with the bends of the images.
    """
    # By their numbers: torch's annotation counts a third, which only has_aux adds.
    product = torch.func.vjp(lambda points: g(refined(points, pieces)), z)
    images, transposed = product[0], product[1]

    def gradient() -> Tensor:
        change = (len(images) - 1) * images.diff(dim=0)
        bends = torch.cat([-change[:1], -change.diff(dim=0), change[-1:]])
        slope: Tensor = transposed(bends)[0]
        return slope[1:-1].double()

    return of_images(images), gradient


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Curvature:
    """Second derivatives of the energy by its P = T - 2 inner points, as Gauss and Newton have them, in float64.

    Attributes:
        diagonal: by one point, 2 J_k^T J_k / dt, shape ``(P, L, L)``.
        above: by a point and the next, -J_k^T J_{k+1} / dt, shape ``(P - 1, L, L)``.
    """

    diagonal: Tensor
    above: Tensor

    def damped(self, damping: float) -> "Curvature":
        """Return it with this share of its mean added to each second derivative."""
        # Where the decoder is constant there is no curvature to damp; any then gives the zero step.
        mean = max(float(self.diagonal.diagonal(dim1=1, dim2=2).mean()), LEAST_CURVATURE)
        eye = torch.eye(self.diagonal.shape[-1], dtype=self.diagonal.dtype, device=self.diagonal.device)
        return Curvature(diagonal=self.diagonal + damping * mean * eye, above=self.above)


def curvature(g: Decoder, z: Tensor) -> Curvature:
    """Return the energy's Gauss-Newton curvature at a curve ``z``, shape ``(T, L)``."""
    n_pieces = len(z) - 1
    inner = [row.double() for row in jacobians(g, z)[1:-1]]
    return Curvature(
        diagonal=torch.stack([2 * n_pieces * row @ row.T for row in inner]),
        above=torch.stack([-n_pieces * row @ following.T for row, following in pairwise(inner)] or [inner[0][:, :0]]),
    )


def jacobians(g: Decoder, z: Tensor) -> Tensor:
    """Return the transposed Jacobian of ``g`` at each code of ``z``, ``(T, L)``, shape ``(T, L, D)``."""

    def along(direction: Tensor) -> Tensor:
        change: Tensor = torch.func.jvp(g, (z,), (direction.expand_as(z),))[1]
        return change

    eye = torch.eye(z.shape[1], dtype=z.dtype, device=z.device)
    # Every code moves along the same direction at once: codes do not mix, so one product gives a column of all T.
    with warnings.catch_warnings():
        # torch itself loads its forward mode through what it has deprecated, as its page on torch.func.jvp says.
        warnings.filterwarnings("ignore", message=".*torch.jit.script", category=FutureWarning)
        columns: Tensor = torch.func.vmap(along, chunk_size=max(1, MAX_TANGENTS // len(z)))(eye)
    return columns.transpose(0, 1)


def solve_block_tridiagonal(diagonal: Tensor, above: Tensor, right: Tensor) -> Tensor:
    """Return x, shape ``(P, L)``, of A x = right for a symmetric, positive definite, block-tridiagonal A.

    Args:
        diagonal: its diagonal blocks, shape ``(P, L, L)``.
        above: the blocks above them, shape ``(P - 1, L, L)``; those below are their transposes.
        right: shape ``(P, L)``.
    """
    factors, rests = [torch.linalg.cholesky(diagonal[0])], [right[0]]
    for k in range(1, len(diagonal)):
        solved = torch.cholesky_solve(torch.cat([above[k - 1], rests[-1][:, None]], dim=1), factors[-1])
        factors.append(torch.linalg.cholesky(diagonal[k] - above[k - 1].T @ solved[:, :-1]))
        rests.append(right[k] - above[k - 1].T @ solved[:, -1])
    solution = [torch.cholesky_solve(rests[-1][:, None], factors[-1])[:, 0]]
    for k in range(len(diagonal) - 2, -1, -1):
        rest = rests[k] - above[k] @ solution[-1]
        solution.append(torch.cholesky_solve(rest[:, None], factors[k])[:, 0])
    return torch.stack(solution[::-1])


def of_images(images: Tensor) -> float:
    """Energy of the images ``(T, D)`` of a curve; summed in float64, so that small gains are seen."""
    return 0.5 * (len(images) - 1) * float(images.double().diff(dim=0).square().sum())
