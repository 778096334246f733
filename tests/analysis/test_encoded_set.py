from dataclasses import replace

import numpy as np
import pytest

from explorer.analysis.records import EncodedSet


def encoded_set(n: int = 200, n_dims: int = 3, seed: int = 0) -> EncodedSet:
    rng = np.random.default_rng(seed)
    return EncodedSet(
        mu=rng.normal(size=(n, n_dims)).astype(np.float32),
        log_var=rng.normal(size=(n, n_dims)).astype(np.float32),
        labels=rng.integers(0, 10, n),
        reconstruction=rng.uniform(50, 90, n).astype(np.float32),
        kl=rng.uniform(3, 9, n).astype(np.float32),
        fingerprint="0" * 16,
    )


@pytest.mark.parametrize("n", [1, 5, 199, 200])
def test_neighbours_are_those_of_a_full_search(n):
    encoded, z = encoded_set(), np.array([0.3, -0.2, 0.1], np.float32)
    rows, distances = encoded.neighbours(z, n)
    every = np.sqrt(((encoded.mu.astype(np.float64) - z) ** 2).sum(axis=1))
    assert rows.tolist() == np.argsort(every)[:n].tolist()
    np.testing.assert_allclose(distances, np.sort(every)[:n], rtol=1e-5)


def test_the_nearest_neighbour_of_a_code_is_itself():
    encoded = encoded_set()
    rows, distances = encoded.neighbours(encoded.mu[17], 1)
    assert (rows.tolist(), distances.tolist()) == ([17], [0.0])


def test_more_neighbours_than_there_are_is_all_of_them():
    rows, _ = encoded_set(n=4).neighbours(np.zeros(3, np.float32), 10)
    assert sorted(rows.tolist()) == [0, 1, 2, 3]


def test_the_elbo_is_minus_the_mean_of_both_terms():
    encoded = replace(encoded_set(n=2), reconstruction=np.float32([80, 90]), kl=np.float32([3, 5]))
    assert encoded.elbo() == -89.0


def test_an_autoencoder_has_no_elbo():
    assert replace(encoded_set(), log_var=None).elbo() is None


def test_the_mean_code_is_the_mean_of_the_codes():
    np.testing.assert_allclose(encoded_set().mean_code(), encoded_set().mu.mean(axis=0), atol=1e-6)


@pytest.mark.parametrize("n_classes", [2, 10, 300])
def test_labels_and_terms_survive_storage_and_codes_keep_three_digits(n_classes):
    encoded = replace(encoded_set(), labels=np.arange(200) % n_classes)
    stored = EncodedSet.from_arrays(encoded.to_arrays(), fingerprint=encoded.fingerprint)
    assert np.array_equal(stored.labels, encoded.labels)
    assert np.array_equal(stored.reconstruction, encoded.reconstruction)
    assert np.array_equal(stored.kl, encoded.kl)
    np.testing.assert_allclose(stored.mu, encoded.mu, rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(stored.log_var, encoded.log_var, rtol=1e-3, atol=1e-4)


def test_log_variances_beyond_half_precision_are_stored_finite():
    encoded = replace(encoded_set(), log_var=np.full((200, 3), -1e9, np.float32))
    assert np.isfinite(encoded.to_arrays()["log_var"]).all()


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"labels": np.zeros(3, np.int64)}, r"labels has shape \(3,\), expected \(200,\)"),
        ({"kl": np.zeros((200, 1), np.float32)}, r"kl has shape \(200, 1\)"),
        ({"log_var": np.zeros((200, 2), np.float32)}, r"mu has shape \(200, 3\)"),
        ({"mu": np.zeros(200, np.float32)}, r"mu has shape \(200,\), expected \(N, L\)"),
    ],
    ids=["labels", "kl", "log_var", "mu"],
)
def test_arrays_that_do_not_fit_together_are_refused(changes, text):
    with pytest.raises(ValueError, match=text):
        replace(encoded_set(), **changes)
