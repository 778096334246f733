"""The other parts of the page Generate: styles, blends, traversals, the manifold, and what is said where one is not."""

import io
import re

import numpy as np
import pytest
from PIL import Image
from scipy import stats

from explorer.analysis.coding import decode_codes
from explorer.data.catalogue import load_split
from explorer.runs.listing import open_run
from tests.pictures import cells, small
from tests.support import new_run, save_codes

CVAE, VAE, AE = "digits-cvae-2d", "digits-vae-2d", "digits-ae-2d"
OWN_FILE = "or an image of your own"


def assert_close(image, expected):
    assert image.shape == expected.shape
    assert np.abs(image.astype(int) - expected.astype(int)).max() <= 1


@pytest.fixture(scope="module")
def decoded(checkpoints):
    """Returns the image of one code, by the run's model itself."""

    def decode(name, z, label=None):
        labels = None if label is None else np.array([label])
        return decode_codes(open_run(name, checkpoints).model(), np.array([z], np.float32), labels)[0, 0]

    return decode


def test_the_parts_of_the_page_are_those_that_a_model_has(run_page):
    titles = ["Samples", "Style of an image", "Blend of two classes", "Traversals", "Manifold"]
    for run, there in ((CVAE, titles), (VAE, [titles[0], *titles[3:]]), ("mnist-vae-16d", [titles[0], titles[3]])):
        page = run_page("generate", run=run)
        (parts,) = [one for one in page.test.button_group if one.label == "What to generate"]
        assert parts.options == there


def test_a_part_that_is_chosen_is_in_the_link_and_the_link_leads_to_it(run_page):
    page = run_page("generate", run=CVAE).choose("What to generate", "manifold")
    assert page.query["generate"] == "manifold"
    shown = page.picture("The manifold of class 0")
    np.testing.assert_array_equal(run_page("generate", **page.query).picture("The manifold of class 0"), shown)


# Styles


def test_the_style_of_a_test_image_is_its_code_decoded_in_every_class(run_page, checkpoints, decoded):
    page = run_page("generate", run=CVAE, generate="style", image="12")
    original = page.picture("The image whose style is taken")
    assert np.array_equal(small(original), load_split("digits", "test").images[12, 0])
    encoded = open_run(CVAE, checkpoints).encoded()
    own = int(encoded.labels[12])
    for label in range(10):
        alt = re.compile(rf"{label}{' .its own.' if label == own else ''}(, judged .)?")
        picture = page.picture(alt)
        assert_close(small(picture[2:-2, 2:-2]), decoded(CVAE, encoded.mu[12], label))
    assert "Judged to be the class asked for:" in page.words()


def test_another_image_is_drawn_and_its_row_is_in_the_link(run_page):
    page = run_page("generate", run=CVAE, generate="style", image="12")
    test_images, rows = load_split("digits", "test").images, set()
    for _ in range(3):  # chance may draw the same one again, but not every time
        row = int(page.click("Another").query.get("image", 0))  # the default is in no link
        rows.add(row)
        assert f"Test image {row:,}." in page.words()
        assert np.array_equal(small(page.picture("The image whose style is taken")), test_images[row, 0])
    assert rows - {12}


def test_an_image_of_ones_own_is_fitted_guessed_and_decoded_in_every_class(run_page):
    seven = load_split("digits", "test")
    row = int(np.flatnonzero(seven.labels == 7)[0])
    inked = Image.fromarray(255 - seven.images[row, 0]).resize((160, 160), Image.Resampling.NEAREST).convert("RGB")
    buffer = io.BytesIO()
    inked.save(buffer, "PNG")
    page = run_page("generate", run=CVAE, generate="style").bring(OWN_FILE, "seven.png", buffer.getvalue())
    said = "Your image, as the model sees it: PNG, 160 x 160 pixels; made grey; scaled to 8 x 8"
    assert said in page.words()
    assert np.array_equal(small(page.picture("The image whose style is taken")), seven.images[row, 0])
    of_classes = page.alts()[1:]
    assert [alt[0] for alt in of_classes] == list("0123456789")
    assert [alt[0] for alt in of_classes if "(its own)" in alt] == ["7"]
    assert page.n_tracebacks() == 0


@pytest.mark.parametrize("content", [b"hello", b"\x89PNG\r\n\x1a\nbroken"], ids=["text", "broken"])
def test_a_file_that_is_no_image_is_refused_in_words(run_page, content):
    page = run_page("generate", run=CVAE, generate="style").bring(OWN_FILE, "a.png", content)
    assert re.search("is no PNG, JPEG or WebP image|is damaged", page.alerts()[0])
    assert page.n_tracebacks() == 0


# Blends


def test_a_blend_begins_with_one_class_and_ends_with_the_other(run_page):
    page = run_page("generate", run=CVAE, generate="blend", blend="3,8", steps="5")
    blend = cells(page.picture("A blend of 3 and 8"), 4, 5, 8)
    for column, label in ((0, 3), (-1, 8)):
        whole = run_page("generate", run=CVAE, label=str(label))
        samples = cells(whole.picture(f"Samples of class {label}"), 5, 10, 8)
        assert_close(blend[:, column], samples[0, :4])
    middle = np.abs(blend[:, 2].astype(int) - blend[:, 0]).mean(), np.abs(blend[:, 2].astype(int) - blend[:, -1]).mean()
    assert min(middle) > 1


# Traversals


def test_every_active_dimension_is_moved_over_the_prior_in_the_order_of_its_kl(run_page, decoded):
    page = run_page("generate", run=VAE, generate="traverse")
    alts = page.alts()
    firsts = [int(re.match(r"Dimension (\d+) moved", alt)[1]) for alt in alts]
    assert sorted(firsts) == [0, 1]
    kls = [float(number) for number in re.findall(r"\*\*z\d\*\* :small\[KL (.+)\]", page.words())]
    assert len(kls) == 2
    assert kls[0] > kls[1]
    row = cells(page.picture(alts[0]), 1, 7, 8)[0]
    for k, value in enumerate(range(-3, 4)):
        z = np.zeros(2)
        z[firsts[0]] = value
        assert_close(row[k], decoded(VAE, z))


def test_dimensions_that_carry_nothing_are_folded_and_explained(run_page, tmp_path):
    rng = np.random.default_rng(0)
    mu = rng.normal(size=(80, 3)).astype(np.float32) * np.float32([1, 0, 2])
    log_var = np.tile(np.float32([-2, 0, -3]), (80, 1))
    save_codes(new_run(tmp_path / "run", latent_dim=3), mu, np.arange(80) % 10, log_var=log_var)
    page = run_page("generate", on=tmp_path, run="run", generate="traverse")
    assert "2 of 3 latent dimensions, one moved at a time" in page.words()
    (folded,) = page.test.expander
    assert folded.label.startswith("1 of 3 dimensions carries nothing")
    assert not folded.proto.expanded
    (reason,) = folded.caption
    assert "what they hold is noise, and the decoder has learned to ignore it" in reason.value
    (of_folded,) = folded.get("image")
    assert [alt[:11] for alt in page.alts()] == ["Dimension 2", "Dimension 0", "Dimension 1"]
    assert of_folded.proto.imgs[0].alt == page.alts()[-1]
    assert page.n_tracebacks() == 0


# The manifold


def test_the_manifold_has_the_quantiles_of_the_prior(run_page, decoded):
    page = run_page("generate", run=VAE, generate="manifold")
    grid = cells(page.picture("The manifold"), 15, 15, 8)
    quantiles = stats.norm.ppf((np.arange(15) + 0.5) / 15)
    for row, column in ((0, 0), (0, 14), (7, 7), (14, 3)):
        assert_close(grid[row, column], decoded(VAE, [quantiles[column], quantiles[14 - row]]))


def test_an_autoencoder_says_why_it_has_no_manifold_of_equal_probability(run_page):
    page = run_page("generate", run=AE, generate="manifold")
    assert "it has no prior, so no code is more likely than another" in page.alerts()[0]


# Bad links


@pytest.mark.parametrize(
    ("run", "query", "text"),
    [
        (VAE, {"generate": "blend"}, "knows no classes, which “Blend of two classes” needs: choose a CVAE for it"),
        (AE, {"generate": "style"}, "knows no classes"),
        ("mnist-vae-16d", {"generate": "manifold"}, "has 16 latent dimensions, and a manifold is a grid of 2"),
        (CVAE, {"generate": "blend", "blend": "2,17"}, "Class 17 does not exist"),
        (CVAE, {"generate": "style", "image": "99999"}, "Test image 99,999 is not in the encoded set: choose one of 0"),
        (CVAE, {"label": "12"}, "Class 12 does not exist"),
        (CVAE, {"generate": "magic"}, "which cannot be read"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_what_a_link_asks_for_and_a_model_has_not_is_said_and_the_nearest_is_shown(run_page, run, query, text):
    page = run_page("generate", run=run, **query)
    assert any(text in alert for alert in page.alerts())
    assert len(page.alts()) > 0
    assert page.n_tracebacks() == 0
