"""What is read instead of seen: a text in the place of every image, and in that of the map."""

import re

import pytest

CVAE = {"run": "digits-cvae-2d"}


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("", {}),
        ("", {"pin": "1,1"}),
        ("generate", CVAE),
        ("generate", {"run": "mnist-vae-2d"}),
        ("generate", {"run": "digits-ae-2d"}),
        ("generate", {**CVAE, "generate": "style"}),
        ("generate", {**CVAE, "generate": "blend"}),
        ("generate", {**CVAE, "generate": "traverse"}),
    ],
    ids=["map", "pinned place", "cvae", "vae", "ae", "style", "blend", "traverse"],
)
def test_every_image_has_a_text_in_its_place(run_page, path, query):
    page = run_page(path, **query)
    assert len(page.alts()) > 0
    assert [alt for alt in page.alts() if not alt.strip()] == []
    # Those of the gallery of runs are HTML of ours.
    tags = re.findall(r"<img\b[^>]*>", page.words())
    assert len(tags) > 3
    assert [tag for tag in tags if not re.search(r'\balt="[^"]*\S[^"]*"', tag)] == []
    assert 'alt="Ten images that mnist-vae-2d makes"' in page.words()


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({}, ("10,000", "mnist", "z0", "z1")),
        ({"space": "pca"}, ("mnist", "PC1", "PC2")),
        ({"run": "digits-cvae-2d"}, ("digits", "z0", "z1")),
    ],
    ids=["plane", "pca", "digits"],
)
def test_the_map_is_described_by_its_data_and_its_axes(run_page, query, words):
    description = run_page(**query).component("latent-map")["alt"]
    assert [word for word in words if word not in description] == []
