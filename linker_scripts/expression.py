"""Constant expressions of linker scripts (ld manual, "Expressions in Linker Scripts"): numbers in, a number out.

Only what can be known before linking has a value; everything else, `.` and ADDR() say, is `NotConstant`.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from ringfence.linker_scripts.source import Token

_NUMBER = re.compile(r"(0[xX][0-9A-Fa-f]+|[0-9]+)([KkMm]?)")
_SCALE = {"": 1, "K": 1 << 10, "M": 1 << 20}
_WRAP = (1 << 64) - 1  # ld computes in 64 bits

# Weakest first, as in C.
_LEVELS: tuple[tuple[str, ...], ...] = (
    ("||",), ("&&",), ("|",), ("^",), ("&",), ("==", "!="), ("<", ">", "<=", ">="), ("<<", ">>"), ("+", "-"),
    ("*", "/", "%"),
)  # fmt: skip
_BINARY: dict[str, Callable[[int, int], int]] = {
    "||": lambda a, b: int(bool(a or b)), "&&": lambda a, b: int(bool(a and b)),
    "|": operator.or_, "^": operator.xor, "&": operator.and_, "==": operator.eq, "!=": operator.ne,
    "<": operator.lt, ">": operator.gt, "<=": operator.le, ">=": operator.ge,
    "<<": lambda a, b: a << min(b, 64), ">>": lambda a, b: a >> min(b, 64),
    "+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.floordiv, "%": operator.mod,
}  # fmt: skip
_UNARY: dict[str, Callable[[int], int]] = {
    "-": operator.neg, "+": operator.pos, "~": operator.invert, "!": lambda a: int(not a),
}  # fmt: skip
_FUNCTIONS: dict[tuple[str, int], Callable[..., int]] = {
    ("MAX", 2): max, ("MIN", 2): min, ("ABSOLUTE", 1): lambda a: a,
    ("ALIGN", 2): lambda a, b: -(-a // b) * b if b else a,
}  # fmt: skip
_OF_A_REGION = {"ORIGIN": "origin", "org": "origin", "o": "origin", "LENGTH": "length", "len": "length", "l": "length"}


class NotConstant(Exception):
    """The expression has no value before linking; the text says why."""


@dataclass
class Scope:
    """What names mean: symbols, and (region, "origin" or "length"). `used_regions` collects what was looked at."""

    symbols: Mapping[str, int]
    regions: Mapping[tuple[str, str], int] = field(default_factory=dict)
    used_regions: set[str] = field(default_factory=set)

    def symbol(self, name: str) -> int:
        if name not in self.symbols:
            raise NotConstant(f"{name} is not a number that this script defines")
        return self.symbols[name]

    def of_region(self, name: str, which: str) -> int:
        self.used_regions.add(name)
        if (name, which) not in self.regions:
            raise NotConstant(f"{which} of {name} is not known here")
        return self.regions[name, which]


def evaluate(tokens: Sequence[Token], scope: Scope) -> int:
    """The value of a whole expression; NotConstant if it has none."""
    parser = _Parser([token.text for token in tokens], scope)
    try:
        value = parser.conditional()
    except RecursionError as error:
        raise NotConstant("it is nested too deeply") from error
    if parser.peek():
        raise NotConstant(f"{parser.peek()!r} is not expected here")
    return value & _WRAP


class _Parser:
    """Recursive descent over the token texts; `?:` evaluates both sides, which is harmless without side effects."""

    def __init__(self, texts: list[str], scope: Scope) -> None:
        self._texts = texts
        self._scope = scope
        self._at = 0

    def peek(self) -> str:
        return self._texts[self._at] if self._at < len(self._texts) else ""

    def conditional(self) -> int:
        condition = self._binary(0)
        if self.peek() != "?":
            return condition
        self._next()
        yes = self.conditional()
        self._expect(":")
        no = self.conditional()
        return yes if condition else no

    def _next(self) -> str:
        text = self.peek()
        self._at += 1
        return text

    def _expect(self, text: str) -> None:
        if self._next() != text:
            raise NotConstant(f"{text!r} is missing")

    def _binary(self, level: int) -> int:
        if level == len(_LEVELS):
            return self._unary()
        left = self._binary(level + 1)
        while self.peek() in _LEVELS[level]:
            sign = self._next()
            right = self._binary(level + 1)
            if sign in ("/", "%") and right == 0:
                raise NotConstant("division by zero")
            left = _BINARY[sign](left & _WRAP, right & _WRAP)
        return left

    def _unary(self) -> int:
        if self.peek() in _UNARY:
            return _UNARY[self._next()](self._unary()) & _WRAP
        return self._primary()

    def _primary(self) -> int:
        text = self._next()
        if text == "(":
            value = self.conditional()
            self._expect(")")
            return value
        if text[:1].isdigit():
            return _number(text)
        if not re.match(r"[A-Za-z_.$]", text):
            raise NotConstant(f"{text!r} is not expected here" if text else "the expression ends too early")
        if self.peek() != "(":
            return self._scope.symbol(text)
        return self._function(text)

    def _function(self, name: str) -> int:
        self._expect("(")
        if name in _OF_A_REGION:
            value = self._scope.of_region(self._next(), _OF_A_REGION[name])
            self._expect(")")
            return value
        if name == "DEFINED":
            return self._defined()
        arguments = [self.conditional()]
        while self.peek() == ",":
            self._next()
            arguments.append(self.conditional())
        self._expect(")")
        function = _FUNCTIONS.get((name, len(arguments)))
        if function is None:
            raise NotConstant(f"{name}() is known only after linking")
        return function(*arguments)

    def _defined(self) -> int:
        name = self._next()
        self._expect(")")
        if name not in self._scope.symbols:
            raise NotConstant(f"DEFINED({name}) depends on the program that is linked")
        return 1


def _number(text: str) -> int:
    match = _NUMBER.fullmatch(text)
    if match is None:
        raise NotConstant(f"{text!r} is not a number")
    digits, scale = match.groups()
    base = 16 if digits[:2].lower() == "0x" else 8 if digits.startswith("0") and digits.isdigit() else 10
    try:
        return int(digits, base) * _SCALE[scale.upper()]
    except ValueError as error:
        raise NotConstant(f"{text!r} is not a number") from error
