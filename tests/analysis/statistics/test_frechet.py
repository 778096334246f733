import numpy as np
import pytest
import torch
from scipy import linalg, stats

from explorer.analysis.evaluation.classifier import classifier_features
from explorer.analysis.statistics.bootstrap import Resampling
from explorer.analysis.statistics.frechet import Moments, frechet_distance, frechet_estimate, moments, resampled_moments
from explorer.errors import ConfigError
from explorer.locations import SHIPPED
from explorer.runs.classifiers import classifier_path, read_classifier
from tests.support import digits


def normal(seed, n_dims=5):
    rng = np.random.default_rng(seed)
    root = rng.normal(size=(n_dims, n_dims))
    return rng.normal(size=n_dims), root @ root.T


def test_a_set_is_at_distance_zero_from_itself_even_if_features_repeat_or_are_dead():
    features = np.random.default_rng(0).normal(size=(50, 6)).astype(np.float32)
    features[:, 2], features[:, 4] = 0, features[:, 1]
    assert frechet_distance(moments(features), moments(features)) == pytest.approx(0, abs=1e-12)


def test_two_normals_in_one_dimension_are_apart_by_their_means_and_deviations():
    a, b = Moments.of(np.array([1.0]), np.array([[4.0]])), Moments.of(np.array([4.0]), np.array([[25.0]]))
    assert frechet_distance(a, b) == pytest.approx((1 - 4) ** 2 + (2 - 5) ** 2)


def test_two_normals_in_five_dimensions_are_apart_by_the_formula_with_scipys_matrix_root():
    (mean_a, cov_a), (mean_b, cov_b) = normal(1), normal(2)
    root = linalg.sqrtm(cov_a @ cov_b).real
    expected = np.square(mean_a - mean_b).sum() + np.trace(cov_a + cov_b - 2 * root)
    a, b = Moments.of(mean_a, cov_a), Moments.of(mean_b, cov_b)
    assert frechet_distance(a, b) == pytest.approx(expected, rel=1e-9)
    assert frechet_distance(b, a) == pytest.approx(expected, rel=1e-9)


def test_the_distance_of_many_samples_of_two_normals_is_that_of_the_normals():
    (mean_a, cov_a), (mean_b, cov_b) = normal(1), normal(2)
    rng = np.random.default_rng(0)
    a, b = (rng.multivariate_normal(*parts, size=100_000) for parts in ((mean_a, cov_a), (mean_b, cov_b)))
    exact = float(frechet_distance(Moments.of(mean_a, cov_a), Moments.of(mean_b, cov_b)))
    assert frechet_distance(moments(a), moments(b)) == pytest.approx(exact, rel=0.02)


def test_few_samples_of_one_distribution_are_apart_and_fewer_more_so():
    rng = np.random.default_rng(0)
    distances = [
        np.mean([frechet_distance(*(moments(rng.normal(size=(n, 8))) for _ in range(2))) for _ in range(20)])
        for n in (50, 200, 800)
    ]
    assert distances[0] > 2 * distances[1] > 4 * distances[2] > 0


def test_the_moments_are_those_of_numpy_in_each_resample_too():
    features, resampling = np.random.default_rng(0).normal(5, 1, size=(40, 3)), Resampling(n_resamples=6)
    found = moments(features)
    np.testing.assert_allclose(found.mean, features.mean(0))
    np.testing.assert_allclose(found.factor @ found.factor.T, np.cov(features.T, bias=True), atol=1e-12)
    resampled = resampled_moments(features, resampling)
    for row, mean, factor in zip(resampling.counts(40), resampled.mean, resampled.factor, strict=True):
        drawn = np.repeat(features, row.astype(int), axis=0)
        np.testing.assert_allclose(mean, drawn.mean(0), rtol=1e-12)
        np.testing.assert_allclose(factor @ factor.T, np.cov(drawn.T, bias=True), atol=1e-12)


def test_intervals_hold_the_mean_distance_of_as_many_samples_as_often_as_they_say():
    def draw(rng):
        return rng.normal(size=(100, 2)), rng.normal((1.0, 0.0), (1.5, 1.0), size=(100, 2))

    rng = np.random.default_rng(4)
    truth = np.mean([frechet_distance(*(moments(part) for part in draw(rng))) for _ in range(3000)])
    n_held = 0
    for seed in range(400):
        generated, real = draw(rng)
        resampled = resampled_moments(real, Resampling(seed=2 * seed + 1, n_resamples=200))
        found = frechet_estimate(generated, real, resampled, Resampling(seed=2 * seed, n_resamples=200))
        n_held += found.low <= truth <= found.high
    low, high = stats.binom.interval(0.999, 400, 0.94)
    assert low <= n_held <= high


def test_the_judges_features_are_what_its_head_reads():
    classifier, images = read_classifier(classifier_path("digits", SHIPPED)).network, digits("test", 30).images
    features = classifier_features(classifier, images)
    with torch.inference_mode():
        logits = classifier(torch.from_numpy(images).float() / 255).numpy()
        np.testing.assert_allclose(classifier.head(torch.from_numpy(features)).numpy(), logits, atol=1e-5)
    with pytest.raises(ConfigError, match=r"the judge was trained on \(1, 8, 8\)"):
        classifier_features(classifier, np.zeros((2, 1, 28, 28), np.uint8))


@pytest.mark.parametrize(
    ("features", "text"), [(np.ones((1, 3)), "at least two images"), (np.full((3, 3), np.nan), "not a finite number")]
)
def test_features_without_a_covariance_are_refused(features, text):
    for of in (moments, lambda values: resampled_moments(values, Resampling(n_resamples=2))):
        with pytest.raises(ConfigError, match=text):
            of(features)
