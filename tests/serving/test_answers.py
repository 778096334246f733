import json
import math
from pathlib import Path

import pytest

from explorer.serving.answers import json_response, without_folders
from explorer.strict_json import dump_json


def refuse_constant(name: str) -> None:
    raise AssertionError(f"{name} is no JSON")


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_numbers_that_json_does_not_have_are_null(value):
    given = {"a": [1.5, value, (value, "text", True, None)], "b": {"c": value}, "d": 2}
    expected = {"a": [1.5, None, [None, "text", True, None]], "b": {"c": None}, "d": 2}
    assert json.loads(dump_json(given), parse_constant=refuse_constant) == expected
    assert json.loads(json_response(given).body, parse_constant=refuse_constant) == expected


def test_headers_can_hold_any_text():
    assert dump_json({"name": "größe ✓"}).isascii()


CHECKPOINTS = Path("/srv/my models/checkpoints")
SENTENCES = {
    "/srv/my models/checkpoints/vae/config.json is damaged.": "vae/config.json is damaged.",
    "The weights in /srv/my models/checkpoints/vae/weights.safetensors do": "The weights in vae/weights.safetensors do",
    "'/home/ada/data/MNIST/raw/t10k' is missing": "'t10k' is missing",
    r"C:\Users\ada\checkpoints\vae\config.json is damaged": "config.json is damaged",
    "~/runs/vae is no folder": "vae is no folder",
    "Open http://localhost:8501/api/runs or vae/config.json": "Open http://localhost:8501/api/runs or vae/config.json",
    "elbo/n, 3 / 4, text/csv; and/or": "elbo/n, 3 / 4, text/csv; and/or",
    "Run: python -m explorer train --run vae": "Run: python -m explorer train --run vae",
}


@pytest.mark.parametrize("sentence", SENTENCES)
def test_paths_lose_their_folders_and_other_words_stay(sentence):
    assert without_folders(sentence, CHECKPOINTS) == SENTENCES[sentence]
