"""Lists the trusted computing base: the kernel's files with their lines of code, and apart from it the code that is
trusted on the device, the gates' runtime, where it is installed beside this package."""

from __future__ import annotations

import io
import re
import tokenize
from dataclasses import dataclass
from pathlib import Path

KERNEL = Path(__file__).resolve().parent / "kernel"
RUNTIME = KERNEL.parent.parent / "toolchain" / "runtime"  # data of another package: counted, never imported
_ON_DEVICE = (".S", ".c", ".h")
_CONFINED = "sandbox_"  # what is linked into sandboxes is proved like their own code, not trusted
# a string or character, so that a comment's beginning in it does not count; or a comment, of C or of GNU as
_C_COMMENT = re.compile(r'"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'|/\*.*?\*/|//[^\n]*', re.DOTALL)
_AS_COMMENT = re.compile(r'"(?:\\.|[^"\\\n])*"|/\*.*?\*/|//[^\n]*|@[^\n]*', re.DOTALL)


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


def c_lines(source: str, *, assembly: bool = False) -> int:
    """Lines of C, or of assembly for the preprocessor, with something on them that is no comment."""

    def without(found: re.Match[str]) -> str:
        comment = found[0].startswith(("/*", "//", "@"))
        return "\n" * found[0].count("\n") if comment else found[0]

    text = (_AS_COMMENT if assembly else _C_COMMENT).sub(without, source)
    return sum(bool(line.strip()) for line in text.splitlines())


def device_files(folder: Path = RUNTIME) -> list[File]:
    """The gates' code, with its size; none where the toolchain is not installed."""
    found = (p for p in folder.glob("*") if p.suffix in _ON_DEVICE and not p.name.startswith(_CONFINED))
    return [
        File(str(p.relative_to(folder.parent.parent)), c_lines(p.read_text("utf-8"), assembly=p.suffix == ".S"))
        for p in sorted(found)
    ]
