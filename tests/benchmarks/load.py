"""Many people who point at once: how long the decode route takes, and how many can point before it takes too long.

    python -m tests.benchmarks.load

Each person keeps a connection and asks for a place of the map ten times a second, whether or not the last answer has
come. First 50 people for ten seconds; then more and more, until 95 of 100 answers no longer come within 50 ms.
The rival, in the same run: the same places one after another over one connection, as fast as they come.
"""

import asyncio
import json
import random
import struct
import time
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import psutil

from tests.benchmarks.server import free_port, start_server, wait_until_healthy

RUNS = ("mnist-vae-2d", "mnist-vae-16d")
PEOPLE = 50
PER_SECOND = 10
SECONDS = 10
LIMIT_MS = 50
MORE_PEOPLE = (75, 100, 150, 200, 300, 400, 600)


@dataclass
class Answers:
    """What came back.

    Attributes:
        seconds: from asking to the last byte, of each answer.
        n_errors: answers other than 200, and connections that broke.
    """

    seconds: list[float] = field(default_factory=list)
    n_errors: int = 0

    def quantile(self, share: float) -> float:
        return round(1e3 * float(np.quantile(self.seconds, share)), 1)


class Connection:
    """One person's connection, kept open; a request waits for the answer to the one before."""

    def __init__(self, port: int, run: str, space: str) -> None:
        self.port, self.path = port, f"/api/runs/{run}/decode?space={space}&trust=1"
        self.turn = asyncio.Lock()

    async def open(self) -> None:
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port)

    async def ask(self, x: float, y: float, answers: Answers) -> None:
        asked = time.perf_counter()
        body = struct.pack("<2f", x, y)
        head = f"POST {self.path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n"
        async with self.turn:
            self.writer.write(head.encode() + body)
            lines = (await self.reader.readuntil(b"\r\n\r\n")).decode().lower().split("\r\n")
            length = next(int(line.split(":")[1]) for line in lines if line.startswith("content-length"))
            await self.reader.readexactly(length)
        answers.seconds.append(time.perf_counter() - asked)
        answers.n_errors += " 200 " not in lines[0]

    async def point_about(self, rng: random.Random, answers: Answers) -> None:
        """Wander over the map for ``SECONDS``; positions come on time, as those of a hand do."""
        await asyncio.sleep(rng.random() / PER_SECOND)
        pending = set()
        for _ in range(SECONDS * PER_SECOND):
            pending.add(asyncio.create_task(self.ask(rng.gauss(0, 1), rng.gauss(0, 1), answers)))
            await asyncio.sleep(1 / PER_SECOND)
        answers.n_errors += sum(
            isinstance(it, Exception) for it in await asyncio.gather(*pending, return_exceptions=True)
        )
        self.writer.close()


async def people_pointing(port: int, run: str, n: int) -> Answers:
    answers = Answers()
    connections = [Connection(port, run, "pca") for _ in range(n)]
    for connection in connections:
        await connection.open()
    await asyncio.gather(*(it.point_about(random.Random(k), answers) for k, it in enumerate(connections)))
    return answers


async def one_after_another(port: int, run: str, n: int) -> float:
    """Answers a second that one connection gets."""
    connection, answers = Connection(port, run, "pca"), Answers()
    await connection.open()
    rng = random.Random(0)
    started = time.perf_counter()
    for _ in range(n):
        await connection.ask(rng.gauss(0, 1), rng.gauss(0, 1), answers)
    connection.writer.close()
    return n / (time.perf_counter() - started)


def report(**figures: object) -> None:
    print(json.dumps(figures), flush=True)


def measure(server: psutil.Process, port: int, run: str) -> None:
    alone = asyncio.run(one_after_another(port, run, 500))
    before = server.memory_info().rss
    answers = asyncio.run(people_pointing(port, run, PEOPLE))
    report(
        run=run,
        people=PEOPLE,
        answers=len(answers.seconds),
        errors=answers.n_errors,
        median_ms=answers.quantile(0.5),
        p95_ms=answers.quantile(0.95),
        server_grew_mb=round((server.memory_info().rss - before) / 2**20, 1),
    )
    best = PEOPLE if answers.quantile(0.95) <= LIMIT_MS and not answers.n_errors else 0
    for n in MORE_PEOPLE if best else ():
        more = asyncio.run(people_pointing(port, run, n))
        report(run=run, people=n, errors=more.n_errors, median_ms=more.quantile(0.5), p95_ms=more.quantile(0.95))
        if more.quantile(0.95) > LIMIT_MS or more.n_errors:
            break
        best = n
    rate = best * PER_SECOND
    report(
        run=run,
        highest_rate_within_limit=rate,
        one_connection_answers_per_second=round(alone),
        times_one_connection=round(rate / alone, 2),
    )


def main(runs: Iterable[str] = RUNS) -> None:
    port = free_port()
    server = start_server(port)
    try:
        wait_until_healthy(port)
        for run in runs:
            measure(psutil.Process(server.pid), port, run)
    finally:
        server.terminate()
        server.wait(timeout=20)


if __name__ == "__main__":
    main()
