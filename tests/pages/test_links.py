"""What a link opens, and what is said of one that cannot be followed."""

from urllib.parse import parse_qsl

import pytest

BAD_LINKS = {
    "?run=nope": "nope",
    "?run=../etc": "../etc",
    "?space=nope": "nope",
    "?dims=0,99": "99",
    "?dims=1,1": "1 and 1",
    "?run=mnist-cvae-16d&dims=0,99": "99",
    "?run=mnist-cvae-16d&dims=-1,0": "-1",
    "?pin=abc": "abc",
    "?pin=nan,0": "nan,0",
    "?pin=row:99999999": "99999999",
    "?pin=0,0&reference=99999999": "99999999",
    "?run=digits-cvae-2d&decode_as=99": "99",
    "generate?run=digits-cvae-2d&label=99": "99",
    "generate?seed=x": "seed",
    "generate?seed=-1": "-1",
    "generate?temperature=9": "temperature",
}


@pytest.mark.parametrize(("link", "named"), BAD_LINKS.items(), ids=BAD_LINKS)
def test_a_bad_link_is_answered_in_words(run_page, link, named):
    path, _, query = link.partition("?")
    page = run_page(path, **dict(parse_qsl(query)))
    assert page.n_tracebacks() == 0
    assert any(named in alert for alert in page.alerts())
    assert run_page(run="digits-vae-2d").alerts() == []


@pytest.mark.parametrize("name", ["cut-weights", "a-broken-config"])
@pytest.mark.parametrize("path", ["", "generate"])
def test_a_damaged_run_says_so_when_it_is_opened(run_page, name, path):
    page = run_page(path, run=name)
    assert page.n_tracebacks() == 0
    assert any(name in alert for alert in page.alerts())


@pytest.mark.parametrize(("name", "file"), [("cut-weights", "weights.safetensors"), ("a-broken-config", "config.json")])
def test_a_damaged_run_is_listed_with_what_is_wrong_and_harms_no_other(run_page, name, file):
    page = run_page()
    assert "mnist-vae-2d" in [button.label for button in page.test.button]
    assert name not in [button.label for button in page.test.button]
    assert page.words().count(f"{name}/{file}") == 1
    assert page.n_tracebacks() == 0
