import numpy as np
import pytest

from explorer.analysis.latent.neighbourhood import FARTHEST, N_CROWD, N_SAMPLED, Neighbourhood, Verdict, spread


def codes(n, n_dims=2, seed=0):
    return np.random.default_rng(seed).normal(size=(n, n_dims)).astype(np.float32)


@pytest.mark.parametrize(("n_dims", "n"), [(2, 1200), (16, 300), (16, 1200)])
def test_neighbours_are_those_that_every_distance_gives(n_dims, n):
    mu, places = codes(n, n_dims), 1.3 * codes(40, n_dims, seed=1)
    around = Neighbourhood(mu, np.arange(n))
    every = np.linalg.norm(mu[:, None].astype(float) - mu, axis=-1)
    ordered = np.sort(every, axis=1)
    ordered = ordered[spread(n)]
    assert around.radius == pytest.approx(np.median(ordered[:, N_CROWD]))
    assert around.reach == pytest.approx(np.quantile(ordered[:, 1], FARTHEST))
    for z in places:
        distances = np.linalg.norm(mu.astype(float) - z, axis=1)
        rows, nearest = around.nearest(z, 7)
        np.testing.assert_array_equal(rows, np.argsort(distances)[:7])
        np.testing.assert_allclose(nearest, np.sort(distances)[:7])
        (distance,), (n_near,) = around.around(z[None])
        assert distance == pytest.approx(distances.min())
        assert n_near == (distances <= around.radius).sum()


@pytest.mark.parametrize("n_dims", [2, 16])
def test_a_code_of_the_set_is_at_no_distance_from_it_far_from_the_origin_too(n_dims):
    mu = codes(1200, n_dims) + 1000
    distances, n_near = Neighbourhood(mu, np.arange(1200)).around(mu)
    np.testing.assert_array_equal(distances, 0)
    assert (n_near >= 1).all()


def test_a_place_among_no_codes_is_infinitely_far():
    distances, n_near = Neighbourhood(codes(0, 16), np.arange(0)).around(codes(3, 16))
    assert np.isinf(distances).all()
    assert not n_near.any()


def test_half_of_the_encoded_images_have_as_many_around_them_as_is_typical():
    mu = codes(N_SAMPLED)
    around = Neighbourhood(mu, np.arange(N_SAMPLED))
    others = around.around(mu)[1] - 1
    assert (others >= around.n_typical).mean() == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize(
    ("place", "verdict"), [(0, "near"), (0.5, "near"), (-1, "near"), (109, "edge"), (-2, "edge"), (111, "far")]
)
def test_the_verdict_compares_the_nearest_image_with_what_is_usual_among_the_images(place, verdict):
    # 96 codes a step of 1 apart, then four 3 apart: the nearest other is 1 away from 95 and 3 away from 4 or 5 in 100.
    places = np.concatenate([np.arange(96), 95 + 3 * np.arange(1, 5)]).astype(np.float32)
    around = Neighbourhood(places[:, None], np.arange(100))
    assert (around.close, around.reach) == (1, 3)
    _, distances = around.nearest(np.array([place], np.float32), 1)
    assert around.verdict(float(distances[0])) == verdict
    assert verdict in list(Verdict)


@pytest.mark.parametrize("n_dims", [2, 16])
def test_of_ten_encoded_images_nine_would_be_called_near_without_themselves(n_dims):
    mu = codes(N_SAMPLED, n_dims)
    around = Neighbourhood(mu, np.arange(N_SAMPLED))
    verdicts = [around.verdict(float(around.nearest(z, 2)[1][1])) for z in mu]
    assert verdicts.count("near") / N_SAMPLED == pytest.approx(0.9, abs=0.01)
    assert verdicts.count("far") / N_SAMPLED == pytest.approx(0.01, abs=0.005)


@pytest.mark.parametrize("n", [1, 2, N_SAMPLED, N_SAMPLED + 1, 10_000])
def test_sampled_rows_are_spread_from_the_first_to_the_last(n):
    rows = spread(n)
    assert len(rows) == min(n, N_SAMPLED) == len(set(rows.tolist()))
    assert (rows[0], rows[-1]) == (0, n - 1)
    assert set(np.diff(rows).tolist()) <= {n // len(rows), n // len(rows) + 1}
