"""force_bits sets exactly the bits it is asked to set, touches nothing else, and is cheap where it can be."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringfence.toolchain.guards import force_bits
from ringfence.toolchain.insn import FLAGS, Insn, bit

_WORD = 0xFFFFFFFF


def effect(insn: Insn, value: int) -> int:
    """What one of the five instructions does to the register."""
    numbers = [operand.value for operand in insn.operands if not operand.is_register]
    if insn.name == "bfc":
        return value & ~(((1 << numbers[1]) - 1) << numbers[0])
    if insn.name == "movt":
        return value & 0xFFFF | numbers[0] << 16
    operation = {"and": value & numbers[0], "orr": value | numbers[0], "bic": value & ~numbers[0]}
    return operation[insn.name] & _WORD


def check(mask: int, value: int, register: int, before: int) -> tuple[Insn, ...]:
    sequence = force_bits(register, mask, value)
    after = before
    for insn in sequence:
        assert insn.writes == bit(register)
        assert not insn.reads & ~bit(register) and not insn.writes & FLAGS
        after = effect(insn, after)
    assert after == before & ~mask | value
    return sequence


@given(st.integers(0, _WORD), st.integers(0, _WORD), st.sampled_from([0, 7, 8, 12, 14]), st.integers(0, _WORD))
def test_any_bits_can_be_forced(mask: int, value: int, register: int, before: int) -> None:
    check(mask, value & mask, register, before)


@given(st.integers(8, 24), st.integers(0, _WORD), st.integers(0, _WORD))
def test_windows_of_every_size_and_place(size: int, place: int, before: int) -> None:
    mask = ~((1 << size) - 1) & _WORD
    check(mask, place & mask, 3, before)


@pytest.mark.parametrize(
    ("mask", "value", "names"),
    [
        (0xFFFF0000, 0x20020000, ["movt"]),
        (0xFFFE0000, 0x20000000, ["bfc", "orr"]),
        (0xFFFFFFC2, 0x00010000, ["and", "orr"]),
        (0xFFFFF000, 0x20000000, ["bfc", "orr"]),
        (0xFFFF8000, 0x20128000, ["movt", "orr"]),
        (0, 0, []),
    ],
)
def test_the_cheapest_way_is_found(mask: int, value: int, names: list[str]) -> None:
    assert [insn.name for insn in check(mask, value, 5, 0xDEADBEEF)] == names


def test_a_value_outside_of_the_mask_is_an_error() -> None:
    with pytest.raises(ValueError, match="outside of the mask"):
        force_bits(0, 0xF0, 0x0F)
