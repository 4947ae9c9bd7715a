"""Runs files of instruction vectors through the kernel's rows: what each instruction does is compared with the models.

A file is JSON lines, plain or gzip. A row has `code` (little-endian bytes, hex; with `steps` 2 an IT instruction
comes first), `pc`, `regs` (r0-r12, SP, LR), `nzcv`, and `expect`: "ok" with `post` (`regs`, `pc`, `nzcvq`, `t` and
`writes` as [address, byte]), "unpredictable", "undefined", or "not-executed" (an exception was taken). Memory that was
not written reads as concrete.background.

The models are of ARMv7-A/R in user mode. Where the ARMv7-M manual (DDI 0403E) differs it wins, or the kernel allows
less on purpose. Every such difference is in the two tables below, by name; a vector that differs otherwise has failed.
Values that the kernel leaves unknown agree with any.
"""

from __future__ import annotations

import gzip
import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from .concrete import FLAGS, ConcreteMachine, NotKnown
from .kernel.isa.conditions import condition
from .kernel.isa.decode import Refused

NO_THUMB_BIT = "the target has no Thumb bit: a UsageFault on the M profile (A2.3.1 BXWritePC, LoadWritePC)"
SP_UNALIGNED = "SP becomes no multiple of 4: the M profile clears the bits (B1.4.1), the executor refuses it"
UNALIGNED = "the address is no multiple of 4: a UsageFault (A3.2.1), which leaves the sandbox"
ADD_TO_SP = "ADD (SP plus immediate) T3 may have SP as Rd (A7.7, ADD (SP plus immediate))"
NOT_EXECUTED = "the IT condition fails: the models execute nothing, whether the instruction is allowed or not"

# The kernel executes what the models call unpredictable or undefined, or take an exception at: why -> rows.
ACCEPTED: dict[str, frozenset[str]] = {
    NO_THUMB_BIT: frozenset({"POP T1", "LDM T2, POP T2", "LDMDB T1", "BX T1", "BLX (register) T1"}),
    SP_UNALIGNED: frozenset(
        {
            "ADD (register) T2",
            "MOV (register) T1",
            "LDR (immediate) T4, POP T3",
            "LDRB, LDRH T3, LDRSB, LDRSH T2 (immediate)",
            "STR (immediate) T4, PUSH T3",
            "STRB, STRH (immediate) T3",
        }
    ),
    UNALIGNED: frozenset(
        {
            "LDM T1",
            "LDM T2, POP T2",
            "LDMDB T1",
            "STM T1",
            "STM T2",
            "STRD (immediate) T1",
            "LDRD (immediate) T1",
            "LDREX T1",
        }
    ),
    ADD_TO_SP: frozenset({"ADD (immediate) T3, CMN (immediate) T1"}),
}

# The kernel refuses what the models execute: why -> the beginnings of its reasons.
REFUSED: dict[str, frozenset[str]] = {
    "unprivileged accesses": frozenset(
        {
            "LDRT T1: an unprivileged",
            "LDRBT, LDRHT, LDRSBT, LDRSHT T1: an unprivileged",
            "STRT, STRBT, STRHT T1: an unprivileged",
        }
    ),
    "privileged, debugging, sleep, and hints not on the allow-list": frozenset(
        {"BKPT T1: a breakpoint", "CPS T1: changes", "NOP, YIELD, SEV T1: a hint"}
    ),
    "not on the allow-list though the architecture has it": frozenset(
        {
            "ADD (register) T2: a computed jump",
            "MOV (register) T1: a computed jump",
            "LDR (immediate) T3: SP may not be loaded",
            "LDR (immediate) T4, POP T3: SP may not be loaded",
            "STM T1: the base is in the list",
            "BX T1: a switch to ARM state",
        }
    ),
    "the M profile has no SETEND and no STREXD": frozenset(
        {"no instruction of the allow-list", "STRD (immediate) T1: undefined with neither P nor W"}
    ),
    "UNPREDICTABLE on the M profile": frozenset(
        {
            "LDRD (literal) T1: UNPREDICTABLE where PC is not a multiple of 4",
            "LDRB, LDRH, LDRSB, LDRSH (register) T2: UNPREDICTABLE with SP or PC as Rt",  # an unallocated hint
        }
    ),
}


class BadVectors(Exception):
    """The file is no file of Thumb vectors: where and why."""


class Verdict(NamedTuple):
    """`row`: the instruction's row, or the reason for refusing it. `difference`: its name, if there is a listed one."""

    failure: str | None
    row: str
    difference: str | None = None


@dataclass
class Tally:
    """What a run met."""

    passed: int = 0
    failures: list[str] = field(default_factory=list)
    matched: Counter[str] = field(default_factory=Counter)  # rows that ended as the models say
    differences: Counter[tuple[str, str]] = field(default_factory=Counter)  # (name, row or beginning of the reason)

    def add(self, row: dict[str, Any], verdict: Verdict) -> None:
        if verdict.failure is not None:
            self.failures.append(f"{row['code']} {verdict.row}: {verdict.failure}")
            return
        self.passed += 1
        if verdict.difference is not None:
            self.differences[verdict.difference, verdict.row] += 1
        elif row["expect"] == "ok":
            self.matched[verdict.row] += 1


def read_vectors(path: Path) -> Iterator[dict[str, Any]]:
    """The rows of a .jsonl or .jsonl.gz file. Raises BadVectors."""
    number = 0
    try:
        with gzip.open(path, "rt") if path.suffix == ".gz" else path.open() as lines:
            for number, line in enumerate(lines, 1):
                row = json.loads(line)
                bytes.fromhex(row["code"]), row["steps"], row["pc"], row["nzcv"], row["expect"]
                if len(row["regs"]) != 15 or (row["expect"] == "ok" and len(row["post"]["regs"]) != 15):
                    raise BadVectors(f"{path}, line {number}: 15 registers are expected")
                yield row
    except (OSError, EOFError, ValueError, KeyError, TypeError) as error:
        raise BadVectors(f"{path}, line {number}: {type(error).__name__}: {error}") from error


def judge(row: dict[str, Any], *, symbolic: bool = False) -> Verdict:
    """Run one vector, on numbers or (symbolic) on terms."""
    m = ConcreteMachine(bytes.fromhex(row["code"]), row["regs"], row["nzcv"], row["pc"], symbolic=symbolic)
    try:
        name = [m.step() for _ in range(row["steps"])][-1]
    except Refused as refused:
        return _refused(m, row, str(refused))
    except NotKnown as unknown:
        return Verdict(f"an address, a condition or a target is unknown: {unknown}", f"at {m.pc:#x}")
    if row["expect"] == "ok":
        wrong = differences(m, row["post"], may_not_store=name.startswith("STREX"))
        return Verdict("; ".join(wrong) or None, name)
    if row["expect"] == "not-executed" and m.trapped:
        return Verdict(None, name)
    why = _why_accepted(m, row, name)
    listed = why is not None and name in ACCEPTED[why]
    return Verdict(None if listed else f"{row['expect']} for the models: {row.get('why')}", name, why)


def differences(m: ConcreteMachine, post: dict[str, Any], *, may_not_store: bool) -> list[str]:
    """Where the machine's state is known and not the expected one.

    `may_not_store`: a STREX; without a reservation it stores nothing in the models, the row says what it may store.
    """
    found = []
    for number, expected in enumerate(post["regs"]):
        if m.value(m.regs[number]) not in (expected, None):
            found.append(f"r{number} is {m.value(m.regs[number])}, not {expected}")
    for i, flag in enumerate(FLAGS):
        if m.value(m.flags[flag]) not in (post["nzcvq"] >> (4 - i) & 1, None):
            found.append(f"{flag} is {m.value(m.flags[flag])}")
    if (m.pc, m.thumb) != (post["pc"], post["t"]):
        found.append(f"pc is {m.pc:#x} (T {m.thumb}), not {post['pc']:#x} (T {post['t']})")
    expected_writes = dict(post["writes"])
    if m.writes != expected_writes and (expected_writes or not may_not_store):
        found.append(f"writes {m.writes}")
    return found


def _refused(m: ConcreteMachine, row: dict[str, Any], reason: str) -> Verdict:
    if row["expect"] != "ok":
        return Verdict(None, reason)
    if row["steps"] == 2 and not m.number(condition(m.flag, bytes.fromhex(row["code"])[0] >> 4)):
        return Verdict(None, "", NOT_EXECUTED)
    for why, beginnings in REFUSED.items():
        for beginning in beginnings:
            if reason.startswith(beginning):
                return Verdict(None, beginning, why)
    return Verdict("refused, and the models execute it", reason)


def _why_accepted(m: ConcreteMachine, row: dict[str, Any], name: str) -> str | None:
    """The justification, from what happened; None if there is none."""
    if m.thumb == 0:
        return NO_THUMB_BIT
    if (m.value(m.regs[13]) or 0) % 4:
        return SP_UNALIGNED
    if any(address % 4 for address, size in m.accesses if size >= 4):
        return UNALIGNED
    if name in ACCEPTED[ADD_TO_SP] and m.value(m.regs[13]) != row["regs"][13]:
        return ADD_TO_SP
    return None


def run(paths: Iterable[Path], *, symbolic: bool = False) -> Tally:
    """Run all vectors of the files. Raises BadVectors, also for a file without vectors and for A32 vectors."""
    tally = Tally()
    for path in paths:
        states: Counter[int | None] = Counter()  # 1: Thumb
        for row in read_vectors(path):
            states[row["post"]["t"] if row["expect"] == "ok" else None] += 1
            tally.add(row, judge(row, symbolic=symbolic))
        if not states:
            raise BadVectors(f"{path} has no vectors")
        if states[0] > states[1]:
            raise BadVectors(f"{path}: most vectors end in ARM state: the M profile executes Thumb code only")
    return tally
