"""Classes that can be told apart, whatever one's colour vision.

Vision is simulated by Machado, Oliveira & Fernandes (2009), A Physiologically-based Model for Simulation of Color
Vision Deficiency, table 1, severity 1, in linear RGB; distance is Euclidean in Oklab (Ottosson, 2020,
https://bottosson.github.io/posts/oklab/).
"""

from itertools import combinations

import numpy as np
import pytest

from explorer.figures.palette import class_colour, class_symbol

VISION = {
    "normal": np.eye(3),
    "protan": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "deutan": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
    "tritan": np.array(
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]]
    ),
}
TO_CONES = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
TO_OKLAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)
LIGHT, DARK = "#ffffff", "#0e1117"


def linear_rgb(colour: str) -> np.ndarray:
    encoded = np.array([int(colour[k : k + 2], 16) for k in (1, 3, 5)]) / 255
    return np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)


def oklab(colour: str, vision: str) -> np.ndarray:
    seen = np.clip(VISION[vision] @ linear_rgb(colour), 0, 1)
    return TO_OKLAB @ np.cbrt(TO_CONES @ seen)


def distance(first: str, second: str, vision: str) -> float:
    return float(np.linalg.norm(oklab(first, vision) - oklab(second, vision)))


def test_white_and_black_are_one_apart_in_every_vision():
    for vision in VISION:
        assert distance("#ffffff", "#000000", vision) == pytest.approx(1, abs=1e-3)


def test_no_two_of_fifty_classes_look_the_same():
    looks = [(class_colour(label), class_symbol(label)) for label in range(50)]
    assert len(set(looks)) == 50


@pytest.mark.parametrize("vision", VISION)
def test_ten_classes_of_one_symbol_can_be_told_apart_by_colour(vision):
    for first, second in combinations(range(10), 2):
        if class_symbol(first) == class_symbol(second):
            assert distance(class_colour(first), class_colour(second), vision) > 0.07, (first, second)


@pytest.mark.parametrize("background", [LIGHT, DARK])
@pytest.mark.parametrize("vision", VISION)
def test_every_colour_stands_out_from_the_page(vision, background):
    for label in range(12):
        assert distance(class_colour(label), background, vision) > 0.1, label
