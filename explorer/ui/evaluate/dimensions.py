"""What each latent dimension costs and carries: KL, and the variance of its mean, active ones and dead ones apart."""

from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from explorer.analysis.latent.dimensions import DEAD_SHARE, DEAD_VARIANCE, active_dimensions
from explorer.analysis.statistics.bootstrap import Resampling
from explorer.figures.evaluation import dimensions_figure, dimensions_text
from explorer.serving.run_cache import LoadedRun
from explorer.ui.evaluate.elbo import scores
from explorer.ui.evaluate.view import EvaluateView
from explorer.ui.notation import given
from explorer.ui.text import as_text

if TYPE_CHECKING:
    from explorer.analysis.evaluation.evaluate import ImageTerms

BURDA = "[Burda, Grosse & Salakhutdinov (2016), section 5.2](https://arxiv.org/abs/1509.00519)"
NORMAL_95 = 1.96


def dimensions_part(loaded: LoadedRun, view: EvaluateView) -> None:
    """Show the dimensions of a run, the one that carries most first."""
    found = scores(loaded, view)
    if found is None:
        return
    evaluation, terms = found
    variance = terms.mu.var(axis=0, dtype=np.float64)
    is_active = active_dimensions(variance, loaded.config.model)
    kl, errors = _kl(terms)
    measure = variance if kl is None else kl
    title = "variance of the mean code" if kl is None else "KL, nats"
    order = np.argsort(-measure, kind="stable")
    names = [f"z{dim:d}" for dim in order.tolist()]
    _headline(loaded, terms, is_active)
    st.plotly_chart(
        dimensions_figure(names, measure[order], None if errors is None else errors[order], is_active[order], title),
        alt=dimensions_text(names, measure[order], is_active[order], title),
        key="dimensions",
        config={"displayModeBar": False},
    )
    if loaded.config.model.has_bound and kl is None:
        st.caption(
            f"No KL of each dimension: {as_text(evaluation.reasons['kl_per_dimension'])}. The variance is shown "
            "instead."
        )
    st.caption(_explanation(loaded, evaluation.n_images, has_kl=kl is not None))
    with st.expander("Figures of every dimension"):
        rows = {"dimension": names}
        if kl is not None and errors is not None:
            rows |= {
                "KL, nats": [f"{kl[dim]:.3f}" for dim in order],
                "± (95%)": [f"{errors[dim]:.3f}" for dim in order],
            }
        rows |= {
            "variance of the mean code": [f"{variance[dim]:.4f}" for dim in order],
            "": ["active" if is_active[dim] else "dead" for dim in order],
        }
        st.table(rows, border="horizontal")


def _kl(terms: "ImageTerms") -> tuple["np.ndarray | None", "np.ndarray | None"]:
    """Return the mean KL of each dimension, and half of its 95 % interval, each ``(L,)``; None where there is none."""
    if terms.kl_per_dimension is None:
        return None, None
    each = terms.kl_per_dimension.astype(np.float64)
    return each.mean(axis=0), NORMAL_95 * each.std(axis=0, ddof=1) / np.sqrt(len(each))


def _headline(loaded: LoadedRun, terms: "ImageTerms", is_active: "np.ndarray") -> None:
    from explorer.analysis.comparison.estimators import active_units

    n_active, n_dims = int(is_active.sum()), len(is_active)
    interval = ""
    if loaded.config.model.has_bound:
        it = active_units(terms.mu, Resampling())
        interval = f" (95% interval {it.low:.0f} to {it.high:.0f})"
    dead = ", ".join(f"z{dim:d}" for dim in np.flatnonzero(~is_active).tolist())
    st.markdown(f"##### {n_active} of {n_dims} dimensions are active{interval}" + (f"; dead: {dead}" if dead else ""))


def _explanation(loaded: LoadedRun, n_images: int, *, has_kl: bool) -> str:
    rule = (
        f"Active: its posterior mean varies over images by more than {DEAD_VARIANCE:g}, {BURDA}. A dead one is the "
        "same for every image, and the decoder learns to ignore it."
        if loaded.config.model.has_bound
        else f"The codes of an autoencoder have no scale of their own: a dimension is called dead if it varies by "
        f"no more than {DEAD_SHARE:g} of what the liveliest does."
    )
    kl = "KL(q(z_i|x) ‖ p(z_i)), mean and 95% interval (normal approximation) over " if has_kl else "Variance over "
    return given(f"{kl}{n_images:,} test images. {rule}", loaded.config.model)
