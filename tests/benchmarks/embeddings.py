"""How well the codes of an AE and of a VAE tell classes apart, over several seeds: does a KL term embed better?

Run: python -m tests.benchmarks.embeddings [--seeds 5] [--epochs 10] [--dims 2 20]. Prints JSON lines: one a run, then
for each latent size the mean and standard deviation over seeds, and the difference with its 95 % interval (Student's t
over paired seeds). Both are 784-400-nz on grey MNIST under a Bernoulli, trained alike. Accuracy is of 5 nearest
neighbours among the training codes, on the 10,000 test images.
"""

import argparse
import json
import tempfile
from pathlib import Path

import numpy as np
from scipy import stats
from sklearn.neighbors import KNeighborsClassifier

from explorer.analysis.coding import encode_split
from explorer.data.catalogue import load_split
from explorer.runs.config import RunConfig
from explorer.runs.run import Run
from explorer.training.trainer import Trainer, initial_model

N_NEIGHBOURS = 5
FAMILIES = ("ae", "vae")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--dims", type=int, nargs="+", default=[2, 20])
    arguments = parser.parse_args()
    for dims in arguments.dims:
        accuracy = {family: [] for family in FAMILIES}
        for seed in range(arguments.seeds):
            for family in FAMILIES:
                accuracy[family].append(_accuracy(family, dims, seed, arguments.epochs))
                print(json.dumps({"family": family, "nz": dims, "seed": seed, "knn": accuracy[family][-1]}), flush=True)
        _summarise(dims, accuracy)


def _summarise(dims: int, accuracy: dict[str, list[float]]) -> None:
    for family, values in accuracy.items():
        mean, spread = np.mean(values), np.std(values, ddof=1)
        print(json.dumps({"nz": dims, "family": family, "mean": round(mean, 4), "sd": round(spread, 4)}))
    difference = np.subtract(accuracy["ae"], accuracy["vae"])
    reach = stats.t.ppf(0.975, len(difference) - 1) * stats.sem(difference)
    interval = [round(float(difference.mean() + side * reach), 4) for side in (-1, 1)]
    print(json.dumps({"nz": dims, "ae_minus_vae": round(float(difference.mean()), 4), "interval": interval}))


def _accuracy(family: str, dims: int, seed: int, epochs: int) -> float:
    train = load_split("mnist", "train")
    config = RunConfig.model_validate(
        {
            "model": {"family": family, "image_shape": train.image_shape, "latent_dim": dims, "hidden": [400]},
            "training": {"data": "mnist", "epochs": epochs, "seed": seed},
        }
    )
    with tempfile.TemporaryDirectory() as folder:
        run = Run.create(Path(folder) / "run", config, initial_model(config, train).state_dict())
        Trainer(run, train, load_split("mnist", "validation")).fit()
        known, asked = (
            encode_split(run.model(), split, is_binary=False, fingerprint="")
            for split in (train, load_split("mnist", "test"))
        )
    classifier = KNeighborsClassifier(N_NEIGHBOURS).fit(known.mu, known.labels)
    return round(float(classifier.score(asked.mu, asked.labels)), 4)


if __name__ == "__main__":
    main()
