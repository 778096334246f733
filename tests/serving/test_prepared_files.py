"""Files that are answered from memory: the same bytes, fewer of them, and never a copy that is not theirs."""

import gzip
import os
import time

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from explorer.serving import prepared_files
from explorer.serving.prepared_files import PreparedAnswers, PreparedFiles, compressed
from tests.serving.live_server import route_server
from tests.support import read_only

SCRIPT = b"const a = 1;\n" * 500
FONT = bytes(range(256)) * 8
SECONDS = 10


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "copies"


@pytest.fixture
def files(tmp_path, folder):
    """A script and a font, of which nothing is prepared yet, and a file of another kind."""
    (tmp_path / "a.js").write_bytes(SCRIPT)
    (tmp_path / "b.woff2").write_bytes(FONT)
    (tmp_path / "c.png").write_bytes(b"png")
    return PreparedFiles({f"/static/{path.name}": path for path in sorted(tmp_path.glob("*.*"))}, folder)


@pytest.fixture
def server(files):
    """An app that answers everything with its path, behind the files."""

    async def path(request):
        return PlainTextResponse(f"from behind: {request.url.path}")

    every = Route("/{path:path}", path, methods=["GET", "HEAD", "POST"])
    with route_server(Starlette(routes=[every], middleware=[Middleware(PreparedAnswers, files=files)])) as server:
        yield server


def until_ready(files, *addresses):
    files.prepare_soon(addresses)
    end = time.monotonic() + SECONDS
    while not all(files.get(address) for address in addresses):
        assert time.monotonic() < end
        time.sleep(0.005)


def test_a_script_comes_compressed_with_the_bytes_of_its_file(server, files):
    until_ready(files, "/static/a.js")
    answer = server.ask("/static/a.js", Accept_Encoding="gzip, deflate")
    assert answer.headers["content-encoding"] == "gzip"
    assert answer.headers["vary"] == "Accept-Encoding"
    assert answer.headers["content-type"] == "text/javascript; charset=utf-8"
    assert "immutable" in answer.headers["cache-control"]
    assert int(answer.headers["content-length"]) == len(answer.content) < len(SCRIPT) / 10
    assert gzip.decompress(answer.content) == SCRIPT


def test_a_font_comes_as_it_is(server, files):
    until_ready(files, "/static/b.woff2")
    answer = server.ask("/static/b.woff2", Accept_Encoding="identity")
    assert answer.content == FONT
    assert "content-encoding" not in answer.headers
    assert answer.headers["content-type"] == "font/woff2"


@pytest.mark.parametrize(
    ("accepted", "is_sent"),
    [
        ("gzip", True),
        ("br, GZIP;q=0.5, *", True),
        ("gzip;q=1.0", True),
        ("identity", False),
        ("gzip;q=0", False),
        ("gzip; q=0.000, br", False),
        ("", False),
        (None, False),
    ],
)
def test_a_browser_that_takes_no_gzip_is_answered_by_who_serves_the_file_anyway(server, files, accepted, is_sent):
    until_ready(files, "/static/a.js")
    answer = server.ask("/static/a.js", Accept_Encoding=accepted)
    assert ("content-encoding" in answer.headers) is is_sent
    assert is_sent or answer.text == "from behind: /static/a.js"


@pytest.mark.parametrize(
    ("method", "path", "headers"),
    [
        ("GET", "/static/c.png", {}),
        ("GET", "/static/none.js", {}),
        ("GET", "/static/../static/a.js/", {}),
        ("GET", "/static/a.js", {"Range": "bytes=0-9"}),
        ("POST", "/static/a.js", {}),
    ],
)
def test_all_else_is_handed_on(server, files, method, path, headers):
    until_ready(files, "/static/a.js")
    answer = server.ask(path, method, Accept_Encoding="gzip", **headers)
    assert answer.text.startswith("from behind: ")


def test_what_is_not_prepared_is_handed_on_and_is_prepared_by_being_asked_for(server, files):
    assert server.ask("/static/a.js", Accept_Encoding="gzip").text == "from behind: /static/a.js"
    until_ready(files, "/static/a.js")
    assert gzip.decompress(server.ask("/static/a.js", Accept_Encoding="gzip").content) == SCRIPT


def test_a_file_that_is_gone_or_too_large_is_left_to_who_serves_it(server, files, tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(prepared_files, "MAX_BYTES", len(FONT))
    (tmp_path / "b.woff2").unlink()
    files.prepare_soon(["/static/a.js", "/static/b.woff2"])
    end = time.monotonic() + SECONDS
    while len(caplog.messages) < 2:
        assert time.monotonic() < end
        time.sleep(0.005)
    assert server.ask("/static/a.js", Accept_Encoding="gzip").text == "from behind: /static/a.js"
    assert [message.split(" is not sent compressed: ")[0] for message in caplog.messages] == ["a.js", "b.woff2"]


def test_many_who_ask_at_once_have_a_file_prepared_once(files, monkeypatch):
    made = []
    monkeypatch.setattr(prepared_files, "_prepared", lambda path, _: made.append(path.name) or time.sleep(0.05))
    for _ in range(20):
        files.get("/static/a.js")
        files.prepare_soon(["/static/b.woff2", "/static/a.js", "/static/unknown.js"])
    end = time.monotonic() + SECONDS
    while len(made) < 2:
        assert time.monotonic() < end
        time.sleep(0.005)
    assert sorted(made) == ["a.js", "b.woff2"]


# The copies


def test_a_copy_is_made_once_and_found_again(folder, monkeypatch):
    first = compressed("a.js", SCRIPT, folder)
    monkeypatch.setattr(prepared_files.gzip, "compress", lambda *_, **__: pytest.fail("made again"))
    assert compressed("a.js", SCRIPT, folder) == first
    assert len(list(folder.iterdir())) == 1


@pytest.mark.parametrize(
    "damage",
    {
        "of another file": lambda copy: gzip.compress(b"alert(1);"),
        "cut short": lambda copy: copy[:-9],
        "without its end": lambda copy: copy[:-1],
        "with more behind it": lambda copy: copy + gzip.compress(b"alert(1);"),
        "of much more": lambda copy: gzip.compress(SCRIPT + b"0" * 10_000_000),
        "no gzip": lambda copy: b"const a = 1;",
        "empty": lambda copy: b"",
    }.items(),
    ids=lambda pair: pair[0],
)
def test_a_copy_that_is_not_one_is_made_anew(folder, damage):
    whole = compressed("a.js", SCRIPT, folder)
    (path,) = folder.iterdir()
    path.write_bytes(damage[1](whole))
    assert gzip.decompress(compressed("a.js", SCRIPT, folder)) == SCRIPT
    assert gzip.decompress(path.read_bytes()) == SCRIPT


def test_a_folder_that_cannot_be_written_to_costs_nothing_but_the_time(folder):
    folder.mkdir()
    with read_only(folder):
        assert gzip.decompress(compressed("a.js", SCRIPT, folder)) == SCRIPT
    assert list(folder.iterdir()) == []


def test_neither_does_a_file_in_its_place(folder):
    folder.write_text("here already")
    assert gzip.decompress(compressed("a.js", SCRIPT, folder)) == SCRIPT


def test_a_full_disk_leaves_no_half_copy(folder, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(prepared_files.Path, "replace", full)
    assert gzip.decompress(compressed("a.js", SCRIPT, folder)) == SCRIPT
    assert list(folder.iterdir()) == []


def test_copies_of_long_ago_are_removed_when_another_is_made(folder):
    compressed("a.js", SCRIPT, folder)
    (old,) = folder.iterdir()
    os.utime(old, (time.time() - 86400 * 91,) * 2)
    (folder / "notes.txt").write_text("a person's")
    os.utime(folder / "notes.txt", (0, 0))
    compressed("b.js", b"b", folder)
    assert sorted(path.name[:5] for path in folder.iterdir()) == ["b.js.", "notes"]
