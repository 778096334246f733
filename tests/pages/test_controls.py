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
def test_a_second_run_sends_no_control_a_value_that_it_shows_already_but_lets_it_begin_with_it(run_page, path, query):
    page = run_page(path, **query)
    assert _controls(page) != []
    page.run()
    sent = {f"{control.type} {control.label}" for control in _controls(page) if control.proto.set_value}
    assert sent == set()
    assert [(name, begun, shown) for name, begun, shown in map(_beginning, _controls(page)) if begun != shown] == []


def _beginning(control):
    """Return what a control is called, what it begins with in the browser, and what it shows."""
    begun, shown = control.proto.default, control.value
    match control.type:
        case "selectbox" | "radio":
            shown = control.index or 0
        case "multiselect" | "button_group":
            begun = sorted(control.options[k] for k in begun)
            shown = sorted(control.format_func(it) for it in _listed(control))
        case "slider":
            begun, shown = list(begun), _listed(control)
        case "number_input" if not control.proto.HasField("default"):  # one that may be emptied begins empty
            begun = shown
    return f"{control.type} {control.label}", begun, shown


def _listed(control):
    return list(control.value) if isinstance(control.value, list | tuple) else [control.value]


def _controls(page):
    """Those that a person can use."""
    return [control for kind in CONTROLS for control in page.test.get(kind) if not control.proto.disabled]
