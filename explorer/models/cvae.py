"""The conditional variational autoencoder: everything given the class y.

Source: Sohn, Lee & Yan (2015), Learning Structured Output Representation using Deep Conditional Generative Models.
"""

from typing import ClassVar, final

from explorer.models.vae import VAE


@final
class CVAE(VAE):
    """A VAE whose encoder and decoder are both joined by the one-hot class; the prior stays N(0, I)."""

    needs_label: ClassVar[bool] = True
