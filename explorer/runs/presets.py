"""Settings to start from, by name: what a person would otherwise find out by trying, or copy from a paper."""

from dataclasses import dataclass
from typing import Any

from explorer.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class Preset:
    """Choices for a new run; what a person chooses beside it goes first.

    Attributes:
        title: what people call it.
        about: what one gets, and in about which time on two cores; a sentence or two.
        source: where the settings are published; empty for our own, which were measured here.
        data: the data set that it was measured on, which it brings along; empty where it leaves that to the person.
        model, training: fields of the run's configuration.
    """

    title: str
    about: str
    source: str = ""
    data: str = ""
    model: dict[str, Any]
    training: dict[str, Any]

    @property
    def choices(self) -> dict[str, Any]:
        """The fields of the configuration, those of its parts beside each other."""
        training = dict(self.training)
        objective: dict[str, Any] = training.pop("objective", {})
        return self.model | training | objective


PRESETS = {
    "map-in-a-minute": Preset(
        title="2-D map in one minute",
        about="A VAE of MNIST with two latent dimensions: every place on its map is a digit. About a minute on two "
        "cores; a test ELBO of about -143 nats.",
        data="mnist",
        model={"latent_dim": 2},
        training={"epochs": 12, "schedule": "cosine"},
    ),
    "best-elbo": Preset(
        title="Best ELBO",
        about="A convolutional VAE of MNIST with 16 latent dimensions, trained until little is gained. About eight "
        "minutes on two cores; a test ELBO of about -94 nats.",
        data="mnist",
        model={"latent_dim": 16, "network": "conv"},
        training={"epochs": 30, "schedule": "cosine"},
    ),
    "conditional-digits": Preset(
        title="Conditional digits",
        about="A CVAE that makes the digit you ask for, of the small images that come with scikit-learn. About half a "
        "minute on two cores, without a download; a test ELBO of about -20 nats.",
        data="digits",
        model={"family": "cvae", "latent_dim": 2, "hidden": (256, 128)},
        training={"epochs": 300, "schedule": "cosine"},
    ),
    "plain-autoencoder": Preset(
        title="Plain autoencoder",
        about="The network of the first one without a prior, to compare a VAE with: it has a map, and no p(x). About a "
        "minute on two cores.",
        data="mnist",
        model={"family": "ae", "latent_dim": 2},
        training={"epochs": 12, "schedule": "cosine"},
    ),
    "aevb-2014": Preset(
        title="Kingma & Welling 2014",
        about="One hidden layer of 500 tanh units and adagrad, as in the paper that introduced the VAE.",
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
        title="Burda et al. 2016",
        about="The importance-weighted autoencoder at k = 1 and its 3,280 epochs; set samples per image to 5 or 50.",
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
        title="PyTorch's example",
        about="784-400-20 on grey pixels for 10 epochs, as in PyTorch's repository of examples.",
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
