"""Who may ask the app, as a real server answers."""

import json
import os
import subprocess
import sys
from contextlib import closing

import numpy as np
import pytest

from explorer.errors import ConfigError
from explorer.locations import ROOT
from explorer.serving.gate import AllowedHosts, framing_headers, host_name
from tests.serving.live_server import live_server, read_answer

ONE = np.zeros((1, 2), "<f4").tobytes()
BYTES = "application/octet-stream"
PLACES = {
    "page": "/",
    "another page": "/generate",
    "script": "/static/js/none.js",
    "health": "/_stcore/health",
    "list": "/api/runs",
    "plotly": "/api/plotly-7.js",
}


@pytest.fixture(scope="module")
def server(trained, tmp_path_factory):
    """The app as it is started without a word about names."""
    with live_server(tmp_path_factory.mktemp("server"), trained) as server:
        yield server


@pytest.fixture(scope="module")
def named_server(trained, tmp_path_factory):
    """The app that has names of its own, lies below a path, and may be framed by another site."""
    environment = {"EXPLORER_HOSTS": " App.Example, *.lab.example", "EXPLORER_FRAMES": "https://wiki.example"}
    with live_server(tmp_path_factory.mktemp("server"), trained, base="/maps", **environment) as server:
        yield server


@pytest.mark.parametrize("place", PLACES)
def test_a_foreign_name_is_answered_nothing_and_told_how_to_be_allowed(server, place):
    answer = server.ask(PLACES[place], Host=f"evil.example:{server.port}")
    assert answer.status == 403
    text = answer.error if place in {"list", "plotly"} else answer.text
    assert "'evil.example'" in text
    assert "EXPLORER_HOSTS=evil.example" in text


def test_a_rebound_name_opens_no_session(server):
    rebound = f"evil.example:{server.port}"
    refused = server.open_socket(Host=rebound, Origin=f"http://{rebound}")
    assert refused.status == 403
    assert "EXPLORER_HOSTS=evil.example" in refused.text


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1", "[::1]", "LocalHost", "localhost."])
def test_names_of_this_machine_are_answered(server, name):
    host = f"{name}:{server.port}"
    assert server.ask("/api/runs", Host=host).status == 200
    assert server.ask("/", Host=name).status == 200
    assert server.open_socket(Host=host, Origin=f"http://{host.lower()}").status == 101


@pytest.mark.parametrize("host", [None, "", "localhost@evil.example", "evil.example/localhost", "10.0.0.7", "a b"])
def test_what_names_no_known_host_is_refused(server, host):
    assert server.ask("/api/runs", Host=host).status in {400, 403}


@pytest.mark.parametrize(
    "origin",
    [
        *("http://evil.example", "null", "http://localhost.evil.example", "https://10.0.0.7"),
        # What another server of this machine shows, whoever has started it.
        *("http://localhost", "http://localhost:1", "http://127.0.0.1:1", "https://localhost"),
    ],
)
def test_another_site_makes_the_server_compute_nothing(server, origin):
    for run in ("vae/decode", "vae/encode", "vae/images"):
        refused = server.ask(f"/api/runs/{run}", "POST", ONE, Origin=origin, Content_Type=BYTES)
        assert refused.status == 403
        assert f"'{origin}'" in refused.error
    assert server.open_socket(Origin=origin).status == 403
    assert server.ask("/_stcore/upload_file/a/b", "PUT", ONE, Origin=origin).status == 403


def test_the_apps_own_pages_and_programs_without_an_origin_are_answered(server):
    for headers in ({}, {"Origin": f"http://{server.host}"}):
        assert server.ask("/api/runs/vae/decode", "POST", ONE, Content_Type=BYTES, **headers).status == 200
        assert server.open_socket(**headers).status == 101


def test_a_port_that_goes_without_saying_is_that_of_the_scheme(server):
    for host, origin in (("localhost:80", "http://localhost"), ("localhost", "https://localhost:443")):
        asked = {"Host": host, "Origin": origin, "Content_Type": BYTES}
        assert server.ask("/api/runs/vae/decode", "POST", ONE, **asked).status == 200
        assert server.open_socket(Host=host, Origin=origin).status == 101


def test_a_name_of_the_list_is_answered_and_others_are_not(named_server):
    for name in ("app.example", "APP.example:443", "deep.lab.example", "localhost", "127.0.0.1"):
        assert named_server.ask("/api/runs", Host=name).status == 200
        assert named_server.open_socket(Host=name, Origin=f"https://{name}").status == 101
    for name in ("example", "lab.example", "notapp.example", "app.example.evil"):
        refused = named_server.ask("/api/runs", Host=name)
        assert (refused.status, f"'{name}'" in refused.error) == (403, True)


def test_a_proxy_that_asks_by_its_own_name_may_hand_on_the_origin_of_the_list(named_server):
    decoded = named_server.ask("/api/runs/vae/decode", "POST", ONE, Origin="https://app.example", Content_Type=BYTES)
    assert decoded.status == 200


def test_only_the_apps_own_pages_may_frame_it(server):
    for path in ("/", "/generate", "/api/runs", "/_stcore/health"):
        headers = server.ask(path).headers
        assert headers["content-security-policy"] == "frame-ancestors 'self'"
        assert headers["x-frame-options"] == "SAMEORIGIN"


def test_a_site_that_was_named_may_frame_it(named_server):
    headers = named_server.ask("/").headers
    assert headers["content-security-policy"] == "frame-ancestors 'self' https://wiki.example"
    # It cannot name a site; browsers that know frame-ancestors do not look at it.
    assert "x-frame-options" not in headers


def test_the_list_of_runs_is_json(server):
    assert [run["name"] for run in json.loads(server.ask("/api/runs").content)] == ["ae", "cvae", "vae", "wide"]


# The list itself


@pytest.mark.parametrize(
    ("entry", "name"),
    [
        ("app.example", "app.example"),
        ("App.Example.", "app.example"),
        ("app.example:8443", "app.example"),
        ("https://app.example/maps", "app.example"),
        ("192.168.1.20", "192.168.1.20"),
        ("[fe80::1]:80", "fe80::1"),
        ("FE80:0:0::1", "fe80::1"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("*.lab.example", "deep.lab.example"),
        ("*", "anything.example"),
    ],
)
def test_a_name_is_allowed_as_people_write_it(entry, name):
    assert AllowedHosts([entry], "localhost").answers(name)
    assert not AllowedHosts([], "localhost").answers(name)


@pytest.mark.parametrize("entry", ["http://", "a@b", "[::1", "[1::2::3]", ":8501", "..", "*.", "a*b", "ü" * 70])
def test_what_is_no_name_is_refused_in_words(entry):
    with pytest.raises(ConfigError, match=r"EXPLORER_HOSTS has .* which is no name of a host\. Write names"):
        AllowedHosts([entry], "localhost")


def test_the_address_that_the_server_was_told_to_listen_on_is_allowed_and_no_other():
    assert AllowedHosts([], "192.168.1.20").answers("192.168.1.20")
    assert AllowedHosts([], "fd00::7").answers("fd00::7")
    assert AllowedHosts([], "lab-pc").answers("lab-pc")
    assert not AllowedHosts([], "192.168.1.20").answers("192.168.1.21")


@pytest.mark.parametrize("bound", ["0.0.0.0", "::", None, ""])
def test_on_all_addresses_any_address_is_allowed_and_no_name(bound):
    hosts = AllowedHosts([], bound)
    assert all(map(hosts.answers, ("192.168.1.20", "fd00::7", "localhost")))
    assert not any(map(hosts.answers, ("evil.example", "192.168.1.20.evil.example", "2130706433", "0x7f.1")))
    # An address that another site has is answered to, and is no page of this app.
    assert not hosts.lists("192.168.1.20")


def test_any_name_does_not_mean_pages_of_any_site():
    hosts = AllowedHosts(["*", "app.example"], "localhost")
    assert hosts.answers("other.example")
    assert not hosts.lists("other.example")
    assert hosts.lists("app.example")


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("localhost:8501", "localhost"),
        ("[::1]", "::1"),
        ("[0:0::1]:8501", "::1"),
        ("a_b.example", "a_b.example"),
        ("a.example:", "a.example"),
        ("", None),
        (":80", None),
        (".", None),
        ("[localhost]", None),
        ("::1", None),
        ("a:b", None),
        ("a.example:80:90", None),
        ("user@a.example", None),
        ("a.example/", None),
        ("a.example?", None),
        ("a example", None),
        ("a.example,localhost", None),
        ("lócalhost", None),
    ],
)
def test_a_host_has_one_name_or_none(host, name):
    assert host_name(host) == name


@pytest.mark.parametrize(
    ("sites", "policy"),
    [
        ([], "frame-ancestors 'self'"),
        (["https://wiki.example/"], "frame-ancestors 'self' https://wiki.example"),
        (["a.example:8443", "http://*.b.example:*"], "frame-ancestors 'self' a.example:8443 http://*.b.example:*"),
    ],
)
def test_the_policy_names_the_sites_that_may_frame(sites, policy):
    assert dict(framing_headers(sites))[b"content-security-policy"] == policy.encode()


def test_any_site_may_frame_where_that_is_said():
    assert framing_headers(["*"]) == []


@pytest.mark.parametrize("site", ["https://a.example/wiki", "a b", "a.example;", "javascript:x", "'none'", "a\r\nb"])
def test_what_is_no_site_is_refused_in_words(site):
    with pytest.raises(ConfigError, match=r"EXPLORER_FRAMES has .* which is no site\. Write addresses without a path"):
        framing_headers([site])


def test_two_hosts_are_none_and_two_origins_are_both_looked_at(server):
    with closing(server.connect()) as connection:
        twice = f"Host: {server.host}\r\nHost: evil.example\r\n"
        connection.sendall(f"GET /api/runs HTTP/1.1\r\n{twice}\r\n".encode())
        assert read_answer(connection).status in {400, 403}
    with closing(server.connect()) as connection:
        twice = f"Origin: http://{server.host}\r\nOrigin: http://evil.example\r\n"
        head = f"POST /api/runs/vae/decode HTTP/1.1\r\nHost: {server.host}\r\nContent-Length: 8\r\n{twice}\r\n"
        connection.sendall(head.encode())
        assert read_answer(connection).status == 403


def test_an_app_with_a_list_that_cannot_be_read_says_so_and_does_not_start(tmp_path):
    environment = os.environ | {"EXPLORER_HOSTS": "maps.example,a@b", "EXPLORER_CHECKPOINTS": str(tmp_path)}
    command = [sys.executable, "-m", "streamlit", "run", "explorer/app.py", "--server.port", "0"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode != 0
    assert "The app does not start: EXPLORER_HOSTS has 'a@b', which is no name of a host." in done.stderr
    assert "Traceback" not in done.stderr
