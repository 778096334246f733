from typing import get_args

import numpy as np
import pytest
import torch

from explorer.analysis.coding import BATCH, decode_codes, encode_split, shard_rows
from explorer.data.images import ImageSplit
from explorer.errors import ConfigError
from explorer.models.build import build_model
from explorer.models.config import PosteriorName
from explorer.models.latent_model import LatentModel
from tests.support import digits, model_config


def built(family: str = "vae", **changes: object) -> LatentModel:
    torch.manual_seed(2)
    return build_model(model_config(family, **changes)).eval()


def unit(split: ImageSplit) -> torch.Tensor:
    return torch.from_numpy(split.images).float() / 255


def test_the_elbo_of_an_encoded_set_is_that_computed_independently():
    # Every image 200 times gives the expectation that each single-sample estimate is drawn from.
    model, split = built(likelihood="gaussian", sigma=0.4), digits("test", 150)
    encoded = encode_split(model, split, is_binary=False, fingerprint="f")
    torch.manual_seed(9)
    x = unit(split).repeat(200, 1, 1, 1)
    q = model.encode(x)
    q = torch.distributions.Normal(q.mu, (q.log_var / 2).exp())
    z = q.sample()
    log_p = torch.distributions.Normal(model.decode(z).mean, 0.4).log_prob(x).sum(dim=(1, 2, 3))
    log_ratio = (q.log_prob(z) - torch.distributions.Normal(0.0, 1.0).log_prob(z)).sum(1)
    estimates = (log_p - log_ratio).view(200, 150).mean(dim=1).detach()
    assert abs(encoded.elbo() - estimates.mean()) < 5 * estimates.std()


def test_codes_and_kl_are_those_of_the_encoder():
    model, split = built(), digits("test", 40)
    encoded = encode_split(model, split, is_binary=False, fingerprint="f")
    q = model.encode(unit(split))
    kl = 0.5 * (q.mu**2 + q.log_var.exp() - 1 - q.log_var).sum(1)
    np.testing.assert_allclose(encoded.mu, q.mu.detach(), atol=1e-6)
    np.testing.assert_allclose(encoded.log_var, q.log_var.detach(), atol=1e-6)
    np.testing.assert_allclose(encoded.kl, kl.detach(), atol=1e-5)
    assert np.array_equal(encoded.labels, split.labels)
    assert encoded.fingerprint == "f"


def test_encoding_is_the_same_each_time_and_leaves_the_outer_random_state():
    model, split = built(), digits("test", 40)
    torch.manual_seed(1)
    first = encode_split(model, split, is_binary=True, fingerprint="f")
    before = torch.get_rng_state()
    second = encode_split(model, split, is_binary=True, fingerprint="f")
    assert torch.equal(torch.get_rng_state(), before)
    assert np.array_equal(first.reconstruction, second.reconstruction)
    assert np.array_equal(first.mu, second.mu)


def test_more_images_than_fit_a_batch_are_encoded_in_order():
    model, split = built("ae"), digits("train", 1200)
    encoded = encode_split(model, split, is_binary=False, fingerprint="f")
    np.testing.assert_allclose(encoded.mu, model.encode(unit(split)).mean.detach(), atol=1e-5)


def test_an_autoencoder_is_encoded_without_variance_or_kl():
    model, split = built("ae", likelihood="gaussian"), digits("test", 40)
    encoded = encode_split(model, split, is_binary=False, fingerprint="f")
    error = (unit(split) - model.decode(model.encode(unit(split)).mean).mean).square().sum(dim=(1, 2, 3))
    np.testing.assert_allclose(encoded.reconstruction, error.detach() + 32 * np.log(np.pi), rtol=1e-5)
    assert encoded.log_var is None
    assert not encoded.kl.any()


@pytest.mark.parametrize("posterior", get_args(PosteriorName))
def test_the_stored_log_variance_and_mean_of_every_posterior_are_those_of_its_samples(posterior):
    model, split = built(posterior=posterior, latent_dim=3), digits("test", 12)
    encoded = encode_split(model, split, is_binary=False, fingerprint="f")
    torch.manual_seed(4)
    with torch.no_grad():
        z = model.encode(unit(split)).sample((20_000,)).double()
    np.testing.assert_allclose(np.exp(encoded.log_var), z.var(0), rtol=0.6 if posterior == "log-normal" else 0.15)
    assert (np.abs(encoded.mu - z.mean(0).numpy()) / z.std(0).numpy()).max() < 0.04


def test_a_student_t_without_variance_is_encoded_and_stored_finite():
    model, split = built(posterior="student-t", degrees_of_freedom=1.5), digits("test", 12)
    encoded = encode_split(model, split, is_binary=False, fingerprint="f")
    assert np.isfinite(encoded.to_arrays()["log_var"]).all()
    assert np.isfinite(encoded.elbo())


def test_a_gan_is_refused_in_words():
    with pytest.raises(ConfigError, match="A gan has no encoder: it makes images from codes and cannot find the code"):
        encode_split(built("gan"), digits("test", 3), is_binary=False, fingerprint="f")


def test_codes_of_a_gan_are_decoded_by_what_a_vae_would_decode_them_with():
    gan, vae, z = built("gan"), built(), np.random.default_rng(0).normal(size=(5, 2)).astype(np.float32)
    vae.decoder.load_state_dict(gan.decoder.state_dict())
    assert np.array_equal(decode_codes(gan, z), decode_codes(vae, z))
    assert len(np.unique(decode_codes(gan, z).reshape(5, -1), axis=0)) == 5


def test_images_of_another_shape_are_refused_in_words():
    model = built(image_shape=(1, 8, 9))
    with pytest.raises(
        ConfigError, match=r"digits has images of shape \(1, 8, 8\); the model was made for \(1, 8, 9\)"
    ):
        encode_split(model, digits("test", 3), is_binary=False, fingerprint="f")


def test_decoded_images_are_the_mean_in_bytes():
    model, z = built(likelihood="continuous-bernoulli"), np.random.default_rng(0).normal(size=(30, 2))
    images = decode_codes(model, z.astype(np.float32))
    mean = model.decode(torch.from_numpy(z).float()).mean.detach().numpy()
    assert images.dtype == np.uint8
    assert np.abs(images / 255 - mean).max() <= 0.5 / 255 + 1e-6


def test_a_gaussian_mean_beyond_black_or_white_is_shown_as_black_or_white():
    model = built(likelihood="gaussian")
    model.start_at_mean(torch.tensor([-3.0, 4.0]).repeat(32).view(1, 8, 8))
    with torch.no_grad():
        model.decoder.body[-1].weight.zero_()
    assert decode_codes(model, np.zeros((1, 2), np.float32)).ravel().tolist() == [0, 255] * 32


def test_a_class_is_decoded_as_that_class():
    model, z = built("cvae"), np.zeros((10, 2), np.float32)
    images = decode_codes(model, z, np.arange(10))
    np.testing.assert_array_equal(images[3], decode_codes(model, z[:1], np.array([3]))[0])
    assert len(np.unique(images.reshape(10, -1), axis=0)) == 10


def test_shards_are_whole_batches_that_join_to_all_images_in_order():
    for n, size in ((1, 1), (999, 2), (1000, 3), (10_000, 3), (60_000, 7)):
        shards = [shard_rows(n, rank, size) for rank in range(size)]
        assert [row for shard in shards for row in shard] == list(range(n))
        assert all(shard.start % BATCH == 0 or not len(shard) for shard in shards)


@pytest.mark.parametrize("family", ["vae", "ae", "cvae"])
def test_a_shard_of_a_split_is_encoded_as_it_is_within_the_whole(family):
    model, split = built(family), digits("train")
    whole = encode_split(model, split, is_binary=True, fingerprint="f")
    for rows in (range(0, 1000), range(1000, 1297), range(1297, 1297)):
        shard = encode_split(model, split, is_binary=True, fingerprint="f", rows=rows)
        for name in ("mu", "log_var", "labels", "reconstruction", "kl"):
            part, expected = getattr(shard, name), getattr(whole, name)
            assert (part is None) == (expected is None)
            assert part is None or np.array_equal(part, expected[rows.start : rows.stop])


def test_weights_of_one_class_alone_decode_to_the_images_of_that_class():
    model, z = built("cvae"), np.random.default_rng(0).normal(size=(10, 2)).astype(np.float32)
    assert np.array_equal(decode_codes(model, z, np.eye(10, dtype=np.float32)), decode_codes(model, z, np.arange(10)))
