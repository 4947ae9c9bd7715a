"""Lists the trusted computing base: the kernel's files with their lines of code."""

from __future__ import annotations

import io
import tokenize
from dataclasses import dataclass
from pathlib import Path

KERNEL = Path(__file__).resolve().parent / "kernel"


@dataclass(frozen=True)
class File:
    name: str
    lines: int  # with at least one token that is neither comment nor docstring


def code_lines(source: str) -> int:
    """Lines of code: blank lines, comments and docstrings do not count."""
    lines: set[int] = set()
    skipped = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}
    statement_start = True
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        docstring = token.type == tokenize.STRING and statement_start
        if token.type not in skipped and not docstring:
            lines.update(range(token.start[0], token.end[0] + 1))
        if token.type in (tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT):
            statement_start = True
        elif token.type not in (tokenize.COMMENT, tokenize.NL):
            statement_start = False
    return len(lines)


def kernel_files(folder: Path = KERNEL) -> list[File]:
    """Every Python file of the kernel, with its size."""
    return [
        File(str(p.relative_to(folder.parent)), code_lines(p.read_text(encoding="utf-8")))
        for p in sorted(folder.rglob("*.py"))
    ]
