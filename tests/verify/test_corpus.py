"""Every case of the corpus gets its verdict, and every rejection names the rule and the place."""

from __future__ import annotations

import re
from fnmatch import filter as matching
from pathlib import Path

import pytest

from ringfence.verify.symbols import function_symbols
from ringfence.verify.verifier import verify
from support.corpus import Case, read_corpus
from support.toolchain import run

CASES = read_corpus(Path(__file__).parent / "corpus")


def labels(elf: Path) -> dict[str, int]:
    return {
        parts[2]: int(parts[0], 16) & ~1
        for line in run("arm-none-eabi-nm", elf).splitlines()
        if (parts := line.split())
    }


@pytest.mark.parametrize("case", CASES, ids=lambda c: c.name)
def test_the_verdict_is_the_declared_one(case: Case, tmp_path: Path) -> None:
    elf = case.build(tmp_path)
    assert function_symbols(elf)
    report = verify(elf, case.policy()).report
    found = {(f.rule, f.address) for f in report.failures}
    where = labels(tmp_path / "case.elf")
    assert found == {(rule, where[label]) for rule, label in case.rejections}, report.failures
    assert report.accepted is (not case.rejections)


def test_each_topic_has_accepted_and_rejected_cases() -> None:
    topics = {c.name.split("/")[0] for c in CASES}
    for topic in topics:
        verdicts = {bool(c.rejections) for c in CASES if c.name.startswith(topic + "/")}
        assert verdicts == {True, False}, topic


def test_the_cases_that_the_documentation_names_exist() -> None:
    """docs/testing.md lists each hole with its cases; all of them reject."""
    text = (Path(__file__).parents[2] / "docs" / "testing.md").read_text()
    topics = {c.name.split("/")[0] for c in CASES}
    rejecting = [c.name for c in CASES if c.rejections]
    named = [n for n in re.findall(r"`(\w+/[\w*]+)`", text) if n.split("/")[0] in topics]
    assert len(named) > 50
    assert [n for n in named if not matching(rejecting, n)] == []
