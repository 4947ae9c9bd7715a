"""What an instruction is said to read, write and store is what independent models of the architecture do."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ringfence.toolchain.disasm import UnsupportedInstruction, decode
from ringfence.toolchain.insn import ALWAYS, FLAGS, Insn, bit, flags_tested

VECTORS = Path(__file__).resolve().parents[3] / "shared" / "isa-vectors"
needs_vectors = pytest.mark.skipif(not VECTORS.exists(), reason="the shared instruction vectors are not here")


def rows(name: str) -> Iterator[dict[str, Any]]:
    """Vectors of one instruction whose outcome all models agree on."""
    with gzip.open(VECTORS / name, "rt") as lines:
        for line in lines:
            row = json.loads(line)
            if row["expect"] == "ok" and row.get("steps", 1) == 1:
                yield row


def decoded(row: dict[str, Any]) -> Insn | None:
    try:
        return decode(bytes.fromhex(row["code"]))
    except UnsupportedInstruction:
        return None


def problem(row: dict[str, Any], insn: Insn) -> str | None:
    """The first thing that the instruction did and that its description does not allow."""
    before, after = row["regs"], row["post"]["regs"]
    for register in range(15):
        if before[register] != after[register] and not insn.writes & bit(register):
            return f"changed register {register}"
    changed = (row["nzcv"] ^ row["post"]["nzcvq"] >> 1) if isinstance(row["nzcv"], int) else 0
    if changed and not insn.writes & FLAGS:
        return "changed flags"
    return store_problem(row, insn)


def store_problem(row: dict[str, Any], insn: Insn) -> str | None:
    writes = sorted(int(address) for address, _ in row["post"]["writes"])
    if not writes:
        return None
    if not insn.is_store or insn.memory is None:
        return "stored"
    memory, registers = insn.memory, row["regs"]
    start = registers[memory.base] + memory.offset
    if memory.index >= 0:
        start += registers[memory.index] << memory.shift
    first = start & 0xFFFFFFFF
    expected = sorted((first + n) & 0xFFFFFFFF for n in range(memory.size))
    return None if writes == expected else f"stored at {writes[0]:#x}, not {first:#x}"


@needs_vectors
@pytest.mark.parametrize("name", ["thumb.jsonl.gz", "t16-exhaustive.jsonl.gz"])
def test_nothing_changes_that_is_not_declared(name: str) -> None:
    checked, wrong = 0, []
    for row in rows(name):
        insn = decoded(row)
        if insn is None or insn.kind not in ("plain", "call", "call_register"):
            continue
        checked += 1
        what = problem(row, insn)
        if what is not None:
            wrong.append(f"{row['code']} {insn}: {what}")
    assert checked > 5000
    assert not wrong, wrong[:10]


@pytest.mark.parametrize(
    ("code", "name", "reads", "writes"),
    [
        ("8842", "cmp", {0, 1}, set()),
        ("0844", "add", {0, 1}, {0}),
        ("e2fb0301", "umlal", {0, 1, 2, 3}, {0, 1}),
        ("a2fb0301", "umull", {2, 3}, {0, 1}),
        ("02e9f001", "stmdb", {2, 4, 5, 6, 7, 8}, set()),
        ("22e9f001", "stmdb", {2, 4, 5, 6, 7, 8}, {2}),
        ("41f8220b", "str", {0, 1}, {1}),
        ("51f82230", "ldr", {1, 2}, {3}),
        ("42e80013", "strex", {1, 2}, {3}),
        ("c1e90223", "strd", {1, 2, 3}, set()),
        ("6ff31f03", "bfc", {3}, {3}),
        ("c2f20403", "movt", {3}, {3}),
        ("2de9f04f", "push", {4, 5, 6, 7, 8, 9, 10, 11, 13, 14}, {13}),
        ("0a00", "mov", {1}, {2}),
    ],
)
def test_operand_roles(code: str, name: str, reads: set[int], writes: set[int]) -> None:
    insn = decode(bytes.fromhex(code))
    assert insn.name == name
    assert {r for r in range(16) if insn.reads >> r & 1} == reads
    assert {r for r in range(16) if insn.writes >> r & 1} == writes


@pytest.mark.parametrize("condition", range(14))
def test_a_condition_adds_the_flags_that_it_tests_and_nothing_else(condition: int) -> None:
    plain, under = decode(bytes.fromhex("0844")), decode(bytes.fromhex("0844"), condition)
    assert under.reads == plain.reads | flags_tested(condition)
    assert under.writes == plain.writes
    assert under.under(ALWAYS) == plain


def test_sixteen_bit_data_processing_sets_flags_only_outside_of_it_blocks() -> None:
    adds = bytes.fromhex("8818")
    assert decode(adds).sets_flags
    assert not decode(adds, 0).sets_flags
    assert decode(bytes.fromhex("8842"), 0).sets_flags  # cmp does


@pytest.mark.parametrize("code", ["01df", "00be", "72b6", "ffffffff", "80f30988", "30bf"])
def test_what_does_not_belong_in_a_sandbox_is_refused(code: str) -> None:
    with pytest.raises(UnsupportedInstruction):
        decode(bytes.fromhex(code))


def test_loads_into_sp_are_refused_but_those_that_restore_it() -> None:
    """`ldr sp, [r1]` is what gcc restores a spilled SP with; passes/dynamic.py replaces it."""
    assert decode(bytes.fromhex("d1f800d0")).writes == 1 << 13
    for code in ("51f804db", "51f804dd", "51f822d0"):  # post-indexed, pre-indexed, a register as index
        with pytest.raises(UnsupportedInstruction, match="SP"):
            decode(bytes.fromhex(code))


@pytest.mark.parametrize("number", [0, 1, 0xF1, 0xFD, 0xFE, 0xFF])
def test_every_trap_is_known_by_its_number(number: int) -> None:
    """capstone calls that of clang's __builtin_trap, 254, otherwise."""
    insn = decode(bytes((number, 0xDE)))
    assert (insn.kind, insn.name, insn.value) == ("trap", "udf", number)
