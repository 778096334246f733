"""What is wrong with a run, in words, each with what to do about it. Numbers in, sentences out."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from explorer.analysis.evaluation.evaluate import Evaluation
from explorer.models.config import LIKELIHOODS, POSTERIORS, ModelConfig

LOST_NATS = 1000.0
"""KL beyond which codes are lost: no set of images needs more than log of their number, and the rest is distance."""

FEW_EPOCHS = 10
"""Epochs below which a posterior that says little may only be young."""

COLLAPSED_NATS = 0.1
"""Mutual information below which codes tell next to nothing about images: a tenth of a nat is a seventh of a bit."""

DEAD_NATS = 0.01
"""KL below which a dimension is its prior for every image."""

LEAST_WORSE_NATS = 0.5
"""Nats by which it must be worse in any case: around zero a share of it is less than its noise."""

WORSE_SHARE = 0.02
"""Share of the best validation objective by which the last must be worse to speak of a loss of it."""

ALIKE = 0.5
"""Mean distance of samples, beside that of real images, below which a GAN makes too few different images."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """Something that is wrong with a run.

    Attributes:
        name: posterior-collapse, dead-dimensions, divergence, over-fitting, heavy-tails, restricted-support,
            no-samples, mode-collapse or critic-wins.
        evidence: what was seen, with its figures, a sentence.
        fix: what to do, a sentence.
    """

    name: str
    evidence: str
    fix: str


def diagnose(
    model: ModelConfig,
    history: Sequence[Mapping[str, Any]],
    evaluation: Evaluation | None = None,
    *,
    diverged_in: int | None = None,
) -> list[Finding]:
    """Return what is wrong with a run, the gravest first; nothing if nothing was found.

    Args:
        model: what the run trains.
        history: a record per epoch, as training wrote them.
        evaluation: figures on the test set; without it those of the last epoch's validation are used.
        diverged_in: the epoch in which training ended because a number was none.
    """
    return [
        *_divergence(history, diverged_in),
        *(() if diverged_in is not None else _collapse(model, history, evaluation)),
        *_gan(model, history),
        *_over_fitting(history),
        *_support(model),
    ]


def _divergence(history: Sequence[Mapping[str, Any]], diverged_in: int | None) -> Iterator[Finding]:
    fix = "Lower --learning-rate by a factor of 3, or shorten what is too steep: --max-gradient-norm 20."
    if diverged_in is not None:
        evidence = (
            f"In epoch {diverged_in} the objective or a weight was no longer a number; what is kept is of before."
        )
        yield Finding(name="divergence", evidence=evidence, fix=fix)
        return
    comparable = _comparable(history)
    known = [record["train"]["objective"] for _, record in comparable if "objective" in record["train"]]
    if len(known) > 1 and known[-1] < max(known) - max(1.0, 0.1 * abs(max(known))):
        best = comparable[known.index(max(known))][0]
        yield Finding(
            name="divergence",
            evidence=f"The training objective fell from {max(known):.1f} nats in epoch {best} to {known[-1]:.1f}.",
            fix=fix,
        )


def _collapse(
    model: ModelConfig, history: Sequence[Mapping[str, Any]], evaluation: Evaluation | None
) -> Iterator[Finding]:
    last = history[-1]["validation"] if history else {}
    information = last.get("mutual_information") if evaluation is None else evaluation.mutual_information
    per_dimension = last.get("kl_per_dimension") if evaluation is None else evaluation.kl_per_dimension
    kl = last.get("kl") if evaluation is None else evaluation.kl
    if not model.has_bound or information is None or kl is None:
        return
    ceiling = last.get("mutual_information_ceiling") if evaluation is None else evaluation.mutual_information_ceiling
    if kl > LOST_NATS:
        yield Finding(
            name="divergence",
            evidence=f"The KL is {kl:,.0f} nats: codes lie far from where the prior has any mass.",
            fix="Lower --learning-rate by a factor of 3, or shorten what is too steep: --max-gradient-norm 20.",
        )
        return
    # Of one image nothing can be told, however good the model.
    if information < COLLAPSED_NATS and (ceiling is None or ceiling > COLLAPSED_NATS):
        yield Finding(
            name="posterior-collapse",
            evidence=f"Codes carry {max(information, 0):.2f} nats about their images (KL {kl:.2f}): q(z|x) is nearly "
            "the same for every image, and the decoder ignores z.",
            fix=_fix_of_collapse(model, len(history)),
        )
        return
    dead = [index for index, nats in enumerate(per_dimension or []) if nats < DEAD_NATS]
    if dead:
        shown = ", ".join(f"z{index}" for index in dead[:8]) + (", …" if len(dead) > 8 else "")
        yield Finding(
            name="dead-dimensions",
            evidence=f"{len(dead)} of {len(per_dimension or [])} dimensions ({shown}) have a KL below {DEAD_NATS} nats "
            "and carry nothing.",
            fix="They do no harm: the model needs no more. For more of them in use: --free-bits per-dimension, "
            "--estimator iwae, or a longer --kl-schedule warm-up.",
        )


def _fix_of_collapse(model: ModelConfig, n_epochs: int) -> str:
    free_bits = "batch-mean" if POSTERIORS[model.posterior].factorises else "per-example"
    younger = f"After {n_epochs} epochs it may only be young: train longer (--epochs). Else let" if n_epochs else "Let"
    first = younger if n_epochs < FEW_EPOCHS else "Let"
    sharper = (
        ", or sharpen the likelihood (a smaller --sigma)" if LIKELIHOODS[model.likelihood].deviation == "fixed" else ""
    )
    return (
        f"{first} the encoder catch up (--em aggressive), start with a small KL (--kl-schedule warm-up), or give it "
        f"room (--free-bits {free_bits}){sharper}."
    )


def _gan(model: ModelConfig, history: Sequence[Mapping[str, Any]]) -> Iterator[Finding]:
    if model.family != "gan" or not history:
        return
    last = history[-1]["validation"]
    if last["diversity"] < ALIKE:
        yield Finding(
            name="mode-collapse",
            evidence=f"Two samples differ {last['diversity']:.2f} times as much as two real images: the decoder makes "
            "few different images.",
            fix="Raise --gradient-penalty, lower --learning-rate, or train longer: it may recover by itself.",
        )
    if last["critic_loss"] < 0.1:
        yield Finding(
            name="critic-wins",
            evidence=f"The critic tells samples from real images almost always (loss {last['critic_loss']:.3f}; 1.386 "
            "is guessing): the decoder learns little from it.",
            fix="Raise --gradient-penalty, or give the critic fewer units by a smaller --hidden.",
        )


def _over_fitting(history: Sequence[Mapping[str, Any]]) -> Iterator[Finding]:
    comparable = _comparable(history)
    scores = [record["validation"].get("objective") for _, record in comparable]
    known = [score for score in scores if score is not None and math.isfinite(score)]
    if len(known) < 3 or len(known) < len(scores):
        return
    best = known.index(max(known))
    train_then, train_now = (comparable[index][1]["train"]["objective"] for index in (best, -1))
    best_epoch = comparable[best][0]
    worse = max(LEAST_WORSE_NATS, WORSE_SHARE * abs(known[best]))
    if known[-1] < known[best] - worse and train_now > train_then:
        yield Finding(
            name="over-fitting",
            evidence=f"Validation was best in epoch {best_epoch} ({known[best]:.1f} nats) and is now {known[-1]:.1f}, "
            f"while training went from {train_then:.1f} to {train_now:.1f}.",
            fix=f"The weights of epoch {best_epoch} are the ones that are kept. Train fewer epochs, with more "
            "images, a smaller --hidden, --weight-decay, or --binarisation per-presentation.",
        )


def _comparable(history: Sequence[Mapping[str, Any]]) -> list[tuple[int, Mapping[str, Any]]]:
    """Return the epochs, by number from 1, that had the KL weight of the last one; none while it is not at its highest.

    Under a schedule an objective falls because the weight rises, and validation because it starts again.
    """
    weights = [record.get("beta", 1.0) for record in history]
    if not weights or weights[-1] < max(weights):
        return []
    return [(epoch, record) for epoch, record in enumerate(history, 1) if record.get("beta", 1.0) == weights[-1]]


def _support(model: ModelConfig) -> Iterator[Finding]:
    if model.posterior == "student-t" and model.degrees_of_freedom <= 2:
        yield Finding(
            name="heavy-tails",
            evidence=f"A student-t with {model.degrees_of_freedom:g} degrees of freedom has no variance: averages over "
            "its samples settle slowly, and its KL to a normal prior would be infinite.",
            fix="Use --degrees-of-freedom above 2, or --posterior normal.",
        )
    if not POSTERIORS[model.posterior].covers:
        yield Finding(
            name="restricted-support",
            evidence=f"Every {model.posterior} q(z|x) covers a part of the prior only: log_px is a bound on log p(x) "
            "that does not become tight however many samples it has.",
            fix="Compare such runs by their ELBO, or use --posterior beta or kumaraswamy for a bounded code.",
        )
    if not model.has_prior:
        yield Finding(
            name="no-samples",
            evidence="An autoencoder has no prior: nothing says which codes are likely.",
            fix="To sample, fit a density to its codes (python -m explorer sample RUN --density mixture), or train "
            "a vae.",
        )
