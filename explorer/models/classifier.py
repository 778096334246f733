"""The evaluation classifier: a small one, which says what generated images look like. No latent variable in here."""

import math

from torch import Tensor, nn

WIDTHS = (16, 32, 64)
KERNELS = (5, 3, 3)
N_FEATURES = 64

POOLED = 3
"""Side to which what the convolutions leave is pooled, so that images of any size have as many weights behind them."""


class Classifier(nn.Module):
    """Three convolutions that halve the image, each with its batch normalised, then a layer of features, then logits.

    Halved by strides, not by pooling: on a CPU a step takes a quarter of the time.

    Attributes:
        image_shape: ``(C, H, W)`` of the images.
        n_classes: classes told apart.
    """

    def __init__(self, image_shape: tuple[int, int, int], n_classes: int) -> None:
        """Build the layers for images of ``image_shape``, with torch's default initial weights."""
        super().__init__()
        self.image_shape, self.n_classes = image_shape, n_classes
        channels, *sides = image_shape
        layers: list[nn.Module] = []
        for n_in, n_out, kernel in zip((channels, *WIDTHS[:-1]), WIDTHS, KERNELS, strict=True):
            layers += [nn.Conv2d(n_in, n_out, kernel, stride=2, padding=kernel // 2, bias=False)]
            layers += [nn.BatchNorm2d(n_out), nn.ReLU()]
            sides = [math.ceil(side / 2) for side in sides]
        pooled = [min(side, POOLED) for side in sides]
        layers += [nn.AdaptiveAvgPool2d((pooled[0], pooled[1])), nn.Flatten()]
        layers += [nn.Linear(WIDTHS[-1] * math.prod(pooled), N_FEATURES), nn.ReLU()]
        self.body = nn.Sequential(*layers)
        self.head = nn.Linear(N_FEATURES, n_classes)

    def features(self, x: Tensor) -> Tensor:
        """Return what the last layer sees, shape ``(B, N_FEATURES)``, of images ``(B, C, H, W)`` in [0, 1]."""
        features: Tensor = self.body(x)
        return features

    def forward(self, x: Tensor) -> Tensor:
        """Return the logits of the classes, shape ``(B, n_classes)``, of images ``(B, C, H, W)`` in [0, 1]."""
        logits: Tensor = self.head(self.features(x))
        return logits
