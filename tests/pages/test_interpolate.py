"""The page Interpolate: its paths, what is told of them, the other parts, and what can be taken away."""

import base64
import io
import re

import numpy as np
import pytest
from PIL import Image, ImageSequence

from explorer.analysis.coding import decode_codes
from explorer.analysis.latent.priors import spread_rows
from explorer.runs.listing import open_run
from tests.pictures import cells
from tests.support import mp4_frames

RUN = "digits-vae-2d"
PINS = "A=z:1.5,1.0;B=z:-1.5,0.5;C=z:0.5,-1.5;D=z:-0.5,1.5"
A, B, C, D = np.array([[1.5, 1.0], [-1.5, 0.5], [0.5, -1.5], [-0.5, 1.5]])
N = 6


@pytest.fixture
def interpolate(run_page):
    """Runs the page with four pins."""
    return lambda **query: run_page("interpolate", **{"run": RUN, "pins": PINS, "frames": str(N), **query})


@pytest.fixture(scope="module")
def decoded(checkpoints):
    """Returns what the model itself makes of a code, shape ``(H, W)``."""

    def decode(code, run=RUN, label=None):
        labels = None if label is None else np.array([label])
        return decode_codes(open_run(run, checkpoints).model(), np.atleast_2d(code), labels)[0, 0].astype(float)

    return decode


def path(page, kind):
    return next(path for path in page.component("filmstrip")["paths"] if path["kind"] == kind)


def strip(page, kind="linear"):
    """The frames of a strip as the animation is given them, shape ``(T, H, W)``."""
    images = np.frombuffer(base64.b64decode(path(page, kind)["images"]), np.uint8)
    return images.reshape(-1, *page.component("filmstrip")["shape"])[:, 0].astype(float)


def assert_alike(image, other):
    assert np.abs(image.astype(float) - other).max() <= 1


def pinned(page, name):
    """The code that is pinned as ``name``."""
    pins = dict(pin.split("=") for pin in page.query["pins"].split(";"))
    kind, _, numbers = pins[name].partition(":")
    assert kind == "z"
    return [float(number) for number in numbers.split(",")]


# The paths


def test_the_first_visit_walks_between_two_images_of_different_classes(run_page, checkpoints, decoded):
    page = run_page("interpolate", run=RUN)
    encoded = open_run(RUN, checkpoints).encoded()
    rows = spread_rows(encoded.labels, 2)
    assert len(set(encoded.labels[rows].tolist())) == 2
    frames = strip(page)
    assert len(frames) == 12 + 2
    assert_alike(frames[1], decoded(encoded.mu[rows[0]]))
    assert_alike(frames[-2], decoded(encoded.mu[rows[1]]))
    assert page.n_tracebacks() == 0


def test_a_spherical_strip_keeps_to_the_circle_of_codes_of_one_length(interpolate, decoded):
    frames = strip(interpolate(pins="A=z:2,0;B=z:0,2"), "spherical")
    for frame, angle in zip(frames[1:-1], np.linspace(0, np.pi / 2, N), strict=True):
        assert_alike(frame, decoded([2 * np.cos(angle), 2 * np.sin(angle)]))


def test_every_kind_is_in_the_table_and_the_geodesic_has_no_more_energy_than_the_straight_line(interpolate):
    page = interpolate().until("The geodesic ")
    assert [path["name"] for path in page.component("filmstrip")["paths"]] == [
        *("Linear", "Spherical", "Geodesic", "Through the data")
    ]
    rows = page.test.table[0].value
    assert list(rows["path"]) == ["Linear", "Spherical", "Geodesic", "Through the data"]
    energy = dict(zip(rows["path"], rows["energy"].astype(float), strict=True))
    assert energy["Geodesic"] <= energy["Linear"]
    assert float(rows["length in z"][0]) == pytest.approx(np.linalg.norm(A - B), abs=0.006)


def test_the_ends_are_chosen_among_the_pins_and_change_places(interpolate, decoded):
    page = interpolate(endpoints="C;D")
    assert_alike(strip(page)[1], decoded(C))
    assert_alike(strip(page)[-2], decoded(D))
    page.choose("From", "D")
    assert page.query["endpoints"] == "D;C"
    assert_alike(strip(page)[1], decoded(D))
    assert_alike(strip(page)[-2], decoded(C))


def test_even_steps_change_the_image_equally(interpolate):
    def spread(page):
        steps = np.linalg.norm(np.diff(strip(page)[1:-1].reshape(N, -1), axis=0), axis=1)
        return steps.std() / steps.mean()

    assert spread(interpolate(constant_speed="1")) < spread(interpolate())


def test_a_link_restores_path_frames_and_endpoints(interpolate, decoded):
    page = interpolate(path="data", frames="9", endpoints="B;D", constant_speed="1")
    assert page.component("filmstrip")["shown"] == "data"
    assert len(strip(page)) == 9 + 2
    assert_alike(strip(page)[1], decoded(B))
    assert_alike(strip(page)[-2], decoded(D))
    assert page.query.items() >= {"path": "data", "frames": "9", "endpoints": "B;D", "constant_speed": "1"}.items()
    other = interpolate(**page.query)
    assert other.component("filmstrip")["shown"] == "data"
    np.testing.assert_array_equal(strip(other, "data"), strip(page, "data"))


def test_a_pin_that_is_not_there_is_left_out_and_the_others_stay(interpolate):
    page = interpolate(pins="A=row:99999;B=row:2;C=row:3")
    said = "Pin A is left out. Row 99999 is not in the encoded set: choose one of 0 to 299."
    assert [alert for alert in page.alerts() if said in alert] != []
    assert page.query["pins"] == "B=row:2;C=row:3"


def test_a_conditional_model_walks_in_one_class_and_says_so(interpolate, checkpoints, decoded):
    run = "digits-cvae-2d"
    page = interpolate(run=run, pins="A=row:0;B=row:1", decode_as="4")
    assert_alike(strip(page)[1], decoded(open_run(run, checkpoints).encoded().mu[0], run, label=4))
    assert page.component("filmstrip")["decode"] == f"api/runs/{run}/decode?label=4"
    assert "All frames are decoded in class 4." in page.words()


def test_an_autoencoder_walks_without_a_prior(interpolate, checkpoints, decoded):
    run = "digits-ae-2d"
    page = interpolate(run=run, pins="A=row:0;B=row:9")
    assert_alike(strip(page)[1], decoded(open_run(run, checkpoints).encoded().mu[0], run))
    assert "no prior, so there is no log p(z)" in page.words()
    assert page.n_tracebacks() == 0


# Places that are added


@pytest.mark.parametrize(
    ("label", "value", "button", "name"),
    [("Test image", 7, "Pin image", "E"), ("Draw of the prior, seed", 5, "Pin draw", "E draw 5")],
)
def test_places_are_added_from_the_menu(interpolate, label, value, button, name):
    page = interpolate().choose(label, value).click(button)
    assert f";{name}=" in page.query["pins"]
    if button == "Pin image":
        assert page.query["pins"].endswith("E=row:7")


def test_an_image_that_is_not_there_is_refused_and_nothing_is_pinned(interpolate):
    page = interpolate().choose("Test image", 99999).click("Pin image")
    assert page.toasts() == [f"There is no image 99999: {RUN} has 0 to 299."]
    assert page.query["pins"].count("=") == 4


def test_the_mean_of_a_class_is_added_from_the_menu(interpolate, checkpoints):
    page = interpolate().click("Pin mean")
    encoded = open_run(RUN, checkpoints).encoded()
    expected = encoded.mu[encoded.labels == 0].mean(axis=0)
    np.testing.assert_allclose(pinned(page, "E mean of 0"), expected, atol=1e-3)


def test_a_picture_of_ones_own_is_encoded_and_pinned_and_a_broken_one_is_refused(interpolate, decoded):
    page = interpolate().bring("A picture of your own", "broken.png", b"\x89PNG\r\n\x1a\nnothing")
    assert len(page.alerts()) == 1
    assert "Pin this picture" not in page.labels("button")
    assert page.n_tracebacks() == 0
    image = Image.fromarray(decoded(A).astype(np.uint8)).resize((64, 64), Image.Resampling.NEAREST).convert("RGB")
    buffer = io.BytesIO()
    image.save(buffer, format="PNG")
    page.bring("A picture of your own", "one.png", buffer.getvalue()).click("Pin this picture")
    assert np.isfinite(pinned(page, "E one")).all()
    assert page.alerts() == []


# What is taken away


def taken(page, kind, label, extent):
    """The file of five images that is handed out as ``kind``, once the page says how much it holds."""
    page.choose("As", kind).choose("Images from end to end", 5)
    assert extent in page.words()
    file = page.download(label)
    assert file.filename == f"{RUN}-linear.{kind}"
    return file.content


def frames_of(content, kind):
    """The pictures of a file, by a reader that had no part in writing it: grey, shape ``(T, H, W)``."""
    if kind == "mp4":
        return mp4_frames(content)[0][..., 0]
    with Image.open(io.BytesIO(content)) as file:
        return np.stack([np.asarray(frame.convert("L")) for frame in ImageSequence.Iterator(file)])


@pytest.mark.parametrize(
    ("kind", "label"),
    [
        ("gif", "Download GIF film"),
        ("webp", "Download WebP film"),
        ("mp4", "Download MP4 film"),
        ("png", "Download PNG strip"),
    ],
)
def test_what_is_taken_away_shows_the_walk_frame_by_frame(interpolate, decoded, kind, label):
    content = taken(interpolate(), kind, label, "5 images." if kind == "png" else "8 frames, 0.3 s.")
    frames = frames_of(content, kind)
    if kind == "png":
        frames = np.array_split(frames[0], 5, axis=1)
    else:
        assert len(frames) == 8  # forth, and back without the endpoints twice
    for frame, share in zip(frames, np.linspace(0, 1, 5), strict=False):
        small = np.asarray(Image.fromarray(np.asarray(frame, np.uint8)).resize((8, 8), Image.Resampling.BOX), float)
        assert np.abs(small - decoded((1 - share) * A + share * B)).mean() < 12


def test_codes_and_images_are_taken_away_as_numbers(interpolate, decoded):
    content = taken(interpolate(), "npz", "Download NPZ", "5 images.")
    with np.load(io.BytesIO(content), allow_pickle=False) as held:
        codes, images, t = held["codes"], held["images"], held["t"]
    np.testing.assert_allclose(t, np.linspace(0, 1, 5))
    np.testing.assert_allclose(codes, (1 - t[:, None]) * A + t[:, None] * B, atol=1e-6)
    for code, image in zip(codes, images, strict=True):
        assert_alike(image[0], decoded(code))


# The other parts


def test_four_corners_are_the_pins_and_the_middle_of_an_edge_is_their_mean(run_page, decoded):
    page = run_page("interpolate", run=RUN, pins=PINS, interpolate="corners", frames="5")
    picture = page.picture(
        "Grid of decoded images between four places: top left A, top right B, bottom left C, bottom right D"
    )
    assert "Map" not in page.labels("button_group")
    images = cells(picture, 5, 5, 8).reshape(25, 8, 8)
    for cell, code in ((0, A), (4, B), (20, C), (24, D), (2, (A + B) / 2), (12, (A + B + C + D) / 4)):
        assert_alike(images[cell], decoded(code))
    file = page.choose("As", "npz").download("Download NPZ")
    assert file.filename == f"{RUN}-corners.npz"
    with np.load(io.BytesIO(file.content), allow_pickle=False) as taken_away:
        np.testing.assert_allclose(taken_away["codes"][[0, 4, 20, 24]], [A, B, C, D], atol=1e-6)
        np.testing.assert_array_equal(taken_away["images"].reshape(25, 8, 8), images)


def test_arithmetic_decodes_a_minus_b_plus_c_and_pins_it(run_page, decoded):
    page = run_page("interpolate", run=RUN, pins=PINS, interpolate="arithmetic")
    assert re.match(r"result, judged \d \(\d+%\)$", page.captions()[3])
    assert_alike(cells(page.picture(re.compile("result.*")), 1, 1, 8)[0, 0], decoded(A - B + C))
    page.click("Pin the result")
    np.testing.assert_allclose(pinned(page, "E A-B+C"), A - B + C, atol=1e-4)


def test_an_attribute_says_how_well_it_separates_and_a_pair_of_classes_can_be_chosen(run_page):
    page = run_page("interpolate", run=RUN, pins=PINS, interpolate="attribute")
    (said,) = [text.value for text in page.test.markdown if "area under the curve" in text.value]
    assert said.startswith("**Class 0 against all others:**")
    assert "held-out" in said
    page.choose("Attribute", "classes")
    assert page.query["direction"] == "classes:0,1"
    assert "**Class 0 against class 1:**" in page.words()
    assert page.n_tracebacks() == 0
