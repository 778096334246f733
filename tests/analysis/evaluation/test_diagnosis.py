import re
from typing import Literal, get_args, get_origin

import pytest
from typer.testing import CliRunner

from explorer.__main__ import app
from explorer.analysis.evaluation.diagnosis import Finding, diagnose
from explorer.analysis.evaluation.evaluate import Evaluation, evaluate
from explorer.analysis.latent.density_models import KINDS
from explorer.models.config import ModelConfig, PosteriorName
from explorer.objectives.config import ObjectiveConfig
from explorer.runs.config import TrainingConfig
from explorer.training.trainer import StopReason, Trainer
from tests.support import digits, fresh_run, model_config, run_config

NAMES = {
    *("posterior-collapse", "dead-dimensions", "divergence", "over-fitting", "heavy-tails", "restricted-support"),
    *("no-samples", "mode-collapse", "critic-wins"),
}
OPTIONS = {
    f"--{name.replace('_', '-')}": field
    for config in (ModelConfig, TrainingConfig, ObjectiveConfig)
    for name, field in config.model_fields.items()
}


def findings_of(folder, family="vae", n_images=None, **changes):
    """Train a small model on digits; return what is found, and the history in which it is."""
    images = digits("train", n_images)
    run = fresh_run(folder / "run", run_config(family, **changes), images)
    assert Trainer(run, images, digits("validation")).fit() is StopReason.FINISHED
    return diagnose(run.config.model, run.history()), run.history()


def record(objective=-100.0, validation=None, **figures):
    return {"train": {"objective": objective}, "validation": {"objective": validation} | figures}


def vae_figures(information=3.0, kl_per_dimension=(1.5, 2.0)):
    return {
        "mutual_information": information,
        "kl": float(sum(kl_per_dimension)),
        "kl_per_dimension": list(kl_per_dimension),
    }


def gan_figures(diversity=1.0, critic_loss=1.2):
    return {"train": {}, "validation": {"diversity": diversity, "critic_loss": critic_loss, "generator_loss": 0.8}}


def every_finding():
    """One of each, in as few diagnoses as it takes."""
    falling = [record(objective, score) for objective, score in ((-90.0, -100.0), (-80.0, -130.0), (-70.0, -140.0))]
    return [
        *diagnose(model_config(), [record(**vae_figures(0.03, (0.01, 0.02)))]),
        *diagnose(model_config(), [record(**vae_figures(2.0, (3.0, 0.001)))]),
        *diagnose(model_config(), [record(-80.0), record(-95.0)]),
        *diagnose(model_config(), [record(-80.0)], diverged_in=2),
        *diagnose(model_config(), falling),
        *diagnose(model_config(posterior="student-t", degrees_of_freedom=1.5), []),
        *diagnose(model_config(posterior="uniform"), []),
        *diagnose(model_config("ae"), []),
        *diagnose(model_config("gan"), [gan_figures(0.2, 0.01)]),
    ]


# From real causes


@pytest.mark.parametrize(
    "changes",
    [{"likelihood": "gaussian", "sigma": 3.0}, {"objective": ObjectiveConfig(beta=20.0)}],
    ids=["a wide likelihood", "a heavy KL"],
)
def test_a_decoder_that_ignores_its_code_is_a_collapse(tmp_path, changes):
    (finding,), history = findings_of(tmp_path, epochs=5, **changes)
    last = history[-1]["validation"]
    assert finding.name == "posterior-collapse"
    assert f"Codes carry {max(last['mutual_information'], 0):.2f} nats" in finding.evidence
    assert f"(KL {last['kl']:.2f})" in finding.evidence


def test_more_dimensions_than_digits_need_are_dead(tmp_path):
    (finding,), history = findings_of(tmp_path, latent_dim=24, hidden=(64,), epochs=15)
    dead = [k for k, nats in enumerate(history[-1]["validation"]["kl_per_dimension"]) if nats < 0.01]
    assert finding.name == "dead-dimensions"
    assert 0 < len(dead) < 9
    assert finding.evidence.startswith(f"{len(dead)} of 24 dimensions ({', '.join(f'z{k}' for k in dead)}) have")


def test_a_hundred_images_for_many_epochs_over_fit(tmp_path):
    settings = {"hidden": (256,), "latent_dim": 8, "epochs": 60, "batch_size": 50, "binarisation": "fixed"}
    (finding,), history = findings_of(tmp_path, n_images=100, **settings)
    scores = [each["validation"]["objective"] for each in history]
    best = scores.index(max(scores))
    assert finding.name == "over-fitting"
    assert f"best in epoch {best + 1} ({max(scores):.1f} nats) and is now {scores[-1]:.1f}" in finding.evidence
    assert f"{history[best]['train']['objective']:.1f} to {history[-1]['train']['objective']:.1f}" in finding.evidence
    assert f"The weights of epoch {best + 1} are the ones that are kept" in finding.fix


def test_a_gan_that_has_hardly_begun_makes_few_different_images(tmp_path):
    (finding,), history = findings_of(tmp_path, "gan", epochs=1, learning_rate=1e-5)
    assert finding.name == "mode-collapse"
    assert f"differ {history[-1]['validation']['diversity']:.2f} times as much as two real" in finding.evidence


@pytest.mark.parametrize(
    ("family", "changes", "names"),
    [
        ("vae", {"hidden": (64,), "epochs": 10}, []),
        ("vae", {"likelihood": "continuous-bernoulli", "epochs": 10}, []),
        ("cvae", {"hidden": (64,), "epochs": 10, "prior": "conditional"}, []),
        ("gan", {"hidden": (64,), "epochs": 30, "learning_rate": 2e-3, "latent_dim": 8}, []),
        ("ae", {"epochs": 5, "likelihood": "gaussian"}, ["no-samples"]),
    ],
    ids=["vae", "continuous", "cvae", "gan", "ae"],
)
def test_of_a_healthy_run_nothing_is_found_but_that_an_autoencoder_has_no_prior(tmp_path, family, changes, names):
    assert [finding.name for finding in findings_of(tmp_path, family, **changes)[0]] == names


def test_a_kl_weight_that_rises_or_starts_again_is_neither_divergence_nor_over_fitting(tmp_path):
    config = run_config(
        latent_dim=8, hidden=(64,), epochs=14, objective=ObjectiveConfig(kl_schedule="cyclic", ramp_epochs=5.0)
    )
    run = fresh_run(tmp_path / "run", config, digits("train"))
    Trainer(run, digits("train"), digits("validation")).fit()
    history = run.history()
    for epochs in range(5, 15):
        found = {finding.name for finding in diagnose(config.model, history[:epochs])}
        assert found <= {"dead-dimensions"}, epochs


# From figures


def test_an_evaluation_goes_before_the_last_validation():
    collapsed = [record(**vae_figures(0.01, (0.0, 0.0)))]
    evaluated = Evaluation(n_images=9, n_samples=1, mutual_information=2.0, kl=3.5, kl_per_dimension=[1.5, 2.0])
    assert [finding.name for finding in diagnose(model_config(), collapsed)] == ["posterior-collapse"]
    assert diagnose(model_config(), collapsed, evaluated) == []


def test_an_untrained_model_is_collapsed_by_its_evaluation(tmp_path):
    run = fresh_run(tmp_path / "run", run_config(), digits("train", 50))
    evaluation = evaluate(run.model(), digits("test", 100), is_binary=False, n_samples=1)
    (finding,) = diagnose(run.config.model, [], evaluation)
    assert finding.name == "posterior-collapse"


def test_a_run_that_diverged_is_found_until_it_is_gone_on_with(tmp_path):
    images = digits("train", 128)
    exploding = run_config(likelihood="gaussian", learning_rate=10.0, epochs=6, hidden=(256,) * 4)
    run = fresh_run(tmp_path / "run", exploding, images)
    assert Trainer(run, images, digits("validation")).fit() is StopReason.DIVERGED
    (finding,) = diagnose(run.config.model, run.history(), diverged_in=run.diverged_in())
    assert finding.name == "divergence"
    assert finding.evidence.startswith("In epoch 1 the objective or a weight was no longer a number")
    run.save_history(run.history())
    assert run.diverged_in() is None


def test_evaluating_one_image_does_not_make_a_model_collapsed():
    one = Evaluation(n_images=1, n_samples=1, mutual_information=0.0, mutual_information_ceiling=0.0, kl=3.5)
    assert diagnose(model_config(), [], one) == []


@pytest.mark.parametrize(("last", "n"), [(-88.1, 1), (-87.9, 0), (-70.0, 0)])
def test_a_fall_by_a_tenth_is_divergence_and_less_is_not(last, n):
    found = diagnose(model_config(), [record(-95.0), record(-80.0), record(last)])
    assert [finding.evidence for finding in found] == [
        f"The training objective fell from -80.0 nats in epoch 2 to {last:.1f}."
    ] * n


@pytest.mark.parametrize(("loss", "names"), [(0.03, ["critic-wins"]), (0.2, []), (1.386, [])])
def test_a_critic_that_is_almost_always_right_wins(loss, names):
    found = diagnose(model_config("gan"), [gan_figures(critic_loss=loss)])
    assert [finding.name for finding in found] == names
    assert all(f"loss {loss:.3f}" in finding.evidence for finding in found)


def test_validation_that_falls_with_training_is_no_over_fitting():
    assert diagnose(model_config(), [record(-90.0, -95.0), record(-80.0, -84.0), record(-81.0, -87.0)]) == []


def test_a_tenth_of_a_nat_is_no_over_fitting_where_the_objective_is_near_zero():
    assert diagnose(model_config(), [record(-2.0, -1.0), record(1.0, 0.4), record(1.5, 0.3)]) == []


@pytest.mark.parametrize("posterior", get_args(PosteriorName))
def test_a_posterior_with_a_part_of_the_support_is_told_and_no_other(posterior):
    found = diagnose(model_config(posterior=posterior), [])
    expected = ["restricted-support"] if posterior in {"uniform", "triangular"} else []
    assert [finding.name for finding in found] == expected
    assert all(f"Every {posterior} q(z|x)" in finding.evidence for finding in found)


@pytest.mark.parametrize(("degrees", "n"), [(1.5, 1), (2.0, 1), (2.1, 0), (5.0, 0)])
def test_a_student_t_without_variance_is_told(degrees, n):
    found = diagnose(model_config(posterior="student-t", degrees_of_freedom=degrees), [])
    assert [finding.name for finding in found] == ["heavy-tails"] * n
    assert all(f"{degrees:g} degrees of freedom" in finding.evidence for finding in found)


@pytest.mark.parametrize("family", ["vae", "cvae", "gan"])
def test_of_a_run_without_history_nothing_is_found(family):
    assert diagnose(model_config(family), []) == []


# What is advised


@pytest.fixture(scope="module")
def shown_options():
    """The options of ``train`` and ``sample``, as their help shows them."""
    pages = [
        CliRunner().invoke(app, [command, "--help"], env={"COLUMNS": "200"}).output for command in ("train", "sample")
    ]
    return set(re.findall(r"--[a-z][a-z-]+", "".join(pages)))


def test_every_kind_of_finding_is_found():
    assert {finding.name for finding in every_finding()} == NAMES
    documented = Finding.__doc__.split("name:")[1].split("evidence:")[0]
    assert set(re.findall(r"[a-z]+-[a-z]+|divergence", documented)) == NAMES


@pytest.mark.parametrize("finding", every_finding(), ids=lambda finding: finding.name)
def test_every_remedy_names_options_and_choices_that_exist(finding, shown_options):
    named = re.findall(r"(--[a-z][a-z-]*[a-z])(?: ([a-z][a-z-]+))?", finding.fix)
    assert named
    for option, choice in named:
        assert option in shown_options
        kind = OPTIONS[option].annotation if option in OPTIONS else Literal[KINDS]
        assert get_origin(kind) is not Literal or choice in get_args(kind)


@pytest.mark.parametrize("finding", every_finding(), ids=lambda finding: finding.name)
def test_evidence_and_remedy_are_sentences(finding):
    for text in (finding.evidence, finding.fix):
        assert re.fullmatch(r"[A-Z0-9].*\.", text)
        assert "  " not in text


@pytest.mark.parametrize("posterior", ["dirichlet", "normal-full"])
def test_free_bits_that_are_advised_are_allowed(posterior):
    (finding,) = diagnose(model_config(posterior=posterior), [record(mutual_information=0.01, kl=0.02)])
    for form in re.findall(r"--free-bits ([a-z-]+)", finding.fix):
        run_config(posterior=posterior, objective=ObjectiveConfig(free_bits=form))


def test_codes_that_are_lost_are_divergence_and_no_collapse():
    (finding,) = diagnose(model_config(), [record(mutual_information=0.0, kl=2017.7)])
    assert finding.name == "divergence"
    assert "2,018 nats" in finding.evidence


def test_a_young_run_is_told_to_train_longer_and_an_old_one_is_not():
    silent = record(mutual_information=0.01, kl=0.02)
    young, old = (diagnose(model_config(), [silent] * n)[0].fix for n in (2, 30))
    assert young.startswith("After 2 epochs it may only be young: train longer (--epochs).")
    assert old.startswith("Let the encoder catch up (--em aggressive)")
