import re
from typing import get_args

import pytest

from explorer.analysis.evaluation.diagnosis import Finding
from explorer.models.config import LikelihoodName, PosteriorName
from explorer.runs.choices import FIELDS, with_changes
from explorer.runs.config import RunConfig
from explorer.runs.suggested_fixes import suggested_fixes
from tests.support import run_config

OF_A_BOUND = ("posterior-collapse", "dead-dimensions", "divergence", "over-fitting")
OF_A_GAN = ("mode-collapse", "critic-wins", "divergence")
CONFIGS = {
    "vae": run_config(),
    "cvae": run_config("cvae", prior="conditional"),
    "a wide gaussian": run_config(likelihood="gaussian", sigma=3.0),
    "a heavy KL": run_config(objective={"beta": 20.0}),
    "no KL": run_config(objective={"beta": 0.0}),
    "warm-up": run_config(objective={"kl_schedule": "warm-up"}),
    "iwae": run_config(objective={"estimator": "iwae", "n_samples": 5}),
    "sgvb-a": run_config(objective={"estimator": "sgvb-a"}),
    "aggressive": run_config(em="aggressive"),
    "limits": run_config(epochs=100_000, learning_rate=1e-300, hidden=(1,)),
    **{posterior: run_config(posterior=posterior) for posterior in get_args(PosteriorName)},
    **{likelihood: run_config(likelihood=likelihood, sigma=0.3) for likelihood in get_args(LikelihoodName)},
}
SPECIAL = {
    "heavy-tails": run_config(posterior="student-t", degrees_of_freedom=1.5),
    "restricted-support": run_config(posterior="uniform"),
    "no-samples": run_config("ae", likelihood="gaussian"),
}
CASES = [
    *((finding, config, name) for finding in OF_A_BOUND for name, config in CONFIGS.items()),
    *((finding, run_config("gan"), "gan") for finding in OF_A_GAN),
    *((finding, run_config("ae"), "ae") for finding in ("divergence", "over-fitting")),
    *((finding, config, finding) for finding, config in SPECIAL.items()),
]


def changes(finding: str, config: RunConfig) -> dict[str, dict[str, object]]:
    return {fix.label: fix.changes for fix in suggested_fixes(finding, config)}


@pytest.mark.parametrize(("finding", "config"), [case[:2] for case in CASES], ids=[f"{c[0]} {c[2]}" for c in CASES])
def test_every_remedy_makes_another_valid_run_that_has_its_changes(finding, config):
    found = suggested_fixes(finding, config)
    assert found
    for fix in found:
        changed = with_changes(config, fix.changes)
        assert RunConfig.model_validate_json(changed.model_dump_json()) == changed != config
        assert fix.changes.keys() <= FIELDS.keys()
        values = changed.model.model_dump() | changed.training.model_dump() | changed.training.objective.model_dump()
        assert {name: values[name] for name in fix.changes} == fix.changes


def test_there_are_remedies_for_every_finding():
    documented = re.findall(r"[a-z]+-[a-z]+|divergence", Finding.__doc__.split("name:")[1].split("evidence:")[0])
    assert {case[0] for case in CASES} == set(documented)


def test_a_collapse_is_met_with_the_four_remedies():
    assert list(changes("posterior-collapse", run_config(epochs=40))) == [
        *("Aggressive encoder updates", "Warm up", "Free bits", "Lower the KL weight", "Train longer")
    ]


def test_a_young_run_is_first_of_all_trained_longer():
    assert next(iter(changes("posterior-collapse", run_config(epochs=8)))) == "Train longer"


def test_a_heavy_kl_goes_back_to_the_bound_and_a_light_one_is_halved():
    assert changes("posterior-collapse", CONFIGS["a heavy KL"])["Lower the KL weight"] == {"beta": 1.0}
    assert changes("posterior-collapse", run_config())["Lower the KL weight"] == {"beta": 0.5}
    assert "Lower the KL weight" not in changes("posterior-collapse", CONFIGS["no KL"])


def test_what_a_run_has_already_is_not_advised():
    assert "Aggressive encoder updates" not in changes("posterior-collapse", CONFIGS["aggressive"])


def test_an_importance_weighted_bound_is_given_no_free_bits():
    assert changes("posterior-collapse", CONFIGS["iwae"]).keys() == {"Aggressive encoder updates", "Train longer"}


@pytest.mark.parametrize(
    ("config", "form"),
    [("vae", "batch-mean"), ("sgvb-a", "per-example"), ("dirichlet", "per-example"), ("normal-full", "per-example")],
)
def test_free_bits_are_of_the_form_that_the_model_allows(config, form):
    assert changes("posterior-collapse", CONFIGS[config])["Free bits"] == {"free_bits": form}


def test_an_autoencoder_becomes_a_vae_of_the_same_network():
    (fix,) = suggested_fixes("no-samples", SPECIAL["no-samples"])
    changed = with_changes(SPECIAL["no-samples"], fix.changes)
    assert (changed.model.family, changed.model.likelihood) == ("vae", "bernoulli")
    assert changed.model.hidden == SPECIAL["no-samples"].model.hidden


def test_divergence_is_met_with_a_third_of_the_step_size():
    config = run_config(learning_rate=0.3)
    assert changes("divergence", config)["Lower the step size"] == {"learning_rate": pytest.approx(0.1)}
