"""Addresses of pages with anything in their parameters: each page opens, and says what it cannot show."""

import random
import shutil
from dataclasses import fields

from explorer.locations import CHECKPOINTS, SHIPPED
from explorer.ui.view import view_to_query
from explorer.ui.views import VIEWS
from tests.fuzz.mutation import NUMBERS, TEXTS, spoiled_bytes
from tests.fuzz.outcome import Outcome, limit_memory
from tests.fuzz.pages import PAGES, Pages

RUNS = ("digits-vae-2d", "digits-cvae-2d", "digits-ae-2d")


def fuzz(cases: range, seed: int, patience: float) -> int:
    """Open a page by such an address for each of ``cases``, and return the exit status."""
    limit_memory()
    for name in RUNS:
        shutil.copytree(SHIPPED / name, CHECKPOINTS / name)
    outcome, pages = Outcome(what="links", patience=patience), Pages()
    names = sorted({field.name for view in VIEWS for field in fields(view)} | {"pin", "at", "nothing"})
    for number in cases:
        rng = random.Random(f"{seed}/{number}")
        path, query = rng.choice(PAGES), _query(rng, names)
        with outcome.case(f"--seed {seed}, case {number}, /{path} {query}"):
            outcome.answers[pages.open(path, **query)] += 1
    return outcome.finish()


def _query(rng: random.Random, names: list[str]) -> dict[str, str]:
    """Return parameters, some of them as a link has them, others anything."""
    query = view_to_query(rng.choice(VIEWS)(run=rng.choice(RUNS), space=rng.choice(("plane", "pca"))))
    for _ in range(rng.randrange(1, 6)):
        name = rng.choice(names)
        kind = rng.random()
        if kind < 0.4:
            query[name] = rng.choice(TEXTS)
        elif kind < 0.6:
            query[name] = str(rng.choice(NUMBERS))
        elif kind < 0.8:
            query[name] = ",".join(str(rng.choice((*NUMBERS, 0, 1, 2, 3))) for _ in range(rng.randrange(1, 5)))
        else:
            query[name] = spoiled_bytes(rng, query.get(name, "i3;c1.5,0.2;m0.1,2.5").encode()).decode(errors="replace")
    # What no browser can send, since an address is of characters.
    return {name: value.encode("utf-8", "replace").decode() for name, value in query.items()}
