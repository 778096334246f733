"""Models of every further kind, trained on digits: a GAN, a prior for each class, codes that are not normal."""

from pathlib import Path

from explorer.analysis.coding import encode_split
from explorer.analysis.projections.methods import measured, pacmap, pca
from explorer.training.trainer import Trainer
from tests.support import digits, fresh_run, run_config

RUNS = {
    "digits-gan": ("gan", {"latent_dim": 8, "epochs": 8, "learning_rate": 2e-3, "activation": "leaky-relu"}),
    "digits-cvae-conditional": ("cvae", {"latent_dim": 4, "epochs": 8, "prior": "conditional"}),
    "digits-vae-gamma": ("vae", {"latent_dim": 4, "epochs": 8, "posterior": "gamma"}),
}


def train_all(folder: Path) -> None:
    """Make the runs, those with an encoder with their codes and two maps."""
    for name, (family, changes) in RUNS.items():
        run = fresh_run(folder / name, run_config(family, **({"hidden": (64,)} | changes)), digits("train"))
        Trainer(run, digits("train"), digits("validation")).fit()
        if family != "gan":
            encoded = encode_split(run.model(), digits("test"), is_binary=False, fingerprint=run.fingerprint())
            run.save_encoded(encoded)
            run.save_projection(pca(encoded))
            run.save_projection(measured(pacmap(encoded), encoded))
