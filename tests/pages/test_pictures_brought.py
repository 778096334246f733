"""Pictures that people bring: what is said of one that shows nothing that the model knows."""

import io

import pytest
from PIL import Image, ImageDraw

from tests.support import digits


def no_digit() -> bytes:
    picture = Image.new("RGB", (48, 48), (30, 90, 160))
    ImageDraw.Draw(picture).ellipse((6, 6, 42, 42), fill=(240, 200, 40))
    return content(picture)


def a_digit() -> bytes:
    return content(Image.fromarray(digits("test").images[11, 0]))


def content(picture: Image.Image) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()


@pytest.mark.parametrize(("picture", "is_like_the_data"), [(no_digit, False), (a_digit, True)])
def test_the_style_of_a_picture_is_told_from_the_data_where_it_is_far_from_it(run_page, picture, is_like_the_data):
    page = run_page("generate", run="digits-cvae-2d", generate="style")
    page.bring("or an image of your own", "picture.png", picture())
    assert page.n_tracebacks() == 0
    assert ("**Far from the data**" in page.words()) is not is_like_the_data
    warned = [alert for alert in page.alerts() if "What is read in the row says nothing of the picture" in alert]
    assert bool(warned) is not is_like_the_data


@pytest.mark.parametrize("run", ["digits-vae-2d", "digits-cvae-2d", "digits-ae-2d"])
def test_a_picture_that_is_added_as_a_place_is_told_from_the_data(run_page, run):
    page = run_page("interpolate", run=run)
    page.bring("A picture of your own", "disc.png", no_digit())
    assert page.n_tracebacks() == 0
    assert "**Far from the data**" in page.words()
    assert "come back no better" in page.words()


def test_an_image_of_the_data_is_judged_as_the_stored_codes_are(run_page):
    page = run_page("interpolate", run="digits-vae-2d")
    page.bring("A picture of your own", "digit.png", a_digit())
    assert "**Far from the data**" not in page.words()
