"""What the environment says, as people write it."""

import runpy
from pathlib import Path
from typing import Any

import pytest

from explorer import locations


@pytest.fixture
def read(monkeypatch):
    """Reads the locations anew with some variables set, and none of ours besides."""

    def read(**variables: str) -> dict[str, Any]:
        for name in ("CHECKPOINTS", "DATA", "READONLY", "HOSTS", "FRAMES"):
            monkeypatch.delenv(f"EXPLORER_{name}", raising=False)
        for name, value in variables.items():
            monkeypatch.setenv(f"EXPLORER_{name}", value)
        return runpy.run_path(locations.__file__)

    return read


@pytest.mark.parametrize("text", ["", " ", "0", "false", "False", "NO", " off ", "'0'", '"no"'])
def test_a_switch_is_off_in_every_way_of_writing_it(read, text):
    assert read(READONLY=text)["READONLY"] is False


@pytest.mark.parametrize("text", ["1", "true", "TRUE", " Yes", "on", '"1"', "2", "readonly", "ture"])
def test_a_switch_is_on_where_it_is_not_plainly_off(read, text):
    assert read(READONLY=text)["READONLY"] is True


@pytest.mark.parametrize("text", ["/srv/runs", " /srv/runs ", "'/srv/runs'", '"/srv/runs"', '" /srv/runs"'])
def test_folders_lose_blanks_and_quotes_around_them(read, text):
    found = read(CHECKPOINTS=text, DATA=text)
    assert (found["CHECKPOINTS"], found["DATA"]) == (Path("/srv/runs"), Path("/srv/runs"))


def test_a_folder_may_have_blanks_within_begin_at_home_or_here(read, monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", "/home/ada")
    monkeypatch.chdir(tmp_path)
    assert read(DATA="'~/my data'")["DATA"] == Path("/home/ada/my data")
    assert read(DATA="data")["DATA"] == tmp_path / "data"


@pytest.mark.parametrize("text", ["", "  ", "''"])
def test_a_folder_of_no_name_is_the_default(read, text):
    found = read(CHECKPOINTS=text)
    assert found["CHECKPOINTS"] == found["SHIPPED"] == locations.ROOT / "checkpoints"


def test_names_are_separated_by_commas_or_blanks(read):
    found = read(HOSTS=" a.example,b.example  [::1]:8501;*\n", FRAMES='"https://wiki.example"')
    assert found["HOSTS"] == ("a.example", "b.example", "[::1]:8501", "*")
    assert found["FRAMES"] == ("https://wiki.example",)
    assert read()["HOSTS"] == read()["FRAMES"] == ()
