"""Time of a training step of every regime, beside the plain ELBO's, and beside how much more arithmetic it is.

Run: python -m tests.benchmarks.regimes [--steps 60]. Prints JSON lines. The model is 784-400-20 at batch 128, on random
binary images: what is timed does not depend on them. Arithmetic is what torch counts of matrix products in the same
steps; the rest (noise, densities, logarithms) is not in it. Ratios are of the best of several rounds, taken in turn.
"""

import argparse
import json
import time

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from explorer.models.build import build_model
from explorer.objectives.share import WholeBatch
from explorer.runs.config import RunConfig
from explorer.training.distributed import World
from explorer.training.images import Batch
from explorer.training.regimes import Regime, build_regime

BATCH, PIXELS = 128, (1, 28, 28)
PLAIN = "plain ELBO"
REGIMES = {
    PLAIN: {},
    "sgvb-a": {"objective": {"estimator": "sgvb-a"}},
    "sgvb-b, 5 samples": {"objective": {"n_samples": 5}},
    "iwae, k = 5": {"objective": {"estimator": "iwae", "n_samples": 5}},
    "iwae, k = 50": {"objective": {"estimator": "iwae", "n_samples": 50}},
    "free bits, batch mean": {"objective": {"free_bits": "batch-mean"}},
    "free bits, per dimension": {"objective": {"free_bits": "per-dimension"}},
    "sgd": {"optimiser": "sgd"},
    "adagrad": {"optimiser": "adagrad"},
    "alternating, k = 5": {"em": "alternating"},
    "aggressive": {"em": "aggressive"},
    "posterior normal-full": {"posterior": "normal-full"},
    "posterior logistic": {"posterior": "logistic"},
    "posterior gamma": {"posterior": "gamma"},
    "likelihood continuous-bernoulli": {"likelihood": "continuous-bernoulli"},
    "likelihood gaussian-diagonal": {"likelihood": "gaussian-diagonal"},
    "likelihood gaussian-low-rank": {"likelihood": "gaussian-low-rank"},
    "gan": {"family": "gan"},
}
MODEL_FIELDS = {"family", "posterior", "likelihood"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    regimes = {name: _regime(changes) for name, changes in REGIMES.items()}
    seconds = dict.fromkeys(regimes, float("inf"))
    for _ in range(arguments.rounds):
        for name, regime in regimes.items():
            seconds[name] = min(seconds[name], _seconds_per_step(regime, arguments.steps))
    arithmetic = {name: _products_per_step(_regime(changes), 10) for name, changes in REGIMES.items()}
    for name in regimes:
        print(
            json.dumps(
                {
                    "regime": name,
                    "ms_per_step": round(1e3 * seconds[name], 2),
                    "times_plain": round(seconds[name] / seconds[PLAIN], 2),
                    "times_its_arithmetic": round(arithmetic[name] / arithmetic[PLAIN], 2),
                }
            )
        )


def _regime(changes: dict[str, object]) -> Regime:
    model = {"image_shape": PIXELS, "latent_dim": 20, "hidden": [400]}
    model |= {name: value for name, value in changes.items() if name in MODEL_FIELDS}
    training = {"data": "mnist", "batch_size": BATCH}
    training |= {name: value for name, value in changes.items() if name not in MODEL_FIELDS}
    config = RunConfig.model_validate({"model": model, "training": training})
    torch.manual_seed(0)
    return build_regime(build_model(config.model), config, World())


def _batch(_: int = 0) -> Batch:
    x = (torch.rand(BATCH, *PIXELS) < 0.13).to(torch.float32)
    return Batch(x, torch.zeros(BATCH, dtype=torch.int64), WholeBatch(BATCH))


def _seconds_per_step(regime: Regime, n_steps: int) -> float:
    batch = _batch()
    regime.update(batch, 1.0, _batch)
    started = time.perf_counter()
    for _ in range(n_steps):
        regime.update(batch, 1.0, _batch)
    return (time.perf_counter() - started) / n_steps


class _ProductCounter(TorchDispatchMode):
    """Counts floating-point operations of matrix products; torch's own counter knows no second derivatives."""

    def __init__(self) -> None:
        super().__init__()
        self.total = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        out = function(*args, **(kwargs or {}))
        count = flop_registry.get(function.overloadpacket)
        if count is not None:
            self.total += count(*args, **(kwargs or {}), out_val=out)
        return out


def _products_per_step(regime: Regime, n_steps: int) -> float:
    batch = _batch()
    with _ProductCounter() as counter:
        for _ in range(n_steps):
            regime.update(batch, 1.0, _batch)
    return counter.total / n_steps


if __name__ == "__main__":
    main()
