import sys
from pathlib import Path
from typing import NamedTuple, Protocol

import pytest

from explorer.__main__ import main


class Ended(NamedTuple):
    """How a command ended; its messages have their line breaks and boxes taken out."""

    status: int
    out: str
    messages: str


class Command(Protocol):
    """Runs a command with ``arguments`` on the folder of runs ``checkpoints``, by default the test's own."""

    def __call__(self, *arguments: str, checkpoints: Path = ...) -> Ended: ...


@pytest.fixture
def command(tmp_path, monkeypatch, capsys) -> Command:
    """Run a command in this process and in the test's folder."""

    def run(*arguments: str, checkpoints: Path = tmp_path) -> Ended:
        folder = [] if "--help" in arguments else ["--checkpoints", str(checkpoints)]
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(sys, "argv", ["explorer", *arguments, *folder])
        status = 0
        try:
            main()
        except SystemExit as ended:
            status = int(ended.code or 0)
        printed = capsys.readouterr()
        return Ended(status, printed.out, in_one_line(printed.err))

    return run


def in_one_line(text: str) -> str:
    return " ".join(text.replace("│", " ").split())
