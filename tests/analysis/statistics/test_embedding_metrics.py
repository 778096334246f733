import numpy as np
import pytest
from sklearn.cluster import KMeans
from sklearn.linear_model import LogisticRegression
from sklearn.manifold import trustworthiness
from sklearn.metrics import normalized_mutual_info_score
from sklearn.model_selection import LeaveOneOut, StratifiedKFold, cross_val_score
from sklearn.neighbors import KNeighborsClassifier

from explorer.analysis.statistics.bootstrap import Resampling
from explorer.analysis.statistics.embedding import (
    clusters,
    knn_hits,
    neighbour_terms,
    nmi_estimate,
    probe_hits,
    silhouettes,
)
from explorer.errors import ConfigError


def blobs(n=120, n_classes=3, spread=1.0, n_dims=2, seed=0):
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % n_classes
    centres = 2 * rng.normal(size=(n_classes, n_dims))
    return (centres[labels] + spread * rng.normal(size=(n, n_dims))).astype(np.float32), labels


def test_neighbours_vote_as_in_scikit_learn_leaving_each_image_out():
    codes, labels = blobs()
    left_out = cross_val_score(KNeighborsClassifier(10), codes, labels, cv=LeaveOneOut())
    np.testing.assert_array_equal(knn_hits(codes, labels), left_out == 1)


def test_the_probe_is_scikit_learns_on_codes_standardised_by_hand():
    codes, labels = blobs(spread=2.0)
    codes = codes * np.array([100, 0.01], np.float32)
    expected = np.zeros(len(labels), bool)
    for fit, held in StratifiedKFold(5, shuffle=True, random_state=0).split(codes, labels):
        mean, deviation = codes[fit].mean(0, dtype=float), codes[fit].std(0, dtype=float)
        probe = LogisticRegression(max_iter=1000).fit((codes[fit] - mean) / deviation, labels[fit])
        expected[held] = probe.predict((codes[held] - mean) / deviation) == labels[held]
    assert 0.4 < expected.mean() < 1
    np.testing.assert_array_equal(probe_hits(codes, labels), expected)


def test_codes_that_know_nothing_of_classes_are_right_by_chance():
    rng = np.random.default_rng(0)
    codes, labels = rng.normal(size=(2000, 4)), rng.integers(10, size=2000)
    for hits in (knn_hits(codes, labels), probe_hits(codes, labels)):
        assert hits.mean() == pytest.approx(0.1, abs=0.03)
    assert silhouettes(codes, labels).mean() == pytest.approx(0, abs=0.05)
    assert nmi_estimate(clusters(codes, labels), labels, Resampling(n_resamples=50)).value < 0.02


def test_silhouettes_are_those_of_the_definition():
    codes, labels = blobs(n=30)
    expected = []
    for row, label in enumerate(labels):
        distances = np.linalg.norm(codes.astype(float) - codes[row].astype(float), axis=1)
        own = distances[labels == label].sum() / ((labels == label).sum() - 1)
        other = min(distances[labels == another].mean() for another in set(labels) - {label})
        expected.append((other - own) / max(own, other))
    np.testing.assert_allclose(silhouettes(codes, labels), expected, rtol=1e-6)


def test_clusters_are_those_of_k_means_with_a_cluster_for_each_class():
    codes, labels = blobs()
    expected = KMeans(3, n_init=10, random_state=0).fit(codes.astype(np.float64)).labels_
    np.testing.assert_array_equal(clusters(codes, labels), expected)


def test_the_information_of_clusters_is_that_of_scikit_learn_also_in_each_resample():
    rng = np.random.default_rng(0)
    labels, noise = rng.integers(4, size=90), rng.integers(3, size=90)
    assigned = np.where(rng.random(90) < 0.5, labels, noise)
    resampling = Resampling(n_resamples=8)
    found = nmi_estimate(assigned, labels, resampling)
    assert found.value == pytest.approx(normalized_mutual_info_score(labels, assigned), rel=1e-9)
    drawn = [
        normalized_mutual_info_score(*(np.repeat(values, row.astype(int)) for values in (labels, assigned)))
        for row in resampling.counts(90)
    ]
    np.testing.assert_allclose(found.replicates, drawn - np.mean(drawn) + found.value, rtol=1e-9)
    assert found.low < found.value < found.high


def test_the_same_partition_under_other_names_carries_all_the_information():
    labels = np.arange(60) % 4
    found = nmi_estimate((labels + 1) % 4, labels, Resampling(n_resamples=20))
    assert found.value == pytest.approx(1)
    assert nmi_estimate(np.zeros(60, np.int64), labels, Resampling(n_resamples=20)).value == 0


def test_intervals_of_the_information_hold_its_mean_over_other_images_as_often_as_they_say():
    def draw(rng):
        labels = rng.integers(4, size=150)
        return np.where(rng.random(150) < 0.6, labels, rng.integers(4, size=150)), labels

    rng = np.random.default_rng(3)
    truth = np.mean([nmi_estimate(*draw(rng), Resampling(n_resamples=1)).value for _ in range(2000)])
    found = [nmi_estimate(*draw(rng), Resampling(seed=seed, n_resamples=300)) for seed in range(400)]
    # Of 400 the standard deviation of the share is 0.011.
    assert np.mean([one.low <= truth <= one.high for one in found]) == pytest.approx(0.95, abs=0.035)


def test_the_mean_terms_are_trustworthiness_and_continuity_of_scikit_learn():
    rng = np.random.default_rng(0)
    images = rng.normal(size=(100, 6))
    codes = images[:, :2] + 0.1 * rng.normal(size=(100, 2))
    terms = neighbour_terms(images, codes, 7)
    assert terms.trustworthiness.mean() == pytest.approx(trustworthiness(images, codes, n_neighbors=7), rel=1e-12)
    assert terms.continuity.mean() == pytest.approx(trustworthiness(codes, images, n_neighbors=7), rel=1e-12)
    assert terms.continuity.mean() - terms.trustworthiness.mean() > 0.01


def test_codes_that_keep_every_neighbour_have_both_measures_at_one():
    images = np.random.default_rng(0).normal(size=(50, 3))
    terms = neighbour_terms(images, 5 * images)
    assert (terms.trustworthiness == 1).all()
    assert (terms.continuity == 1).all()


@pytest.mark.parametrize("measure", [knn_hits, probe_hits, silhouettes, clusters])
def test_codes_of_one_class_or_that_are_no_numbers_are_refused(measure):
    codes, labels = blobs(n=40)
    with pytest.raises(ConfigError, match="the images are of one class, or have none"):
        measure(codes, np.zeros(40, np.int64))
    with pytest.raises(ConfigError, match="not a finite number"):
        measure(np.full_like(codes, np.nan), labels)


@pytest.mark.parametrize(
    ("measure", "text"),
    [
        (lambda: knn_hits(*blobs(n=10)), "10 images have no 10 neighbours each"),
        (lambda: probe_hits(*blobs(n=13)), "A class has 4 images, too few for 5 folds"),
        (lambda: silhouettes(*blobs(n=3)), "Each of 3 images is a class of its own"),
        (lambda: clusters(np.zeros((9, 2)), np.arange(9) % 3), "1 distinct codes for 3 classes"),
        (lambda: neighbour_terms(np.ones((20, 3)), np.ones((20, 2))), "20 images are too few to rank 10"),
    ],
)
def test_too_few_images_are_refused_in_words(measure, text):
    with pytest.raises(ConfigError, match=text):
        measure()
