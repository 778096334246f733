import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score, roc_auc_score

from explorer.analysis.latent.attributes import area_under_curve, attribute_direction, class_means, latent_arithmetic
from explorer.errors import ConfigError

N = 4000


@pytest.fixture
def planted():
    """Normal codes; those with the attribute lie 1.5 deviations farther along a known direction."""
    rng = np.random.default_rng(0)
    direction = rng.normal(size=16)
    direction /= np.linalg.norm(direction)
    is_member = rng.random(N) < 0.3
    codes = rng.normal(size=(N, 16)) + 1.5 * is_member[:, None] * direction + 5
    return codes.astype(np.float32), is_member, direction


def test_arithmetic_on_codes_is_a_minus_b_plus_c():
    a, b, c = np.array([[1.0, 2], [3, 5], [10, 100]], np.float32)
    np.testing.assert_array_equal(latent_arithmetic(a, b, c), [8, 97])
    np.testing.assert_array_equal(latent_arithmetic(a, a, c), c)


def test_a_class_has_the_mean_of_its_codes_and_an_absent_one_has_none():
    codes = np.array([[0, 0], [2, 4], [10, 10], [4, 2]], np.float32)
    means = class_means(codes, np.array([3, 7, 3, 7]))
    assert sorted(means) == [3, 7]
    np.testing.assert_array_equal(means[3], [5, 5])
    np.testing.assert_array_equal(means[7], [3, 3])


def test_a_planted_direction_is_recovered_with_its_scale(planted):
    codes, is_member, direction = planted
    found = attribute_direction(codes, is_member, seed=0)
    assert np.linalg.norm(found.direction) == pytest.approx(1, abs=1e-6)
    # The means of 1,200 and 2,800 codes are 0.035 off in each dimension.
    assert found.direction @ direction > 0.99
    assert found.scale == pytest.approx(1.5, abs=0.1)
    step = found.scale * found.direction
    means = class_means(codes, is_member.astype(np.int64))
    np.testing.assert_allclose(latent_arithmetic(means[1], means[0], np.zeros(16, np.float32)), step, atol=1e-5)


def test_a_planted_direction_separates_as_two_normals_so_far_apart_do(planted):
    from scipy.stats import norm

    codes, is_member, _ = planted
    found = attribute_direction(codes, is_member, seed=0)
    # Two unit normals 1.5 apart: P(X > Y) = Phi(1.5 / sqrt 2), and half the distance to the middle on each side.
    # The direction was found on half of them, at an angle of which the cosine is above 0.98.
    assert found.auc == pytest.approx(norm.cdf(1.5 / np.sqrt(2)), abs=0.04)
    assert found.balanced_accuracy == pytest.approx(norm.cdf(0.75), abs=0.04)


def test_the_figures_are_those_of_held_out_images(planted):
    codes, is_member, _ = planted
    found = attribute_direction(codes, is_member, seed=3)
    assert found.n_with == is_member.sum() // 2
    assert found.n_without == (~is_member).sum() // 2


def test_a_column_of_chance_is_told_by_chance_where_the_images_it_was_found_by_would_claim_more():
    rng = np.random.default_rng(1)
    codes = rng.normal(size=(60, 200)).astype(np.float32)
    is_member = np.arange(60) % 2 == 0
    found = [attribute_direction(codes, rng.permutation(is_member), seed=seed) for seed in range(40)]
    # 15 against 15 images: the area's deviation is sqrt(31 / (12 * 225)) = 0.107, of the mean of 40 0.017.
    assert np.mean([each.auc for each in found]) == pytest.approx(0.5, abs=4 * 0.017)
    assert np.mean([each.balanced_accuracy for each in found]) == pytest.approx(0.5, abs=4 * 0.017)
    on_itself = [roc_auc_score(is_member, codes @ attribute_direction(codes, is_member, seed=0).direction)]
    assert min(on_itself) > 0.95


def test_the_area_and_the_accuracy_are_those_of_scikit_learn():
    rng = np.random.default_rng(2)
    positive, negative = rng.integers(0, 9, 50) + 1.0, rng.integers(0, 9, 70) * 1.0
    truth = np.repeat([1, 0], [50, 70])
    assert area_under_curve(positive, negative) == pytest.approx(
        roc_auc_score(truth, np.concatenate([positive, negative]))
    )


def test_the_balanced_accuracy_is_that_of_scikit_learn_by_the_middle_of_the_fitted_means(planted):
    codes, is_member, _ = planted
    found = attribute_direction(codes, is_member, seed=5)
    rng = np.random.default_rng(5)
    held_out = np.concatenate(
        [rng.permutation(np.flatnonzero(side))[: side.sum() // 2] for side in (is_member, ~is_member)]
    )
    fitted = np.setdiff1d(np.arange(N), held_out)
    means = class_means(codes[fitted], is_member[fitted].astype(np.int64))
    nearer = np.linalg.norm(codes - means[1], axis=1) < np.linalg.norm(codes - means[0], axis=1)
    assert found.balanced_accuracy == pytest.approx(
        balanced_accuracy_score(is_member[held_out], nearer[held_out]), abs=1e-3
    )


def test_the_same_seed_gives_the_same_figures_and_another_seed_others(planted):
    codes, is_member, _ = planted
    first, again, other = (attribute_direction(codes, is_member, seed=seed) for seed in (0, 0, 1))
    assert first.auc == again.auc != other.auc
    np.testing.assert_array_equal(first.direction, other.direction)


@pytest.mark.parametrize(("n_with", "said"), [(0, "0 of 100"), (1, "1 of 100"), (99, "99 of 100"), (100, "100 of 100")])
def test_a_column_with_one_value_is_refused_in_words(n_with, said):
    with pytest.raises(ConfigError, match=f"{said} images have this attribute .* at least 2 of each"):
        attribute_direction(np.zeros((100, 3), np.float32), np.arange(100) < n_with, seed=0)


def test_two_images_on_each_side_are_enough():
    codes = np.array([[0.0], [0.2], [1.0], [1.2]], np.float32)
    found = attribute_direction(codes, np.array([False, False, True, True]), seed=0)
    assert (found.auc, found.balanced_accuracy, found.n_with, found.n_without) == (1, 1, 1, 1)
    assert found.direction == [1]
    assert found.scale == pytest.approx(1, abs=1e-6)


def test_sides_with_the_same_mean_have_no_direction():
    with pytest.raises(ConfigError, match="have the same mean code"):
        attribute_direction(np.ones((10, 3), np.float32), np.arange(10) < 5, seed=0)


def test_a_column_of_another_length_is_a_mistake_of_the_caller():
    with pytest.raises(ValueError, match=r"expected \(N, L\) and \(N,\)"):
        attribute_direction(np.zeros((10, 3), np.float32), np.zeros(9, bool), seed=0)
