"""A path to take away: an animation, a strip, or its codes and images as numbers. Made when it is asked for."""

from functools import partial

import numpy as np
import streamlit as st

from explorer.serving.run_cache import LoadedRun
from explorer.ui import session
from explorer.ui.text import as_text
from explorer.workflows.image_grids import images_npz
from explorer.workflows.paths import MeasuredPath
from explorer.workflows.video import KINDS, FileKind, animation

FORMATS = KINDS | {"npz": FileKind(title="NPZ: codes and images", mime="application/octet-stream")}
MAX_IMAGES, MAX_FPS = 240, 60


def animation_export(loaded: LoadedRun, path: MeasuredPath, name: str, endpoints: tuple[str, str]) -> None:
    """Show what the path called ``name``, between two ``endpoints``, can be taken away as."""
    with st.popover("Take it away", icon=":material/download:", width="content"):
        st.caption(f"The {name} path from {as_text(endpoints[0])} to {as_text(endpoints[1])}: the one that is played.")
        kind = st.radio("As", list(FORMATS), format_func=lambda kind: FORMATS[kind].title, key="animation-kind")
        is_animation = FORMATS[kind].moves
        n = st.number_input("Images from end to end", 2, MAX_IMAGES, 24, key="animation-n")
        fps = st.slider("Images a second", 1, MAX_FPS, 24, key="animation-fps") if is_animation else 1
        loops = st.checkbox("Forth and back", value=True, key="animation-loops") if is_animation else False
        st.caption(_extent(kind, int(n), fps, loops=loops))
        st.download_button(
            f"Download {FORMATS[kind].title.split(',')[0].split(':')[0]}",
            data=partial(exported, loaded, path, kind, int(n), fps=fps, loops=loops),
            file_name=f"{loaded.run.name}-{name.replace(' ', '-')}.{kind}",
            mime=FORMATS[kind].mime,
            on_click="ignore",
            key="animation-download",
        )


def _extent(kind: str, n: int, fps: float, *, loops: bool) -> str:
    """Say how much the file holds."""
    if not FORMATS[kind].moves:
        return f"{n} images."
    n_frames = 2 * n - 2 if loops else n
    return f"{n_frames} frames, {n_frames / fps:.1f} s."


def exported(loaded: LoadedRun, path: MeasuredPath, kind: str, n: int, *, fps: float, loops: bool) -> bytes:
    """Return the file of a path with ``n`` images from end to end, without overshoot.

    Args:
        loaded: the run.
        path: the path; images are apart as they are in it.
        kind: of ``FORMATS``.
        n: images.
        fps: images a second.
        loops: whether an animation goes back to its beginning.
    """
    inner = path.latent.t[~path.latent.is_overshoot]
    sampled = path.latent.at(np.interp(np.linspace(0, 1, n), np.linspace(0, 1, len(inner)), inner))
    labels = None if path.labels is None else np.full(n, path.labels[0], np.int64)
    images = session.service().decode(loaded, sampled.codes, labels)
    if kind == "npz":
        return images_npz(images, sampled.codes, labels=labels, t=sampled.t)
    return animation(images, kind, fps=fps, loop=loops)
