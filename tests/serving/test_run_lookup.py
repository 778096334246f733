"""Runs whose files do not answer: they hold a thread or a few, and the server goes on."""

import io
import json
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import numpy as np
import pytest
from safetensors.torch import load_file
from starlette.applications import Starlette

from explorer.analysis.projections.methods import plane
from explorer.runs.run import Run
from explorer.serving import blocking, routes, run_cache, run_lookup
from explorer.serving.blocking import BlockingCalls
from explorer.serving.decoder import DecodeService
from explorer.serving.routes import api_routes
from explorer.serving.run_cache import LoadedRun
from tests.serving.live_server import LOOP, route_server
from tests.support import new_run

ONE = np.zeros((1, 2), "<f4").tobytes()
FIVE = np.zeros((1, 5), "<f4").tobytes()
SECONDS = 60


class Mount:
    """A network mount under the run "vae" that can be made to hang."""

    def __init__(self) -> None:
        self.is_back = threading.Event()
        self.is_back.set()
        self.n_held = 0

    def hang(self) -> None:
        self.is_back.clear()

    def wait(self) -> None:
        self.n_held += not self.is_back.is_set()
        assert self.is_back.wait(SECONDS)


@pytest.fixture
def mount(monkeypatch):
    mount = Mount()
    modification_times = run_cache.modification_times

    def waiting_times(paths):
        paths = list(paths)
        if paths[0].parent.name == "vae":
            mount.wait()
        return modification_times(paths)

    monkeypatch.setattr(run_cache, "modification_times", waiting_times)
    monkeypatch.setattr(run_lookup, "LOOK_SECONDS", 2.0)
    monkeypatch.setattr(routes, "WORK_SECONDS", 3.0)
    monkeypatch.setattr(run_cache, "RECENT_SECONDS", 0.0)
    yield mount
    mount.is_back.set()


@pytest.fixture
def server(trained):
    with route_server(Starlette(routes=api_routes(DecodeService(trained)))) as server:
        yield server


def blocking_threads() -> int:
    return sum(thread.name.startswith("blocking") for thread in threading.enumerate())


def test_a_run_whose_files_do_not_answer_is_refused_in_words_and_others_are_decoded(server, mount):
    assert server.ask("/api/runs/wide/decode", "POST", FIVE).status == 200
    mount.hang()
    with ThreadPoolExecutor(20) as pool:
        paths = ["vae/decode", "vae/encode", "vae/images"] * 6
        hung = [pool.submit(server.ask, f"/api/runs/{path}", "POST", ONE) for path in paths]
        hung += [pool.submit(server.ask, "/api/runs/vae/points")]
        assert server.ask("/api/runs/wide/decode", "POST", FIVE).status == 200
        assert server.ask("/api/runs/wide/points").status == 200
        assert len(json.loads(server.ask("/api/runs").content)) == 4
        refused = [answer.result(SECONDS) for answer in hung]
    assert {answer.status for answer in refused} == {503}
    assert refused[0].error.startswith("The files of vae did not answer in time. Is the disk or the network mount")
    assert mount.n_held == 1
    assert blocking_threads() == 1
    mount.is_back.set()
    deadline = time.monotonic() + SECONDS
    while (answer := server.ask("/api/runs/vae/decode", "POST", ONE)).status == 503 and time.monotonic() < deadline:
        time.sleep(0.05)
    assert answer.status == 200


def test_weights_that_do_not_answer_keep_no_other_run_from_being_decoded(server, mount, monkeypatch):
    model = Run.model

    def waiting_model(run):
        if run.name == "vae":
            mount.wait()
        return model(run)

    monkeypatch.setattr(Run, "model", waiting_model)
    first = server.ask("/api/runs/wide/decode", "POST", FIVE)
    mount.hang()
    monkeypatch.setattr(run_cache, "_version", lambda _: (1,))
    assert server.ask("/api/runs/vae/decode", "POST", ONE).status == 503
    assert server.ask("/api/runs/wide/decode", "POST", FIVE).content == first.content


def test_codes_that_do_not_answer_keep_no_other_run_from_its_density(server, trained, mount, monkeypatch):
    encoded, held = Run.encoded, plane(Run(trained / "wide").encoded())

    def waiting_codes(run):
        if run.name == "vae":
            mount.wait()
        return encoded(run)

    monkeypatch.setattr(Run, "encoded", waiting_codes)
    monkeypatch.setattr(LoadedRun, "projection", lambda *_: held)
    monkeypatch.setattr(run_cache, "_version", lambda _: (1,))
    mount.hang()
    assert server.ask("/api/runs/vae/density").status == 503
    assert server.ask("/api/runs/wide/density").status == 200


ASKED = {
    "list": ("GET", "", b""),
    "codes": ("POST", "/vae/decode", ONE),
    "codes again": ("POST", "/vae/decode", ONE),
    "a place": ("POST", "/wide/decode?space=pca&reference=3", ONE),
    "a place again": ("POST", "/wide/decode?space=pca", ONE),
    "trust": ("POST", "/ae/decode?space=plane&trust=1", ONE),
    "trust again": ("POST", "/ae/decode?trust=1", ONE),
    "a class": ("POST", "/cvae/decode?space=plane&label=3", ONE),
    "encode": ("POST", "/vae/encode?space=pca", bytes(64)),
    "images": ("POST", "/wide/images", bytes(4)),
    "points": ("GET", "/wide/points", b""),
    "column": ("GET", "/wide/column?name=kl", b""),
    "density": ("GET", "/vae/density", b""),
    "ellipses": ("GET", "/vae/ellipses", b""),
    "strip": ("GET", "/cvae/strip.png", b""),
    "timeline": ("GET", "/vae/timeline", b""),
    "epoch": ("GET", "/vae/timeline/1.png?what=samples", b""),
    "no run": ("POST", "/nowhere/decode", ONE),
}


def test_no_route_touches_a_file_on_the_event_loop(trained, monkeypatch):
    touched = []
    # What pathlib and our readers call.
    for module, name in ((os, "stat"), (os, "open"), (os, "scandir"), (os, "listdir"), (io, "open")):
        original = getattr(module, name)

        def watched(*given, original=original, name=name, **named):
            if threading.current_thread().name == LOOP:
                touched.append((case, name, str(given[0])))
            return original(*given, **named)

        monkeypatch.setattr(module, name, watched)
    with route_server(Starlette(routes=api_routes(DecodeService(trained)))) as server:
        for case, (method, path, body) in ASKED.items():
            status = server.ask(f"/api/runs{path}", method, body).status
            assert status == (404 if case == "no run" else 200), case
    assert touched == []


def test_a_run_that_is_a_trap_is_refused_and_others_are_decoded(own, mount):
    (own / "ae" / "config.json").unlink()
    os.mkfifo(own / "ae" / "config.json")
    with route_server(Starlette(routes=api_routes(DecodeService(own)))) as server:
        assert server.ask("/api/runs/wide/decode", "POST", FIVE).status == 200
        refused = server.ask("/api/runs/ae/decode", "POST", ONE)
        assert (refused.status in {404, 503}, bool(refused.error)) == (True, True)
        assert server.ask("/api/runs/wide/decode", "POST", FIVE).status == 200
        with suppress(OSError):  # nobody reads it any more where only regular files are read
            os.close(os.open(own / "ae" / "config.json", os.O_WRONLY | os.O_NONBLOCK))


def test_files_of_a_run_that_is_pointed_at_are_not_looked_at_for_every_place(trained, monkeypatch):
    n_looks = []
    monkeypatch.setattr(run_cache, "_version", lambda run: n_looks.append(run.name) or (1,))
    monkeypatch.setattr(run_cache, "RECENT_SECONDS", 60.0)
    with route_server(Starlette(routes=api_routes(DecodeService(trained)))) as server:
        for _ in range(5):
            assert server.ask("/api/runs/vae/decode", "POST", ONE).status == 200
    assert n_looks == ["vae"]


def tripled(run):
    run.save_weights({name: 3 * tensor for name, tensor in load_file(run.path / "weights.safetensors").items()})


def test_weights_that_changed_are_decoded_a_moment_later_and_at_once_where_a_page_has_looked(own):
    service, z = DecodeService(own), np.ones((1, 2), "<f4").tobytes()
    with route_server(Starlette(routes=api_routes(service))) as server:
        before = server.ask("/api/runs/vae/decode", "POST", z).content
        tripled(Run(own / "vae"))
        time.sleep(run_cache.RECENT_SECONDS)
        moment_later = server.ask("/api/runs/vae/decode", "POST", z).content
        tripled(Run(own / "vae"))
        expected = service.decode("vae", np.ones((1, 2), np.float32)).tobytes()
        at_once = server.ask("/api/runs/vae/decode", "POST", z).content
    assert len({before, moment_later, at_once}) == 3
    assert at_once == expected


def test_a_run_that_comes_and_goes_is_found_and_missed(tmp_path):
    with route_server(Starlette(routes=api_routes(DecodeService(tmp_path)))) as server:
        assert server.ask("/api/runs/vae/decode", "POST", ONE).status == 404
        run = new_run(tmp_path / "vae")
        assert server.ask("/api/runs/vae/decode", "POST", ONE).status == 200
        run.path.rename(tmp_path / "other")
        assert server.ask("/api/runs/vae/points").status == 404
        time.sleep(run_cache.RECENT_SECONDS)
        missed = server.ask("/api/runs/vae/decode", "POST", ONE)
    assert (missed.status, missed.error) == (404, f"There is no run 'vae' in {tmp_path.name}/. Runs there: other.")


def test_calls_of_one_key_share_its_threads_and_those_of_others_do_not_wait():
    calls, go_on = BlockingCalls(), threading.Event()
    hung = [calls.submit("hung", go_on.wait) for _ in range(3 * blocking.THREADS_PER_KEY)]
    assert [calls.submit(str(k), lambda k=k: k).result(SECONDS) for k in range(5)] == list(range(5))
    assert sum(future.running() for future in hung) == blocking.THREADS_PER_KEY
    assert hung[-1].cancel()
    go_on.set()
    assert all(future.result(SECONDS) for future in hung[:-1])


def test_an_error_belongs_to_who_asked_and_the_next_call_is_made():
    calls = BlockingCalls()
    failed = calls.submit("run", lambda: {}["missing"])
    with pytest.raises(KeyError):
        failed.result(SECONDS)
    assert calls.submit("run", lambda: 7).result(SECONDS) == 7
