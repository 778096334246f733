from dataclasses import replace

import pytest

from explorer.analysis.latent.neighbourhood import Verdict
from explorer.analysis.latent.reliability import Reliability
from explorer.ui.map.reliability import reliability_sentences

TRUST = Reliability(
    n_near=12,
    n_typical=10,
    radius=0.41,
    nearest=0.08,
    log_prior=-2.3,
    no_log_prior="",
    typical_log_prior=-3.1,
    re_encoding=0.12,
    typical_re_encoding=0.2,
    verdict=Verdict.IN_DISTRIBUTION,
)


def test_every_number_stands_beside_what_is_typical():
    assert reliability_sentences(TRUST) == (
        "12 encoded images within 0.41 in z; the nearest 0.08 away. A typical image has 10 others so near. "
        "log p(z) -2.3 nats, typically -3.1. Decoded and encoded again, it comes back 0.12 away, typically 0.20."
    )


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"n_near": 1}, "1 encoded image within"),
        ({"log_prior": None, "no_log_prior": "no reason"}, "No log p(z): no reason."),
        ({"nearest": float("inf"), "n_near": 0}, "No image is encoded."),
        ({"typical_log_prior": None}, "log p(z) -2.3 nats. Decoded"),
    ],
)
def test_what_is_not_there_is_said(changes, text):
    assert text in reliability_sentences(replace(TRUST, **changes))


def test_an_encoded_image_is_its_own_neighbour_and_a_class_is_named():
    text = reliability_sentences(replace(TRUST, nearest=0.0), " of class 7", is_encoded=True)
    assert text.startswith("12 encoded images of class 7 within 0.41 in z, itself among them. ")
