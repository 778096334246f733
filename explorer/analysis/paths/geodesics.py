"""Geodesics of a decoder: the paths along which its image changes least.

The decoder g(z) = E[x|z] carries the latent space into the space of images. Distances there, pulled back, give z the
metric G(z) = J(z)^T J(z), J the Jacobian of g, and a curve of least energy from a to b is a geodesic of it, walked at
constant speed. Here a curve is a polyline with T points at equal times, and its energy that of the images' differences.

Source: Shao, Kumar & Fletcher (2018), The Riemannian Geometry of Deep Generative Models, section 3 and algorithm 1,
https://arxiv.org/abs/1711.08014; Arvanitidis, Hansen & Hauberg (2018), Latent Space Oddity, section 2,
https://arxiv.org/abs/1710.11379 (whose metric has a second term, for a decoder's variance; ours is of the mean alone).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from explorer.analysis.arrays import Doubles, Floats
from explorer.analysis.paths.curves import Polyline
from explorer.analysis.paths.energy import (
    Curvature,
    Decoder,
    curvature,
    curve_energy,
    energy_and_slope,
    solve_block_tridiagonal,
)
from explorer.analysis.paths.interpolation import LatentPath, linear_path, path_along
from explorer.errors import ConfigError
from explorer.jobs.progress import OnProgress, Progress

if TYPE_CHECKING:
    from explorer.models.latent_model import LatentModel

N_POINTS = 16
MAX_POINTS = 64

PIECES = 3
"""Images by which each straight piece between two points is measured.

By its points alone a curve hides between them what it takes to get from one to the next: on the shipped models its
energy is then up to 23 % below that of a fine sampling, and that of the curve found so up to 17 % above ours, finely.
"""

TOLERANCE, WINDOW = 1e-3, 5
"""It has converged once this many steps together gained less than this share of the energy."""

MAX_ITERATIONS = 100

MEMORY, REFRESH = 10, 10
"""Steps that the curvature is corrected by, and after how many it is computed anew: decoders' kinks date it."""

FIRST_DAMPING, LEAST_DAMPING, LESS = 1e-2, 1e-9, 0.3
"""Added to the curvature, as a share of its mean; less each time that it is computed anew.

A long step along a direction that the decoder hardly shows leaves what the curvature knows of; near the end they are
short, and it is such directions that are left.
"""

SUFFICIENT, SHORTER, N_TRIALS = 1e-4, 0.25, 8
"""A step must gain this share of what the slope promises; else one so much shorter is tried, so often."""

STOPPED = "The search for the geodesic was stopped: this is as far as it came."
UNFINISHED = "The search for the geodesic did not converge within {} steps: this is as far as it came."


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Minimised:
    """A curve of low energy, and how it was found.

    Attributes:
        codes: shape ``(T, L)``.
        energy: of the curve; never above that of the curve that was started from.
        iterations: steps that were taken.
        is_converged: whether there was nothing more to gain.
        is_stopped: whether it was asked to stop.
    """

    codes: Tensor
    energy: float
    iterations: int
    is_converged: bool
    is_stopped: bool


def geodesic_path(  # noqa: PLR0913  # the options of one search, each of which a caller leaves alone or names
    model: "LatentModel",
    a: Floats,
    b: Floats,
    t: Doubles,
    *,
    label: int | None = None,
    n_points: int = N_POINTS,
    tolerance: float = TOLERANCE,
    max_iterations: int = MAX_ITERATIONS,
    start: Floats | None = None,
    on_progress: OnProgress | None = None,
    stop: Callable[[], bool] | None = None,
) -> LatentPath:
    """Return the path of least energy in the decoder's metric from ``a`` to ``b``, each ``(L,)``, at times ``(T,)``.

    Its energy is at most the straight line's. Between the points that are moved it is straight, and beyond the ends.

    Args:
        model: whose decoder it is.
        a: first code.
        b: last code.
        t: times, as ``path_times`` makes them.
        label: class to decode in, for a model that needs one.
        n_points: of the curve, both ends counted.
        tolerance: it has converged when the last steps together gained less than this share of the energy.
        max_iterations: steps at most.
        start: curve to start from instead of the straight line, shape ``(n_points, L)``.
        on_progress: told after each step.
        stop: asked before each step; once it says so, the best curve so far is returned, and its note says so.

    Raises:
        ConfigError: if a code is not finite, the model needs a class and gets none, or ``n_points`` is out of range.
    """
    straight = linear_path(a, b, np.linspace(0, 1, _checked_points(n_points)))
    if straight.note:
        return path_along(straight.curve, t, "geodesic", note=straight.note, iterations=0, is_converged=True)
    g, line = decoder_mean(model, label), _as_tensor(model, straight.codes)
    first = line if start is None else _as_tensor(model, _between(a, b, start, n_points))

    def minimised(curve: Tensor) -> Minimised:
        return minimise_energy(
            g, curve, tolerance=tolerance, max_iterations=max_iterations, on_progress=on_progress, stop=stop
        )

    straight_energy, found = curve_energy(g, line, pieces=PIECES), minimised(first)
    if found.energy > straight_energy:  # only where it was started elsewhere
        found = minimised(line)
    note = STOPPED if found.is_stopped else "" if found.is_converged else UNFINISHED.format(found.iterations)
    vertices = _between(a, b, found.codes.cpu().numpy(), n_points).astype(np.float64)
    return path_along(
        Polyline(vertices=vertices, knots=np.linspace(0, 1, n_points)),
        t,
        "geodesic",
        note=note,
        iterations=found.iterations,
        is_converged=found.is_converged,
        energy=found.energy,
        straight_energy=straight_energy,
    )


def decoder_mean(model: "LatentModel", label: int | None = None) -> Decoder:
    """Return g(z), the mean of p(x|z) as ``(T, D)``, in the class ``label`` of a model that needs one; not clamped."""

    def mean(z: Tensor) -> Tensor:
        y = None if label is None else torch.full((len(z),), label, device=z.device)
        image: Tensor = model.decode(z, y).mean
        return image.flatten(1)

    return mean


def minimise_energy(  # noqa: PLR0913  # as ``geodesic_path``
    g: Decoder,
    start: Tensor,
    *,
    pieces: int = PIECES,
    tolerance: float = TOLERANCE,
    max_iterations: int = MAX_ITERATIONS,
    on_progress: OnProgress | None = None,
    stop: Callable[[], bool] | None = None,
) -> Minimised:
    """Return the curve that lies downhill of ``start``, shape ``(T, L)``, with the same ends.

    Quasi-Newton steps of limited memory, all points at once, that begin from the curvature as Gauss and Newton have it.
    The energy never rises: a step that does not gain enough is shortened until it does.

    Source: Nocedal & Wright (2006), Numerical Optimization, algorithms 3.1, 7.4 and 7.5 with H_0 the inverse of a
    damped Gauss-Newton matrix (equation 10.24), https://doi.org/10.1007/978-0-387-40065-5.
    """
    with torch.inference_mode(False), torch.no_grad():
        descent, is_stopped = _Descent(g, start, pieces), False
        while descent.iterations < max_iterations and not (is_stopped or descent.is_done(tolerance)):
            if on_progress is not None:
                on_progress(_progress(descent.iterations, max_iterations))
            is_stopped = stop is not None and stop()
            if not is_stopped:
                descent.step()
    return Minimised(
        codes=descent.z,
        energy=descent.energies[-1],
        iterations=descent.iterations,
        is_converged=descent.is_done(tolerance),
        is_stopped=is_stopped,
    )


class _Descent:
    """A curve on its way downhill."""

    def __init__(self, g: Decoder, start: Tensor, pieces: int) -> None:
        self._g, self._pieces, self.z = g, pieces, start.clone()
        energy, gradient = energy_and_slope(g, self.z, pieces=pieces)
        self.energies, self._gradient = [energy], gradient()
        self.iterations = self._age = 0
        self._is_stuck, self._damping = False, FIRST_DAMPING
        self._refresh()

    def is_done(self, tolerance: float) -> bool:
        """Whether the last steps together gained less than this share of the energy, or there is nowhere to go."""
        now = self.energies[-1]
        has_slowed = len(self.energies) > WINDOW and self.energies[-1 - WINDOW] - now <= tolerance * now
        return self._is_stuck or now == 0 or has_slowed

    def step(self) -> None:
        """Take a step downhill, or find that none leads there."""
        self.iterations += 1
        if self._age >= REFRESH:
            self._refresh()
        self._is_stuck = not self._advances() and not self._advances_anew()

    def _advances_anew(self) -> bool:
        """Whether there is a step by the curvature as it is here, if it was computed elsewhere."""
        if self._age == 0:
            return False
        self._refresh()
        return self._advances()

    def _refresh(self) -> None:
        self._curvature = curvature(self._g, self.z).damped(self._damping)
        self._damping = max(LESS * self._damping, LEAST_DAMPING)
        self._memory: list[tuple[Tensor, Tensor]] = []
        self._age = 0

    def _advances(self) -> bool:
        """Whether a step along the quasi-Newton direction was taken."""
        direction = -corrected_solve(self._curvature, self._memory, self._gradient)
        slope, length = float((direction * self._gradient).sum()), 1.0
        for _ in range(N_TRIALS):
            trial = self.z.clone()
            trial[1:-1] += (length * direction).to(trial.dtype)
            energy, gradient = energy_and_slope(self._g, trial, pieces=self._pieces)
            if energy < self.energies[-1] + SUFFICIENT * length * slope:
                self._take(trial, energy, gradient())
                return True
            length *= SHORTER
        return False

    def _take(self, trial: Tensor, energy: float, gradient: Tensor) -> None:
        moved, changed = (trial - self.z)[1:-1].double(), gradient - self._gradient
        # Without curvature along the step (a kink, or rounding) the pair would say nothing true of it.
        if float((moved * changed).sum()) > 1e-10 * float(moved.norm() * changed.norm()):
            self._memory = [*self._memory[1 - MEMORY :], (moved, changed)]
        self.z, self._gradient, self._age = trial, gradient, self._age + 1
        self.energies.append(energy)


def corrected_solve(known: Curvature, steps: Sequence[tuple[Tensor, Tensor]], gradient: Tensor) -> Tensor:
    """Return ``gradient``, ``(P, L)``, times the inverse of a curvature, as the steps since it was known correct it.

    Args:
        known: the curvature, damped.
        steps: of each, the oldest first, how far the points moved and by how much that changed the gradient.
        gradient: shape ``(P, L)``.
    """
    weights = []
    for moved, changed in reversed(steps):
        weights.append(float((moved * gradient).sum() / (moved * changed).sum()))
        gradient = gradient - weights[-1] * changed
    found = solve_block_tridiagonal(known.diagonal, known.above, gradient)
    for (moved, changed), weight in zip(steps, reversed(weights), strict=True):
        found = found + (weight - float((changed * found).sum() / (moved * changed).sum())) * moved
    return found


def _progress(iteration: int, max_iterations: int) -> Progress:
    fraction = iteration / max_iterations
    return Progress(what=f"bending the path, step {iteration + 1}", fraction=fraction, until=fraction)


def _checked_points(n_points: int) -> int:
    if not 3 <= n_points <= MAX_POINTS:
        raise ConfigError(f"A geodesic of {n_points} points cannot be sought: use 3 to {MAX_POINTS}.")
    return n_points


def _as_tensor(model: "LatentModel", codes: Floats) -> Tensor:
    weight = next(model.decoder.parameters())
    return torch.from_numpy(codes).to(weight)


def _between(a: Floats, b: Floats, curve: Floats, n_points: int) -> Floats:
    """Return ``curve``, shape ``(n_points, L)``, with exactly these ends."""
    if curve.shape != (n_points, len(a)):
        raise ValueError(f"the curve has shape {curve.shape}, expected ({n_points}, {len(a)})")
    return np.concatenate([a[None], curve[1:-1], b[None]]).astype(np.float32)
