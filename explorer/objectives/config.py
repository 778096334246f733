"""What training maximises, in numbers with bounds."""

from pydantic import BaseModel, ConfigDict, Field


class ObjectiveConfig(BaseModel):
    """The objective of a run: E_q[log p(x|z)] - beta KL(q(z|x) || p(z))."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    beta: float = Field(
        1.0, ge=0.0, le=1000.0, description="Weight of the KL term. 1 is the ELBO; below 1 it is no bound on log p(x)."
    )

    @property
    def is_bound(self) -> bool:
        """Whether the objective is a lower bound on log p(x): the KL is non-negative, so any beta >= 1 keeps it one."""
        return self.beta >= 1
