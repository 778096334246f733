"""How one batch changes the weights: which move, when, and by which gradient."""

import json
import math
from collections import Counter
from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F
from torch.nn.utils import parameters_to_vector

from explorer.models.build import build_model
from explorer.models.gan import GAN
from explorer.models.latent_model import LatentModel
from explorer.objectives.config import ObjectiveConfig
from explorer.objectives.share import WholeBatch
from explorer.training.distributed import World
from explorer.training.images import Batch
from explorer.training.regimes import (
    MAX_ENCODER_STEPS,
    Adversarial,
    Aggressive,
    Alternating,
    Joint,
    Regime,
    VariationalEM,
    build_regime,
)
from explorer.training.step import CriticStep, GeneratorStep, TrainingStep
from explorer.training.trainer import StopReason, Trainer, initial_model
from explorer.training.validation import validate
from tests.support import digits, fresh_run, model_config, run_config

TRAIN = digits("train", 100)
ELBO = ObjectiveConfig()
MODELS = {
    "vae": {},
    "cvae with a learned prior": {"family": "cvae", "prior": "conditional", "likelihood": "gaussian-learned"},
    "importance-weighted": {"objective": {"estimator": "iwae", "n_samples": 3}},
}


def batch(n: int = 16) -> Batch:
    return whole(torch.from_numpy(TRAIN.images[:n]).float() / 255, torch.from_numpy(TRAIN.labels[:n]))


def whole(x: Tensor, y: Tensor) -> Batch:
    return Batch(x, y, WholeBatch(len(x)))


def no_more(_: int) -> Batch:
    raise AssertionError("a fresh batch was asked for")


def model_and_regime(em: str, **changes) -> tuple[LatentModel, Regime]:
    config = run_config(em=em, **changes)
    model = initial_model(config, TRAIN)
    return model, build_regime(model, config, World())


def counted_steps(regime: Regime) -> Counter:
    """A count of each optimiser's steps from now on."""
    steps: Counter = Counter()
    for name, optimiser in regime.optimisers.items():
        optimiser.register_step_post_hook(lambda *_, name=name: steps.update([name]))
    return steps


def weights_of(model: LatentModel) -> dict[str, list[Tensor]]:
    parts = {"encoder": model.encoding_parameters(), "decoder": model.generative_parameters()}
    return {name: [weight.detach().clone() for weight in weights] for name, weights in parts.items()}


def moved(before: dict[str, list[Tensor]], model: LatentModel) -> set[str]:
    after = weights_of(model)
    return {n for n in before if not all(torch.equal(a, b) for a, b in zip(before[n], after[n], strict=True))}


def update(regime: Regime, n: int = 1) -> None:
    for step in range(n):
        torch.manual_seed(step)
        regime.update(batch(), ELBO, no_more)


# Encoder and decoder in turn


@pytest.mark.parametrize("em", ["joint", "alternating", "aggressive"])
def test_encoder_and_decoder_together_are_all_weights_and_share_none(em):
    model, _ = model_and_regime(em, family="cvae", prior="conditional", likelihood="gaussian-learned")
    encoding, generative = (
        {id(w) for w in part} for part in (model.encoding_parameters(), model.generative_parameters())
    )
    assert encoding | generative == {id(weight) for weight in model.parameters()}
    assert not encoding & generative
    assert {id(model.class_prior), id(model.likelihood.raw_log_var)} < generative


@pytest.mark.parametrize("changes", MODELS.values(), ids=MODELS)
@pytest.mark.parametrize("moving", ["encoder", "decoder"])
def test_a_step_of_one_moves_it_by_the_joint_gradient_and_computes_none_for_the_other(moving, changes):
    model, regime = model_and_regime("alternating", optimiser="sgd", **changes)
    assert isinstance(regime, VariationalEM)
    parts = {"encoder": model.encoding_parameters(), "decoder": model.generative_parameters()}
    torch.manual_seed(3)
    objective = run_config(**changes).training.objective
    loss, expected_sums = TrainingStep(model)(*batch()[:2], objective)
    expected = torch.autograd.grad(loss, parts[moving])
    before = weights_of(model)
    torch.manual_seed(3)
    sums = (regime.encoder_step if moving == "encoder" else regime.decoder_step)(batch(), objective)
    torch.testing.assert_close(sums, expected_sums)
    torch.testing.assert_close(tuple(weight.grad for weight in parts[moving]), expected)
    assert moved(before, model) == {moving}
    (held,) = set(parts) - {moving}
    assert [weight.grad for weight in parts[held]] == [None] * len(parts[held])
    assert all(weight.requires_grad for weight in model.parameters())


def test_what_is_held_still_may_move_again_after_a_step_that_fails():
    model, regime = model_and_regime("alternating")
    for step in (regime.encoder_step, regime.decoder_step):
        with pytest.raises(RuntimeError):
            step(whole(torch.zeros(2, 1, 9, 9), torch.zeros(2, dtype=torch.int64)), ELBO)
        assert all(weight.requires_grad for weight in model.parameters())


@pytest.mark.parametrize("optimiser", ["adam", "sgd", "adagrad"])
@pytest.mark.parametrize("changes", MODELS.values(), ids=MODELS)
def test_a_joint_step_of_two_optimisers_is_that_of_one(changes, optimiser):
    (one, joint), (two, apart) = (
        model_and_regime(em, optimiser=optimiser, **changes) for em in ("joint", "alternating")
    )
    assert isinstance(joint, Joint)
    for step in range(4):
        torch.manual_seed(step)
        expected = joint.update(batch(), ObjectiveConfig(beta=0.7), no_more)
        torch.manual_seed(step)
        assert torch.equal(apart.joint_step(batch(), ObjectiveConfig(beta=0.7)), expected)
    for name, weight in one.state_dict().items():
        torch.testing.assert_close(two.state_dict()[name], weight, atol=1e-6, rtol=0, msg=name)


def test_every_optimiser_takes_the_step_size_of_the_moment():
    for em in ("joint", "alternating"):
        model, regime = model_and_regime(em, optimiser="sgd")
        before = weights_of(model)
        regime.set_learning_rate(0.0)
        update(regime, 5)
        assert moved(before, model) == set()


@pytest.mark.parametrize("em", ["joint", "alternating", "aggressive"])
def test_a_gradient_that_is_too_long_is_shortened_and_keeps_its_direction(em):
    changes = {"optimiser": "sgd", "learning_rate": 1e-2}
    steps = []
    for norm in (None, 1e6, 0.5):
        model, regime = model_and_regime(em, max_gradient_norm=norm, **changes)
        before = parameters_to_vector(model.parameters()).detach()
        torch.manual_seed(3)
        if em == "joint":
            regime.update(batch(), ELBO, no_more)
        else:
            regime.joint_step(batch(), ELBO)
        steps.append(parameters_to_vector(model.parameters()).detach() - before)
    free, far, short = steps
    assert torch.equal(far, free)
    assert free.norm() > 1e-2
    assert short.norm().item() == pytest.approx(1e-2 * 0.5, rel=1e-3)
    assert torch.cosine_similarity(short, free, dim=0).item() == pytest.approx(1, abs=1e-5)


# Alternating


@pytest.mark.parametrize("k", [1, 2, 3])
def test_the_decoder_moves_on_every_kth_batch_and_the_encoder_on_each(k):
    model, regime = model_and_regime("alternating", encoder_steps=k)
    assert isinstance(regime, Alternating)
    steps = counted_steps(regime)
    for n in range(1, 8):
        before = weights_of(model)
        update(regime)
        assert moved(before, model) == ({"encoder", "decoder"} if n % k == 0 else {"encoder"})
        assert steps == Counter(encoder=n, decoder=n // k)


def test_the_decoders_turn_is_remembered():
    _, regime = model_and_regime("alternating", encoder_steps=3)
    update(regime, 2)
    model, restored = model_and_regime("alternating", encoder_steps=3)
    restored.restore(json.loads(json.dumps(regime.numbers())))
    before = weights_of(model)
    update(restored)
    assert moved(before, model) == {"encoder", "decoder"}


# Aggressive


def grey_batches(level: Callable[[int], float]) -> Callable[[int], Batch]:
    """Batches of one grey: under a decoder that says black, the darker the likelier."""
    return lambda index: whole(torch.full((8, 1, 8, 8), level(index)), torch.zeros(8, dtype=torch.int64))


def aggressive(**changes) -> tuple[LatentModel, Aggressive]:
    """A regime whose encoder hardly moves, so that the loss of a batch is that of its grey."""
    config = run_config(em="aggressive", optimiser="sgd", learning_rate=1e-9, likelihood="gaussian", **changes)
    model = build_model(config.model)
    with torch.no_grad():
        model.decoder.body[-1].weight.zero_()
    regime = build_regime(model, config, World())
    assert isinstance(regime, Aggressive)
    return model, regime


@pytest.mark.parametrize(
    ("level", "n_encoder_steps"),
    [
        (lambda index: 1 - index / 100, MAX_ENCODER_STEPS),
        (lambda index: 1 - index // 10 / 10 if index < 30 else 1.0, 40),
        (lambda index: 0.5 if index < 10 else 0.9, 20),
        (lambda _: math.nan, 10),
    ],
    ids=["falls to the end", "rises in the fourth block", "rises in the second block", "is no number"],
)
def test_the_encoder_moves_until_the_loss_of_a_block_no_longer_falls_and_then_the_decoder_once(level, n_encoder_steps):
    _, regime = aggressive()
    steps, seen = counted_steps(regime), []
    draw = grey_batches(level)

    def fresh(index: int) -> Batch:
        seen.append(index)
        return draw(index)

    regime.update(draw(0), ELBO, fresh)
    assert steps == Counter(encoder=n_encoder_steps, decoder=1)
    assert seen == list(range(1, n_encoder_steps))


def test_the_decoder_moves_on_the_batch_that_history_counts():
    model, regime = aggressive()
    first, others = grey_batches(lambda _: 0.25), grey_batches(lambda _: 0.75)
    sums = regime.update(first(0), ELBO, others)
    expected = -64 * 0.25**2 - 32 * math.log(math.pi)
    assert sums[1].item() / 8 == pytest.approx(expected, abs=1e-3)
    assert model.decoder.bias.grad.mean().item() == pytest.approx(-2 * 0.25, abs=1e-3)


def test_the_aggressive_phase_ends_for_good_when_information_no_longer_rises():
    _, regime = aggressive()
    for information, is_aggressive in [(0.5, True), (0.9, True), (0.8, False), (3.0, False), (4.0, False)]:
        regime.end_epoch({"mutual_information": information})
        assert regime.is_aggressive is is_aggressive


@pytest.mark.parametrize("history", [[0.5, 0.5], [0.0, -0.1], [math.nan], [0.5, math.nan]], ids=str)
def test_information_that_stays_falls_or_is_no_number_ends_the_aggressive_phase(history):
    _, regime = aggressive()
    for information in history:
        assert regime.is_aggressive
        regime.end_epoch({"mutual_information": information})
    assert not regime.is_aggressive


def test_after_the_aggressive_phase_every_update_is_a_joint_step():
    model, regime = model_and_regime("aggressive")
    regime.end_epoch({"mutual_information": math.nan})
    steps, before = counted_steps(regime), weights_of(model)
    update(regime, 3)
    assert steps == Counter(encoder=3, decoder=3)
    assert moved(before, model) == {"encoder", "decoder"}


@pytest.mark.parametrize("history", [[], [0.5], [0.5, 0.7], [0.5, 0.4], [math.nan]], ids=str)
def test_where_the_aggressive_phase_stands_survives_json(history):
    _, regime = aggressive()
    for information in history:
        regime.end_epoch({"mutual_information": information})
    _, restored = aggressive()
    restored.restore(json.loads(json.dumps(regime.numbers(), allow_nan=False)))
    assert restored.numbers() == regime.numbers()
    for each in (regime, restored):
        each.end_epoch({"mutual_information": 0.6})
    assert restored.is_aggressive is regime.is_aggressive


# Decoder against critic


def gan(**changes) -> GAN:
    """A GAN in float64 whose critic is smooth and sure of something."""
    torch.manual_seed(0)
    model = build_model(model_config("gan", activation="tanh", **changes)).double()
    assert isinstance(model, GAN)
    with torch.no_grad():
        model.critic.body[-1].weight.mul_(5)
        model.decoder.body[-1].weight.mul_(3)
    return model


def real_images(n: int = 6) -> Tensor:
    return torch.from_numpy(TRAIN.images[:n]).double() / 255


def squared_gradients(model: GAN, images: Tensor) -> float:
    """Sum over ``images`` of the critic's squared gradient, one image at a time."""
    total = 0.0
    for image in images:
        x = image[None].clone().requires_grad_()
        model.criticise(x).squeeze().backward()
        total += x.grad.square().sum().item()
    return total


@pytest.mark.parametrize("network", [{}, {"network": "conv", "hidden": (4, 6)}], ids=["dense", "conv"])
@pytest.mark.parametrize("penalty", [0.0, 1.0, 20.0])
def test_the_critics_loss_is_its_cross_entropy_and_its_squared_gradient_at_real_images(network, penalty):
    model, real = gan(**network), real_images()
    generated = model.generate(torch.randn(6, 2, dtype=torch.float64))
    belief = torch.cat([model.criticise(real), model.criticise(generated)]).sigmoid()
    truth = torch.tensor([1.0] * 6 + [0.0] * 6, dtype=torch.float64)
    cross_entropy = 2 * F.binary_cross_entropy(belief, truth).item()
    expected = cross_entropy + penalty / 2 * squared_gradients(model, real) / len(real)
    assert CriticStep(model, penalty)(real, generated).item() == pytest.approx(expected, rel=1e-9)
    assert squared_gradients(model, real) > 1e-3


def test_the_penalty_reaches_the_critics_weights_and_no_loss_of_the_critic_reaches_the_decoder():
    model, real = gan(), real_images()
    step, weight = CriticStep(model, 20.0), model.critic.input.layer.weight
    generated = model.generate(torch.randn(6, 2, dtype=torch.float64))
    step(real, generated).backward()
    assert all(parameter.grad is None for parameter in model.generative_parameters())
    row, column = divmod(int(weight.grad.abs().argmax()), weight.shape[1])
    losses = []
    for change in (1e-5, -1e-5):
        with torch.no_grad():
            weight[row, column] += change
        losses.append(step(real, generated).item())
        with torch.no_grad():
            weight[row, column] -= change
    assert weight.grad[row, column].item() == pytest.approx((losses[0] - losses[1]) / 2e-5, rel=1e-5)


def test_the_generators_loss_is_minus_the_log_of_the_critics_belief_and_does_not_saturate():
    model = gan()
    z = torch.randn(7, 2, dtype=torch.float64)
    belief = model.criticise(model.decode(z).mean).sigmoid()
    assert GeneratorStep(model)(z).item() == pytest.approx(-belief.log().mean().item(), rel=1e-12)
    with torch.no_grad():
        model.critic.body[-1].bias.sub_(1000)
    loss = GeneratorStep(model)(z)
    loss.backward()
    assert loss.item() == pytest.approx(1000, rel=0.1)
    assert model.decoder.bias.grad.abs().max() > 1e-3


def test_critic_and_decoder_each_move_once_and_away_from_each_others_loss():
    config = run_config("gan", optimiser="sgd", learning_rate=1e-3, gradient_penalty=0.0)
    model = initial_model(config, TRAIN)
    regime = build_regime(model, config, World())
    assert isinstance(regime, Adversarial)
    steps = counted_steps(regime)
    before = {name: weight.detach().clone() for name, weight in model.named_parameters()}
    torch.manual_seed(0)
    z = model.prior().rsample((16,))
    generated = model.generate(z).detach()
    critic_before = CriticStep(model, 0.0)(batch()[0], generated).item()
    torch.manual_seed(0)
    sums = regime.update(batch(), ELBO, no_more)
    assert steps == Counter(critic=1, decoder=1)
    assert sums[0].item() / 16 == pytest.approx(critic_before, rel=1e-6)
    assert CriticStep(model, 0.0)(batch()[0], generated).item() < critic_before
    assert all(not torch.equal(weight, before[name]) for name, weight in model.named_parameters())
    assert all(weight.requires_grad for weight in model.parameters())


@pytest.mark.parametrize("optimiser", ["adam", "sgd", "adagrad"])
def test_training_a_gan_writes_its_losses_and_how_diverse_its_images_are(tmp_path, optimiser):
    config = run_config("gan", epochs=3, optimiser=optimiser, learning_rate=1e-3)
    run = fresh_run(tmp_path / "run", config, TRAIN)
    assert Trainer(run, TRAIN, digits("validation", 60)).fit() is StopReason.FINISHED
    assert len(run.history()) == 3
    for record in run.history():
        assert record["train"].keys() == {"critic_loss", "generator_loss"}
        assert record["validation"].keys() == {"critic_loss", "generator_loss", "diversity"}
        assert all(
            math.isfinite(figure) and figure > 0 for part in ("train", "validation") for figure in record[part].values()
        )
    # What is kept is the last epoch: no figure of a GAN says which was best.
    assert torch.equal(run.model().decoder.bias, run.state()[0]["model.decoder.bias"])


def test_adam_against_a_critic_forgets_faster():
    for family, beta in [("vae", 0.9), ("gan", 0.5)]:
        _, regime = model_and_regime("joint", family=family)
        assert {optimiser.defaults["betas"] for optimiser in regime.optimisers.values()} == {(beta, 0.999)}


def test_a_decoder_that_makes_one_image_has_no_diversity_and_one_of_the_real_spread_has_one():
    model, y = gan().float(), torch.zeros(500, dtype=torch.int64)
    torch.manual_seed(7)
    real = model.generate(model.prior().rsample((500,))).detach()
    figures = validate(model, real, y, run_config("gan").training.objective, seed=1)
    assert figures["diversity"] == pytest.approx(1, abs=0.05)
    with torch.no_grad():
        model.decoder.body[-1].weight.zero_()
    figures = validate(model, real, y, run_config("gan").training.objective, seed=1)
    assert figures["diversity"] == pytest.approx(0, abs=1e-6)


def test_the_losses_of_a_critic_that_knows_nothing_are_those_of_a_coin():
    model, y = gan().float(), torch.zeros(40, dtype=torch.int64)
    with torch.no_grad():
        model.critic.body[-1].weight.zero_()
        model.critic.body[-1].bias.zero_()
    figures = validate(model, real_images(40).float(), y, run_config("gan").training.objective, seed=1)
    assert figures["critic_loss"] == pytest.approx(2 * math.log(2), rel=1e-6)
    assert figures["generator_loss"] == pytest.approx(math.log(2), rel=1e-6)
