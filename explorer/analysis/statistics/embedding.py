"""What codes keep of classes and of neighbours: a number for each image, so that other images can be drawn from them.

Every function takes the codes of one set of images, mostly the test set: what a k-NN classifier or a probe knows of an
image comes from the other ones. Which images are neighbours, and which cluster each is in, is settled once.
scikit-learn is loaded where it is used.
"""

import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from explorer.analysis.arrays import Doubles, Labels, Numbers
from explorer.analysis.statistics.bootstrap import Estimate, Resampling, centred_estimate
from explorer.errors import ConfigError

N_NEIGHBOURS = 10
N_FOLDS = 5
N_STARTS = 10
MAX_ITERATIONS = 1000
SEED = 0

MAX_RANKED = 2000
"""Images of which all pairs are ranked, the first ones: 32 MB for each table of ranks."""

NO_CLASSES = "the images are of one class, or have none"


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class NeighbourTerms:
    """How well each image's neighbours are kept, shape ``(N,)`` each; their means are the two measures, in [0, 1].

    Attributes:
        trustworthiness: 1 less the penalty for neighbours among the codes that are none among the images.
        continuity: the same for neighbours among the images that are none among the codes.
    """

    trustworthiness: Doubles
    continuity: Doubles


def knn_hits(codes: Numbers, labels: Labels, n_neighbours: int = N_NEIGHBOURS) -> NDArray[np.bool_]:
    """Return whether most of each code's nearest other ones are of its class, shape ``(N,)``.

    A tie goes to the class of the least index. Source: Cover & Hart (1967), https://doi.org/10.1109/TIT.1967.1053964.

    Args:
        codes: shape ``(N, L)``.
        labels: classes, shape ``(N,)``.
        n_neighbours: that have a vote.

    Raises:
        ConfigError: if there is one class, or there are not more codes than neighbours.
    """
    from sklearn.neighbors import KNeighborsClassifier

    classes = _checked_classes(codes, labels)
    if len(codes) <= n_neighbours:
        raise ConfigError(f"{len(codes)} images have no {n_neighbours} neighbours each: use more images.")
    rows = KNeighborsClassifier(n_neighbours).fit(codes, labels).kneighbors(return_distance=False)
    votes = labels[rows]
    counts = np.stack([(votes == label).sum(axis=1) for label in classes], axis=1)
    hits: NDArray[np.bool_] = classes[counts.argmax(axis=1)] == labels
    return hits


def probe_hits(codes: Numbers, labels: Labels) -> NDArray[np.bool_]:
    """Return whether a logistic regression on the other folds reads each code's class right, shape ``(N,)``.

    Multinomial, on standardised codes, with scikit-learn's penalty (C = 1), in ``N_FOLDS`` stratified folds from
    ``SEED``. Source: Alain & Bengio (2017), https://arxiv.org/abs/1610.01644.

    Raises:
        ConfigError: if there is one class, or one with fewer images than there are folds.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedKFold, cross_val_predict
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    _checked_classes(codes, labels)
    least = int(np.unique(labels, return_counts=True)[1].min())
    if least < N_FOLDS:
        raise ConfigError(f"A class has {least} images, too few for {N_FOLDS} folds: use more images.")
    folds = StratifiedKFold(N_FOLDS, shuffle=True, random_state=SEED)
    probe = make_pipeline(StandardScaler(), LogisticRegression(max_iter=MAX_ITERATIONS))
    with warnings.catch_warnings():  # a probe that stops at its last iteration is a linear classifier all the same
        warnings.simplefilter("ignore", ConvergenceWarning)
        read = cross_val_predict(probe, codes.astype(np.float64), labels, cv=folds)
    hits: NDArray[np.bool_] = read == labels
    return hits


def silhouettes(codes: Numbers, labels: Labels) -> Doubles:
    """Return the silhouette of each code among the classes, in [-1, 1], shape ``(N,)``; 0 for a class of one.

    Source: Rousseeuw (1987), https://doi.org/10.1016/0377-0427(87)90125-7; scikit-learn.

    Raises:
        ConfigError: if there is one class, or as many as images.
    """
    from sklearn.metrics import silhouette_samples

    n_classes = len(_checked_classes(codes, labels))
    if n_classes == len(codes):
        raise ConfigError(f"Each of {len(codes)} images is a class of its own: use more images.")
    values: Doubles = silhouette_samples(codes.astype(np.float64), labels)
    return values


def clusters(codes: Numbers, labels: Labels) -> Labels:
    """Return the cluster of each code, ``(N,)``: k-means with as many as there are classes, the best of ``N_STARTS``.

    Raises:
        ConfigError: if there is one class, or there are fewer distinct codes than classes.
    """
    from sklearn.cluster import KMeans

    n_classes = len(_checked_classes(codes, labels))
    n_distinct = len(np.unique(codes, axis=0))
    if n_distinct < n_classes:
        raise ConfigError(f"There are {n_distinct} distinct codes for {n_classes} classes: the codes have collapsed.")
    found: Labels = KMeans(n_classes, n_init=N_STARTS, random_state=SEED).fit_predict(codes.astype(np.float64))
    return found.astype(np.int64)


def nmi_estimate(assigned: Labels, labels: Labels, resampling: Resampling) -> Estimate:
    """Return the normalised mutual information of clusters and classes, ``(N,)`` each, in [0, 1], with its interval.

    2 I(c; y) / (H(c) + H(y)), from counts; 0 where both are of one value. The assignment stays, images are drawn
    again. Few images make it too large, and resamples more so: the interval is centred.

    Source: Strehl & Ghosh (2002), https://www.jmlr.org/papers/v3/strehl02a.html, with the arithmetic mean.
    """
    n_labels = int(labels.max()) + 1
    tables = [_members(values) for values in (assigned, labels, assigned * n_labels + labels)]
    value = float(_nmi(*(table.mean(axis=0)[None] for table in tables))[0])
    return centred_estimate(value, _nmi(*(resampling.means(table) for table in tables)), least=0.0)


def neighbour_terms(images: Numbers, codes: Numbers, n_neighbours: int = N_NEIGHBOURS) -> NeighbourTerms:
    """Return how well the neighbours among ``images``, ``(N, D)``, are kept among ``codes``, ``(N, L)``, Euclidean.

    Source: Venna & Kaski (2001), Neighborhood preservation in nonlinear projection methods,
    https://doi.org/10.1007/3-540-44668-0_68, for each point apart.

    Raises:
        ConfigError: if there are too few images for the measure, not more than twice the neighbours, or a code is not
            a finite number.
    """
    _check_finite(codes)
    if len(images) <= 2 * n_neighbours:
        raise ConfigError(
            f"{len(images)} images are too few to rank {n_neighbours} neighbours: use more than {2 * n_neighbours}."
        )
    among_images, among_codes = (_ranks(points) for points in (images, codes))
    return NeighbourTerms(
        trustworthiness=_kept(among_images, among_codes, n_neighbours),
        continuity=_kept(among_codes, among_images, n_neighbours),
    )


def _check_finite(codes: Numbers) -> None:
    if not np.isfinite(codes).all():
        raise ConfigError("A code is not a finite number: the model has diverged.")


def _checked_classes(codes: Numbers, labels: Labels) -> Labels:
    _check_finite(codes)
    classes = np.unique(labels)
    if len(classes) < 2:
        raise ConfigError(f"Nothing tells codes of classes apart: {NO_CLASSES}.")
    return classes


def _members(values: Labels) -> Doubles:
    """Return 1 where an item has a value, ``(N, V)``, of the V that occur."""
    found, inverse = np.unique(values, return_inverse=True)
    members: Doubles = np.eye(len(found))[inverse]
    return members


def _nmi(of_clusters: Doubles, of_classes: Doubles, of_both: Doubles) -> Doubles:
    """Return the measure from shares of clusters, classes and pairs of them, ``(R, V)`` each, shape ``(R,)``."""
    apart = _entropy(of_clusters) + _entropy(of_classes)
    information = np.maximum(apart - _entropy(of_both), 0)
    nmi: Doubles = np.divide(2 * information, apart, out=np.zeros_like(apart), where=apart > 0)
    return nmi


def _entropy(shares: Doubles) -> Doubles:
    """Return the entropy of each row of shares ``(R, V)`` in nats, shape ``(R,)``."""
    from scipy.special import xlogy

    entropy: Doubles = -xlogy(shares, shares).sum(axis=1)
    return entropy


def _ranks(points: Numbers) -> NDArray[np.int32]:
    """Return for each point how many-th nearest each other one is to it, from 1 on, and 0 for itself, ``(N, N)``."""
    from sklearn.metrics import pairwise_distances

    distances = pairwise_distances(points.astype(np.float64))
    np.fill_diagonal(distances, -1.0)
    order = distances.argsort(axis=1)
    ranks = np.empty(order.shape, np.int32)
    np.put_along_axis(ranks, order, np.arange(len(points), dtype=np.int32)[None], axis=1)
    return ranks


def _kept(ranks: NDArray[np.int32], others: NDArray[np.int32], n_neighbours: int) -> Doubles:
    """Return 1 less each point's penalty for neighbours by ``others`` that come late by ``ranks``, ``(N,)``."""
    late = np.maximum(ranks - n_neighbours, 0) * (others <= n_neighbours)
    largest = n_neighbours * (2 * len(ranks) - 3 * n_neighbours - 1)
    kept: Doubles = 1 - 2 * late.sum(axis=1, dtype=np.float64) / largest
    return kept
