"""Milliseconds that the decode route takes, beside another copy of the project.

    python -m tests.benchmarks.decode_route --beside FOLDER

Posts one place of the map of ``mnist-vae-2d`` after another to the app of this folder, and in turn to that of another
one, an older commit for instance. Short blocks take turns, so that what else the machine does meets both.
Prints JSON lines, and the ratio of the medians.
"""

import argparse
import http.client
import json
import os
import statistics
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from explorer.locations import ROOT
from tests.benchmarks.server import free_port, wait_until_healthy

RUN = "mnist-vae-2d"
QUERIES = {"codes": "", "places": "?space=pca"}
N_IN_A_BLOCK = 50


@contextmanager
def _app(folder: Path) -> Iterator[int]:
    port = free_port()
    command = [sys.executable, "-m", "streamlit", "run", "explorer/app.py", "--server.port", str(port)]
    environment = os.environ | {"EXPLORER_CHECKPOINTS": str(ROOT / "checkpoints")}
    with subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as server:
        try:
            wait_until_healthy(port)
            yield port
        finally:
            server.terminate()


def _block(port: int, query: str, n: int = N_IN_A_BLOCK) -> list[float]:
    """Return the milliseconds of ``n`` posts over a connection of their own: the server closes one that waits."""
    times = []
    connection = http.client.HTTPConnection("localhost", port)
    connection.connect()
    for k in range(n):
        body = struct.pack("<2f", 2 * (0.618034 * k % 1) - 1, 2 * k / n - 1)
        started = time.perf_counter()
        connection.request("POST", f"/api/runs/{RUN}/decode{query}", body, {"Content-Type": "application/octet-stream"})
        answer = connection.getresponse()
        answer.read()
        times.append(1e3 * (time.perf_counter() - started))
        assert answer.status == 200, answer.status
    connection.close()
    return times


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--beside", type=Path, required=True, help="Folder of another copy of the project.")
    parser.add_argument("--blocks", type=int, default=80)
    options = parser.parse_args()
    with ExitStack() as stack:
        ports = {
            "this": stack.enter_context(_app(ROOT)),
            "other": stack.enter_context(_app(options.beside.resolve())),
        }
        for of, query in QUERIES.items():
            _compare(ports, of, query, options.blocks)


def _compare(ports: dict[str, int], of: str, query: str, n_blocks: int) -> None:
    times: dict[str, list[float]] = {name: [] for name in ports}
    for port in ports.values():
        _block(port, query)
    for k in range(n_blocks):
        for name in list(ports)[:: 1 if k % 2 else -1]:
            times[name] += _block(ports[name], query)
    for name, found in times.items():
        ordered = sorted(found)
        figures = {"median_ms": statistics.median(ordered), "p95_ms": ordered[int(0.95 * len(ordered))]}
        print(json.dumps({"what": of, "app": name, "n": len(found), **{k: round(v, 3) for k, v in figures.items()}}))
    ratio = statistics.median(times["this"]) / statistics.median(times["other"])
    print(json.dumps({"ratio": "this to other (medians)", "what": of, "value": round(ratio, 3)}), flush=True)


if __name__ == "__main__":
    main()
