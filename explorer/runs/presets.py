"""Settings of published experiments, by name: what a person would otherwise copy from a paper."""

from dataclasses import dataclass
from typing import Any

from explorer.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class Preset:
    """Choices for a new run; what a person chooses beside it goes first.

    Attributes:
        source: where they are published.
        model, training: fields of the run's configuration.
    """

    source: str
    model: dict[str, Any]
    training: dict[str, Any]


PRESETS = {
    "aevb-2014": Preset(
        source="Kingma & Welling (2014), section 5 and appendix C, https://arxiv.org/abs/1312.6114",
        model={"latent_dim": 20, "hidden": (500,), "activation": "tanh", "likelihood": "bernoulli"},
        training={
            "batch_size": 100,
            "optimiser": "adagrad",
            "learning_rate": 0.02,
            "weight_decay": 1 / 60_000,  # the MAP estimate under N(0, I) over weights, per image of MNIST
            "binarisation": "per-presentation",
            "objective": {"estimator": "sgvb-b", "n_samples": 1},
        },
    ),
    "iwae-2016": Preset(
        source="Burda, Grosse & Salakhutdinov (2016), section 5.1, https://arxiv.org/abs/1509.00519",
        model={"latent_dim": 50, "hidden": (200, 200), "activation": "tanh", "likelihood": "bernoulli"},
        training={
            "epochs": 3280,
            "batch_size": 20,
            "learning_rate": 1e-3,
            "epsilon": 1e-4,
            "schedule": "iwae-2016",
            "binarisation": "per-presentation",
            "objective": {"estimator": "iwae", "n_samples": 1},
        },
    ),
    "pytorch-example": Preset(
        source="PyTorch's VAE example, https://github.com/pytorch/examples/tree/main/vae",
        model={"latent_dim": 20, "hidden": (400,), "activation": "relu", "likelihood": "bernoulli"},
        training={"epochs": 10, "batch_size": 128, "learning_rate": 1e-3, "binarisation": "none"},
    ),
}


def preset(name: str) -> Preset:
    """Return the preset called ``name``.

    Raises:
        ConfigError: if there is none.
    """
    try:
        return PRESETS[name]
    except KeyError as error:
        raise ConfigError(f"There is no preset {name[:60]!r}: use one of {', '.join(PRESETS)}.") from error
