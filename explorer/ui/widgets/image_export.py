"""Decoded images to take away: as one picture, or as numbers with what they were decoded from."""

from collections.abc import Callable
from dataclasses import dataclass

import streamlit as st

from explorer.analysis.arrays import Floats, Images, Labels
from explorer.runs.tables import images_npz, images_png
from explorer.serving.batches import ClassWeights

FORMATS = {
    "png": ("PNG, one grid", "image/png"),
    "npz": ("NPZ: images, codes and classes", "application/octet-stream"),
}


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class DecodedGrid:
    """Images with what they were decoded from.

    Attributes:
        images: uint8, ``(n, C, H, W)``, row by row.
        codes: shape ``(n, L)``.
        labels: classes ``(n,)``, or shares of every class ``(n, K)``; None for a model without classes.
        n_columns: of the picture; None: about as many as rows.
    """

    images: Images
    codes: Floats
    labels: Labels | ClassWeights | None = None
    n_columns: int | None = None

    def to_bytes(self, kind: str) -> bytes:
        """Return a file of the ``kind``, one of ``FORMATS``."""
        if kind == "png":
            return images_png(self.images, n_columns=self.n_columns)
        return images_npz(self.images, self.codes, labels=self.labels)


def grid_export(stem: str, grid: DecodedGrid) -> None:
    """Show a menu of what ``grid`` can be taken away as; ``stem`` is the name of its file."""
    with st.popover("Take it away", icon=":material/download:", width="content"):
        grid_download(stem, lambda: grid, key="grid")


def grid_download(stem: str, make: Callable[[], DecodedGrid], *, key: str) -> None:
    """Show a choice of format and a button; the grid is made once the button is pressed."""
    kind = st.radio("As", list(FORMATS), format_func=lambda kind: FORMATS[kind][0], key=f"{key}-kind")
    st.download_button(
        f"Download {kind.upper()}",
        data=lambda: make().to_bytes(kind),
        file_name=f"{stem}.{kind}",
        mime=FORMATS[kind][1],
        on_click="ignore",
        key=f"{key}-download",
    )
