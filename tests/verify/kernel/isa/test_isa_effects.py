"""What single instructions do, in which order, and in which form: the shapes that the executor relies on."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from ringfence.verify.concrete import ConcreteMachine
from ringfence.verify.kernel.isa.decode import TABLE, Refused, decode
from ringfence.verify.kernel.isa.rows import Row
from ringfence.verify.kernel.term import Term, add, and_, const, eq, extract, not_, or_, ult, var

PC = 0x1000
R = [var(f"r{i}") for i in range(15)]
SP = R[13]


class Recorder(ConcreteMachine):
    """On terms; keeps what was done, in order."""

    def __init__(self, code: str, pc: int = PC) -> None:
        super().__init__(bytes.fromhex(code), [0] * 15, 0, pc, symbolic=True)
        self.done: list[tuple[Any, ...]] = []

    def set_reg(self, number: int, value: Term) -> None:
        self.done.append(("reg", number))
        super().set_reg(number, value)

    def load(self, address: Term, size: int) -> Term:
        self.done.append(("load", address, size))
        self._fresh += 1
        return var(f"m{self._fresh}", 8 * size)

    def store(self, address: Term, size: int, value: Term) -> None:
        self.done.append(("store", address, size, value))

    def jump(self, target: int, condition: Term | None = None) -> None:
        self.done.append(("jump", target, condition))

    def jump_value(self, value: Term) -> None:
        self.done.append(("jump to", value))

    def jump_table(self, base: Term, index: Term, entry_size: int) -> None:
        self.done.append(("table", base, index, entry_size))

    def call(self, target: int) -> None:
        self.done.append(("call", target))

    def call_value(self, value: Term) -> None:
        self.done.append(("call of", value))


def run(code: str, pc: int = PC) -> Recorder:
    m = Recorder(code, pc)
    m.step()
    return m


@pytest.mark.parametrize(
    ("code", "z", "c"),
    [
        ("8842", eq(R[0], R[1]), not_(ult(R[0], R[1]))),  # cmp r0, r1
        ("0a28", eq(R[0], const(10)), not_(ult(R[0], const(10)))),  # cmp r0, #10
        ("b0f57a7f", eq(R[0], const(1000)), not_(ult(R[0], const(1000)))),  # cmp.w r0, #1000
        ("401a", eq(R[0], R[1]), not_(ult(R[0], R[1]))),  # subs r0, r0, r1
    ],
)
def test_comparisons_give_plain_terms(code: str, z: Term, c: Term) -> None:
    m = run(code)
    assert m.flags["z"] is z
    assert m.flags["c"] is c


def test_the_carry_of_a_sum_is_a_comparison() -> None:
    assert run("c542").flags["c"] is ult(add(R[5], R[0]), R[5])  # cmn r5, r0


@pytest.mark.parametrize(
    ("code", "register", "value"),
    [
        ("c2f20000", 0, or_(and_(R[0], const(0xFFFF)), const(0x20000000))),  # movt r0, #0x2000
        ("6ff31f40", 0, and_(R[0], const(0xFFFF))),  # bfc r0, #16, #16
        ("c0f30910", 0, None),  # ubfx r0, r0, #4, #10
        ("82b0", 13, add(SP, const(-8))),  # sub sp, #8
        ("6f46", 7, SP),  # mov r7, sp
        ("bd46", 13, R[7]),  # mov sp, r7
        ("0df10807", 7, add(SP, const(8))),  # add.w r7, sp, #8
        ("80b2", 0, and_(R[0], const(0xFFFF))),  # uxth r0, r0
        ("a0f10400", 0, add(R[0], const(-4))),  # sub.w r0, r0, #4
        ("01a0", 0, const(PC + 8)),  # adr r0, .+8
    ],
)
def test_addresses_and_guards_keep_their_normal_forms(code: str, register: int, value: Term | None) -> None:
    m = run(code)
    if value is not None:
        assert m.regs[register] is value
    else:
        assert m.regs[register].op == "and"
        assert m.regs[register].args[1] is const(0x3FF)


@pytest.mark.parametrize(
    ("code", "done"),
    [
        # push {r4, lr}: both stores, lowest register lowest, then SP
        ("10b5", [("store", add(SP, const(-8)), 4, R[4]), ("store", add(SP, const(-4)), 4, R[14]), ("reg", 13)]),
        # pop {r4, pc}: loads, then SP, then r4, and the jump last
        ("10bd", [("load", SP, 4), ("load", add(SP, const(4)), 4), ("reg", 13), ("reg", 4), ("jump to", var("m2"))]),
        # ldr pc, [sp], #4
        ("5df804fb", [("load", SP, 4), ("reg", 13), ("jump to", var("m1"))]),
        # str r1, [r2, #-4]!
        ("42f8041d", [("store", add(R[2], const(-4)), 4, R[1]), ("reg", 2)]),
        # ldrd r0, r1, [r2], #8
        ("f2e80201", [("load", R[2], 4), ("load", add(R[2], const(4)), 4), ("reg", 2), ("reg", 0), ("reg", 1)]),
        # ldmia r1, {r1, r2}: the base that is written back is then loaded
        ("06c9", [("load", R[1], 4), ("load", add(R[1], const(4)), 4), ("reg", 1), ("reg", 1), ("reg", 2)]),
        # stmia r1!, {r1, r2}: the base is stored as it was
        ("06c1", [("store", R[1], 4, R[1]), ("store", add(R[1], const(4)), 4, R[2]), ("reg", 1)]),
        # strb r1, [r2, r3, lsl #2] stores the low byte
        ("02f82310", None),
        # strex r0, r1, [r2, #4]: memory may keep its old content, so the value is not relied on
        ("42e80110", [("store", add(R[2], const(4)), 4, var("u1")), ("reg", 0)]),
    ],
)
def test_effects_happen_in_order(code: str, done: list[tuple[Any, ...]] | None) -> None:
    m = run(code)
    if done is None:
        assert [(d[0], d[2], d[3]) for d in m.done] == [("store", 1, extract(R[1], 0, 8))]
    else:
        assert m.done == done


@pytest.mark.parametrize(
    ("code", "done"),
    [
        ("00e0", ("jump", PC + 4, None)),  # b .+4
        ("fee7", ("jump", PC, None)),  # b .
        ("01d0", ("jump", PC + 6, var("z", 1))),  # beq
        ("3ff4feaf", ("jump", PC, var("z", 1))),  # beq.w .
        ("fff7feff", ("call", PC)),  # bl .
        ("7047", ("jump to", R[14])),  # bx lr
        ("9847", ("call of", R[3])),  # blx r3
        ("08b1", ("jump", PC + 6, eq(R[0], const(0)))),  # cbz r0
        ("08b9", ("jump", PC + 6, not_(eq(R[0], const(0))))),  # cbnz r0
        ("dfe801f0", ("table", const(PC + 4), R[1], 1)),  # tbb [pc, r1]
        ("dfe811f0", ("table", const(PC + 4), R[1], 2)),  # tbh [pc, r1, lsl #1]
        ("51f822f0", ("table", R[1], R[2], 4)),  # ldr pc, [r1, r2, lsl #2]
    ],
)
def test_control_transfers(code: str, done: tuple[Any, ...]) -> None:
    assert run(code).done == [done]


def test_a_table_without_scaling_is_an_ordinary_load_of_pc() -> None:
    assert run("51f802f0").done == [("load", add(R[1], R[2]), 4), ("jump to", var("m1"))]


def test_it_gives_condition_and_mask_and_udf_traps() -> None:
    assert run("0cbf").it == [0, 1]  # ite eq
    assert run("d4bf").it == [13, 12]  # ite le
    assert run("00de").trapped
    assert run("f0f700a0").trapped is True


@pytest.mark.parametrize(
    ("code", "pc"),
    [
        ("dfe90201", PC + 2),  # ldrd r0, r1, [pc, #8] where PC is no multiple of 4
        ("dff802f0", PC),  # ldr.w pc, [pc, #2]
        ("ddf802f0", PC),  # ldr.w pc, [sp, #2]
    ],
)
def test_what_only_the_address_makes_unpredictable_is_refused_before_any_effect(code: str, pc: int) -> None:
    m = Recorder(code, pc)
    with pytest.raises(Refused, match="UNPREDICTABLE"):
        m.step()
    assert m.done == []


def accepted(row: Row, draw: random.Random, count: int) -> Iterator[str]:
    """Random instructions of the row, in hex."""
    free = ~row.picture.mask & ((1 << row.picture.bits) - 1)
    for _ in range(count):
        word = row.picture.match | (draw.getrandbits(32) & free)
        halves = [word] if row.picture.bits == 16 else [word >> 16, word & 0xFFFF]
        code = b"".join(half.to_bytes(2, "little") for half in halves)
        with contextlib.suppress(Refused):
            if decode(code, 0).name == row.name:
                yield code.hex()


NEVER_IN_IT = {"B T1", "B T3", "CBNZ, CBZ T1", "IT T1", "MOV (register) T2"} | {
    "VSEL",
    "VMAXNM, VMINNM",
    "VRINTA, VRINTN, VRINTP, VRINTM",
    "VCVTA, VCVTN, VCVTP, VCVTM",
}


def test_exactly_what_transfers_control_must_end_an_it_block() -> None:
    draw = random.Random(15)
    transfers = {"jump", "jump to", "table", "call", "call of"}
    for row in TABLE.rows:
        for code in accepted(row, draw, 40):
            in_it = decode(bytes.fromhex(code), 0).in_it
            try:
                done = {event[0] for event in run(code).done}
            except Refused:
                continue
            if in_it == "never":
                assert row.name in NEVER_IN_IT
            else:
                assert (in_it == "last") == (not done.isdisjoint(transfers)), (code, row.name)


FLAG_SETTERS: dict[str, Callable[[Recorder], bool]] = {
    "4018": lambda m: m.flags["c"] is var("c", 1),  # adds / add r0, r0, r1
    "4800": lambda m: m.flags["z"] is var("z", 1),  # lsls / lsl
    "4843": lambda m: m.flags["n"] is var("n", 1),  # muls / mul
    "0120": lambda m: m.flags["z"] is var("z", 1),  # movs / mov
}


@pytest.mark.parametrize("code", FLAG_SETTERS)
def test_short_encodings_set_the_flags_outside_it_blocks_only(code: str) -> None:
    outside, inside = Recorder(code), Recorder(code)
    decode(bytes.fromhex(code), 0).execute(outside, False)
    decode(bytes.fromhex(code), 0).execute(inside, True)
    assert not FLAG_SETTERS[code](outside)
    assert FLAG_SETTERS[code](inside)
    assert outside.regs[0] is inside.regs[0] or code == "4843"


def test_comparisons_set_the_flags_in_it_blocks_too() -> None:
    m = Recorder("8842")
    decode(bytes.fromhex("8842"), 0).execute(m, True)
    assert m.flags["z"] is eq(R[0], R[1])


UNMODELLED = [
    ("80fb0123", [2, 3]),  # smull r2, r3, r0, r1
    ("b0fa80f1", [1]),  # clz r1, r0
    ("eff30080", [0]),  # mrs r0, apsr
    ("91fa81f0", [0]),  # rev.w r0, r1
    ("81fa02f0", [0]),  # sadd8 r0, r1, r2
    ("e1fb6203", [0, 3]),  # umaal r0, r3, r1, r2
    ("c1ea0220", [0]),  # pkhbt r0, r1, r2, lsl #8
    ("21f30700", [0]),  # ssat16 r0, #8, r1
    ("10ee101a", [1]),  # vmov r1, s0
    ("51ec102b", [2, 1]),  # vmov r2, r1, d0
    ("f1ee101a", [1]),  # vmrs r1, fpscr
]


@pytest.mark.parametrize(("code", "written"), UNMODELLED)
def test_unmodelled_results_are_unknown_and_written_nowhere_else(code: str, written: list[int]) -> None:
    m = run(code)
    assert [d[1] for d in m.done] == written
    assert all(m.value(m.regs[number]) is None for number in written)
    assert all(m.regs[number] is R[number] for number in range(15) if number not in written)
    assert all(m.flags[flag] is var(flag, 1) for flag in "nzcv")


def test_comparison_results_of_the_fpu_come_in_as_unknown_flags() -> None:
    m = run("f1ee10fa")  # vmrs apsr_nzcv, fpscr
    assert m.done == []
    assert all(m.value(m.flags[flag]) is None for flag in "nzcv")


@pytest.mark.parametrize(
    "code",
    [
        "30ee200a",  # vadd.f32 s0, s0, s1
        "b4ee600a",  # vcmp.f32 s0, s1: FPSCR only
        "00ee101a",  # vmov s0, r1
        "41ec102b",  # vmov d0, r2, r1
        "e1ee101a",  # vmsr fpscr, r1
        "81f30084",  # msr apsr_g, r1
    ],
)
def test_what_only_the_fpu_or_ge_see_writes_nothing(code: str) -> None:
    m = run(code)
    assert m.done == []
    assert m.regs == R
    assert all(m.flags[flag] is var(flag, 1) for flag in "nzcv")


def test_the_base_among_the_loaded_registers_is_loaded() -> None:
    for code in ("06c9", "91e80600"):  # ldmia r1, {r1, r2}; ldmia.w r1, {r1, r2}
        assert run(code).regs[1] is var("m1")


def test_what_ldrd_loads_over_its_base_is_unknown() -> None:
    """Erratum 602117."""
    m = run("d1e90012")  # ldrd r1, r2, [r1]
    assert [m.regs[1], m.regs[2]] == [var("u3"), var("u4")]


def stored(base: Term, offset: int, words: int) -> tuple[Any, ...]:
    return ("store", add(base, const(offset)), 4 * words, var("u1", 32 * words))


@pytest.mark.parametrize(
    ("code", "done"),
    [
        ("81ed010a", [stored(R[1], 4, 1)]),  # vstr s0, [r1, #4]
        ("01ed020b", [stored(R[1], -8, 2)]),  # vstr d0, [r1, #-8]
        ("91ed010b", [("load", add(R[1], const(4)), 8)]),  # vldr d0, [r1, #4]
        ("9fed010a", [("load", const(PC + 8), 4)]),  # vldr s0, [pc, #4]
        ("1fed010a", [("load", const(PC), 4)]),  # vldr s0, [pc, #-4]
        ("81ec030a", [stored(R[1], 0, 3)]),  # vstmia r1, {s0-s2}
        ("a1ec040b", [stored(R[1], 0, 4), ("reg", 1)]),  # vstmia r1!, {d0-d1}
        ("21ed040b", [stored(R[1], -16, 4), ("reg", 1)]),  # vstmdb r1!, {d0-d1}
        ("2ded108b", [stored(SP, -64, 16), ("reg", 13)]),  # vpush {d8-d15}
        ("bdec108b", [("load", SP, 64), ("reg", 13)]),  # vpop {d8-d15}
        ("31ed020a", [("load", add(R[1], const(-8)), 8), ("reg", 1)]),  # vldmdb r1!, {s0-s1}
    ],
)
def test_the_fpu_reads_and_stores_exactly_there(code: str, done: list[tuple[Any, ...]]) -> None:
    assert run(code).done == done


@pytest.mark.parametrize(
    ("code", "register", "value"),
    [
        ("2ded108b", 13, add(SP, const(-64))),
        ("bdec108b", 13, add(SP, const(64))),
        ("a1ec040b", 1, add(R[1], const(16))),
        ("21ed040b", 1, add(R[1], const(-16))),
        ("31ed020a", 1, add(R[1], const(-8))),
        ("81ec030a", 1, R[1]),
    ],
)
def test_the_fpu_moves_bases_by_the_bytes_transferred(code: str, register: int, value: Term) -> None:
    assert run(code).regs[register] is value


NEEDS = [
    ("00bf", ""),
    ("c0ea0100", "dsp"),  # pkhbt
    ("02f30700", ""),  # ssat
    ("21f30700", "dsp"),  # ssat16
    ("81f30088", ""),  # msr apsr_nzcvq
    ("81f30084", "dsp"),  # msr apsr_g
    ("0ffa81f0", ""),  # sxth.w
    ("02fa81f0", "dsp"),  # sxtah
    ("02fb0310", ""),  # mla
    ("12fb0310", "dsp"),  # smlabb
    ("30ee200a", "fp"),  # vadd.f32
    ("30ee010b", "fp64"),  # vadd.f64
    ("91ed000b", "fp"),  # vldr d0: without double arithmetic too
    ("51ec102b", "fp"),  # vmov r2, r1, d0
    ("00fe200a", "fp5"),  # vseleq.f32
    ("00fe010b", "fp64"),  # vseleq.f64
    ("b6ee400a", "fp5"),  # vrintr.f32
    ("b7eee00a", "fp64"),  # vcvt.f64.f32 d0, s1
    ("b7eec10b", "fp64"),  # vcvt.f32.f64 s0, d1
]


@pytest.mark.parametrize(("code", "needs"), NEEDS)
def test_an_instruction_says_which_extension_has_it(code: str, needs: str) -> None:
    assert decode(bytes.fromhex(code), 0).needs == needs
