"""Bodies that are announced, slow, endless or of another kind, sent to a real server."""

import json
import select
import time
from contextlib import ExitStack, closing

import numpy as np
import pytest
from starlette.applications import Starlette

from explorer.serving import bodies
from explorer.serving.decoder import DecodeService
from explorer.serving.routes import MAX_BODY_BYTES, api_routes
from tests.serving.live_server import read_answer, request_head, route_server

ONE = np.zeros((1, 2), "<f4").tobytes()
FACE = bytes(64)
BYTES = "application/octet-stream"
WAIT_SECONDS = 0.6


@pytest.fixture(scope="module")
def server(trained):
    with route_server(Starlette(routes=api_routes(DecodeService(trained)))) as server:
        yield server


@pytest.fixture
def hasty(monkeypatch):
    """Bodies have less time than they have in earnest."""
    monkeypatch.setattr(bodies, "BODY_SECONDS", WAIT_SECONDS)


def begun(server, stack, path="/api/runs/vae/decode", sent=b"", length=2_000_000, **headers):
    """A connection on which a body was announced and a part of it sent."""
    connection = stack.enter_context(closing(server.connect()))
    given = {"Host": server.host, "Content-Length": str(length)} | headers
    connection.sendall(request_head("POST", path, given) + sent)
    return connection


@pytest.mark.parametrize(
    "media_type",
    ["text/plain", "text/csv", "application/json", "image/png", "application/x-www-form-urlencoded", "", "a/b; c=d"],
)
@pytest.mark.parametrize(("route", "body"), [("decode", ONE), ("encode", FACE), ("images", bytes(4))])
def test_only_bytes_are_taken(server, route, body, media_type):
    answer = server.ask(f"/api/runs/vae/{route}", "POST", body, Content_Type=media_type)
    assert answer.status == 415
    assert f"announced as {media_type!r}" in answer.error
    assert "Send them with Content-Type: application/octet-stream." in answer.error


@pytest.mark.parametrize("media_type", [None, BYTES, "Application/Octet-Stream; charset=binary"])
@pytest.mark.parametrize(("route", "body"), [("decode", ONE), ("encode", FACE), ("images", bytes(4))])
def test_bytes_are_taken_with_their_type_and_without_one(server, route, body, media_type):
    assert server.ask(f"/api/runs/vae/{route}", "POST", body, Content_Type=media_type).status == 200


@pytest.mark.parametrize("route", ["decode", "encode", "images"])
def test_a_body_that_is_announced_as_too_large_is_refused_before_it_is_sent(server, route):
    with ExitStack() as stack:
        answer = read_answer(begun(server, stack, f"/api/runs/vae/{route}", length=50_000_000))
    assert answer.status == 413
    assert "send at most" in answer.error
    assert answer.error.startswith("The body is over ")


def test_a_length_of_more_digits_than_a_number_should_have_is_too_large_or_no_request(server):
    with ExitStack() as stack:
        assert read_answer(begun(server, stack, length=10**18)).status == 413
        assert read_answer(begun(server, stack, length=10**40)).status == 400


@pytest.mark.parametrize("route", ["decode", "encode", "images"])
def test_a_run_that_is_not_there_is_said_before_the_body_is_sent(server, route):
    with ExitStack() as stack:
        answer = read_answer(begun(server, stack, f"/api/runs/nowhere/{route}", length=8))
    assert (answer.status, "There is no run 'nowhere'" in answer.error) == (404, True)


def test_a_client_that_asks_first_is_not_told_to_send_what_will_be_refused(server):
    with ExitStack() as stack:
        refused = begun(server, stack, length=50_000_000, Expect="100-continue")
        assert refused.recv(12) == b"HTTP/1.1 413"
        taken = begun(server, stack, length=8, Expect="100-continue")
        assert taken.recv(12) == b"HTTP/1.1 100"


@pytest.mark.parametrize("sent", [b"", ONE, bytes(1_000_000)], ids=["nothing", "eight bytes", "a megabyte"])
def test_a_body_that_is_never_whole_is_refused_in_time_and_its_connection_closed(server, hasty, sent):
    with ExitStack() as stack:
        started = time.monotonic()
        connection = begun(server, stack, sent=sent)
        answer = read_answer(connection)
        assert answer.status == 408
        assert answer.error.startswith(f"The body was not whole after {WAIT_SECONDS:g} s: send it at once")
        assert time.monotonic() - started >= WAIT_SECONDS
        assert answer.headers["connection"] == "close"
        assert connection.recv(1) == b""


def test_bodies_that_trickle_have_no_more_time_than_others(server, hasty):
    with ExitStack() as stack:
        connection = begun(server, stack)
        for _ in range(50):
            if select.select([connection], [], [], WAIT_SECONDS / 5)[0]:
                break
            connection.sendall(ONE)
        assert read_answer(connection).status == 408


def test_many_bodies_that_never_end_hold_places_for_a_while_and_others_are_answered(server, hasty):
    whole = bytes(MAX_BODY_BYTES // 2)
    with ExitStack() as stack:
        endless = [begun(server, stack, sent=bytes(300_000)) for _ in range(3 * bodies.MAX_LARGE_BODIES)]
        small = server.ask("/api/runs/vae/decode", "POST", ONE)
        assert small.status == 200
        assert {read_answer(connection).status for connection in endless} == {408}
    # The places are free again: a body of the limit is read (and has more codes than are decoded at once).
    assert server.ask("/api/runs/vae/decode", "POST", whole).status == 413
    assert bodies._places._value == bodies.MAX_LARGE_BODIES


def test_a_body_in_two_parts_is_put_together(server):
    z = np.random.default_rng(0).normal(size=(6, 2)).astype("<f4").tobytes()
    with ExitStack() as stack:
        connection = begun(server, stack, sent=z[:11], length=len(z))
        time.sleep(0.2)
        connection.sendall(z[11:])
        assert read_answer(connection).content == server.ask("/api/runs/vae/decode", "POST", z).content


def test_errors_name_files_of_a_run_and_no_folder_of_this_machine(own):
    (own / "vae" / "weights.safetensors").write_bytes(b"garbage")
    (own / "ae" / "config.json").write_text("{")
    with route_server(Starlette(routes=api_routes(DecodeService(own)))) as server:
        told = [
            server.ask("/api/runs/vae/decode", "POST", ONE).error,
            server.ask("/api/runs/ae/points").error,
            *(run["error"] for run in json.loads(server.ask("/api/runs").content) if run["error"]),
        ]
    assert [sentence.split()[0] for sentence in told] == [
        "vae/weights.safetensors",
        "ae/config.json",
        "ae/config.json",
        "vae/weights.safetensors",
    ]
    assert not any(str(own.parent) in sentence or own.parent.name in sentence for sentence in told)
