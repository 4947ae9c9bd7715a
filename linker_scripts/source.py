"""The text of a linker script with its INCLUDEs put in place, its tokens, and where each of them came from.

GNU ld reads names differently in different places (ld manual, "Symbols"; ldlex.l): in a list of sections `*crt-0.o`
is one word, in an expression `a*b` is three (but `a-b` is one). The reader asks for a word or for an expression token.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ringfence.linker_scripts.model import LinkerScriptError

MAX_INCLUDE_DEPTH = 10  # as in ld

_BLANK = re.compile(r"(?:\s+|/\*.*?\*/)*", re.DOTALL)
_STRING = r'"[^"\n]*"'
_ASSIGN = r"<<=|>>=|[-+*/&|^]=|=(?!=)"
_WORD = re.compile(rf"{_STRING}|{_ASSIGN}|[A-Za-z0-9_.$/\\~*?\[\]^!:,+&%@-]+|[{{}}();<>=|]")
_EXPRESSION = re.compile(
    rf"{_STRING}|<<=|>>=|<<|>>|<=|>=|==|!=|&&|\|\||[-+*/&|^]=|"
    r"0[xX][0-9A-Fa-f]+[KkMm]?|[0-9][0-9A-Za-z]*|[A-Za-z_.$][A-Za-z0-9_.$/\\+~\[\]-]*|[-{}()?:;,+*/%&|^~!<>=]"
)


@dataclass(frozen=True)
class Token:
    """`text` at [start, end) of the flat source."""

    text: str
    start: int
    end: int


@dataclass(frozen=True)
class Source:
    """The flat text. `pieces` are (offset in text, file, line of that offset in the file), in order."""

    text: str
    pieces: tuple[tuple[int, Path, int], ...]

    @property
    def files(self) -> tuple[Path, ...]:
        return tuple(dict.fromkeys(path for _, path, _ in self.pieces))

    def where(self, offset: int) -> str:
        """file:line of an offset."""
        start, path, line = self.pieces[bisect_right(self.pieces, offset, key=lambda piece: piece[0]) - 1]
        return f"{path}:{line + self.text.count(chr(10), start, offset)}"

    def error(self, offset: int, what: str, hint: str | None = None) -> LinkerScriptError:
        return LinkerScriptError(f"{self.where(offset)}: {what}", hint)

    def skip_blank(self, offset: int) -> int:
        match = _BLANK.match(self.text, offset)
        return match.end() if match else offset

    def word(self, offset: int) -> Token | None:
        """The next token where ld expects names of files, sections and commands; None at the end."""
        return self._token(_WORD, offset)

    def expression_token(self, offset: int) -> Token | None:
        """The next token where ld expects an expression; None at the end."""
        return self._token(_EXPRESSION, offset)

    def _token(self, pattern: re.Pattern[str], offset: int) -> Token | None:
        start = self.skip_blank(offset)
        if start >= len(self.text):
            return None
        match = pattern.match(self.text, start)
        if match is None or self.text.startswith("/*", start):
            raise self.error(start, f"cannot read {self.text[start : start + 20].splitlines()[0]!r}")
        return Token(match.group(), start, match.end())


def read_source(paths: Sequence[Path], search_dirs: Sequence[Path] = ()) -> Source:
    """Read scripts one after the other, as several -T would, and replace each `INCLUDE file` by the file's text.

    ld looks for an included file in the current directory, then along -L (`search_dirs`); after those the folder of the
    including script is tried. LinkerScriptError: unreadable, not found, nested too deeply, or still to be preprocessed.
    """
    return _Flattener(tuple(search_dirs)).read(paths)


class _Flattener:
    """Collects text and pieces while INCLUDEs are followed."""

    def __init__(self, search_dirs: tuple[Path, ...]) -> None:
        self._search_dirs = search_dirs
        self._text: list[str] = []
        self._pieces: list[tuple[int, Path, int]] = []
        self._length = 0

    def read(self, paths: Sequence[Path]) -> Source:
        for path in paths:
            self._file(path, 0)
        return Source("".join(self._text), tuple(self._pieces))

    def _file(self, path: Path, depth: int) -> None:
        text = _read_text(path)
        here = Source(text, ((0, path, 1),))
        if depth > MAX_INCLUDE_DEPTH:
            raise here.error(0, f"INCLUDE is nested more than {MAX_INCLUDE_DEPTH} deep", "a file includes itself")
        _refuse_preprocessor(here)
        copied = offset = 0
        while (token := here.word(offset)) is not None:
            offset = token.end
            if token.text == "INCLUDE":
                name = here.word(offset)
                if name is None:
                    raise here.error(token.start, "INCLUDE without a file name")
                self._add(text[copied : token.start], path, text.count("\n", 0, copied) + 1)
                self._file(self._find(name.text.strip('"'), here, token), depth + 1)
                copied = offset = name.end
        self._add(text[copied:], path, text.count("\n", 0, copied) + 1)

    def _add(self, text: str, path: Path, line: int) -> None:
        # A blank keeps the words on the two sides of an INCLUDE apart.
        self._pieces.append((self._length, path, line))
        self._text.append(text + " ")
        self._length += len(text) + 1

    def _find(self, name: str, here: Source, token: Token) -> Path:
        folders = [Path(), *self._search_dirs, here.files[0].parent]
        found = next((folder / name for folder in folders if (folder / name).is_file()), None)
        if found is None:
            looked = ", ".join(str(folder) for folder in folders)
            raise here.error(token.start, f"INCLUDE {name}: no such file in {looked}", "name its folder with -L")
        return found


def _read_text(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8-sig", errors="replace")
    except OSError as error:
        raise LinkerScriptError(f"{path}: cannot read the linker script: {error.strerror}") from error


def _refuse_preprocessor(source: Source) -> None:
    match = re.search(r"^[ \t]*#", re.sub(r"/\*.*?\*/", _blank_out, source.text, flags=re.DOTALL), re.MULTILINE)
    if match:
        raise source.error(
            match.end() - 1,
            "this script must go through the C preprocessor first",
            "preprocess it with `arm-none-eabi-gcc -E -P -x c` and name the result",
        )


def _blank_out(match: re.Match[str]) -> str:
    return re.sub(r"[^\n]", " ", match.group())
