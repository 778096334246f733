"""The style of an image in every class: a test image, or one that a person brings, encoded and decoded in each."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import streamlit as st

from explorer.analysis.arrays import Floats, Images
from explorer.analysis.evaluation.classifier import agreement, class_fidelity, class_probabilities
from explorer.analysis.latent.grids import same_style_codes
from explorer.analysis.latent.neighbourhood import Verdict
from explorer.analysis.latent.priors import normal_prior
from explorer.data.uploads import MAX_BYTES, SUFFIXES, read_image
from explorer.errors import DataError
from explorer.locations import READONLY
from explorer.serving.run_cache import LoadedRun
from explorer.ui import session
from explorer.ui.generate.view import GenerateView
from explorer.ui.map.reliability import likeness_note
from explorer.ui.sampling import decoded
from explorer.ui.text import as_text
from explorer.ui.view import change_view, held_view, keyed_control
from explorer.ui.widgets.classifier import classifier_of
from explorer.ui.widgets.classifier_facts import fidelity_words
from explorer.ui.widgets.image_export import grid_export
from explorer.ui.widgets.images import captioned_pictures, picture
from explorer.workflows.image_grids import DecodedGrid

SIDE = 112
SMALL_SIDE = 84
_FILE, _CLASS = "style-file", "style-class"


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class StyledImage:
    """An image whose style is taken: its pixels where they are at hand, its code, its class, and what is said of it."""

    image: Images | None
    z: Floats
    label: int
    words: str
    is_brought: bool = False


def style_transfer(loaded: LoadedRun, view: GenerateView, names: Sequence[str]) -> None:
    """Show an image beside what its code decodes to in every class."""
    n_classes = loaded.config.model.n_classes or 0
    chosen = _chosen(loaded, view, names)
    if chosen is None:
        return
    moments = normal_prior(loaded.model, np.arange(n_classes))
    codes = np.repeat(chosen.z[None], n_classes, axis=0)
    if loaded.config.model.prior == "conditional" and moments is not None:
        codes = same_style_codes(chosen.z, chosen.label, *moments)
    labels = np.arange(n_classes)
    images = decoded(loaded, codes, labels)
    left, right = st.columns([1, 4], gap="medium")
    verdict = Verdict.IN_DISTRIBUTION
    with left:
        st.markdown("##### Original")
        if chosen.image is not None:
            picture(chosen.image, f"class {names[chosen.label]}", side=SIDE, alt="The image whose style is taken")
            if chosen.is_brought:
                verdict = likeness_note(loaded, chosen.image, chosen.z, chosen.label)
        st.caption(as_text(chosen.words))
    with right:
        _in_every_class(loaded, chosen, images, names)
        if verdict is not Verdict.IN_DISTRIBUTION:
            st.warning(
                f"Your picture is {as_text(verdict.words)}: this row is what the decoder makes of its code, whatever "
                "the picture shows. What is read in the row says nothing of the picture.",
                icon=":material/warning:",
            )
    grid = DecodedGrid(images=images, codes=codes, labels=labels, n_columns=n_classes)
    grid_export(f"{loaded.run.name}-style", grid)


def _in_every_class(loaded: LoadedRun, chosen: StyledImage, images: Images, names: Sequence[str]) -> None:
    labels, classifier = np.arange(len(images)), classifier_of(loaded)
    captions = [
        f"{name} (its own)" if label == chosen.label else name for label, name in enumerate(names[: len(labels)])
    ]
    st.markdown("##### Its style in every class")
    if classifier is None:
        captioned_pictures(images, captions, side=SMALL_SIDE)
    else:
        probabilities = class_probabilities(classifier.network, images)
        is_right, read = agreement(probabilities, labels), probabilities.argmax(axis=1)
        captioned_pictures(
            images,
            [
                said if right else f"{said}, judged {names[k]}"
                for said, right, k in zip(captions, is_right, read.tolist(), strict=True)
            ],
            side=SMALL_SIDE,
        )
        st.markdown(fidelity_words(class_fidelity(probabilities, labels), classifier, "the class asked for"))
    shared = "noise under each class's own prior" if loaded.config.model.prior == "conditional" else "z"
    st.caption(
        f"The image is encoded as class {as_text(names[chosen.label])}; the same {shared} is decoded in every class. "
        "What is left in z once the class is known is what is called style here."
    )


def _chosen(loaded: LoadedRun, view: GenerateView, names: Sequence[str]) -> StyledImage | None:
    """Show the ways to an image and return the chosen one; None where a file cannot be read, which is said."""
    row_column, again_column, file_column = st.columns([2, 2, 5, 3], vertical_alignment="bottom")[:3]
    n = len(loaded.encoded)
    keyed_control(row_column.number_input, "image", view.image, "Test image", step=1, on_change=_keep_row, args=(n,))
    again_column.button("Another", icon=":material/casino:", on_click=_another, args=(n,))
    file = None
    if not READONLY:
        file = file_column.file_uploader(
            "or an image of your own", list(SUFFIXES), key=_FILE, max_upload_size=MAX_BYTES // 1_000_000
        )
    return _test_image(loaded, view.image) if file is None else _brought(loaded, file.getvalue(), names)


def _test_image(loaded: LoadedRun, row: int) -> StyledImage:
    originals, encoded = session.originals(loaded), loaded.encoded
    image = None if isinstance(originals, DataError) else originals.images[row]
    words = f"Test image {row:,}."
    if image is None:
        words += (
            f" Originals appear when {loaded.config.training.data} is here; its stored code is decoded all the same."
        )
    return StyledImage(image=image, z=encoded.mu[row], label=int(encoded.labels[row]), words=words)


def _brought(loaded: LoadedRun, content: bytes, names: Sequence[str]) -> StyledImage | None:
    """Return the image of a file, encoded as the class that a person says it is."""
    model = loaded.config.model
    try:
        image, done = read_image(content, model.image_shape)
    except DataError as error:
        st.error(f"{as_text(error)} The test image is shown when the file is taken away.", icon=":material/error:")
        return None
    classifier = classifier_of(loaded)
    guess, about = 0, "The model encodes an image given its class."
    if classifier is not None:
        guess = int(class_probabilities(classifier.network, image[None])[0, : model.n_classes].argmax())
        about += " The judge's guess comes first."
    label = st.selectbox(
        "It shows class",
        range(model.n_classes or 0),
        index=guess,
        format_func=lambda label: names[label],
        key=f"{_CLASS}-{hash(content)}",
        help=about,
        width=220,
    )
    z = session.service().submit_images(loaded.run.name, image[None], np.array([label])).result()[0]
    words = f"Your image, as the model sees it: {'; '.join(done)}."
    return StyledImage(image=image, z=z, label=label, words=words, is_brought=True)


def _keep_row(n: int) -> None:
    row = st.session_state["image"]
    if row is not None and 0 <= row < n:
        change_view(replace(held_view(GenerateView), image=int(row)))
    else:
        st.toast(
            f"There is no test image {as_text(row)}: choose one of 0 to {n - 1:,}.",
            icon=":material/error:",
            duration="long",
        )


def _another(n: int) -> None:
    # Its seed is nobody's concern: the row that it draws is shown, and is in the link.
    change_view(replace(held_view(GenerateView), image=int(np.random.default_rng().integers(n))))
