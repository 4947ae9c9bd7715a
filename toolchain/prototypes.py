"""Prototypes of the functions that cross a sandbox's border, as the user writes them in a build script.

    decode(in data[size], size, out pixels[width*height*3], width, height) -> int error -1
    mix(float gain, double phase, int64 when, struct point[int*2] at) -> struct colour[uint8*3]
    log_line(in text[len], len)
    on_event(function handler)
    (*handler)(int code, in data[size], size) -> int
    fatal(int code) -> noreturn

A parameter is a value (an optional C type before its name, `unsigned` if none is given; `pointer` is an opaque
address that nobody checks or copies; `function` is the address of a function of the sandbox) or a buffer: a direction,
a name and its size *in bytes* in brackets: a product of numbers and value parameters. Buffers of an export are copied
by the gate, those of an import are checked.

A structure is given with what it is made of, since that decides how it travels: `struct NAME[TYPE*COUNT]` if all its
members have one type; otherwise `struct NAME[BYTES]`, or `struct NAME[uint64*COUNT]` if a member has 8 bytes.

`(*NAME)(...)` is not a function but a way to call one whose address came from the sandbox: the host calls
`NAME(address, ...)`, and the gate checks the address.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from ringfence.toolchain.aapcs import Location, Shape, place, stack_words
from ringfence.toolchain.errors import RingfenceError

Direction = Literal["value", "in", "out", "inout"]

MAX_ARGUMENT_WORDS = 32  # more is passed better by pointer; keeps the argument area beside the stack small
_LARGEST_STRUCT = 256


@dataclass(frozen=True)
class CType:
    """One C type that may cross the border: `c` as written in generated code, its width and signedness.

    `floats`: how many floating-point values it is made of, and of nothing else; `align8`: aligned to 8 bytes.
    """

    c: str
    bits: int
    signed: bool
    floats: int = 0
    align8: bool = False

    @property
    def is_struct(self) -> bool:
        return self.c.startswith("struct ")

    @property
    def bytes(self) -> int:
        return -(-self.bits // 8)

    @property
    def shape(self) -> Shape:
        """What decides where it travels."""
        return Shape(-(-self.bits // 32), self.align8, self.floats)

    def in_memory(self, hard: bool) -> bool:
        """As a result: whether the caller passes the address of memory for it (AAPCS 6.5, VFP: 7.1.1)."""
        return self.is_struct and self.bits > 32 and not (hard and self.shape.in_vfp)


VOID = CType("void", 0, False)
INT = CType("int", 32, True)
UNSIGNED = CType("unsigned", 32, False)
POINTER = CType("void *", 32, False)
FUNCTION = CType("ringfence_function", 32, False)
FLOAT = CType("float", 32, False, 1)
DOUBLE = CType("double", 64, False, 1, True)

_FIXED_WIDTH = {
    f"{sign}int{bits}{suffix}": CType(f"{sign}int{bits}_t", bits, not sign, align8=bits == 64)
    for bits in (8, 16, 32, 64) for sign in ("", "u") for suffix in ("", "_t")
}
_TYPES: dict[str, CType] = {
    **_FIXED_WIDTH,
    "void": VOID, "pointer": POINTER, "function": FUNCTION, "float": FLOAT, "double": DOUBLE,
    "bool": CType("bool", 8, False), "char": CType("char", 8, False), "signed char": CType("signed char", 8, True),
    "unsigned char": CType("unsigned char", 8, False),
    "short": CType("short", 16, True), "unsigned short": CType("unsigned short", 16, False),
    "int": INT, "signed": INT, "signed int": INT, "unsigned": UNSIGNED, "unsigned int": UNSIGNED,
    "long long": CType("long long", 64, True, align8=True),
    "unsigned long long": CType("unsigned long long", 64, False, align8=True),
    "long": CType("long", 32, True), "unsigned long": CType("unsigned long", 32, False),
    "size_t": CType("size_t", 32, False), "ptrdiff_t": CType("ptrdiff_t", 32, True),
    "intptr_t": CType("intptr_t", 32, True), "uintptr_t": CType("uintptr_t", 32, False),
}
_NOT_VALUES = (VOID, POINTER, FUNCTION)
_DIRECTIONS: dict[str, Direction] = {"in": "in", "out": "out", "inout": "inout"}
_C_KEYWORD_TEXT = """
    auto break case char const continue default do double else enum extern float for goto if inline int long
    register restrict return short signed sizeof static struct switch typedef union unsigned void volatile while
    asm typeof _Alignas _Alignof _Atomic _Bool _Complex _Generic _Imaginary _Noreturn _Static_assert _Thread_local
"""
_C_KEYWORDS = frozenset(_C_KEYWORD_TEXT.split())
_RESERVED_WORDS = frozenset([*_DIRECTIONS, *_TYPES, "error", "noreturn"])
_TOKEN = re.compile(r"\s*(->|0[xX][0-9a-fA-F]+|[0-9]+|[A-Za-z_]\w*|[(),\[\]*-])")


@dataclass(frozen=True)
class ByteCount:
    """The size of a buffer in bytes: `constant` times the values of the parameters in `names`."""

    constant: int
    names: tuple[str, ...] = ()

    def __str__(self) -> str:
        factors = [*self.names, *([str(self.constant)] if self.constant != 1 or not self.names else [])]
        return "*".join(factors)


@dataclass(frozen=True)
class Parameter:
    """A value (`direction` "value", `type` its C type) or a buffer (`type` its element, one byte wide)."""

    name: str
    direction: Direction
    type: CType
    size: ByteCount | None = None

    @property
    def is_buffer(self) -> bool:
        return self.size is not None

    @property
    def declaration(self) -> str:
        """This parameter in a C prototype, as the host sees it."""
        if not self.is_buffer:
            return f"{self.type.c.rstrip()} {self.name}".replace("* ", "*")
        return f"{'const ' if self.direction == 'in' else ''}{self.type.c} *{self.name}"

    @property
    def shape(self) -> Shape:
        return POINTER.shape if self.is_buffer else self.type.shape


@dataclass(frozen=True)
class Prototype:
    """A function that crosses the border. `error` is what the gate returns when the call could not be completed.

    `by_pointer`: no function, but how to call one whose address came from the sandbox.
    """

    name: str
    parameters: tuple[Parameter, ...]
    result: CType
    error: int = 0
    returns: bool = True
    text: str = ""
    by_pointer: bool = False

    @classmethod
    def parse(cls, text: str) -> Prototype:
        """The prototype written in `text`; RingfenceError quotes the text and says what is wrong with it."""
        return _Parser(text).prototype()

    @property
    def declaration(self) -> str:
        """The C prototype of the function as the host sees it, without the semicolon."""
        target = [f"{FUNCTION.c} ringfence_target"] if self.by_pointer else []
        parameters = ", ".join([*target, *(p.declaration for p in self.parameters)]) or "void"
        return f"{self.result.c}{'' if self.result.c.endswith('*') else ' '}{self.name}({parameters})"

    @property
    def with_functions(self) -> bool:
        """Whether addresses of functions of the sandbox cross the border."""
        return self.by_pointer or FUNCTION in (self.result, *(p.type for p in self.parameters))

    @property
    def buffers(self) -> tuple[Parameter, ...]:
        return tuple(p for p in self.parameters if p.is_buffer)

    def places(self, *, hard: bool) -> list[tuple[Location, ...]]:
        """Where the words of each parameter travel; the address of a result in memory (`in_memory`) comes first."""
        hidden = [POINTER.shape] if self.result.in_memory(hard) else []
        return place([*hidden, *(p.shape for p in self.parameters)], hard=hard)

    @property
    def stack_words(self) -> int:
        """Words of arguments on the stack, by the variant of the calling standard that needs more."""
        return max(stack_words(self.places(hard=hard)) for hard in (False, True))

    def __str__(self) -> str:
        return self.text


def check_identifier(name: str, what: str) -> str:
    """`name` if it can name a C function or object that the user owns; RingfenceError otherwise."""
    if not re.fullmatch(r"[A-Za-z_]\w*", name, re.ASCII):
        raise RingfenceError(f"{what} {name!r} is not a C identifier")
    if name in _C_KEYWORDS:
        raise RingfenceError(f"{what} {name!r} is a C keyword")
    if name.startswith(("__rf_", "__ringfence_", "ringfence_")):
        raise RingfenceError(f"{what} {name!r} uses a prefix that belongs to Ringfence", "choose another name")
    return name


def _is_count(ctype: CType) -> bool:
    """A value of this type can be a factor of a size: an integer of at most 32 bits."""
    return ctype not in _NOT_VALUES and not ctype.floats and not ctype.is_struct and ctype.bits <= 32


class _Parser:
    """Reads one prototype, token by token; every error quotes the whole text."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = self._tokenize(text)
        self._at = 0

    def prototype(self) -> Prototype:
        by_pointer = self._accept("(")
        if by_pointer:
            self._expect("*")
        name = self._word("a function name")
        self._identifier(name, "function name")
        if by_pointer:
            self._expect(")")
        self._expect("(")
        parameters = self._parameters()
        result, error, returns = self._result() if self._accept("->") else (VOID, 0, True)
        if self._peek():
            raise self._error(f"unexpected {self._peek()!r} after the prototype")
        self._check_sizes(parameters)
        return Prototype(name, parameters, result, error, returns, " ".join(self._text.split()), by_pointer)

    def _parameters(self) -> tuple[Parameter, ...]:
        if self._accept(")"):
            return ()
        if self._tokens[self._at:self._at + 2] == ["void", ")"]:
            self._at += 2
            return ()
        parameters = [self._parameter()]
        while self._accept(","):
            parameters.append(self._parameter())
        self._expect(")")
        names = [p.name for p in parameters]
        for name in names:
            if names.count(name) > 1:
                raise self._error(f"two parameters are called {name!r}")
        return tuple(parameters)

    def _parameter(self) -> Parameter:
        direction: Direction = _DIRECTIONS.get(self._peek(), "value")
        if direction != "value":
            self._at += 1
        elif self._peek() == "struct":
            return self._struct_parameter()
        words = self._words()
        if self._peek() == "*":
            raise self._error(f"a parameter of type '{' '.join(words)} *' is written as a C pointer",
                              "write a direction and a size in bytes: in data[size], out pixels[cap]")
        if not words or words[-1] in _RESERVED_WORDS:
            raise self._error("a parameter without a name" if not words else
                              f"a parameter of type {' '.join(words)!r} has no name of its own")
        *type_words, name = [word for word in words if word != "const"]
        self._identifier(name, "parameter name")
        if direction == "value":
            return Parameter(name, direction, self._value_type(name, type_words))
        if not self._accept("["):
            raise self._error(f"buffer {name!r} has no size", f"write {direction} {name}[BYTES]")
        return Parameter(name, direction, self._element(name, type_words), self._byte_count())

    def _value_type(self, name: str, words: list[str]) -> CType:
        if self._peek() == "[":
            raise self._error(f"buffer {name!r} has no direction", f"write in {name}[..], out {name}[..] or inout")
        ctype = self._type(words) if words else UNSIGNED
        if ctype is VOID:
            raise self._error(f"parameter {name!r} cannot be void")
        return ctype

    def _struct_parameter(self) -> Parameter:
        ctype = self._struct()
        name = self._word("a parameter name")
        self._identifier(name, "parameter name")
        return Parameter(name, "value", ctype)

    def _struct(self) -> CType:
        """`struct NAME[BYTES]` or `struct NAME[TYPE*COUNT]`."""
        self._expect("struct")
        tag = self._word("the structure's name")
        self._identifier(tag, "structure name")
        if not self._accept("["):
            raise self._error(f"the size of struct {tag} is not given",
                              f"write struct {tag}[int*2], struct {tag}[float*3] or struct {tag}[12] (bytes)")
        words = self._words()
        member = self._type(words) if words else _TYPES["uint8"]
        if member is VOID:
            raise self._error(f"struct {tag} cannot be made of void")
        if words:
            self._expect("*")
        count = self._number()
        self._expect("]")
        if not 0 < count * member.bytes <= _LARGEST_STRUCT:
            raise self._error(f"struct {tag} of {count * member.bytes} bytes: by value 1 to {_LARGEST_STRUCT} are "
                              "supported", "pass its address: in value[size]")
        return CType(f"struct {tag}", 8 * count * member.bytes, False, count * member.floats, member.align8)

    def _number(self) -> int:
        token = self._next()
        if not (token.isalnum() and token[0].isdigit()):
            raise self._error(f"expected a number, found {token or 'the end'!r}")
        return int(token, 0) if token[:2] in ("0x", "0X") else int(token)

    def _element(self, name: str, words: list[str]) -> CType:
        element = self._type(words) if words else VOID
        if element.bits > 8:
            raise self._error(f"buffer {name!r} has elements wider than a byte: sizes are in bytes",
                              f"leave the type out and give bytes, such as {name}[count*{element.bits // 8}]")
        return element

    def _byte_count(self) -> ByteCount:
        constant, names = 1, []
        while True:
            token = self._next()
            if token.isalnum() and token[0].isdigit():
                constant *= int(token, 0) if token[:2] in ("0x", "0X") else int(token)
            elif re.fullmatch(r"[A-Za-z_]\w*", token):
                names.append(token)
            else:
                raise self._error(f"a size is a product of numbers and parameters, not {token!r}")
            if self._accept("]"):
                break
            self._expect("*")
        if not 0 < constant < 1 << 32:
            raise self._error(f"a size of {constant} bytes makes no sense")
        return ByteCount(constant, tuple(names))

    def _result(self) -> tuple[CType, int, bool]:
        if self._peek() == "struct":
            result = self._struct()
            if self._accept("error"):
                raise self._error("a structure has no error value: it is all zeros")
            return result, 0, True
        words = self._words()
        explicit = words[-1:] == ["error"]
        if explicit:
            words.pop()
        if words == ["noreturn"] and not explicit:
            return VOID, 0, False
        if not words:
            raise self._error("no result type after '->'")
        result = self._type(words)
        if not explicit:
            return result, -1 if result.signed else 0, True
        if result.floats:
            raise self._error("a floating-point result has no error value: it is 0", "ask ringfence_last_status()")
        if result is VOID:
            raise self._error("a void function has no error value")
        return result, self._error_value(result), True

    def _error_value(self, result: CType) -> int:
        negative = self._accept("-")
        token = self._next()
        if not token[:1].isdigit():
            raise self._error(f"the error value is a number, not {token!r}")
        value = int(token, 16 if token[:2] in ("0x", "0X") else 10) * (-1 if negative else 1)
        low = -(1 << (result.bits - 1)) if result.signed else 0
        high = (1 << (result.bits - result.signed)) - 1
        if not low <= value <= high:
            raise self._error(f"the error value {value} does not fit into {result.c}")
        return value

    def _type(self, words: list[str]) -> CType:
        text = " ".join(words)
        if text == "long double":
            text = "double"  # the same on Arm
        if text not in _TYPES:
            raise self._error(f"unknown type {text!r}", "known: " + ", ".join(sorted(_TYPES)))
        return _TYPES[text]

    def _check_sizes(self, parameters: tuple[Parameter, ...]) -> None:
        values = {p.name for p in parameters if p.direction == "value" and _is_count(p.type)}
        for parameter in parameters:
            for name in parameter.size.names if parameter.size else ():
                if name not in values:
                    raise self._error(f"the size of {parameter.name!r} uses {name!r}, which is not a value parameter "
                                      "of at most 32 bits")

    def _tokenize(self, text: str) -> list[str]:
        tokens, at, end = [], 0, len(text.rstrip())
        while at < end:
            match = _TOKEN.match(text, at)
            if not match:
                raise self._error(f"unexpected character {text[at:].lstrip()[0]!r}")
            tokens.append(match.group(1))
            at = match.end()
        return tokens

    def _words(self) -> list[str]:
        start = self._at
        while re.fullmatch(r"[A-Za-z_]\w*", self._peek()):
            self._at += 1
        return self._tokens[start:self._at]

    def _word(self, what: str) -> str:
        token = self._next()
        if not re.fullmatch(r"[A-Za-z_]\w*", token):
            raise self._error(f"expected {what}, found {token or 'the end'!r}")
        return token

    def _identifier(self, name: str, what: str) -> None:
        try:
            check_identifier(name, what)
        except RingfenceError as error:
            raise self._error(error.message, error.hint) from None
        if name in _RESERVED_WORDS:
            raise self._error(f"{what} {name!r} is a word of the prototype language")

    def _peek(self) -> str:
        return self._tokens[self._at] if self._at < len(self._tokens) else ""

    def _next(self) -> str:
        token = self._peek()
        self._at += 1
        return token

    def _accept(self, token: str) -> bool:
        if self._peek() != token:
            return False
        self._at += 1
        return True

    def _expect(self, token: str) -> None:
        found = self._next()
        if found != token:
            raise self._error(f"expected {token!r}, found {found or 'the end'!r}")

    def _error(self, message: str, hint: str | None = None) -> RingfenceError:
        example = "a prototype looks like: decode(in data[size], size, out pixels[cap], cap) -> int"
        return RingfenceError(f"prototype {self._text!r}: {message}", hint or example)
