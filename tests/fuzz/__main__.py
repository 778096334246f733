"""``python -m tests.fuzz requests|folders|files|links --n N --seed S``: its status is 1 if anything was wrong.

It stops by itself, listens on loopback only, limits its memory, and works in a folder of its own that it removes.
"""

import argparse
import os
import sys
import tempfile
from importlib import import_module

KINDS = {
    "requests": "requests, and bodies, to the running app, with decodes between them whose bytes are known",
    "folders": "run folders of which a file was spoiled, through the routes and the pages",
    "files": "pictures and tables that were spoiled",
    "links": "addresses of pages with anything in their parameters",
}


def main() -> int:
    """Run the round that the command line asks for, and return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("kind", choices=KINDS, help="; ".join(f"{name}: {about}" for name, about in KINDS.items()))
    parser.add_argument("--n", type=int, default=100, help="cases (default: 100)")
    parser.add_argument("--seed", type=int, default=0, help="of all that is random (default: 0)")
    parser.add_argument("--case", type=int, help="only this one, to look into")
    parser.add_argument("--patience", type=float, default=10.0, help="seconds after which a case hangs (default: 10)")
    given = parser.parse_args()
    cases = range(given.n) if given.case is None else range(given.case, given.case + 1)
    with tempfile.TemporaryDirectory(prefix="explorer-fuzz-") as folder:
        os.environ["EXPLORER_CHECKPOINTS"] = folder  # before anything of ours is imported, which reads it once
        status: int = import_module(f"tests.fuzz.{given.kind}").fuzz(cases, given.seed, given.patience)
    return status


if __name__ == "__main__":
    sys.exit(main())
