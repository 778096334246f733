"""README's figures are those of explorer/docs/benchmarks.md, and that file says what the benchmarks printed."""

import json
from dataclasses import asdict

import pytest

from tests.benchmarks import all as benchmarks
from tests.benchmarks.all import (
    DOCUMENT,
    README,
    README_BLOCK,
    Outcome,
    Part,
    first_cell,
    renewed,
    row,
    section,
    sections_of,
)
from tests.benchmarks.report import report


def lines_of(text):
    return [line for line in text.splitlines() if line.startswith("|")]


def test_every_line_of_readmes_table_is_a_line_of_the_benchmarks():
    (block,) = README_BLOCK.findall(README.read_text(encoding="utf-8"))
    measured = lines_of(DOCUMENT.read_text(encoding="utf-8"))
    assert len(lines_of(block)) > 10
    assert [line for line in lines_of(block) if line not in measured] == []


def test_no_part_of_the_benchmarks_failed_and_none_is_missing():
    text = DOCUMENT.read_text(encoding="utf-8")
    assert [part.command for part in benchmarks.PARTS if f"`{part.command}`" not in text] == []
    assert "It ended with status" not in text
    assert "It took longer than" not in text


def test_a_name_is_of_one_measurement():
    names = [first_cell(line) for line in lines_of(DOCUMENT.read_text(encoding="utf-8"))]
    names = [name for name in names if name not in {"what", "---"}]
    assert len(names) == len(set(names))


@pytest.mark.parametrize(
    ("values", "median", "p95"),
    [([3, 1, 2], 2, 3), (list(range(100)), 49.5, 95), ([1234.5, 1234.6], 1235, 1235), ([0.012345], 0.0123, 0.0123)],
)
def test_what_is_reported_is_the_median_and_the_95th_percentile(values, median, p95, capsys):
    measured = report("it", "s", values)
    assert (measured.n, measured.median, measured.p95) == (len(values), median, p95)
    assert json.loads(capsys.readouterr().out) == asdict(measured)


def test_a_rival_is_beside_it_with_the_ratio_of_the_medians(capsys):
    measured = report("it", "s", [1, 2, 6], beside="another", rival=[4, 3, 50], goal="at most 1")
    assert (measured.rival, measured.ratio) == (4, 0.5)
    assert row(measured) == "| it | s | 3 | 2 | 6 | another | 4 | 0.5 | at most 1 |\n"


def test_a_part_that_fails_is_said_with_what_it_measured_before():
    failing = Part(name="nothing", title="Nothing")
    outcome = benchmarks.run(failing)
    assert outcome.measurements == ()
    assert outcome.failure.startswith("It ended with status 1: ")
    assert "No module named tests.benchmarks.nothing" in outcome.failure
    text = section("A machine.", outcome)
    assert "`python -m tests.benchmarks.nothing`" in text
    assert f"**{outcome.failure}**" in text


def test_renewing_changes_the_lines_that_are_named_alike_and_no_other():
    head, mark = "| what |\n", "<!-- figures of explorer/docs/benchmarks.md -->\n"
    old = f"before\n{mark}{head}| a | 1 |\n| b | 2 |\n<!-- end -->\n| a | 3 |\n"
    measured = report("a", "s", [5])
    text = section("A machine.", Outcome(part=Part(name="x", title="X"), measurements=(measured,)))
    new = old.replace("| a | 1 |\n", row(measured)).replace(head, f"| {' | '.join(benchmarks.COLUMNS)} |\n")
    assert renewed(old, text) == new


def test_a_document_is_taken_apart_as_it_was_put_together():
    text = DOCUMENT.read_text(encoding="utf-8")
    assert benchmarks.INTRODUCTION + "".join(sections_of(text).values()) == text
    assert list(sections_of(text)) == [part.title for part in benchmarks.PARTS]
