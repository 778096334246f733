"""KL divergences: the one way to ask for them, and those in closed form that torch.distributions does not have."""

import math

import torch
from torch import Tensor
from torch.distributions import (
    Distribution,
    Independent,
    Kumaraswamy,
    MultivariateNormal,
    Uniform,
    Weibull,
    kl_divergence,
    register_kl,
)

from explorer.models.distributions import DiagonalNormal, Rayleigh

EULER_GAMMA = 0.57721566490153286


def kl_per_dimension(q: Distribution, p: Distribution, z: Tensor | None = None) -> Tensor | None:
    """KL(q || p) in nats before the sum over dimensions, shape ``(*batch, L)``; None if they are not independent.

    In closed form where one is known; elsewhere the mean of log q(z) - log p(z) over samples ``z`` of q, shape
    ``(S, *batch, L)``. One sample's value may be negative; its mean is not.

    Raises:
        NotImplementedError: if there is no closed form and no ``z`` is given.
    """
    if isinstance(q, DiagonalNormal) and isinstance(p, DiagonalNormal):
        return _kl_normal_per_dimension(q, p)
    if not (isinstance(q, Independent) and isinstance(p, Independent)):
        return None
    try:
        return kl_divergence(q.base_dist, p.base_dist)
    except NotImplementedError:
        if z is None:
            raise
    difference: Tensor = q.base_dist.log_prob(z) - p.base_dist.log_prob(z)
    return difference.mean(dim=0)


def kl(q: Distribution, p: Distribution, z: Tensor | None = None) -> Tensor:
    """KL(q || p) in nats, shape ``(*batch,)``: in closed form where one is known, elsewhere from samples as above.

    Raises:
        NotImplementedError: if there is no closed form and no ``z`` is given.
    """
    try:
        return kl_divergence(q, p)
    except NotImplementedError:
        if z is None:
            raise
    difference: Tensor = q.log_prob(z) - p.log_prob(z)
    return difference.mean(dim=0)


def _kl_normal_per_dimension(q: DiagonalNormal, p: DiagonalNormal) -> Tensor:
    """KL(q || p) of each dimension in nats, shape ``(*batch, L)``.

    Source: Kingma & Welling (2014), appendix B, https://arxiv.org/abs/1312.6114.
    """
    # Stays in log-variances: through the scale, float32 underflows to log 0 once log_var < -104.
    log_ratio = q.log_var - p.log_var
    squared_shift = (q.mu - p.mu).square() * (-p.log_var).exp()
    return 0.5 * (log_ratio.exp() + squared_shift - 1 - log_ratio)


@register_kl(DiagonalNormal, DiagonalNormal)  # type: ignore[no-untyped-call, untyped-decorator]  # torch's is untyped
def _kl_diagonal_normal(q: DiagonalNormal, p: DiagonalNormal) -> Tensor:
    """KL(q || p) in nats, shape ``(*batch,)``."""
    return _kl_normal_per_dimension(q, p).sum(dim=-1)


@register_kl(MultivariateNormal, DiagonalNormal)  # type: ignore[no-untyped-call, untyped-decorator]  # torch's is untyped
def _kl_full_diagonal_normal(q: MultivariateNormal, p: DiagonalNormal) -> Tensor:
    """KL(q || p) in nats, shape ``(*batch,)``: (tr(P S) + m^T P m - L - log|P S|) / 2 with P the precision of p.

    Source: Rasmussen & Williams (2006), Gaussian Processes for Machine Learning, equation A.23.
    """
    factor = q.scale_tril
    log_det = 2 * factor.diagonal(dim1=-2, dim2=-1).log() - p.log_var
    spread = factor.square().sum(-1) + (q.loc - p.mu).square()
    return 0.5 * (spread * (-p.log_var).exp() - 1 - log_det).sum(dim=-1)


@register_kl(Rayleigh, Rayleigh)  # type: ignore[no-untyped-call, untyped-decorator]  # torch's is untyped
def _kl_rayleigh(q: Rayleigh, p: Rayleigh) -> Tensor:
    """KL(q || p) in nats, shape of the batch: r - 1 - log r with r = (scale_q / scale_p)^2.

    Source: Gil, Alajaji & Linder (2013), Renyi divergence measures for commonly used univariate continuous
    distributions, table 3.
    """
    log_ratio = 2 * (q.scale.log() - p.scale.log())
    return log_ratio.exp() - 1 - log_ratio


@register_kl(Weibull, Weibull)  # type: ignore[no-untyped-call, untyped-decorator]  # torch's is untyped
def _kl_weibull(q: Weibull, p: Weibull) -> Tensor:
    """KL(q || p) in nats, shape of the batch.

    Source: Bauckhage (2013), Computing the Kullback-Leibler Divergence between two Weibull Distributions,
    https://arxiv.org/abs/1310.3713, equation 6.
    """
    (k, log_scale), (k_p, log_scale_p) = ((d.concentration, d.scale.log()) for d in (q, p))
    log_power = k_p * (log_scale - log_scale_p) + torch.lgamma(k_p / k + 1)
    shapes = k.log() - k * log_scale - k_p.log() + k_p * log_scale_p
    return shapes + (k - k_p) * (log_scale - EULER_GAMMA / k) + log_power.exp() - 1


@register_kl(Kumaraswamy, Uniform)  # type: ignore[no-untyped-call, untyped-decorator]  # torch's is untyped
def _kl_kumaraswamy_uniform(q: Kumaraswamy, p: Uniform) -> Tensor:
    """KL(q || p) in nats, shape of the batch, for p uniform on an interval that holds (0, 1).

    Minus the entropy, and the log of p's width.

    Source: Nalisnick & Smyth (2017), Stick-Breaking Variational Autoencoders, https://arxiv.org/abs/1605.06197.
    """
    a, b = q.concentration1, q.concentration0
    harmonic = torch.digamma(b + 1) + EULER_GAMMA
    entropy = (1 - 1 / b) + (1 - 1 / a) * harmonic - a.log() - b.log()
    covers = (p.low <= 0) & (p.high >= 1)
    return torch.where(covers, (p.high - p.low).log() - entropy, math.inf)
