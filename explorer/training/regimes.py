"""Training regimes: how one batch changes the weights.

A regime owns the optimisers. What it needs to go on after a stop is its optimisers' state and its ``numbers``.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, ClassVar, final

import torch
from torch import Tensor, nn

from explorer.errors import TrainingError
from explorer.models.gan import GAN
from explorer.models.latent_model import LatentModel
from explorer.objectives.config import ObjectiveConfig
from explorer.objectives.share import Share
from explorer.runs.config import RunConfig
from explorer.training.distributed import World
from explorer.training.images import Batch
from explorer.training.optimisers import build_optimiser
from explorer.training.step import CriticStep, GeneratorStep, TrainingStep

BLOCK = 10
"""Encoder steps between two looks at the loss in the aggressive phase."""

MAX_ENCODER_STEPS = 100
"""Encoder steps at most before a decoder step in the aggressive phase."""


class Regime(ABC):
    """How one batch changes the weights.

    Attributes:
        optimisers: by name; their states are saved with the run.
    """

    quantities: ClassVar[tuple[str, ...]] = ("objective", "log_likelihood", "kl")
    """What the sums of ``update`` hold."""

    def __init__(self, config: RunConfig) -> None:
        """Begin without optimisers."""
        self.optimisers: dict[str, torch.optim.Optimizer] = {}
        self._max_gradient_norm = config.training.max_gradient_norm

    @abstractmethod
    def update(self, batch: Batch, objective: ObjectiveConfig, fresh: Callable[[int], Batch]) -> Tensor:
        """Take the steps that belong to one batch, and return its sums of ``quantities``, detached.

        Args:
            batch: this process's share of the images that history counts.
            objective: what is maximised, as it is now.
            fresh: returns the n-th further batch of random images.
        """

    def end_epoch(self, validation: dict[str, Any]) -> None:  # noqa: B027  # most regimes look at nothing
        """Take note of how the model did on the validation images."""

    def numbers(self) -> dict[str, Any]:
        """Return what the regime must remember, as JSON can hold it."""
        return {}

    def restore(self, numbers: dict[str, Any]) -> None:  # noqa: B027  # most regimes remember nothing
        """Go on from what ``numbers`` returned."""

    def descend(self, loss: Tensor, *names: str) -> None:
        """Take a step down ``loss`` with each of the optimisers called ``names``."""
        optimisers = [self.optimisers[name] for name in names]
        for optimiser in optimisers:
            optimiser.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        if self._max_gradient_norm is not None:
            weights = [weight for it in optimisers for group in it.param_groups for weight in group["params"]]
            torch.nn.utils.clip_grad_norm_(weights, self._max_gradient_norm)
        for optimiser in optimisers:
            optimiser.step()

    def set_learning_rate(self, rate: float) -> None:
        """Give every optimiser the step size ``rate``."""
        for optimiser in self.optimisers.values():
            for group in optimiser.param_groups:
                group["lr"] = rate


@final
class Joint(Regime):
    """Encoder and decoder in one step: stochastic gradient ascent on the objective in both."""

    def __init__(self, model: LatentModel, config: RunConfig, world: World) -> None:
        """Optimise all weights together."""
        super().__init__(config)
        self._step = world.wrap(TrainingStep(model))
        self.optimisers["model"] = build_optimiser(model.parameters(), config.training)

    def update(self, batch: Batch, objective: ObjectiveConfig, fresh: Callable[[int], Batch]) -> Tensor:
        """Take one step."""
        loss, sums = _evaluated(self._step, batch, objective)
        self.descend(loss, "model")
        return sums


class VariationalEM(Regime):
    """Encoder and decoder in steps of their own, each with the other held still.

    An encoder step (E) tightens the bound at the decoder's present p(x), a decoder step (M) raises it at the encoder's
    present q. The gradients of what is held still are not computed.

    Source: Neal & Hinton (1998), A view of the EM algorithm that justifies incremental, sparse, and other variants.
    """

    def __init__(self, model: LatentModel, config: RunConfig, world: World) -> None:
        """Give encoder and decoder an optimiser each."""
        super().__init__(config)
        self._world = world
        self._encoder, self._decoder = model.encoding_parameters(), model.generative_parameters()
        step = TrainingStep(model)
        self._joint_step = world.wrap(step)
        with _held_still(self._decoder):
            self._encoder_step = world.wrap(step)
        with _held_still(self._encoder):
            self._decoder_step = world.wrap(step)
        self.optimisers["encoder"] = build_optimiser(self._encoder, config.training)
        self.optimisers["decoder"] = build_optimiser(self._decoder, config.training)

    def encoder_step(self, batch: Batch, objective: ObjectiveConfig) -> Tensor:
        """Improve q(z|x) alone, and return the batch's sums."""
        with _held_still(self._decoder):
            loss, sums = _evaluated(self._encoder_step, batch, objective)
            self.descend(loss, "encoder")
        return sums

    def decoder_step(self, batch: Batch, objective: ObjectiveConfig) -> Tensor:
        """Improve p(x|z), and p(z) where it is learned, alone, and return the batch's sums."""
        with _held_still(self._encoder):
            loss, sums = _evaluated(self._decoder_step, batch, objective)
            self.descend(loss, "decoder")
        return sums

    def joint_step(self, batch: Batch, objective: ObjectiveConfig) -> Tensor:
        """Improve both by the gradient at the same place, and return the batch's sums."""
        loss, sums = _evaluated(self._joint_step, batch, objective)
        self.descend(loss, *self.optimisers)
        return sums


@final
class Alternating(VariationalEM):
    """k encoder steps, each on a batch of its own, and then one decoder step on the last of them."""

    def __init__(self, model: LatentModel, config: RunConfig, world: World) -> None:
        """Read k from the configuration."""
        super().__init__(model, config, world)
        self._n_encoder_steps = config.training.encoder_steps
        self._n_updates = 0

    def update(self, batch: Batch, objective: ObjectiveConfig, fresh: Callable[[int], Batch]) -> Tensor:
        """Take an encoder step, and on every k-th batch a decoder step."""
        sums = self.encoder_step(batch, objective)
        self._n_updates += 1
        if self._n_updates % self._n_encoder_steps == 0:
            self.decoder_step(batch, objective)
        return sums

    def numbers(self) -> dict[str, Any]:
        """Return how many updates were made, which decides when the decoder's turn is."""
        return {"n_updates": self._n_updates}

    def restore(self, numbers: dict[str, Any]) -> None:
        """Go on from what ``numbers`` returned."""
        self._n_updates = int(numbers["n_updates"])


@final
class Aggressive(VariationalEM):
    """The encoder to a standstill before each decoder step, until its codes gain no more information; then joint steps.

    Before a decoder step the encoder is trained on fresh batches until the loss of a block of ``BLOCK`` steps is no
    longer below that of the block before, ``MAX_ENCODER_STEPS`` at most. The phase ends for good with the first epoch
    after which the mutual information of images and codes, on validation images, has not risen.

    Source: He et al. (2019), Lagging Inference Networks and Posterior Collapse in VAEs, algorithm 1,
    https://arxiv.org/abs/1901.05534.
    """

    def __init__(self, model: LatentModel, config: RunConfig, world: World) -> None:
        """Begin in the aggressive phase."""
        super().__init__(model, config, world)
        self.is_aggressive = True
        self._best_information = float("-inf")

    def update(self, batch: Batch, objective: ObjectiveConfig, fresh: Callable[[int], Batch]) -> Tensor:
        """Take a joint step, or, in the aggressive phase, as many encoder steps as help and one decoder step."""
        if not self.is_aggressive:
            return self.joint_step(batch, objective)
        self._catch_up(batch, objective, fresh)
        return self.decoder_step(batch, objective)

    def _catch_up(self, batch: Batch, objective: ObjectiveConfig, fresh: Callable[[int], Batch]) -> None:
        previous = float("-inf")
        for block in range(MAX_ENCODER_STEPS // BLOCK):
            objectives, n_images = [], 0
            for index in range(block * BLOCK, (block + 1) * BLOCK):
                taken = fresh(index) if index else batch
                objectives.append(self.encoder_step(taken, objective)[0])
                n_images += taken.share.n
            # Read back once a block: a device is not waited for after every step.
            mean = float(self._world.sum(torch.stack(objectives).sum())) / n_images
            # Written so that an objective that is no longer a number ends the loop.
            if not mean > previous:
                return
            previous = mean

    def end_epoch(self, validation: dict[str, Any]) -> None:
        """Leave the aggressive phase if the codes carry no more information than at the end of an earlier epoch."""
        information = validation["mutual_information"]
        if not information > self._best_information:
            self.is_aggressive = False
        self._best_information = max(self._best_information, information)

    def numbers(self) -> dict[str, Any]:
        """Return whether the phase lasts, and the most information that was seen (null before the first epoch)."""
        best = None if self._best_information == float("-inf") else self._best_information
        return {"is_aggressive": self.is_aggressive, "best_information": best}

    def restore(self, numbers: dict[str, Any]) -> None:
        """Go on from what ``numbers`` returned."""
        self.is_aggressive = bool(numbers["is_aggressive"])
        best = numbers["best_information"]
        self._best_information = float("-inf") if best is None else float(best)


@final
class Adversarial(Regime):
    """A critic's step and a decoder's step in turn.

    Stable by the non-saturating loss, a gradient penalty at real images and Adam with a first decay rate of 0.5.

    Source: Goodfellow et al. (2014), algorithm 1, https://arxiv.org/abs/1406.2661.
    """

    quantities: ClassVar[tuple[str, ...]] = ("critic_loss", "generator_loss")

    def __init__(self, model: GAN, config: RunConfig, world: World) -> None:
        """Give critic and decoder an optimiser each."""
        super().__init__(config)
        self._model = model
        with _held_still(model.generative_parameters()):
            self._critic_step = world.wrap(CriticStep(model, config.training.gradient_penalty))
        with _held_still(model.critic.parameters()):
            # A likelihood's own weights (a learned sigma) do not show in its mean, which the critic sees.
            self._generator_step = world.wrap(GeneratorStep(model), uses_all=False)
        for name, weights in (("critic", model.critic.parameters()), ("decoder", model.generative_parameters())):
            self.optimisers[name] = build_optimiser(weights, config.training, is_adversarial=True)

    def update(self, batch: Batch, objective: ObjectiveConfig, fresh: Callable[[int], Batch]) -> Tensor:
        """Show the critic real and generated images, then improve the decoder against it."""
        share = batch.share
        with torch.no_grad():
            generated = self._model.generate(self._prior_codes(share))
        critic_loss = self._critic_step(batch.x, generated, share)
        self.descend(critic_loss, "critic")
        with _held_still(self._model.critic.parameters()):
            generator_loss = self._generator_step(self._prior_codes(share), share)
            self.descend(generator_loss, "decoder")
        return torch.stack([critic_loss, generator_loss]).detach() * share.weight

    def _prior_codes(self, share: Share) -> Tensor:
        """Draw a code for every row of the batch, and return this process's."""
        return share.own(self._model.prior().rsample((share.n,)))


def build_regime(model: LatentModel, config: RunConfig, world: World) -> Regime:
    """Return the regime that ``config`` asks for, for a process of ``world``."""
    if isinstance(model, GAN):
        return Adversarial(model, config, world)
    regimes: dict[str, type[Joint | Alternating | Aggressive]] = {
        "joint": Joint,
        "alternating": Alternating,
        "aggressive": Aggressive,
    }
    return regimes[config.training.em](model, config, world)


def optimiser_tensors(regime: Regime) -> dict[str, Tensor]:
    """Return the state of every optimiser as flat names and tensors: ``<optimiser>.<weight>.<quantity>``."""
    return {
        f"{name}.{index}.{quantity}": tensor
        for name, optimiser in regime.optimisers.items()
        for index, state in optimiser.state_dict()["state"].items()
        for quantity, tensor in state.items()
        if isinstance(tensor, Tensor)
    }


def restore_optimisers(regime: Regime, tensors: dict[str, Tensor]) -> None:
    """Give every optimiser the state that ``optimiser_tensors`` returned.

    Raises:
        TrainingError: if it is that of other optimisers.
    """
    states: dict[str, dict[int, dict[str, Tensor]]] = {name: {} for name in regime.optimisers}
    for key, tensor in tensors.items():
        name, index, quantity = key.split(".", 2)
        if name not in states:
            raise TrainingError(f"it has the state of an optimiser {name!r}, and this run has {', '.join(states)}")
        states[name].setdefault(int(index), {})[quantity] = tensor
    for name, optimiser in regime.optimisers.items():
        optimiser.load_state_dict({"state": states[name], "param_groups": optimiser.state_dict()["param_groups"]})


@contextmanager
def _held_still(parameters: Iterable[nn.Parameter]) -> Iterator[None]:
    """Leave ``parameters`` out of the graph: gradients pass through them, and none is computed for them."""
    held = [parameter for parameter in parameters if parameter.requires_grad]
    for parameter in held:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in held:
            parameter.requires_grad_(True)


def _evaluated(step: nn.Module, batch: Batch, objective: ObjectiveConfig) -> tuple[Tensor, Tensor]:
    """Return loss and sums of ``batch``: a ``TrainingStep`` typed, as calling a module is not."""
    result: tuple[Tensor, Tensor] = step(batch.x, batch.y, objective, batch.share)
    return result
