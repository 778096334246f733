"""The page Compare: which runs it shows side by side, and what it says of their spaces."""

import re

import numpy as np

from explorer.analysis.coding import decode_codes
from explorer.analysis.paths.interpolation import linear_path, path_times
from explorer.runs.listing import open_run
from tests.pictures import cells

RUN, RIVAL = "digits-vae-2d", "digits-ae-2d"
N_FRAMES = 12


def maps(page):
    """The runs whose maps are shown, in their order."""
    return [map_.key.removeprefix("compared-") for map_ in page.test.get("bidi_component")]


def test_the_first_visit_sets_a_vae_against_the_autoencoder_of_the_same_body(run_page):
    page = run_page("compare", run=RUN)
    assert maps(page) == [RUN, RIVAL]
    assert [page.component(f"compared-{name}")["run"] for name in (RUN, RIVAL)] == [RUN, RIVAL]
    assert page.n_tracebacks() == 0


def test_a_link_to_runs_that_are_not_there_says_so_and_shows_others(run_page):
    page = run_page("compare", compare=f"{RUN},no-such-run,cut-weights")
    (said,) = [alert for alert in page.alerts() if "There is no run 'no-such-run'" in alert]
    assert "It is left out." in said
    assert len(maps(page)) == 2
    assert maps(page)[0] == RUN
    assert "no-such-run" not in page.query["compare"]
    assert page.n_tracebacks() == 0


def test_the_spaces_are_walked_and_swept(run_page, checkpoints):
    page = run_page("compare", compare=f"{RUN},{RIVAL}", question="spaces", pins="A=row:3;B=row:5")
    assert "**From image 3 to image 5, straight, in each model**" in page.words()
    for name in (RUN, RIVAL):
        run = open_run(name, checkpoints)
        first, last = run.encoded().mu[[3, 5]]
        codes = linear_path(first, last, path_times(N_FRAMES)).codes
        shown = cells(page.picture(f"From one image to the other in {name}"), 1, N_FRAMES, 8)[0]
        assert np.abs(shown.astype(int) - decode_codes(run.model(), codes)[:, 0]).max() <= 1
    words = page.until(" places swept", n=2).words()
    assert len(re.findall(r"1,600 places swept; \d+% of them have no encoded image near", words)) == 2
    assert page.n_tracebacks() == 0
