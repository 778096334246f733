"""Controls show the view, and leave to the browser what a person chooses while the script runs."""

import pytest

from tests.pages.page_run import CONTROLS

CVAE = {"run": "digits-cvae-2d"}
PINS = "A=row:1;B=row:2;C=row:3;D=row:4"


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("", {"run": "digits-vae-2d"}),
        ("interpolate", {"run": "digits-vae-2d", "pins": PINS}),
        ("interpolate", {"run": "digits-vae-2d", "pins": PINS, "interpolate": "corners"}),
        ("interpolate", {"run": "digits-vae-2d", "pins": PINS, "interpolate": "attribute"}),
        ("generate", CVAE),
        ("generate", {**CVAE, "generate": "style"}),
        ("generate", {**CVAE, "generate": "blend"}),
        ("generate", {**CVAE, "generate": "traverse"}),
        ("compare", {"compare": "digits-vae-2d,digits-ae-2d"}),
        ("evaluate", {"run": "digits-vae-2d"}),
        ("train", {}),
    ],
)
def test_a_second_run_sends_no_control_a_value_that_it_shows_already(run_page, path, query):
    page = run_page(path, **query)
    assert _controls(page) != []
    page.run()
    sent = {f"{control.type} {control.label}" for control in _controls(page) if control.proto.set_value}
    assert sent == set()


def _controls(page):
    """Those that a person can use."""
    return [control for kind in CONTROLS for control in page.test.get(kind) if not control.proto.disabled]
