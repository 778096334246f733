"""Paths: at which times they are shown, what is told of their frames, and the kind that takes its time."""

import numpy as np
import pytest

from explorer.analysis.coding import decoded_means
from explorer.errors import ConfigError
from explorer.locations import ROOT
from explorer.serving.run_cache import RunCache
from explorer.workflows.paths import Endpoints, Sampling, geodesic, measured, quick_path

SECONDS = 120
ENDS = Endpoints(a=(1.5, 1.0), b=(-1.5, 0.5))


@pytest.fixture(scope="module")
def loaded():
    return RunCache(ROOT / "checkpoints").run("digits-vae-2d")


@pytest.mark.parametrize("n_frames", [4, 12, 17, 48])
def test_every_so_many_frames_of_the_film_make_a_strip_with_one_frame_beyond_each_end(n_frames):
    sampling = Sampling(n_frames=n_frames)
    shown = sampling.times()[:: sampling.stride]
    np.testing.assert_allclose(shown, np.arange(-1, n_frames + 1) / (n_frames - 1), atol=1e-12)


@pytest.mark.parametrize("n_frames", [3, 49])
def test_a_strip_of_too_few_or_too_many_frames_is_refused(n_frames):
    with pytest.raises(ConfigError, match="use 4 to 48"):
        Sampling(n_frames=n_frames)


def test_codes_of_two_models_are_no_ends_of_one_walk():
    with pytest.raises(ConfigError, match="2 and 3 numbers: choose places of one model"):
        Endpoints(a=(0.0, 1.0), b=(0.0, 1.0, 2.0))


@pytest.mark.parametrize("kind", ["geodesic", "crooked"])
def test_what_takes_seconds_or_is_none_is_no_quick_walk(loaded, kind):
    with pytest.raises(ConfigError, match="no quick path"):
        quick_path(loaded, kind, ENDS, Sampling())


def test_a_straight_walk_has_the_length_of_the_line_and_is_told_of_at_every_frame(loaded):
    sampling = Sampling(n_frames=6)
    path = quick_path(loaded, "linear", ENDS, sampling)
    a, b = ENDS.codes
    assert path.facts.latent_length == pytest.approx(np.linalg.norm(a - b), rel=1e-5)
    assert len(path.facts.n_near) == len(path.facts.log_prior) == len(sampling.times())
    # log N(z; 0, I) by its formula
    z = path.latent.codes.astype(float)
    np.testing.assert_allclose(path.facts.log_prior, -0.5 * (z**2).sum(axis=1) - np.log(2 * np.pi), rtol=1e-5)
    radius = path.facts.radius
    distances = np.linalg.norm(loaded.encoded.mu[None].astype(float) - z[:, None], axis=2)
    np.testing.assert_array_equal(path.facts.n_near, (distances <= radius).sum(axis=1))


def test_frames_that_are_even_are_apart_equally_in_the_decoded_image(loaded):
    sampling = Sampling(n_frames=12, is_even=True)
    path = quick_path(loaded, "linear", ENDS, sampling)
    inner = path.latent.codes[~path.latent.is_overshoot]
    images = decoded_means(loaded.model, inner).flatten(1).numpy()
    steps = np.linalg.norm(np.diff(images, axis=0), axis=1)
    assert steps.std() / steps.mean() < 0.05


def test_a_geodesic_is_found_once_in_the_background_and_has_no_more_energy_than_the_line(loaded):
    task = geodesic(loaded, ENDS).task()
    assert geodesic(loaded, ENDS).task() is task
    path = measured(loaded, task.result(SECONDS), ENDS, Sampling())
    assert path.facts.image_energy <= quick_path(loaded, "linear", ENDS, Sampling()).facts.image_energy
    (start,) = path.latent.codes[np.isclose(path.latent.t, 0)]
    np.testing.assert_allclose(start, ENDS.codes[0], atol=1e-5)


def test_a_geodesic_that_was_cancelled_stays_so_until_it_is_asked_for_anew(loaded):
    endpoints = Endpoints(a=(2.0, 2.0), b=(-2.0, -1.0))
    geodesic(loaded, endpoints).cancel()
    assert geodesic(loaded, endpoints).task().is_cancelled
    geodesic(loaded, endpoints).start()
    assert geodesic(loaded, endpoints).task().result(SECONDS).is_converged


def test_a_conditional_model_walks_in_the_class_that_is_asked_for():
    cvae = RunCache(ROOT / "checkpoints").run("digits-cvae-2d")
    path = quick_path(cvae, "data", Endpoints(a=(1.0, 1.0), b=(-1.0, 0.0), label=4), Sampling())
    assert set(path.labels.tolist()) == {4}
    assert set(cvae.encoded.labels[path.latent.rows].tolist()) == {4}
