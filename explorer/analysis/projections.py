"""Maps of codes onto two dimensions, each with its way back."""

import time

import numpy as np

from explorer.analysis.results import EncodedSet, Floats, Projection
from explorer.errors import ProjectionError

METHODS = ("plane", "pca")


def plane(encoded: EncodedSet, i: int = 0, j: int = 1) -> Projection:
    """Return the plane of the latent dimensions ``i`` and ``j`` as they are, with the mean code behind it.

    Raises:
        ProjectionError: if ``i`` or ``j`` is not a dimension, or they are the same and there is another.
    """
    n_dims = encoded.latent_dim
    if n_dims < 2:
        raise ProjectionError("A latent space of one dimension has no plane, so this run has no map.")
    if not (0 <= i < n_dims and 0 <= j < n_dims) or i == j:
        raise ProjectionError(
            f"Dimensions {i} and {j} do not span a plane of this {n_dims}-dimensional latent space: "
            f"choose two different ones of 0 to {n_dims - 1}."
        )
    axes = np.zeros((2, n_dims), np.float32)
    axes[0, i] = axes[1, j] = 1
    origin = encoded.mean_code()
    origin[[i, j]] = 0
    return Projection(
        method="plane",
        points=encoded.mu[:, [i, j]],
        axes=axes,
        origin=origin,
        axis_names=(f"z{i}", f"z{j}"),
        parameters={"i": i, "j": j},
    )


def pca(encoded: EncodedSet) -> Projection:
    """Return the first two principal components of the codes.

    The sign of each is fixed (its largest loading is positive), so that a map does not flip between machines.

    Raises:
        ProjectionError: if there are fewer than two dimensions or three images.
    """
    from sklearn.decomposition import PCA

    if encoded.latent_dim < 2 or len(encoded) < 3:
        raise ProjectionError(
            f"PCA needs two latent dimensions and three images; there are {encoded.latent_dim} and {len(encoded)}. "
            "Use the latent plane."
        )
    if not np.ptp(encoded.mu, axis=0).any():
        raise ProjectionError("All codes are the same, so they have no principal components. Use the latent plane.")
    started = time.perf_counter()
    fitted = PCA(n_components=2, svd_solver="covariance_eigh").fit(encoded.mu.astype(np.float64))
    components = fitted.components_
    loadings = components[[0, 1], np.abs(components).argmax(axis=1)]
    axes: Floats = (components * np.sign(loadings)[:, None]).astype(np.float32)
    origin: Floats = fitted.mean_.astype(np.float32)
    ratios = [float(ratio) for ratio in fitted.explained_variance_ratio_]
    return Projection(
        method="pca",
        points=((encoded.mu - origin) @ axes.T).astype(np.float32),
        axes=axes,
        origin=origin,
        axis_names=(f"PC1, {ratios[0]:.0%} of variance", f"PC2, {ratios[1]:.0%} of variance"),
        parameters={"explained_variance_ratio": ratios},
        seconds=time.perf_counter() - started,
    )


def project(encoded: EncodedSet, method: str) -> Projection:
    """Return the projection of ``encoded`` by ``method``, one of ``METHODS``.

    Raises:
        ProjectionError: if there is no such method, or it cannot be computed.
    """
    if method == "pca":
        return pca(encoded)
    if method == "plane":
        return plane(encoded)
    raise ProjectionError(f"There is no projection {method!r}. Choose one of: {', '.join(METHODS)}.")
