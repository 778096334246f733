import re

import pytest
import torch

from explorer.errors import ConfigError
from explorer.models.build import build_model
from explorer.objectives.objective import objective
from explorer.runs.config import RunConfig
from explorer.training import memory
from explorer.training.memory import SHARE, check_memory, step_bytes
from explorer.training.step import CriticStep
from tests.support import run_config

CPU = torch.device("cpu")
MNIST = {"image_shape": (1, 28, 28), "latent_dim": 50, "hidden": (200, 200)}
KINDS = {
    "dense": {},
    "conv": {"network": "conv", "hidden": (4, 6)},
    "cvae": {"family": "cvae"},
    "low rank": {"likelihood": "gaussian-low-rank"},
    "gan": {"family": "gan"},
}


def config_of(batch: int = 64, samples: int = 1, **changes) -> RunConfig:
    objective_ = {} if changes.get("family") == "gan" else {"n_samples": samples}
    return run_config(batch_size=batch, objective=objective_, **changes)


def bytes_of(batch: int, samples: int = 1, **changes) -> int:
    return step_bytes(config_of(batch, samples, **changes))


def test_the_bytes_of_a_small_network_can_be_counted_by_hand():
    encoded, decoded, n_weights = 16 + 16 + 4, 16 + 16 + 64, 64 * 16 + 16 + 16 * 4 + 4 + 2 * 16 + 16 + 16 * 64 + 64
    assert bytes_of(10, 3) == 4 * (10 * (2 * encoded + 3 * 4 * decoded) + 4 * n_weights)


@pytest.mark.parametrize("changes", KINDS.values(), ids=KINDS)
def test_what_a_step_needs_grows_linearly_with_its_images_and_its_samples(changes):
    by_batch = [bytes_of(batch, 2, **changes) for batch in (100, 200, 300)]
    assert by_batch[2] - by_batch[1] == by_batch[1] - by_batch[0] > 0
    by_samples = [bytes_of(100, samples, **changes) for samples in (1, 2, 3)]
    growth = by_samples[1] - by_samples[0]
    assert by_samples[2] - by_samples[1] == growth
    assert (growth > 0) is (changes.get("family") != "gan")


def kept_by_autograd(config: RunConfig) -> int:
    """Bytes that autograd keeps for the gradients of a real step, its weights with them."""
    model = build_model(config.model)
    n = config.training.batch_size
    x, y = torch.rand(n, *config.model.image_shape).round(), torch.zeros(n, dtype=torch.int64)
    storages: dict[int, int] = {}

    def note(tensor: torch.Tensor) -> torch.Tensor:
        storages[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        if config.model.family == "gan":
            kept = CriticStep(model, config.training.gradient_penalty)(x, torch.rand_like(x))
        else:
            kept = objective(model, x, y, config.training.objective).value
    assert kept.requires_grad
    return sum(storages.values())


@pytest.mark.parametrize("samples", [1, 8])
@pytest.mark.parametrize(
    "changes",
    [pytest.param(changes, id=kind) for kind, changes in KINDS.items()],
)
def test_a_real_step_keeps_no_more_than_was_counted_and_not_a_small_part_of_it(changes, samples):
    config = config_of(256, samples, **changes)
    assert 0.1 * step_bytes(config) < kept_by_autograd(config) < step_bytes(config)


def test_a_normal_step_fits():
    check_memory(config_of(**MNIST), CPU)
    check_memory(config_of(20, 50, **MNIST), CPU)


def test_an_absurd_step_is_refused_with_the_batch_that_fits():
    with pytest.raises(
        ConfigError, match=r"65,536 images with 5,000 samples each needs about [\d.]+ GB; .* are free"
    ) as caught:
        check_memory(config_of(65_536, 5000, **MNIST), CPU)
    fitting = int(re.search(r"Use --batch-size (\d+) or fewer --n-samples", str(caught.value))[1])
    assert 1 <= fitting < 65_536
    check_memory(config_of(max(1, fitting // 2), 5000, **MNIST), CPU)


@pytest.mark.parametrize("hidden", [(200, 200), (4096, 4096)], ids=["few weights", "many weights"])
def test_the_batch_that_a_refusal_names_is_the_largest_that_fits(monkeypatch, hidden):
    free = 1_000_000_000
    monkeypatch.setattr(memory, "_free_bytes", lambda _: free)
    changes = MNIST | {"hidden": hidden}
    with pytest.raises(ConfigError) as caught:
        check_memory(config_of(65_536, **changes), CPU)
    fitting = int(re.search(r"--batch-size (\d+)", str(caught.value))[1])
    assert bytes_of(fitting, **changes) <= SHARE * free < bytes_of(fitting + 1, **changes)
