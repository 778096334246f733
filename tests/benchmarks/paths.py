"""Seconds of a geodesic beside plain gradient descent to the same energy, and of an animation as MP4 beside a GIF.

Run: python -m tests.benchmarks.paths [--run mnist-vae-16d] [--pairs 5]. Prints JSON lines. Geodesics are of 16 points
between encoded images; the rival is Adam on the energy of the same points, by autograd, at the best of three step
sizes, until it comes as low as ours or has taken 1,000 steps. Films are of 120 frames at 224 pixels.
"""

import argparse
import json
import time
from collections.abc import Callable
from statistics import median
from typing import Any

import numpy as np
import torch

from explorer.analysis.coding import decode_codes
from explorer.analysis.paths.energy import Decoder, curve_energy, refined
from explorer.analysis.paths.geodesics import N_POINTS, PIECES, decoder_mean, geodesic_path
from explorer.analysis.paths.interpolation import linear_path, path_times, step_lengths
from explorer.analysis.paths.neighbour_graph import NeighbourGraph
from explorer.analysis.paths.summary import mean_images
from explorer.locations import CHECKPOINTS
from explorer.runs.listing import open_run
from explorer.runs.run import Run
from explorer.workflows.video import animation

RIVAL_STEPS = 1000
STEP_SIZES = (0.01, 0.03, 0.1)
SLACK = 1.001
"""How near the rival must come to our energy."""

N_FRAMES = 120


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", default="mnist-vae-16d")
    parser.add_argument("--pairs", type=int, default=5)
    arguments = parser.parse_args()
    run = open_run(arguments.run, CHECKPOINTS)
    _geodesics(run, arguments.pairs)
    _graph(run)
    _films(run)


def _geodesics(run: Run, n_pairs: int) -> None:
    encoded, model = run.encoded(), run.model()
    assert encoded is not None
    label = 0 if run.config.model.n_classes else None
    g, t = decoder_mean(model, label), path_times(N_POINTS)
    geodesic_path(model, *encoded.mu[[0, 1]], t, label=label)  # the first loads what torch loads late
    ratios = []
    for a, b in encoded.mu[: 2 * n_pairs].reshape(n_pairs, 2, -1):
        path, seconds = _timed(lambda a=a, b=b: geodesic_path(model, a, b, t, label=label))
        assert path.energy is not None
        line = linear_path(a, b, t)
        goal, start = SLACK * path.energy, torch.from_numpy(line.codes)
        tries = [_timed(lambda size=size, start=start, goal=goal: _adam(g, start, goal, size)) for size in STEP_SIZES]
        rival = min(took for _, took in tries)
        reached = [took for energy, took in tries if energy <= goal]
        ratios.append(rival / seconds if not reached else min(reached) / seconds)
        fine = [np.square(step_lengths(mean_images(model, each.finely().codes))).sum() for each in (path, line)]
        figures = {
            "seconds": round(seconds, 3),
            "iterations": path.iterations,
            "is_converged": path.is_converged,
            "energy_of_straight_line": round(path.energy / path.straight_energy, 3),
            "the_same_finely": round(float(fine[0] / fine[1]), 3),
            "rival_seconds": round(min(reached or [rival]), 3),
            "rival_came_as_low": bool(reached),
            "rival_energy_of_ours": round(min(energy for energy, _ in tries) / path.energy, 4),
        }
        print(json.dumps({"geodesic": run.name} | figures), flush=True)
    print(json.dumps({"ratio": "times faster than Adam to the same energy", "value": round(median(ratios), 1)}))


def _adam(g: Decoder, start: torch.Tensor, goal: float, step_size: float) -> float:
    """Return the energy that Adam comes to in ``RIVAL_STEPS``, or ``goal`` if that is sooner."""
    inner = start[1:-1].clone().requires_grad_()
    optimiser = torch.optim.Adam([inner], lr=step_size)
    for _ in range(RIVAL_STEPS):
        images = g(refined(torch.cat([start[:1], inner, start[-1:]]), PIECES))
        energy = 0.5 * (len(images) - 1) * images.diff(dim=0).square().sum()
        if energy.item() <= goal:
            break
        optimiser.zero_grad()
        energy.backward()
        optimiser.step()
    return curve_energy(g, torch.cat([start[:1], inner.detach(), start[-1:]]), pieces=PIECES)


def _graph(run: Run) -> None:
    encoded = run.encoded()
    assert encoded is not None
    graph, t = NeighbourGraph(encoded.mu), path_times(N_POINTS)
    a, b = encoded.mu[:2]
    for what in ("first path through the data", "next path through the data"):
        _, seconds = _timed(lambda: graph.path(a, b, t))
        print(json.dumps({what: f"{len(encoded):,} x {encoded.latent_dim}", "seconds": round(seconds, 3)}), flush=True)


def _films(run: Run) -> None:
    encoded = run.encoded()
    assert encoded is not None
    labels = np.zeros(N_FRAMES, np.int64) if run.config.model.n_classes else None
    codes = linear_path(*encoded.mu[:2], path_times(N_FRAMES)).codes
    images = decode_codes(run.model(), codes, labels)
    seconds = {}
    for kind in ("gif", "webp", "mp4"):
        tries = [_timed(lambda kind=kind: animation(images, kind, loop=False)) for _ in range(3)]
        content, seconds[kind] = min(tries, key=lambda timed: timed[1])
        print(json.dumps({"film": kind, "seconds": round(seconds[kind], 3), "kilobytes": len(content) // 1000}))
    ratio = round(seconds["gif"] / seconds["mp4"], 2)
    print(json.dumps({"ratio": "times faster than a GIF: MP4", "value": ratio}))


def _timed(work: Callable[[], Any]) -> tuple[Any, float]:
    started = time.perf_counter()
    result = work()
    return result, time.perf_counter() - started


if __name__ == "__main__":
    main()
