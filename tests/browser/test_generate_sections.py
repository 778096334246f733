"""The other parts of the page Generate: styles, blends, traversals, the manifold, and what is said where one is not."""

import io
import re

import numpy as np
import pytest
from PIL import Image

from explorer.data.catalogue import load_split
from explorer.runs.listing import open_run
from tests.browser.app_driver import cells
from tests.browser.conftest import serving
from tests.support import new_run, save_codes

pytestmark = pytest.mark.browser

CVAE, VAE, AE = "digits-cvae-2d", "digits-vae-2d", "digits-ae-2d"


def small(picture, side=8):
    """Return an image that stands alone as it was before it was enlarged, shape ``(side, side)``."""
    factor = (picture.shape[1]) // side
    return picture[factor // 2 :: factor, factor // 2 :: factor, 0][:side, :side]


def assert_close(image, expected):
    assert image.shape == expected.shape
    assert np.abs(image.astype(int) - expected.astype(int)).max() <= 1


def part(page, name):
    page.page.get_by_test_id("stButtonGroup").get_by_text(name, exact=True).click()


def test_the_parts_of_the_page_are_those_that_a_model_has(visit):
    titles = ["Samples", "Style of an image", "Blend of two classes", "Traversals", "Manifold"]
    for run, there in ((CVAE, titles), (VAE, [titles[0], *titles[3:]]), ("mnist-vae-16d", [titles[0], titles[3]])):
        page = visit("generate", run=run)
        page.page.get_by_role("radio", name="Samples").wait_for()
        assert page.page.get_by_test_id("stButtonGroup").first.get_by_role("radio").all_text_contents() == there


def test_a_part_that_is_chosen_is_in_the_link_and_the_link_leads_to_it(visit):
    page = visit("generate", run=CVAE)
    part(page, "Manifold")
    assert page.wait_for_query("generate") == "manifold"
    page.page.get_by_alt_text("The manifold of class 0").wait_for()
    assert visit("generate", **page.query).picture("The manifold of class 0").size


# Styles


def test_the_style_of_a_test_image_is_its_code_decoded_in_every_class(visit, app):
    page = visit("generate", run=CVAE, generate="style", image="12")
    original = page.picture("The image whose style is taken")
    assert np.array_equal(small(original), load_split("digits", "test").images[12, 0])
    encoded = open_run(CVAE, app.checkpoints).encoded()
    own = int(encoded.labels[12])
    for label in (own, (own + 1) % 10):
        alt = re.compile(rf"^{label}{' .its own.' if label == own else ''}(, judged .)?$")
        picture = page.picture(alt)
        assert_close(small(picture[2:-2, 2:-2]), app.decode(CVAE, encoded.mu[12], label=label))
    page.page.get_by_text("Judged to be the class asked for:").wait_for()


def test_another_image_is_drawn_and_its_row_is_in_the_link(visit):
    page = visit("generate", run=CVAE, generate="style", image="12")
    page.page.get_by_role("button", name="Another").click()
    row = page.wait_for_query("image", r"^(?!12$)\d+$")
    page.page.get_by_text(f"Test image {int(row):,}.").wait_for()


def test_an_image_of_ones_own_is_fitted_guessed_and_decoded_in_every_class(visit, app):
    page = visit("generate", run=CVAE, generate="style")
    seven = load_split("digits", "test")
    row = int(np.flatnonzero(seven.labels == 7)[0])
    inked = Image.fromarray(255 - seven.images[row, 0]).resize((160, 160), Image.Resampling.NEAREST).convert("RGB")
    buffer = io.BytesIO()
    inked.save(buffer, "PNG")
    page.page.locator("input[type=file]").set_input_files(
        {"name": "seven.png", "mimeType": "image/png", "buffer": buffer.getvalue()}
    )
    page.page.get_by_text(
        "Your image, as the model sees it: PNG, 160 x 160 pixels; made grey; scaled to 8 x 8"
    ).wait_for()
    page.settle()
    assert np.array_equal(small(page.picture("The image whose style is taken")), seven.images[row, 0])
    assert page.page.get_by_alt_text(re.compile("^7 .its own.")).count() == 1
    assert page.n_tracebacks() == 0


@pytest.mark.parametrize("content", [b"hello", b"\x89PNG\r\n\x1a\nbroken"], ids=["text", "broken"])
def test_a_file_that_is_no_image_is_refused_in_words(visit, content):
    page = visit("generate", run=CVAE, generate="style")
    page.page.locator("input[type=file]").set_input_files({"name": "a.png", "mimeType": "image/png", "buffer": content})
    page.wait_for_message()
    assert re.search("is no PNG, JPEG or WebP image|is damaged", page.alerts()[0])
    assert page.n_tracebacks() == 0


# Blends


def test_a_blend_begins_with_one_class_and_ends_with_the_other(visit, app):
    page = visit("generate", run=CVAE, generate="blend", blend="3,8", steps="5")
    blend = cells(page.picture("A blend of 3 and 8"), 4, 5, 8)
    whole = {label: visit("generate", run=CVAE, label=str(label)) for label in (3, 8)}
    for column, label in ((0, 3), (-1, 8)):
        samples = cells(whole[label].picture(f"Samples of class {label}"), 5, 10, 8)
        assert_close(blend[:, column], samples[0, :4])
    middle = np.abs(blend[:, 2].astype(int) - blend[:, 0]).mean(), np.abs(blend[:, 2].astype(int) - blend[:, -1]).mean()
    assert min(middle) > 1


def test_ends_and_steps_of_a_blend_are_chosen_and_are_in_the_link(visit):
    page = visit("generate", run=CVAE, generate="blend")
    page.page.get_by_role("combobox", name="To class").click()
    page.page.get_by_role("option", name="6", exact=True).click()
    assert page.wait_for_query("blend") == "0,6"
    page.page.get_by_role("slider", name="Steps").press("ArrowRight")
    assert page.wait_for_query("steps") == "10"
    page.page.get_by_alt_text("A blend of 0 and 6").wait_for()
    page.settle()
    assert cells(page.picture("A blend of 0 and 6"), 4, 10, 8).shape == (4, 10, 8, 8)
    assert page.page.locator(".js-plotly-plot .scatterlayer .trace").count() == 10


# Traversals


def test_every_active_dimension_is_moved_over_the_prior_in_the_order_of_its_kl(visit, app):
    page = visit("generate", run=VAE, generate="traverse")
    rows = page.page.get_by_alt_text(re.compile(r"^Dimension \d+ moved"))
    rows.last.wait_for()
    assert rows.count() == 2
    alts = [row.get_attribute("alt") for row in rows.all()]
    first = int(re.match(r"Dimension (\d+)", alts[0])[1])
    row = cells(page.picture(alts[0]), 1, 7, 8)[0]
    for k, value in enumerate(range(-3, 4)):
        z = np.zeros(2)
        z[first] = value
        assert_close(row[k], app.decode(VAE, z))


def test_dimensions_that_carry_nothing_are_folded_and_explained(visit, tmp_path):
    checkpoints = tmp_path / "checkpoints"
    rng = np.random.default_rng(0)
    mu = rng.normal(size=(80, 3)).astype(np.float32) * np.float32([1, 0, 2])
    log_var = np.tile(np.float32([-2, 0, -3]), (80, 1))
    save_codes(new_run(checkpoints / "run", latent_dim=3), mu, np.arange(80) % 10, log_var=log_var)
    with serving(tmp_path, checkpoints) as app:
        page = visit("generate", on=app, run="run", generate="traverse")
        page.page.get_by_text("2 of 3 latent dimensions, one moved at a time").wait_for()
        seen = page.page.get_by_alt_text(re.compile(r"^Dimension \d moved"))
        page.page.get_by_alt_text(re.compile("^Dimension 0 moved")).wait_for()  # the last of the two that are shown
        assert [row.get_attribute("alt")[:11] for row in seen.all() if row.is_visible()] == [
            "Dimension 2",
            "Dimension 0",
        ]
        page.page.get_by_text("1 of 3 dimensions carries nothing").click()
        page.page.get_by_text("what they hold is noise, and the decoder has learned to ignore it").wait_for()
        page.page.get_by_alt_text(re.compile("^Dimension 1 moved")).wait_for()
        assert page.n_tracebacks() == 0


# The manifold


def test_the_manifold_has_the_quantiles_of_the_prior(visit, app):
    from scipy import stats

    page = visit("generate", run=VAE, generate="manifold")
    grid = cells(page.picture("The manifold"), 15, 15, 8)
    quantiles = stats.norm.ppf((np.arange(15) + 0.5) / 15)
    for row, column in ((0, 0), (0, 14), (7, 7), (14, 3)):
        assert_close(grid[row, column], app.decode(VAE, [quantiles[column], quantiles[14 - row]]))


def test_an_autoencoder_says_why_it_has_no_manifold_of_equal_probability(visit):
    page = visit("generate", run=AE, generate="manifold")
    page.wait_for_message()
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
def test_what_a_link_asks_for_and_a_model_has_not_is_said_and_the_nearest_is_shown(visit, run, query, text):
    page = visit("generate", run=run, **query)
    page.wait_for_message()
    assert any(text in alert for alert in page.alerts())
    page.page.locator("img[alt]").first.wait_for()
    assert page.n_tracebacks() == 0
