"""Decoding: exactly one row or a refusal with a reason, for every input; and the table's own checks."""

from __future__ import annotations

import itertools
import random
from collections.abc import Sequence

import pytest

from ringfence.verify.kernel.isa.control import nothing
from ringfence.verify.kernel.isa.decode import TABLE, Instruction, Refused, decode
from ringfence.verify.kernel.isa.rows import PictureError, Row, Table, forbidden, parse_picture, row


def outcome(code: bytes) -> Instruction | str:
    """The instruction, or the reason for refusing it; any other exception is a failure."""
    try:
        return decode(code, 0)
    except Refused as refused:
        return str(refused)


def encoded(word: int, bits: int) -> bytes:
    if bits == 16:
        return word.to_bytes(2, "little")
    return (word >> 16).to_bytes(2, "little") + (word & 0xFFFF).to_bytes(2, "little")


def test_every_halfword_is_an_instruction_or_is_refused_with_a_reason() -> None:
    accepted = 0
    for halfword in range(1 << 16):
        found = outcome(encoded(halfword, 16))
        if isinstance(found, Instruction):
            accepted += 1
            assert found.size == 2
        else:
            assert found
            assert "more than one row" not in found
            assert halfword < 0xE800 or "ends" in found
    assert accepted > 56000


def test_random_words_are_instructions_or_are_refused_with_a_reason() -> None:
    draw = random.Random(403)
    accepted = 0
    for _ in range(100_000):
        found = outcome(encoded(draw.randrange(0xE8000000, 1 << 32), 32))
        if isinstance(found, Instruction):
            accepted += 1
            assert found.size == 4
        else:
            assert found
            assert "more than one row" not in found
    assert accepted > 20_000


def test_every_row_claims_some_encoding_that_no_other_row_claims() -> None:
    draw = random.Random(7)
    for one in TABLE.rows:
        free = ~one.picture.mask & ((1 << one.picture.bits) - 1)
        found = set()
        for _ in range(200):
            word = one.picture.match | (draw.getrandbits(32) & free)
            try:
                found.add(TABLE.find(word, one.picture.bits).name)
            except Refused as refused:
                raise AssertionError(f"{one.name}: {refused}") from None
        assert one.name in found


@pytest.mark.parametrize("code", [b"", b"\x00", b"\x00\xf0", b"\x00\xf0\x00"])
def test_code_that_ends_within_an_instruction_is_refused(code: bytes) -> None:
    assert "ends within" in str(outcome(code))


def test_an_offset_outside_the_code_is_refused() -> None:
    for offset in (-2, -1, 2, 100):
        with pytest.raises(Refused, match="ends within"):
            decode(b"\x00\xbf", offset)


def test_decoding_starts_at_the_offset() -> None:
    assert decode(b"\x00\xbf\x70\x47", 2).name == "BX T1"


@pytest.mark.parametrize(
    ("code", "in_it"),
    [
        ("00bf", "any"),  # nop
        ("7047", "last"),  # bx lr
        ("10bd", "last"),  # pop {r4, pc}
        ("10bc", "any"),  # pop {r4}
        ("bde81080", "last"),  # pop.w {r4, pc}
        ("bde81040", "any"),  # pop.w {r4, lr}
        ("dff800f0", "last"),  # ldr.w pc, [pc]
        ("52f8041b", "any"),  # ldr r1, [r2], #4
        ("52f804fb", "last"),  # ldr pc, [r2], #4
        ("08bf", "never"),  # it eq
        ("00d0", "never"),  # beq
        ("00f00080", "never"),  # beq.w
        ("00e0", "last"),  # b
        ("08b1", "never"),  # cbz
        ("dfe800f0", "last"),  # tbb
        ("00f000f8", "last"),  # bl
        ("30ee200a", "any"),  # vadd.f32
        ("00fe200a", "never"),  # vsel
        ("80fe200a", "never"),  # vmaxnm
        ("b8fe400a", "never"),  # vrinta
        ("bcfe400a", "never"),  # vcvta
    ],
)
def test_place_in_an_it_block(code: str, in_it: str) -> None:
    assert decode(bytes.fromhex(code), 0).in_it == in_it


# -- the table's checks -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "picture",
    [
        "0000",  # bits missing
        "0" * 17,
        "0000 Rn:4 | 0000000000000000",  # a half that is too short
        "0000000000000000 0 | 000000000000000",  # halves that are wrong but add up
        "0000000000000000 | 0000000000000000 | 0000000000000000",
        "0000 Rn:4 imm8 -",
        "00000000000000(2)0",
    ],
)
def test_a_picture_with_wrong_bits_is_refused(picture: str) -> None:
    with pytest.raises(PictureError):
        parse_picture(picture)


def test_fields_are_joined_from_the_top_and_name_two_registers() -> None:
    picture = parse_picture("11110 imm:1 000000 Rdn:4 | 0 imm:3 (1111) imm:8")
    assert picture.fields(0xF4050FFF) == {"imm": 0b1_000_11111111, "Rd": 5, "Rn": 5}
    assert picture.claims(0xF4050FFF)
    assert not picture.claims(0xF40507FF)  # a should-be-one bit that is zero


def overlap(a: Row, b: Row) -> bool:
    return (
        a.picture.bits == b.picture.bits and (a.picture.match ^ b.picture.match) & a.picture.mask & b.picture.mask == 0
    )


def faults(rows: Sequence[Row]) -> list[str]:
    """What is wrong with a table: names that repeat, and overlaps that not exactly one of the two rows declares."""
    by_name = {r.name: r for r in rows}
    found = ["two rows have one name"] if len(by_name) != len(rows) else []
    for r in rows:
        found += [f"{r.name} sees {n}" for n in r.see if n not in by_name or not overlap(r, by_name[n])]
    for a, b in itertools.combinations(rows, 2):
        if overlap(a, b) and (b.name in a.see) == (a.name in b.see):
            found.append(f"{a.name} and {b.name} overlap: exactly one must see the other")
    return found


def test_the_table_has_no_undeclared_overlap() -> None:
    assert faults(TABLE.rows) == []


def test_the_table_keeps_to_the_known_it_rules_and_extensions() -> None:
    assert {r.it for r in TABLE.rows} == {"any", "last", "never", "last-if-pc"}
    assert {r.needs for r in TABLE.rows} == {"", "dsp", "fp", "fp5", "fp64"}


def test_registers_in_pictures_have_the_names_that_checks_look_for() -> None:
    """A misspelt field would be a KeyError at the first such instruction; here at the latest."""
    for r in TABLE.rows:
        if r.semantics is not None:
            for _, objects in r.checks:
                objects(r.picture.fields(r.picture.match))


GENERAL = row("general", "00000000 Rn:4 Rm:4", nothing)
SPECIAL = row("special", "00000000 0000 Rm:4", nothing)
GENERAL_SEES = row("general", "00000000 Rn:4 Rm:4", nothing, see=("special",))
FAULTY = [
    (GENERAL, SPECIAL),  # undeclared overlap
    (GENERAL_SEES, row("special", "00000000 0000 Rm:4", nothing, see=("general",))),  # declared twice
    (GENERAL_SEES, row("special", "00000001 0000 Rm:4", nothing, see=("general",))),  # no overlap
    (GENERAL_SEES,),  # sees a row that is not there
    (GENERAL, GENERAL),
    (GENERAL, forbidden("special", "000000000000 Rm:4", "no")),
]


@pytest.mark.parametrize("rows", FAULTY)
def test_undeclared_overlaps_and_names_are_found(rows: tuple[Row, ...]) -> None:
    assert faults(rows) != []


def test_an_instruction_that_two_rows_claim_is_refused() -> None:
    with pytest.raises(Refused, match="more than one row"):
        Table((GENERAL, SPECIAL)).find(0x0005, 16)


def test_a_declared_overlap_goes_to_the_row_that_is_seen() -> None:
    table = Table((GENERAL_SEES, SPECIAL))
    assert table.find(0x0005, 16).name == "special"
    assert table.find(0x0015, 16).name == "general"
    with pytest.raises(Refused):
        table.find(0x0105, 16)
