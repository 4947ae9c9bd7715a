"""From the text of a linker script to what Ringfence needs to know of it. Commands that are not listed are refused.

The grammar is that of the ld manual, chapter "Linker Scripts"; a script that ld itself would refuse may pass here,
since ld reads the same text afterwards.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from ringfence.linker_scripts.model import LinkerScriptError
from ringfence.linker_scripts.source import Source, Token

_ASSIGN = frozenset({"=", "+=", "-=", "*=", "/=", "&=", "|=", "^=", "<<=", ">>="})
_OPERAND_FOLLOWS = frozenset({
    "+", "-", "*", "/", "%", "&", "|", "^", "~", "!", "(", "?", ":", "<", ">", "<<", ">>", "<=", ">=", "==", "!=",
    "&&", "||",
})  # fmt: skip
_SECTION_TYPES = frozenset({"NOLOAD", "DSECT", "COPY", "INFO", "OVERLAY", "READONLY", "TYPE"})
_PROVIDE = frozenset({"PROVIDE", "PROVIDE_HIDDEN", "HIDDEN"})
# Commands of which only the extent matters: NAME ( ... ).
_SKIPPED = frozenset({
    "ENTRY", "OUTPUT_FORMAT", "OUTPUT_ARCH", "SEARCH_DIR", "GROUP", "INPUT", "STARTUP", "EXTERN", "TARGET", "OUTPUT",
    "NOCROSSREFS", "NOCROSSREFS_TO", "ASSERT", "LD_FEATURE",
})  # fmt: skip
_BARE = frozenset({"FORCE_COMMON_ALLOCATION", "INHIBIT_COMMON_ALLOCATION", "FORCE_GROUP_ALLOCATION"})
_DATA = frozenset({"BYTE", "SHORT", "LONG", "QUAD", "SQUAD", "FILL", "ASCIZ", "ASSERT"})
_REFUSED = {
    "PHDRS": "its program headers are laid out by hand, and the sandboxes need headers of their own",
    "INSERT": "it extends ld's built-in script, which has no memory map",
    "OVERLAY": "overlays share addresses, which the verifier refuses",
    "VERSION": "symbol versions belong to shared libraries",
}


@dataclass(frozen=True)
class MemoryLine:
    name: str
    flags: str
    origin: tuple[Token, ...]
    length: tuple[Token, ...]
    offset: int

    def parts(self) -> tuple[tuple[str, tuple[Token, ...]], ...]:
        return ("ORIGIN", self.origin), ("LENGTH", self.length)


@dataclass(frozen=True)
class Assignment:
    """`name operator value`; `provided` for PROVIDE and PROVIDE_HIDDEN, which a program may override."""

    name: str
    operator: str
    value: tuple[Token, ...]
    provided: bool
    offset: int


@dataclass(frozen=True)
class OutputSection:
    """after_colon: where its attributes begin. own_load: the script says where it is loaded, AT(...) or AT> REGION."""

    name: str
    after_colon: int
    own_load: bool


@dataclass(frozen=True)
class InputPattern:
    file: str
    section: str
    offset: int


@dataclass
class ParsedScript:
    """`addresses`: explicit addresses of output sections. `referenced`: names used in expressions outside MEMORY."""

    memory: list[MemoryLine] = field(default_factory=list)
    sections: list[OutputSection] = field(default_factory=list)
    assignments: list[Assignment] = field(default_factory=list)
    patterns: list[InputPattern] = field(default_factory=list)
    addresses: list[tuple[str, tuple[Token, ...]]] = field(default_factory=list)
    aliases: list[tuple[str, str]] = field(default_factory=list)
    referenced: set[str] = field(default_factory=set)


def parse(source: Source) -> ParsedScript:
    """LinkerScriptError names file and line of what is not understood."""
    try:
        return _Parser(source).script()
    except RecursionError as error:
        raise source.error(0, "the script is nested too deeply") from error


class _Parser:
    """One pass over the flat text; `_at` is the offset of what comes next."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._at = 0
        self._found = ParsedScript()

    def script(self) -> ParsedScript:
        while (token := self._source.word(self._at)) is not None:
            self._at = token.end
            self._command(token)
        return self._found

    # -- the top level --

    def _command(self, token: Token) -> None:
        if token.text == "MEMORY":
            self._block(self._memory_line)
        elif token.text == "SECTIONS":
            self._block(self._section_statement)
        elif token.text == "REGION_ALIAS":
            self._alias()
        elif not self._common(token):
            self._must_assign(token)

    def _block(self, statement: Callable[[Token], None]) -> None:
        self._expect("{")
        while (token := self._word()).text != "}":
            statement(token)

    def _alias(self) -> None:
        self._expect("(")
        names = [token.text.strip('"') for token in self._until(")") if token.text != ","]
        # `alias,REGION` without a blank is one word.
        alias, _, region = " ".join(names).replace(",", " ").partition(" ")
        self._found.aliases.append((alias, region.strip()))

    def _common(self, token: Token) -> bool:
        """Statements that may stand at the top level and in SECTIONS alike."""
        text = token.text
        if text in _REFUSED:
            raise self._error(token, f"{text} is not supported: {_REFUSED[text]}", "remove it from the script")
        if text in _SKIPPED:
            self._expect("(")
            self._skip_group(text)
        elif text in _PROVIDE:
            self._provide(text)
        elif text == ".":
            self._dot(token)
        else:
            return text == ";" or text in _BARE
        return True

    def _skip_group(self, command: str) -> None:
        """To the matching parenthesis. Names in it count as used when it holds an expression."""
        if command == "ASSERT":
            self._mention(self._expression({")"}))
            return
        depth = 1
        while depth:
            depth += {"(": 1, ")": -1}.get(self._word().text, 0)

    def _provide(self, command: str) -> None:
        self._expect("(")
        name = self._word()
        self._expect("=")
        value = self._expression({")"})
        self._assignment(name, "=", value, provided=command != "HIDDEN")

    def _must_assign(self, token: Token) -> None:
        if not self._try_assignment(token):
            raise self._error(token, f"{token.text!r} is not understood here")

    def _try_assignment(self, name: Token) -> bool:
        operator = self._source.word(self._at)
        if operator is None or operator.text not in _ASSIGN:
            return False
        self._at = operator.end
        self._assignment(name, operator.text, self._expression({";", ","}), provided=False)
        return True

    def _assignment(self, name: Token, operator: str, value: tuple[Token, ...], provided: bool) -> None:
        self._found.assignments.append(Assignment(name.text.strip('"'), operator, value, provided, name.start))
        self._mention(value)

    # -- MEMORY --

    def _memory_line(self, name: Token) -> None:
        flags = ""
        token = self._expression_token()
        if token.text == "(":
            flags = "".join(part.text for part in self._expression({")"}))
            token = self._expression_token()
        if token.text != ":":
            raise self._error(token, f"':' expected after region {name.text}, found {token.text!r}")
        self._keyword("ORIGIN", "org", "o")
        origin = self._memory_number(name)
        self._keyword("LENGTH", "len", "l")
        length = self._memory_number(name)
        self._found.memory.append(MemoryLine(name.text, flags, origin, length, name.start))

    def _keyword(self, *spellings: str) -> None:
        token = self._expression_token()
        if token.text == ",":
            token = self._expression_token()
        if token.text not in spellings:
            raise self._error(token, f"{spellings[0]} expected, found {token.text!r}")
        equals = self._expression_token()
        if equals.text != "=":
            raise self._error(equals, f"'=' expected after {token.text}")

    def _memory_number(self, name: Token) -> tuple[Token, ...]:
        """One expression of MEMORY. It ends at a comma or `}`, or where a name follows an operand."""
        tokens: list[Token] = []
        depth = 0
        while True:
            start = self._at
            token = self._expression_token()
            complete = depth == 0 and tokens and tokens[-1].text not in _OPERAND_FOLLOWS
            if complete and (token.text in {",", "}"} or token.text[0].isalnum() or token.text[0] in "_."):
                self._at = start if token.text != "," else token.end
                return tuple(tokens)
            if depth == 0 and token.text in {",", "}"}:
                raise self._error(token, f"the numbers of region {name.text} are incomplete")
            depth += {"(": 1, ")": -1}.get(token.text, 0)
            tokens.append(token)

    # -- SECTIONS --

    def _section_statement(self, token: Token) -> None:
        if not self._common(token) and not self._try_assignment(token):
            self._output_section(token)

    def _dot(self, token: Token) -> None:
        """`. = 0x20001000;` between sections fixes the address of what follows; in a section's body it is relative."""
        self._must_assign(token)
        assignment = self._found.assignments.pop()
        if assignment.operator == "=":
            self._found.addresses.append((".", assignment.value))

    def _output_section(self, name: Token) -> None:
        address = _without_type(self._expression({":"}, ternary=True))
        after_colon = self._at
        if address:
            self._found.addresses.append((name.text, address))
            self._mention(address)
        attributes = self._expression({"{"})
        self._mention(attributes)
        while (token := self._word()).text != "}":
            self._body_statement(token)
        own_load = self._section_tail() or any(token.text == "AT" for token in attributes)
        self._found.sections.append(OutputSection(name.text, after_colon, own_load))

    def _body_statement(self, token: Token) -> None:
        text = token.text
        if text in _DATA:
            self._expect("(")
            self._mention(self._expression({")"}))
        elif text in {"CREATE_OBJECT_SYMBOLS", "CONSTRUCTORS", ";", ","}:
            return
        elif text == "KEEP":
            self._expect("(")
            self._input(self._word())
            self._expect(")")
        elif text in _PROVIDE:
            self._provide(text)
        elif text == ".":
            self._must_assign(token)
            self._found.assignments.pop()
        elif not self._try_assignment(token):
            self._input(token)

    def _input(self, token: Token) -> None:
        """An input section description: a file pattern, then section patterns in parentheses."""
        file = self._unwrap(token)
        following = self._source.word(self._at)
        if following is None or following.text != "(":
            self._found.patterns.append(InputPattern(file, "*", token.start))
            return
        self._at = following.end
        while (word := self._word()).text != ")":
            if word.text.strip(","):
                sections = self._unwrap(word).split(",")
                self._found.patterns += [InputPattern(file, name, word.start) for name in sections if name]

    def _unwrap(self, token: Token) -> str:
        """The pattern inside SORT(...) and the like; EXCLUDE_FILE and INPUT_SECTION_FLAGS only narrow what follows."""
        if token.text in {"EXCLUDE_FILE", "INPUT_SECTION_FLAGS"}:
            self._expect("(")
            self._until(")")
            following = self._word()
            return self._unwrap(self._word() if following.text == "&" else following)
        if token.text.startswith("SORT") or token.text == "REVERSE":
            self._expect("(")
            inner = self._unwrap(self._word())
            self._expect(")")
            return inner
        if token.text in {"(", "{", "}", "<", ">", "|"} or token.text in _ASSIGN:
            raise self._error(token, f"{token.text!r} is not understood here")
        return token.text.strip('"')

    def _section_tail(self) -> bool:
        """`> REGION AT> REGION =fill ,` after the closing brace, all of them optional; whether AT> was among them."""
        own_load = False
        while (token := self._source.word(self._at)) is not None:
            if token.text in {">", "AT"}:
                self._at = token.end
                if token.text == "AT":
                    own_load = True
                    self._expect(">")
                self._word()
            elif token.text == "=":
                self._at = token.end
                self._fill()
            elif token.text == ",":
                self._at = token.end
            elif token.text.startswith(":"):
                raise self._error(token, "a program header is named here, but PHDRS is not supported", "remove it")
            else:
                break
        return own_load

    def _fill(self) -> None:
        token = self._expression_token()
        if token.text == "(":
            self._expression({")"})

    # -- tokens --

    def _mention(self, tokens: tuple[Token, ...]) -> None:
        self._found.referenced.update(token.text for token in tokens)

    def _until(self, end: str) -> list[Token]:
        tokens: list[Token] = []
        while (token := self._word()).text != end:
            tokens.append(token)
        return tokens

    def _expression(self, ends: set[str], ternary: bool = False) -> tuple[Token, ...]:
        """Tokens up to one of `ends` outside parentheses, which is consumed. `ternary`: a ':' may belong to a '?'."""
        tokens: list[Token] = []
        depth = questions = 0
        while True:
            token = self._expression_token()
            if depth == 0 and token.text in ends:
                if not (ternary and token.text == ":" and questions):
                    return tuple(tokens)
                questions -= 1
            if token.text in {"{", "}"}:
                raise self._error(token, f"{token.text!r} inside an expression: {' or '.join(sorted(ends))} is missing")
            questions += token.text == "?"
            depth += {"(": 1, ")": -1}.get(token.text, 0)
            tokens.append(token)

    def _expect(self, text: str) -> None:
        token = self._word()
        if token.text != text:
            raise self._error(token, f"{text!r} expected, found {token.text!r}")

    def _word(self) -> Token:
        return self._advance(self._source.word(self._at))

    def _expression_token(self) -> Token:
        return self._advance(self._source.expression_token(self._at))

    def _advance(self, token: Token | None) -> Token:
        if token is None:
            raise self._source.error(max(len(self._source.text) - 1, 0), "the script ends in the middle of a command")
        self._at = token.end
        return token

    def _error(self, token: Token, what: str, hint: str | None = None) -> LinkerScriptError:
        return self._source.error(token.start, what, hint)


def _without_type(header: tuple[Token, ...]) -> tuple[Token, ...]:
    """The address in `[address] [(type)]`: a parenthesis that holds one of ld's section types is none of it."""
    for index, token in enumerate(header):
        if token.text == "(" and index + 1 < len(header) and header[index + 1].text in _SECTION_TYPES:
            return header[:index]
    return header
