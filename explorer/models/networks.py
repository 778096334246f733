"""Dense and convolutional bodies of encoders and decoders. No probability in here.

An encoder maps images ``(B, C, H, W)`` and maybe classes to ``(B, n_outputs)``; a decoder maps codes ``(B, L)`` and
maybe classes to raw images ``(B, K C, H, W)``, K numbers for each pixel. Classes are int64 ``(B,)``, or float32 weights
``(B, n_classes)`` between them.
"""

import math
from collections.abc import Callable
from functools import partial
from itertools import pairwise
from typing import TypeGuard

import torch
from torch import Tensor, nn

from explorer.models.config import ModelConfig

ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "relu": nn.ReLU,
    "leaky-relu": partial(nn.LeakyReLU, 0.2),
    "tanh": nn.Tanh,
}


def is_weights(y: Tensor | None) -> TypeGuard[Tensor]:
    """Whether ``y`` holds weights of the classes, ``(*batch, n_classes)``, and not a class for each image."""
    return y is not None and y.is_floating_point()


class JoinedLayer(nn.Module):
    """A first layer whose input may be joined by a one-hot class.

    ``W [x; onehot(y)] = W_x x + W_y[:, y]``, so the class adds a column of weights. Kept as a sum, a zeroed column
    leaves the layer's output the same to the last bit. In place of the one-hot class may stand weights of the classes.
    """

    def __init__(self, layer: nn.Linear | nn.Conv2d, n_classes: int | None) -> None:
        """Join ``layer`` with ``n_classes`` one-hot inputs, or with none."""
        super().__init__()
        self.layer = layer
        self.label_weight: nn.Parameter | None = None
        if n_classes is not None:
            bound = 1 / math.sqrt(layer.weight[0].numel() + n_classes)
            self.label_weight = nn.Parameter(torch.empty(n_classes, layer.weight.shape[0]).uniform_(-bound, bound))

    def forward(self, x: Tensor, y: Tensor | None) -> Tensor:
        """Return the layer's output for ``x``, plus the column of class ``y`` if it has classes.

        Weights ``y`` of shape ``(B, n_classes)`` add the columns weighted so; a one-hot row adds that of its class.
        """
        out: Tensor = self.layer(x)
        if self.label_weight is None:
            return out
        column = y @ self.label_weight if is_weights(y) else self.label_weight[y]
        return out + column.view(*column.shape, *[1] * (out.dim() - 2))


class DenseEncoder(nn.Module):
    """Fully connected layers from pixels to ``n_outputs`` numbers."""

    def __init__(self, config: ModelConfig, n_outputs: int) -> None:
        """Build the layers that ``config`` asks for."""
        super().__init__()
        self.input = JoinedLayer(nn.Linear(math.prod(config.image_shape), config.hidden[0]), config.n_classes)
        self.body = _dense_body((*config.hidden, n_outputs), config.activation)

    def forward(self, x: Tensor, y: Tensor | None) -> Tensor:
        """Map images ``(B, C, H, W)`` to ``(B, n_outputs)``."""
        out: Tensor = self.body(self.input(x.flatten(1), y))
        return out


class DenseDecoder(nn.Module):
    """The encoder's layers in reverse, from a code to raw pixels."""

    def __init__(self, config: ModelConfig, n_heads: int) -> None:
        """Build the layers that ``config`` asks for, ending in ``n_heads`` numbers for each pixel."""
        super().__init__()
        widths = config.hidden[::-1]
        shape = _raw_shape(config, n_heads)
        self.input = JoinedLayer(nn.Linear(config.latent_dim, widths[0]), config.n_classes)
        self.body = _dense_body((*widths, math.prod(shape)), config.activation, has_last_bias=False)
        self.bias = nn.Parameter(torch.zeros(shape))

    def forward(self, z: Tensor, y: Tensor | None) -> Tensor:
        """Map codes ``(B, L)`` to raw images ``(B, K C, H, W)``."""
        out: Tensor = self.body(self.input(z, y))
        return out.view(-1, *self.bias.shape) + self.bias


class ConvEncoder(nn.Module):
    """Strided 3x3 convolutions that halve the image in each layer, then one linear layer."""

    def __init__(self, config: ModelConfig, n_outputs: int) -> None:
        """Build the layers that ``config`` asks for."""
        super().__init__()
        channels = config.hidden
        self.input = JoinedLayer(_halving(config.image_shape[0], channels[0]), config.n_classes)
        layers: list[nn.Module] = [ACTIVATIONS[config.activation]()]
        for n_in, n_out in pairwise(channels):
            layers += [_halving(n_in, n_out), ACTIVATIONS[config.activation]()]
        n_features = channels[-1] * math.prod(_sizes(config)[-1])
        self.body = nn.Sequential(*layers, nn.Flatten(), nn.Linear(n_features, n_outputs))

    def forward(self, x: Tensor, y: Tensor | None) -> Tensor:
        """Map images ``(B, C, H, W)`` to ``(B, n_outputs)``."""
        out: Tensor = self.body(self.input(x, y))
        return out


class ConvDecoder(nn.Module):
    """One linear layer, then transposed convolutions that undo the encoder's halvings, sizes included."""

    def __init__(self, config: ModelConfig, n_heads: int) -> None:
        """Build the layers that ``config`` asks for, ending in ``n_heads`` numbers for each pixel."""
        super().__init__()
        shape = _raw_shape(config, n_heads)
        sizes, channels = _sizes(config), (shape[0], *config.hidden)
        self.input = JoinedLayer(nn.Linear(config.latent_dim, channels[-1] * math.prod(sizes[-1])), config.n_classes)
        layers: list[nn.Module] = [nn.Unflatten(1, (channels[-1], *sizes[-1]))]
        for depth in range(len(config.hidden), 0, -1):
            layers.append(ACTIVATIONS[config.activation]())
            layers.append(_doubling(channels[depth], channels[depth - 1], sizes[depth], sizes[depth - 1], depth > 1))
        self.body = nn.Sequential(*layers)
        self.bias = nn.Parameter(torch.zeros(shape))

    def forward(self, z: Tensor, y: Tensor | None) -> Tensor:
        """Map codes ``(B, L)`` to raw images ``(B, K C, H, W)``."""
        out: Tensor = self.body(self.input(z, y))
        return out + self.bias


def build_encoder(config: ModelConfig, n_outputs: int) -> nn.Module:
    """Return the encoder body that ``config`` names."""
    encoder = DenseEncoder(config, n_outputs) if config.network == "dense" else ConvEncoder(config, n_outputs)
    _start_weights(encoder, config)
    return encoder


def build_decoder(config: ModelConfig, n_heads: int = 1) -> DenseDecoder | ConvDecoder:
    """Return the decoder body that ``config`` names; its ``bias``, shape ``(K C, H, W)``, is added last."""
    decoder = DenseDecoder(config, n_heads) if config.network == "dense" else ConvDecoder(config, n_heads)
    _start_weights(decoder, config)
    return decoder


def _start_weights(network: nn.Module, config: ModelConfig) -> None:
    """Give layers before a tanh the initial weights that keep its signals' size; torch's own suit rectifiers.

    Source: Glorot & Bengio (2010), Understanding the difficulty of training deep feedforward neural networks, equation
    16, https://proceedings.mlr.press/v9/glorot10a.html.
    """
    if config.activation != "tanh":
        return
    for layer in network.modules():
        if isinstance(layer, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
            nn.init.xavier_uniform_(layer.weight)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)


def _raw_shape(config: ModelConfig, n_heads: int) -> tuple[int, int, int]:
    channels, height, width = config.image_shape
    return n_heads * channels, height, width


def _dense_body(widths: tuple[int, ...], activation: str, *, has_last_bias: bool = True) -> nn.Sequential:
    layers: list[nn.Module] = []
    for depth, (n_in, n_out) in enumerate(pairwise(widths), start=2):
        layers += [
            ACTIVATIONS[activation](),
            nn.Linear(n_in, n_out, bias=has_last_bias or depth < len(widths)),
        ]
    return nn.Sequential(*layers)


def _sizes(config: ModelConfig) -> list[tuple[int, int]]:
    """Height and width before each halving and after the last; odd sizes round up."""
    sizes = [config.image_shape[1:]]
    for _ in config.hidden:
        height, width = sizes[-1]
        sizes.append(((height + 1) // 2, (width + 1) // 2))
    return sizes


def _halving(n_in: int, n_out: int) -> nn.Conv2d:
    return nn.Conv2d(n_in, n_out, kernel_size=3, stride=2, padding=1)


def _doubling(
    n_in: int, n_out: int, size: tuple[int, int], target: tuple[int, int], has_bias: bool
) -> nn.ConvTranspose2d:
    # A transposed convolution gives 2 n - 1; what an even size lacks is padded at its far edge.
    padding = (target[0] - (2 * size[0] - 1), target[1] - (2 * size[1] - 1))
    return nn.ConvTranspose2d(n_in, n_out, 3, stride=2, padding=1, output_padding=padding, bias=has_bias)
