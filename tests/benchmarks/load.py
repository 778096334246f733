"""Many people who point at once: how long the decode route takes, and how many can point before it takes too long.

    python -m tests.benchmarks.load

Each person asks for the image at a place of the map ten times a second, whether or not the last answer has come; and as
the page does, for what can be believed of an image once it is there: four times a second at most.
First 50 people for ten seconds; then more and more, until 95 of 100 images no longer come within 50 ms.
The rival, in the same run: images one after another over one connection, as fast as they come.
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
BELIEF_PAUSE = 0.25
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
    """A connection, kept open; a request waits for the answer to the one before."""

    def __init__(self, port: int, run: str, query: str) -> None:
        self.port, self.path = port, f"/api/runs/{run}/decode?{query}"
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


class Person:
    """Wanders over the map for ``SECONDS``; positions come on time, as those of a hand do."""

    def __init__(self, port: int, run: str, images: Answers, beliefs: Answers) -> None:
        self.image, self.belief = Connection(port, run, "space=pca"), Connection(port, run, "space=pca&trust=1")
        self.images, self.beliefs = images, beliefs
        self.next_belief = 0.0

    async def open(self) -> None:
        await self.image.open()
        await self.belief.open()

    async def look_at(self, x: float, y: float) -> None:
        await self.image.ask(x, y, self.images)
        if not self.belief.turn.locked() and time.perf_counter() >= self.next_belief:
            self.next_belief = time.perf_counter() + BELIEF_PAUSE
            await self.belief.ask(x, y, self.beliefs)

    async def point_about(self, rng: random.Random) -> None:
        await asyncio.sleep(rng.random() / PER_SECOND)
        pending = set()
        for _ in range(SECONDS * PER_SECOND):
            pending.add(asyncio.create_task(self.look_at(rng.gauss(0, 1), rng.gauss(0, 1))))
            await asyncio.sleep(1 / PER_SECOND)
        ended = await asyncio.gather(*pending, return_exceptions=True)
        self.images.n_errors += sum(isinstance(it, Exception) for it in ended)
        for connection in (self.image, self.belief):
            connection.writer.close()


async def people_pointing(port: int, run: str, n: int) -> tuple[Answers, Answers]:
    images, beliefs = Answers(), Answers()
    people = [Person(port, run, images, beliefs) for _ in range(n)]
    for person in people:
        await person.open()
    await asyncio.gather(*(person.point_about(random.Random(k)) for k, person in enumerate(people)))
    return images, beliefs


async def one_after_another(port: int, run: str, n: int) -> float:
    """Answers a second that one connection gets, once the run is loaded and what is usual of it measured."""
    connection, answers = Connection(port, run, "space=pca"), Answers()
    await connection.open()
    first = Connection(port, run, "space=pca&trust=1")
    await first.open()
    await first.ask(0, 0, answers)
    first.writer.close()
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
    best = 0
    for n in (PEOPLE, *MORE_PEOPLE):
        before, busy = server.memory_info().rss, sum(server.cpu_times()[:2])
        images, beliefs = asyncio.run(people_pointing(port, run, n))
        n_errors = images.n_errors + beliefs.n_errors
        report(
            run=run,
            people=n,
            images=len(images.seconds),
            errors=n_errors,
            median_ms=images.quantile(0.5),
            p95_ms=images.quantile(0.95),
            beliefs=len(beliefs.seconds),
            beliefs_p95_ms=beliefs.quantile(0.95),
            server_cpu=round((sum(server.cpu_times()[:2]) - busy) / SECONDS, 2),
            server_grew_mb=round((server.memory_info().rss - before) / 2**20, 1),
        )
        if images.quantile(0.95) > LIMIT_MS or n_errors:
            break
        best = n
    rate = best * PER_SECOND
    report(
        run=run,
        highest_images_per_second_within_limit=rate,
        one_connection_images_per_second=round(alone),
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
