"""``sample``: images of codes that are drawn."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from explorer import locations
from explorer.cli.parameters import Checkpoints, Reference
from explorer.cli.terminal import messages, spinner
from explorer.errors import ConfigError
from explorer.runs.listing import open_run
from explorer.runs.run import Run
from explorer.workflows.image_grids import FORMATS, DecodedGrid, write_grid

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from explorer.analysis.latent.density_models import CodeDensity

_KINDS = " or a ".join(f".{ending} ({kind.title.split(maxsplit=1)[1]})" for ending, kind in FORMATS.items())


def sample(
    reference: Reference,
    out: Annotated[Path, typer.Option(help=f"File that is written, a {_KINDS}.")],
    n: Annotated[int, typer.Option("--n", help="Images.", min=1, max=10_000)] = 64,
    label: Annotated[int | None, typer.Option(help="Class, for a cvae. (default: all in turn)", min=0)] = None,
    density: Annotated[
        str | None,
        typer.Option(
            help="What codes are drawn from: prior, or a density fitted to the training codes: gaussian, mixture or "
            "kde. (default: prior; gaussian for an ae)"
        ),
    ] = None,
    temperature: Annotated[float, typer.Option(help="Scale of a normal prior's noise; 1 is the prior.", min=0)] = 1.0,
    seed: Annotated[int, typer.Option(help="Of the noise.", min=0)] = 0,
    checkpoints: Checkpoints = locations.CHECKPOINTS,
) -> None:
    """Generate images, from the prior or from a density fitted to the codes of the training images."""
    from explorer.analysis.coding import decode_codes
    from explorer.analysis.latent.density_models import KINDS
    from explorer.analysis.latent.priors import prior_codes

    run = open_run(reference, checkpoints)
    labels, model = _labels_to_sample(run, n, label), run.model()
    chosen = density or ("prior" if run.config.model.has_prior else "gaussian")
    if chosen not in {"prior", *KINDS}:
        raise ConfigError(f"There is no density {chosen!r}: use one of prior, {', '.join(KINDS)}.")
    if chosen == "prior":
        codes = prior_codes(model, n, seed=seed, temperature=temperature, labels=labels)
    elif temperature != 1:
        raise ConfigError(f"A {chosen} density of codes has no temperature: leave out --temperature {temperature:g}.")
    elif seed >= 2**32:
        raise ConfigError(f"A seed of {seed} is too large for a density of codes: use one below {2**32}.")
    else:
        codes = _density_of_codes(run, chosen).sample(n, seed=seed)
    write_grid(out, DecodedGrid(images=decode_codes(model, codes, labels), codes=codes, labels=labels))
    of = "" if labels is None else f" of class {label}" if label is not None else " of all classes in turn"
    messages.print(f"Drew {n} codes{of} from the {chosen} with seed {seed} -> {out}", soft_wrap=True)


def _labels_to_sample(run: Run, n: int, label: int | None) -> "NDArray[np.int64] | None":
    import numpy as np

    n_classes = run.config.model.n_classes
    if n_classes is None:
        if label is not None:
            raise ConfigError(f"{run.name} was trained without classes: leave out --label, or sample a cvae.")
        return None
    if label is not None and label >= n_classes:
        raise ConfigError(f"Class {label} does not exist in {run.name}: use 0 to {n_classes - 1}.")
    return np.arange(n) % n_classes if label is None else np.full(n, label)


def _density_of_codes(run: Run, kind: str) -> "CodeDensity":
    from explorer.analysis.coding import encode_split
    from explorer.analysis.latent.density_models import CodeDensity
    from explorer.data.catalogue import load_split

    if run.config.model.prior == "conditional":
        raise ConfigError(f"The codes of {run.name} depend on the class, by its prior: sample it with --density prior.")
    with spinner(f"Fitting a {kind} density to the codes of the training images"):
        split = load_split(run.config.training.data, "train")
        encoded = encode_split(run.model(), split, is_binary=run.config.is_binary, fingerprint=run.fingerprint())
        return CodeDensity(encoded.mu, kind)
