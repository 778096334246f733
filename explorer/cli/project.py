"""``project``: the codes of a run on a map of two dimensions."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from explorer import locations
from explorer.cli.parameters import Checkpoints, ProgressFile, Reference
from explorer.cli.terminal import messages, spinner
from explorer.errors import ConfigError
from explorer.files import check_writable
from explorer.runs.listing import open_run
from explorer.runs.run import Run

if TYPE_CHECKING:
    from explorer.jobs.progress import Stages


def project(
    reference: Reference,
    method: Annotated[
        str, typer.Option(help="pca (at once), pacmap (seconds), umap or tsne (minutes); the plane needs none.")
    ] = "pca",
    progress: ProgressFile = None,
    checkpoints: Checkpoints = locations.CHECKPOINTS,
) -> None:
    """Project the encoded test set to two dimensions and store it with the run."""
    project_run(open_run(reference, checkpoints), method, progress)


def project_run(run: Run, method: str, progress: Path | None = None) -> None:
    """Project the codes that are stored with a run, and store the map with it; how far it is goes to ``progress``.

    Raises:
        ConfigError: the run has no encoder, or no codes yet.
        ProjectionError: the codes cannot be projected by this method.
    """
    if not run.config.model.can_encode:
        raise ConfigError(f"{run.name} is a gan: it has no encoder, so there are no codes of images to project.")
    encoded = run.encoded()
    if encoded is None:
        raise ConfigError(f"{run.name} has no encoded test set. First run: python -m explorer encode {run.name}")
    check_writable(run.path)
    stages = _stages_for(method, len(encoded), progress)
    with spinner(f"Projecting {len(encoded):,} codes by {method}"):
        from explorer.analysis.projections.methods import MEASURING, measured
        from explorer.analysis.projections.methods import project as compute

        projection = compute(encoded, method, stages)
        if stages is not None:
            stages.begin(MEASURING)
        projection = measured(projection, encoded)
        run.save_projection(projection)
    quality = projection.quality
    believed = "" if quality is None else f"; trustworthiness {quality.trustworthiness:.3f}"
    if quality is not None and not projection.exact:
        believed += f", round trip {quality.round_trip:.1%} of the map's radius"
    messages.print(
        f"Projected by {method} in {projection.seconds:.2f} s: {', '.join(projection.axis_names)}{believed}",
        soft_wrap=True,
    )


def _stages_for(method: str, n_codes: int, progress: Path | None) -> "Stages | None":
    """Return what writes into ``progress`` how far a slow method is; None without a file or for a quick one."""
    from explorer.analysis.projections.methods import SLOW, stages_of
    from explorer.jobs.process_queue import report_to

    return None if progress is None or method not in SLOW else stages_of(method, n_codes, report_to(progress))
