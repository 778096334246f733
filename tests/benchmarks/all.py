"""All that tells what a person gets, one after another, and what came of it as ``explorer/docs/benchmarks.md``.

Run: python -m tests.benchmarks.all [--only training first_screen …]. It takes some 20 minutes of two cores with nothing
beside it, and needs Chromium. With --only, the other parts of the file stay. README's own table has lines of that file,
word for word: they are renewed with it, and ``tests/test_readme_figures.py`` says where they differ. A part that fails
is said in the file, and makes the status 1.
"""

import argparse
import json
import os
import platform
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from importlib.metadata import version
from pathlib import Path

from explorer.locations import ROOT
from tests.benchmarks.report import Measurement

DOCUMENT = ROOT / "explorer" / "docs" / "benchmarks.md"
README = ROOT / "README.md"
README_BLOCK = re.compile(r"(?<=<!-- figures of explorer/docs/benchmarks.md -->\n).*?(?=<!-- end -->)", re.DOTALL)
INTRODUCTION = """# Benchmarks

Written by `python -m tests.benchmarks.all`, and by nobody's hand. Medians; p95 is the 95th percentile, of fewer than
twenty the largest. What something is beside was measured in the same run.

"""
COLUMNS = ("what", "unit", "n", "median", "p95", "beside", "its median", "ratio", "goal")


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """A benchmark, with the options that it is run with and the most seconds that it may take."""

    name: str
    title: str
    options: tuple[str, ...] = ()
    seconds: int = 300

    @property
    def command(self) -> str:
        """What a person types."""
        return " ".join(["python -m", f"tests.benchmarks.{self.name}", *self.options])


PARTS = (
    Part(name="training", title="Training", options=("--epochs", "2", "--rounds", "2"), seconds=480),
    Part(name="convolutions", title="Training, convolutional", seconds=240),
    Part(name="first_screen", title="The first screen", seconds=180),
    Part(name="start", title="The start of the app", seconds=120),
    Part(name="pointing", title="Pointing", options=("--maps", "plane"), seconds=240),
    Part(name="grids", title="Drawing again", options=("--browser",), seconds=240),
    Part(name="commands", title="Commands", seconds=180),
    Part(name="evidence", title="log p(x)", options=("--samples", "50"), seconds=240),
    Part(name="load", title="Many people", seconds=180),
    Part(name="projections", title="Maps", seconds=300),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """What a part printed, and why it ended where it failed."""

    part: Part
    measurements: tuple[Measurement, ...]
    failure: str = ""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="+", choices=[part.name for part in PARTS])
    only = parser.parse_args().only
    sections = sections_of(DOCUMENT.read_text(encoding="utf-8")) if only is not None else {}
    failures = []
    for part in PARTS:
        if only is None or part.name in only:
            machine, outcome = describe_machine(), run(part)
            sections[part.title] = section(machine, outcome)
            failures += [outcome.failure] if outcome.failure else []
    text = INTRODUCTION + "".join(sections[part.title] for part in PARTS if part.title in sections)
    DOCUMENT.parent.mkdir(exist_ok=True)
    DOCUMENT.write_text(text, encoding="utf-8")
    README.write_text(renewed(README.read_text(encoding="utf-8"), text), encoding="utf-8")
    sys.exit(1 if failures else 0)


def run(part: Part) -> Outcome:
    """Run a part in a process of its own, and return what it measured."""
    print(f"{part.command}", file=sys.stderr, flush=True)
    command = [sys.executable, "-m", f"tests.benchmarks.{part.name}", *part.options]
    started, failure = time.monotonic(), ""
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=part.seconds, check=False)
        output = done.stdout
        if done.returncode:
            failure = f"It ended with status {done.returncode}: {(done.stderr.strip().splitlines() or ['no word'])[-1]}"
    except subprocess.TimeoutExpired as error:
        output = (error.stdout or b"").decode()
        failure = f"It took longer than {part.seconds} s."
    print(f"  {time.monotonic() - started:.0f} s {failure}", file=sys.stderr, flush=True)
    return Outcome(part=part, measurements=tuple(measurements_in(output)), failure=failure)


def measurements_in(output: str) -> Iterator[Measurement]:
    """Yield what a benchmark printed that is a measurement."""
    for line in output.splitlines():
        found = json.loads(line) if line.startswith("{") else {}
        if "median" in found:
            yield Measurement(**found)


def describe_machine() -> str:
    """Return a sentence on the machine and what is installed."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    load = f", load {os.getloadavg()[0]:.1f} at the start" if hasattr(os, "getloadavg") else ""
    installed = ", ".join(f"{name} {version(name)}" for name in ("torch", "streamlit", "plotly", "scikit-learn"))
    return f"{date.today()}, {cores} cores of {_processor()}{load}; Python {platform.python_version()}, {installed}."


def _processor() -> str:
    try:
        described = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return platform.processor() or platform.machine()
    name = re.search(r"^model name\s*: (.+)$", described, re.MULTILINE)
    return name[1] if name else platform.machine()


def section(machine: str, outcome: Outcome) -> str:
    """Return what is said of a part, in markdown."""
    lines = [f"## {outcome.part.title}\n\n`{outcome.part.command}`\n\n{machine}\n\n"]
    if outcome.measurements:
        lines += [f"| {' | '.join(COLUMNS)} |\n|{'---|' * len(COLUMNS)}\n", *map(row, outcome.measurements), "\n"]
    if outcome.failure:
        lines.append(f"**{outcome.failure}**\n\n")
    return "".join(lines)


def sections_of(text: str) -> dict[str, str]:
    """Return what a document says of each part, by the part's title."""
    parts = re.split(r"^(?=## )", text, flags=re.MULTILINE)[1:]
    return {part.splitlines()[0].removeprefix("## "): part for part in parts}


def row(measured: Measurement) -> str:
    """Return the line of the table."""
    cells = [
        measured.what,
        measured.unit,
        f"{measured.n:,}",
        _number(measured.median),
        _number(measured.p95),
        measured.beside,
        _number(measured.rival),
        _number(measured.ratio),
        measured.goal,
    ]
    return f"| {' | '.join(cells)} |\n"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:,g}" if value < 1000 else f"{value:,.0f}"


def renewed(readme: str, text: str) -> str:
    """Return README with the lines of its table as they are in ``text`` now; a line that is no longer there stays."""
    found = {first_cell(line): line for line in text.splitlines() if line.startswith("| ")}

    def newest(block: re.Match[str]) -> str:
        return "".join(f"{found.get(first_cell(line), line)}\n" for line in block[0].splitlines())

    return README_BLOCK.sub(newest, readme)


def first_cell(line: str) -> str:
    """Return what a line of a table is of."""
    return line.split("|")[1].strip() if line.startswith("|") else line


if __name__ == "__main__":
    main()
