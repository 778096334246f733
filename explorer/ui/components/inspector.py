"""What the pinned place holds: its image against the original, its code, and the encoded images around it."""

import math

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from explorer.data.images import ImageSplit
from explorer.errors import DataError
from explorer.serving.atlas import LoadedRun
from explorer.ui import resources
from explorer.ui.components.pictures import Images, captioned_pictures, error_image, picture
from explorer.ui.pinning import PinnedPlace

N_NEIGHBOURS = 8
SIDE = 112


def inspector(loaded: LoadedRun, place: PinnedPlace, class_names: tuple[str, ...]) -> None:
    """Show the pinned place."""
    originals = resources.originals(loaded)
    decoded = _decode(loaded, place.z[None], place.label)[0]
    if place.row is None:
        st.markdown("##### Pinned place")
        picture(decoded, f"decoded{_as_class(place.label, class_names)}", side=SIDE)
    else:
        label = class_names[loaded.encoded.labels[place.row]]
        st.markdown(f"##### Test image {place.row:,} · class {label}")
        _triptych(decoded, originals, place.row)
    _numbers(loaded, place)
    _neighbours(loaded, place, originals, class_names)
    if isinstance(originals, DataError):
        fetch = f"python -m explorer encode {loaded.run.name} --download"
        st.caption(f":material/info: Originals appear when the data set is here, for example after `{fetch}`.")
        st.caption(str(originals).replace("--", r"\-\-"))


def _triptych(decoded: Images, originals: ImageSplit | DataError, row: int) -> None:
    if isinstance(originals, DataError):
        picture(decoded, "reconstruction", side=SIDE)
        return
    original = originals.images[row]
    columns = st.columns(3, gap="small")
    shown = (
        (original, "original"),
        (decoded, "reconstruction"),
        (error_image(original, decoded), "|error|, 0 to 1"),
    )
    for column, (image, caption) in zip(columns, shown, strict=True):
        with column:
            picture(image, caption, side=SIDE)


def _numbers(loaded: LoadedRun, place: PinnedPlace) -> None:
    code = ", ".join(f"{number:.2f}" for number in place.z)
    st.markdown(f"**z** = ({code})")
    if place.row is None:
        return
    encoded = loaded.encoded
    reconstruction = float(encoded.reconstruction[place.row])
    if encoded.log_var is None:
        st.caption(f"-log p(x|z) {reconstruction:.1f} nats{_constant(loaded)}. No prior, so no KL and no bound.")
        return
    kl = float(encoded.kl[place.row])
    evidence = "p(x)" if loaded.config.model.n_classes is None else "p(x|y)"
    binary = ", on pixels binarised with seed 0" if loaded.config.is_binary else ""
    st.caption(
        f"ELBO {-reconstruction - kl:.1f} nats (a lower bound on log {evidence}) "
        f"= -{reconstruction:.1f} reconstruction - {kl:.1f} KL, from one posterior sample{binary}."
    )


def _constant(loaded: LoadedRun) -> str:
    """Say how much of a Gaussian's -log p(x|z) is its normaliser, the same for every image."""
    model = loaded.config.model
    if model.likelihood != "gaussian":
        return ""
    constant = math.prod(model.image_shape) / 2 * math.log(2 * math.pi * model.sigma**2)
    return f", of which {constant:.1f} are the Gaussian's constant"


def _neighbours(
    loaded: LoadedRun, place: PinnedPlace, originals: ImageSplit | DataError, class_names: tuple[str, ...]
) -> None:
    encoded = loaded.encoded
    rows, distances = encoded.neighbours(place.z, N_NEIGHBOURS + 1)
    keep = rows != (-1 if place.row is None else place.row)
    rows, distances = rows[keep][:N_NEIGHBOURS], distances[keep][:N_NEIGHBOURS]
    if isinstance(originals, DataError):
        labels = encoded.labels[rows] if place.label is not None else None
        images, kind = resources.service().decode(loaded.run.name, encoded.mu[rows], labels), "decoded"
    else:
        images, kind = originals.images[rows], "originals"
    st.markdown(f"**Nearest encoded images** ({kind}; distance in z)")
    captions = [
        f"{class_names[encoded.labels[row]]} · {distance:.2f}" for row, distance in zip(rows, distances, strict=True)
    ]
    captioned_pictures(images, captions, side=SIDE // 2)


def _decode(loaded: LoadedRun, codes: NDArray[np.float32], label: int | None) -> Images:
    labels = None if label is None else np.full(len(codes), label, np.int64)
    return resources.service().decode(loaded.run.name, codes, labels)


def _as_class(label: int | None, class_names: tuple[str, ...]) -> str:
    return "" if label is None else f" as class {class_names[label]}"
