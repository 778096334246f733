from typing import get_args

import pytest
from pydantic import ValidationError

from explorer.runs.choices import FIELDS, DataFacts, configured
from explorer.runs.config import DEPENDENT_DEFAULTS
from explorer.ui.train.fields import facts_of, shown

FACTS = {name: facts_of(name, field) for name, field in FIELDS.items()}
MNIST = DataFacts("mnist", (1, 28, 28), 10)
NEEDED = {
    "sigma": {"likelihood": "gaussian"},
    "rank": {"likelihood": "gaussian-low-rank"},
    "degrees_of_freedom": {"posterior": "student-t"},
    "encoder_steps": {"em": "alternating"},
    "gradient_penalty": {"family": "gan"},
    "ramp_epochs": {"kl_schedule": "warm-up"},
    "free_nats": {"free_bits": "per-example"},
}
NUMBERS = [name for name, facts in FACTS.items() if facts.kind in {"whole", "number"}]
STRICT = {"learning_rate", "epsilon", "max_gradient_norm", "ramp_epochs"}
"""Numbers that must be above 0, so that 0 can be typed and is refused in words."""


def is_allowed(name: str, value: float) -> bool:
    try:
        configured(MNIST, {**NEEDED.get(name, {}), name: value})
    except ValidationError:
        return False
    return True


@pytest.mark.parametrize("name", NUMBERS)
def test_the_limits_of_a_number_are_those_of_its_field(name):
    facts = FACTS[name]
    unit = 1 if facts.kind == "whole" else 1e-6 * max(1.0, abs(facts.high))
    assert is_allowed(name, facts.high)
    assert not is_allowed(name, facts.high + unit)
    assert is_allowed(name, facts.low) is (name not in STRICT and name != "degrees_of_freedom")
    assert is_allowed(name, facts.low + (1 if facts.kind == "whole" else 1e-3))
    assert not is_allowed(name, facts.low - (1 if facts.kind == "whole" else 1e-3))


@pytest.mark.parametrize("name", NUMBERS)
def test_numbers_and_their_limits_are_of_one_type(name):
    kind = int if FACTS[name].kind == "whole" else float
    assert {type(it) for it in (FACTS[name].low, FACTS[name].high, FACTS[name].step)} == {kind}


@pytest.mark.parametrize("name", FIELDS)
def test_every_field_has_a_label_and_a_sentence_with_its_default(name):
    facts, field = FACTS[name], FIELDS[name]
    assert facts.label[0].isupper()
    assert "_" not in facts.label
    assert facts.help == f"{field.description} Default: {DEPENDENT_DEFAULTS.get(name) or shown(field.default)}."


def test_labels_tell_fields_apart():
    assert len({facts.label for facts in FACTS.values()}) == len(FACTS)


def test_a_choice_has_the_names_of_its_field():
    choices = {name: facts.choices for name, facts in FACTS.items() if facts.kind == "choice"}
    assert choices["family"] == ("vae", "cvae", "ae", "gan")
    assert choices == {name: get_args(FIELDS[name].annotation) for name in choices}
    assert len(choices) == 13


def test_the_other_kinds():
    assert [name for name, facts in FACTS.items() if facts.kind == "widths"] == ["hidden"]
    assert [name for name, facts in FACTS.items() if facts.kind == "run"] == ["decoder_from"]
    assert [name for name, facts in FACTS.items() if facts.may_be_empty] == ["max_gradient_norm", "decoder_from"]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "none"),
        ((512, 256), "512, 256"),
        (0.5**0.5, "0.7071"),
        (1e-8, "1e-08"),
        (1.0, "1"),
        ("cvae", "CVAE"),
        ("student-t", "student-t"),
        (7, "7"),
    ],
)
def test_a_value_is_written_shortly(value, text):
    assert shown(value) == text


@pytest.mark.parametrize(("name", "step"), [("learning_rate", 1e-3), ("epsilon", 1e-8), ("beta", 1.0), ("epochs", 1)])
def test_a_step_is_of_the_size_of_the_default(name, step):
    assert FACTS[name].step == pytest.approx(step)
