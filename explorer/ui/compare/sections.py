"""The three questions to models side by side: can they generate, do they give p(x), and how do their spaces differ."""

from collections.abc import Sequence

import numpy as np
import streamlit as st

from explorer.analysis.latent.priors import prior_codes, spread_rows
from explorer.data.images import ImageSplit
from explorer.serving.run_cache import LoadedRun
from explorer.ui import session
from explorer.ui.compare.interpolation import interpolated_pair
from explorer.ui.compare.maps import compared_maps, images_only
from explorer.ui.compare.reconstructions import rebuilt_picture
from explorer.ui.compare.round_trip import round_trip_section
from explorer.ui.compare.table import comparison_table
from explorer.ui.compare.view import CompareView
from explorer.ui.sampling import decoded, density_codes
from explorer.ui.sections import Section
from explorer.ui.text import as_text
from explorer.ui.widgets.classifier import classifier_of, offer_classifier
from explorer.ui.widgets.classifier_facts import shares_words
from explorer.ui.widgets.images import wrapped_picture

N_DRAWS = 40
N_PER_LINE = 10
N_REBUILT = 12
SIDE = 50


def generate(runs: Sequence[LoadedRun], view: CompareView) -> None:
    """Show samples of each model, of its prior and of a density fitted to its codes, and their predicted classes."""
    for loaded in runs:
        st.markdown(f"**{as_text(loaded.run.name)}**")
        prior_column, density_column = st.columns(2, gap="medium")
        with prior_column:
            _prior_draws(loaded, view)
        with density_column:
            _density_draws(loaded, view)
    offer_classifier(runs[0])
    comparison_table(runs, kinds=("samples",))


def _prior_draws(loaded: LoadedRun, view: CompareView) -> None:
    model, labels = loaded.config.model, _labels(loaded)
    if model.has_prior:
        codes = prior_codes(loaded.model, N_DRAWS, seed=view.seed, labels=labels)
        what = "its prior" if labels is None else "its prior, a class after the other"
    else:
        rng = np.random.default_rng(view.seed)
        codes = rng.standard_normal((N_DRAWS, model.latent_dim)).astype(np.float32)
        what = "N(0, I), which is not its prior: it has none"
    _draws(loaded, codes, f"{N_DRAWS} draws from {what}", f"Draws of {loaded.run.name} from {what}")


def _density_draws(loaded: LoadedRun, view: CompareView) -> None:
    model = loaded.config.model
    if not model.can_encode:
        st.caption("No codes of images to fit a density to: a GAN has no encoder.")
        return
    codes = density_codes(loaded, N_DRAWS, seed=view.seed)
    what = "a mixture of 10 normals fitted to its test codes (that of the table is fitted to training codes)"
    _draws(loaded, codes, f"{N_DRAWS} draws from {what}", f"Draws of {loaded.run.name} from {what}")


def _draws(loaded: LoadedRun, codes: np.ndarray, caption: str, alt: str) -> None:
    images = decoded(loaded, codes, _labels(loaded))
    wrapped_picture(images, alt, n_columns=N_PER_LINE, side=SIDE)
    classifier, words = classifier_of(loaded), ""
    if classifier is not None:
        from explorer.analysis.evaluation.classifier import class_probabilities, class_shares

        shares = class_shares(class_probabilities(classifier.network, images))
        words = f"  \n{shares_words(shares, classifier, session.class_names(loaded))}"
    st.caption(f"{caption}.{words}")


def _labels(loaded: LoadedRun) -> "np.ndarray | None":
    n_classes = loaded.config.model.n_classes
    return None if n_classes is None else np.arange(N_DRAWS) % n_classes


def likelihood(runs: Sequence[LoadedRun], view: CompareView) -> None:
    """Show what bounds each model gives on log p(x), why one gives none, and how each rebuilds the same images."""
    for loaded in runs:
        if not loaded.config.model.has_bound:
            st.info(as_text(_why_no_likelihood(loaded)), icon=":material/info:")
    comparison_table(runs, kinds=("bound", "reconstruction", "pixels"), also=("kl",))
    encoding = [loaded for loaded in runs if loaded.config.model.can_encode]
    if not encoding:
        return
    first = encoding[0]
    same = [loaded for loaded in encoding if len(loaded.encoded) == len(first.encoded)]
    rows = _rows(first, view)
    originals = session.originals(first)
    st.markdown("**The same images, rebuilt by each**")
    rebuilt_picture(same, rows, originals if isinstance(originals, ImageSplit) else None)
    st.caption(
        f"Mean codes decoded, of {len(rows)} test images: the pinned ones, then one of each class in turn. Errors are "
        "against the grey originals; a model of binarised pixels was given those. A small error says nothing of p(x)."
    )


def _why_no_likelihood(loaded: LoadedRun) -> str:
    if loaded.config.model.can_encode:
        return (
            f"{loaded.run.name} is a plain autoencoder: it gives no p(x). It was trained to rebuild images and has no "
            "prior over codes, so nothing says how likely an image is; its reconstruction error bounds no log p(x)."
        )
    return f"{loaded.run.name} is a GAN: it gives no p(x), and no bound on it. It can only be sampled."


def _rows(loaded: LoadedRun, view: CompareView) -> np.ndarray:
    """Return the rows that are shown as they are rebuilt: the pinned ones first."""
    shown, _ = images_only(view, len(loaded.encoded))
    pinned = [pin.row for pin in shown.pins if pin.row is not None]
    spread = spread_rows(loaded.encoded.labels, N_REBUILT).tolist()
    return np.array(list(dict.fromkeys([*pinned, *spread]))[:N_REBUILT], np.int64)


def spaces(runs: Sequence[LoadedRun], view: CompareView) -> None:
    """Show how the codes differ: in numbers, by walking between the same two images, and by sweeping for holes."""
    comparison_table(runs, kinds=("codes", "paths"), without=("kl",))
    interpolated_pair(runs, view)
    round_trip_section(compared_maps(runs, view))


def numbers(runs: Sequence[LoadedRun], view: CompareView) -> None:
    """Show every number, and offer the table as files."""
    comparison_table(runs, kinds=None)


SECTIONS: dict[str, Section] = {
    "generate": Section(title="Can it generate?", show=generate),
    "likelihood": Section(title="Does it give p(x)?", show=likelihood),
    "spaces": Section(title="How do the spaces differ?", show=spaces),
    "numbers": Section(title="All numbers", show=numbers),
}
"""The questions, by the values of the view's field, in their order."""
