"""How densities are written of models that are given a class, and of others."""

import pytest

from explorer.ui.notation import given
from tests.support import model_config

PLAIN = "E log p(x|z) - KL(q(z|x) ‖ p(z)), and I(x; z) + KL(q(z) ‖ p(z)) of log p(x)"


@pytest.mark.parametrize("family", ["vae", "ae", "gan"])
def test_without_a_class_nothing_is_rewritten(family):
    assert given(PLAIN, model_config(family)) == PLAIN


def test_a_class_that_is_given_stands_behind_the_bar_and_the_shared_prior_stays():
    assert given(PLAIN, model_config("cvae")) == (
        "E log p(x|z, y) - KL(q(z|x, y) ‖ p(z)), and I(x; z) + KL(q(z) ‖ p(z)) of log p(x|y)"
    )


def test_a_prior_of_each_class_is_written_so():
    assert given(PLAIN, model_config("cvae", prior="conditional")) == (
        "E log p(x|z, y) - KL(q(z|x, y) ‖ p(z|y)), and I(x; z|y) + KL(q(z|y) ‖ p(z|y)) of log p(x|y)"
    )
