"""What training maximises, in numbers with bounds."""

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Estimator = Literal["sgvb-b", "sgvb-a", "iwae"]
KLSchedule = Literal["constant", "warm-up", "cyclic"]
FreeBits = Literal["none", "per-example", "per-dimension", "batch-mean"]


class ObjectiveConfig(BaseModel):
    """The objective of a run: E_q[log p(x|z)] - beta KL(q(z|x) || p(z)), or the importance-weighted bound."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    estimator: Estimator = Field(
        "sgvb-b",
        description="sgvb-b (KL in closed form where there is one), sgvb-a (everything from samples) or iwae (the "
        "importance-weighted bound).",
    )
    n_samples: int = Field(
        1, ge=1, le=5000, description="Posterior samples per image: L of sgvb, k of iwae. Work grows with it."
    )
    beta: float = Field(
        1.0, ge=0.0, le=1000.0, description="Weight of the KL term. 1 is the ELBO; below 1 it is no bound on log p(x)."
    )
    kl_schedule: KLSchedule = Field(
        "constant",
        description="constant, warm-up (beta rises from 0 over ramp-epochs) or cyclic (it rises, stays as long, starts "
        "again).",
    )
    ramp_epochs: float = Field(10.0, gt=0.0, le=100_000.0, description="Epochs in which beta rises, and in a cycle.")
    free_bits: FreeBits = Field(
        "none",
        description="KL that costs nothing more than free-nats: of each image (per-example), of each dimension of each "
        "image (per-dimension), or of each dimension on the batch's mean (batch-mean).",
    )
    free_nats: float = Field(0.5, ge=0.0, le=1000.0, description="The free KL, in nats, where bits are free.")

    @model_validator(mode="after")
    def _iwae_stands_alone(self) -> Self:
        if self.estimator == "iwae" and (self.beta != 1 or self.kl_schedule != "constant" or self.free_bits != "none"):
            raise ValueError(
                "the importance-weighted bound has no KL term of its own to weigh or to free; use beta 1, a constant "
                "kl_schedule and no free_bits, or estimator 'sgvb-b'"
            )
        return self

    @property
    def is_bound(self) -> bool:
        """Whether the objective is in the end a lower bound on log p(x).

        The KL is non-negative, so any beta >= 1 keeps it one; and free bits only subtract more.
        """
        return self.beta >= 1

    def at(self, epoch: float) -> "ObjectiveConfig":
        """Return the objective ``epoch`` epochs, a fraction too, after training began: with the beta that it has then.

        Source: Bowman et al. (2016), Generating Sentences from a Continuous Space, https://arxiv.org/abs/1511.06349
        (warm-up); Fu et al. (2019), Cyclical Annealing Schedule, https://arxiv.org/abs/1903.10145, with R = 0.5.
        """
        match self.kl_schedule:
            case "constant":
                return self
            case "warm-up":
                share = min(1.0, epoch / self.ramp_epochs)
            case "cyclic":
                share = min(1.0, epoch % (2 * self.ramp_epochs) / self.ramp_epochs)
        return self.model_copy(update={"beta": self.beta * share, "kl_schedule": "constant"})
