"""How densities are written: given the class, where a model is."""

import re

from explorer.models.config import ModelConfig

_GIVEN_CLASS = {
    "p(x|z)": "p(x|z, y)",
    "q(z|x)": "q(z|x, y)",
    "p(z|x)": "p(z|x, y)",
    "q(z_i|x)": "q(z_i|x, y)",
    "p(x)": "p(x|y)",
}
_PRIOR_GIVEN_CLASS = {
    "p(z)": "p(z|y)",
    "p(z_i)": "p(z_i|y)",
    "q(z)": "q(z|y)",
    "I(x; z)": "I(x; z|y)",
}


def given(text: str, model: ModelConfig) -> str:
    """Return ``text``, written for a VAE, with the class that ``model`` is given: p(x) as p(x|y), and so on."""
    if model.n_classes is None:
        return text
    written = _GIVEN_CLASS | (_PRIOR_GIVEN_CLASS if model.prior == "conditional" else {})
    return re.sub("|".join(map(re.escape, written)), lambda found: written[found[0]], text)
