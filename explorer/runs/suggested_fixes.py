"""What to change in a run's configuration against what a diagnosis found, so that a new run can be made in one step.

The findings, each with a fix in words, are in ``analysis/diagnosis.py``, which knows figures and no configuration.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from explorer.models.config import LIKELIHOODS, POSTERIORS
from explorer.runs.choices import with_changes
from explorer.runs.config import RunConfig, flat

FEW_SAMPLES = 5
"""Importance samples with which an importance-weighted bound differs from the plain one, at five times the work."""

YOUNG_EPOCHS = 20
"""Before as many epochs what looks like a collapse may be a beginning, which training on overcomes by itself."""

STEEP_NATS = 20.0
"""Length to which gradients are shortened, in nats."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SuggestedFix:
    """Changes to a run that may fix it.

    Attributes:
        label: what they do, in a few words.
        changes: values of fields; what depends on them follows.
    """

    label: str
    changes: dict[str, Any]


def suggested_fixes(finding: str, config: RunConfig) -> list[SuggestedFix]:
    """Return what may fix a finding, the most promising first; each makes a valid configuration other than ``config``.

    Args:
        finding: the name of a finding of ``analysis.diagnosis``.
        config: of the run that it was found in.

    Raises:
        KeyError: if there is no such finding.
    """
    proposed = (SuggestedFix(label=label, changes=changes) for label, changes in _PROPOSALS[finding](config).items())
    return [fix for fix in proposed if _helps(config, fix)]


def _helps(config: RunConfig, fix: SuggestedFix) -> bool:
    """Whether the changes are valid beside everything else in ``config``, and each of them changes something."""
    try:
        changed = flat(with_changes(config, fix.changes))
    except ValidationError:
        return False
    before = flat(config)
    return all(changed[name] == value for name, value in fix.changes.items()) and changed != before


Proposals = dict[str, dict[str, Any]]


def _against_collapse(config: RunConfig) -> Proposals:
    objective, epochs = config.training.objective, config.training.epochs
    has_kl_per_dimension = POSTERIORS[config.model.posterior].factorises and objective.estimator != "sgvb-a"
    sharper: Proposals = {"Sharper likelihood": {"sigma": max(config.model.sigma / 3, 0.01)}}
    longer: Proposals = {"Train longer": {"epochs": 3 * epochs}}
    proposals: Proposals = {
        **(longer if epochs < YOUNG_EPOCHS else {}),
        "Aggressive encoder updates": {"em": "aggressive"},
        "Warm up": {"kl_schedule": "warm-up", "ramp_epochs": max(1.0, min(10.0, epochs / 2))},
        "Free bits": {"free_bits": "batch-mean" if has_kl_per_dimension else "per-example"},
        "Lower the KL weight": {"beta": 1.0 if objective.beta > 1 else objective.beta / 2},
    }
    return proposals | longer | (sharper if LIKELIHOODS[config.model.likelihood].deviation == "fixed" else {})


def _against_dead_dimensions(config: RunConfig) -> Proposals:
    importance = {"beta": 1.0, "kl_schedule": "constant", "free_bits": "none"}
    objective = config.training.objective
    if objective.estimator == "iwae":
        return {"More importance samples": {"n_samples": FEW_SAMPLES * objective.n_samples}}
    return {
        "Free bits for each dimension": {"free_bits": "per-dimension"},
        "Importance-weighted bound": {"estimator": "iwae", "n_samples": FEW_SAMPLES, **importance},
        "Longer warm-up": {"kl_schedule": "warm-up", "ramp_epochs": max(1.0, config.training.epochs / 2)},
    }


def _against_divergence(config: RunConfig) -> Proposals:
    return {
        "Lower the step size": _smaller_steps(config),
        "Shorten steep gradients": {"max_gradient_norm": STEEP_NATS},
    }


def _against_over_fitting(config: RunConfig) -> Proposals:
    return {
        "Draw the pixels anew each time": {"binarisation": "per-presentation"},
        "Fewer epochs": {"epochs": max(1, config.training.epochs // 2)},
        "Smaller network": _smaller_network(config),
        "Weight decay": {"weight_decay": max(10 * config.training.weight_decay, 1e-5)},
    }


def _against_heavy_tails(_: RunConfig) -> Proposals:
    return {"Five degrees of freedom": {"degrees_of_freedom": 5.0}, "Normal posterior": {"posterior": "normal"}}


def _against_restricted_support(_: RunConfig) -> Proposals:
    return {
        "Beta posterior": {"posterior": "beta"},
        "Kumaraswamy posterior": {"posterior": "kumaraswamy"},
        "Normal posterior": {"posterior": "normal"},
    }


def _against_no_samples(_: RunConfig) -> Proposals:
    return {"Train a VAE": {"family": "vae"}}


def _against_mode_collapse(config: RunConfig) -> Proposals:
    return {
        "Raise the gradient penalty": _more_penalty(config),
        "Lower the step size": _smaller_steps(config),
        "Train longer": {"epochs": 2 * config.training.epochs},
    }


def _against_a_critic_that_wins(config: RunConfig) -> Proposals:
    return {"Raise the gradient penalty": _more_penalty(config), "Smaller network": _smaller_network(config)}


def _smaller_steps(config: RunConfig) -> dict[str, Any]:
    return {"learning_rate": config.training.learning_rate / 3}


def _smaller_network(config: RunConfig) -> dict[str, Any]:
    return {"hidden": tuple(max(1, width // 2) for width in config.model.hidden)}


def _more_penalty(config: RunConfig) -> dict[str, Any]:
    return {"gradient_penalty": max(1.0, 5 * config.training.gradient_penalty)}


_PROPOSALS: dict[str, Callable[[RunConfig], Proposals]] = {
    "posterior-collapse": _against_collapse,
    "dead-dimensions": _against_dead_dimensions,
    "divergence": _against_divergence,
    "over-fitting": _against_over_fitting,
    "heavy-tails": _against_heavy_tails,
    "restricted-support": _against_restricted_support,
    "no-samples": _against_no_samples,
    "mode-collapse": _against_mode_collapse,
    "critic-wins": _against_a_critic_that_wins,
}
"""For the name of every finding, what may help against it."""
