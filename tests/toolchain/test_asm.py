"""Every encoder gives the bytes that GNU as gives, and refuses what has no encoding."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringfence.toolchain import asm, encode
from ringfence.toolchain.insn import CONDITION_NAMES, Insn


def register_name(number: int) -> str:
    return {13: "sp", 14: "lr"}.get(number, f"r{number}")


_CASES: list[tuple[str, Callable[[], Insn]]] = [
    *((f"and.w r{d}, r{n}, #{v:#x}", lambda d=d, n=n, v=v: asm.and_constant(d, n, v)) for d, n, v in
      ((0, 1, 0xFF), (4, 4, 0x3D), (12, 8, 0xFF00FF), (7, 7, 0xAB00AB00), (3, 2, 0x12121212), (5, 5, 0x1FE00))),
    *((f"bic.w r4, r4, #{v:#x}", lambda v=v: asm.bic_constant(4, 4, v)) for v in (2, 0xFF000000, 0xA000, 0x3FC)),
    *((f"orr.w r{r}, r{r}, #{v:#x}", lambda r=r, v=v: asm.orr_constant(r, r, v)) for r in (0, 12, 14)
      for v in (0x20000000, 0x5000, 0x850000, 1)),
    *((f"movw r{r}, #{v:#x}", lambda r=r, v=v: asm.movw(r, v)) for r in (0, 9, 12) for v in (0, 0xFFFF, 0x1234, 0xF800)),
    *((f"movt r{r}, #{v:#x}", lambda r=r, v=v: asm.movt(r, v)) for r in (0, 9, 12) for v in (0, 0xFFFF, 0x2004)),
    ("cmp r3, #255", lambda: asm.compare_constant(3, 255)),
    ("cmp.w r9, #9", lambda: asm.compare_constant(9, 9)),
    ("cmp.w r1, #0x10000", lambda: asm.compare_constant(1, 0x10000)),
    ("cmp sp, ip", lambda: asm.compare(13, 12)),
    ("cmp r1, r2", lambda: asm.compare(1, 2)),
    ("cmp r9, r2", lambda: asm.compare(9, 2)),
    ("add sp, #8", lambda: asm.add_constant(13, 13, 8)),
    ("sub sp, #508", lambda: asm.add_constant(13, 13, -508)),
    ("add.w sp, sp, #0x1000", lambda: asm.add_constant(13, 13, 0x1000)),
    ("sub.w sp, sp, #1004", lambda: asm.add_constant(13, 13, -1004)),
    ("subw sp, sp, #1003", lambda: asm.add_constant(13, 13, -1003)),
    ("add r2, sp, #16", lambda: asm.add_constant(2, 13, 16)),
    ("add.w ip, sp, #0x3000", lambda: asm.add_constant(12, 13, 0x3000)),
    ("addw r3, r9, #4095", lambda: asm.add_constant(3, 9, 4095)),
    ("subw r3, r9, #4095", lambda: asm.add_constant(3, 9, -4095)),
    *((f"add.w r{d}, {register_name(n)}, r2, lsl #{k}" if k else f"add.w r{d}, {register_name(n)}, r2",
       lambda d=d, n=n, k=k: asm.add_shifted(d, n, 2, k)) for d in (0, 12) for n in (1, 13, 14) for k in (0, 1, 2, 3)),
    ("sub.w r4, r4, r11, lsl #3", lambda: asm.sub_shifted(4, 4, 11, 3)),
    *((f"bfc r{r}, #{n}, #{w}", lambda r=r, n=n, w=w: asm.clear_bits(r, n, w)) for r in (0, 12) for n, w in ((12, 20), (0, 1), (31, 1), (5, 9))),
    *((f"{name} r{t}, [{register_name(n)}, #{o}]", lambda name=name, t=t, n=n, o=o: asm.transfer(name, t, n, o))
      for name in ("str", "strb", "strh", "ldr", "ldrb", "ldrh", "ldrsb", "ldrsh") for t in (0, 7, 10) for n in (1, 11, 13) for o in (0, 4, 31, 62, 64, 124, 128, 1020, 4095, -1, -255)),
    ("str lr, [sp, #564]", lambda: asm.transfer("str", 14, 13, 564)),
    ("ldr.w pc, [sp, #4092]", lambda: asm.transfer("ldr", 15, 13, 4092)),
    ("strd r1, r2, [r3, #-1020]", lambda: asm.transfer_pair("strd", 1, 2, 3, -1020)),
    ("strd r1, r2, [sp, #8]", lambda: asm.transfer_pair("strd", 1, 2, 13, 8)),
    ("ldrd r1, r2, [r3, #-1020]", lambda: asm.transfer_pair("ldrd", 1, 2, 3, -1020)),
    ("ldrd r1, r2, [sp, #8]", lambda: asm.transfer_pair("ldrd", 1, 2, 13, 8)),
    ("ldrex r2, [r3, #1020]", lambda: asm.load_exclusive("ldrex", 2, 3, 1020)),
    ("ldrexb r2, [r3]", lambda: asm.load_exclusive("ldrexb", 2, 3, 0)),
    ("ldrexh r2, [r3]", lambda: asm.load_exclusive("ldrexh", 2, 3, 0)),
    ("strex r1, r2, [r3, #1020]", lambda: asm.store_exclusive("strex", 1, 2, 3, 1020)),
    ("strexb r1, r2, [r3]", lambda: asm.store_exclusive("strexb", 1, 2, 3, 0)),
    ("strexh r1, r2, [r3]", lambda: asm.store_exclusive("strexh", 1, 2, 3, 0)),
    ("pop {r0, r7}", lambda: asm.pop([0, 7])),
    ("pop.w {r4, lr}", lambda: asm.pop([4, 14])),
    ("pop.w {r9}", lambda: asm.pop([9])),
    ("push {r0, lr}", lambda: asm.push([0, 14])),
    ("push.w {r8, r9}", lambda: asm.push([8, 9])),
    ("push.w {ip}", lambda: asm.push([12])),
    ("udf #242", lambda: asm.trap(0xF2)),
    ("mrs r9, apsr", lambda: asm.read_flags(9)),
    ("msr apsr_nzcvq, r9", lambda: asm.write_flags(9)),
]  # fmt: skip


def assemble(folder: Path, lines: list[str]) -> bytes:
    """What GNU as makes of the lines."""
    source, target, binary = folder / "a.s", folder / "a.o", folder / "a.bin"
    source.write_text(".syntax unified\n.thumb\n.text\n" + "\n".join(lines) + "\n")
    subprocess.run(["arm-none-eabi-as", "-mcpu=cortex-m3", source, "-o", target], check=True)
    subprocess.run(["arm-none-eabi-objcopy", "-O", "binary", "-j", ".text", target, binary], check=True)
    return binary.read_bytes()


def test_encoders_agree_with_gnu_as(tmp_path: Path) -> None:
    made = [make() for _, make in _CASES]
    expected = assemble(tmp_path, [text for text, _ in _CASES])
    place = 0
    for (text, _), insn in zip(_CASES, made, strict=True):
        assert insn.raw == expected[place : place + len(insn.raw)], text
        place += len(insn.raw)
    assert place == len(expected)


@given(st.integers(0, 0xFFFFFFFF))
def test_modified_immediates_mean_what_the_manual_says(value: int) -> None:
    for constant in (value, value & 0xFF, (value & 0xFF) << (value >> 27), (value & 0xFF) * 0x01010101):
        code = asm.modified_immediate(constant & 0xFFFFFFFF)
        if code is not None:
            assert _expand(code) == constant & 0xFFFFFFFF


def test_every_modified_immediate_is_found() -> None:
    assert all(asm.modified_immediate(_expand(code)) is not None for code in range(1 << 12))


def _expand(code: int) -> int:
    """ThumbExpandImm (A5.3.2)."""
    low = code & 0xFF
    if code >> 10 == 0:
        return (low, low * 0x00010001, low * 0x01000100, low * 0x01010101)[code >> 8 & 3]
    value, rotation = 0x80 | code & 0x7F, code >> 7
    return (value >> rotation | value << (32 - rotation)) & 0xFFFFFFFF


@pytest.mark.parametrize(
    "make",
    [
        lambda: asm.orr_constant(0, 0, 0x12345678),
        lambda: asm.add_constant(0, 1, 0x12345),
        lambda: asm.transfer("str", 0, 1, 4096),
        lambda: asm.transfer("str", 0, 1, -256),
        lambda: asm.transfer_pair("strd", 0, 1, 2, 2),
        lambda: asm.store_exclusive("strexb", 0, 1, 2, 4),
        lambda: asm.pop([13]),
        lambda: asm.clear_bits(0, 20, 13),
        lambda: encode.branch(258 + 4, 0),
        lambda: encode.branch_wide((1 << 24) + 4),
        lambda: encode.zero(0, False, 2),
        lambda: encode.literal(0, 4100, 0, True),
    ],
)
def test_what_has_no_encoding_is_refused(make: Callable[[], object]) -> None:
    with pytest.raises(asm.EncodingError):
        make()


@pytest.mark.parametrize("distance", [-4096, -252, 0, 4, 6, 258, 2050, 60000, 1 << 20])
def test_wide_branches_and_calls_agree_with_gnu_as(tmp_path: Path, distance: int) -> None:
    for name, ours in (("b.w", encode.branch_wide(distance)), ("bl", encode.call(distance))):
        backwards = ["x:", f".space {-distance}", f"{name} x"]
        lines = backwards if distance <= 0 else [f"{name} x", f".space {distance - 4}", "x: nop"]
        place = max(0, -distance)
        assert assemble(tmp_path, lines)[place : place + 4] == ours


@pytest.mark.parametrize("condition", range(14))
def test_conditional_branches_and_it_agree_with_gnu_as(tmp_path: Path, condition: int) -> None:
    name, opposite = CONDITION_NAMES[condition], CONDITION_NAMES[condition ^ 1]
    lines = [f"x: b{name}.n x", f"y: b{name}.w y", f"itete {name}", f"mov{name} r0, r1", f"mov{opposite} r0, r1",
             f"mov{name} r0, r1", f"mov{opposite} r0, r1", f"it {name}", f"mov{name} r0, r1"]  # fmt: skip
    move = bytes.fromhex("0846")
    ours = encode.branch(0, condition) + encode.branch_wide(0, condition)
    ours += encode.it([condition, condition ^ 1] * 2) + move * 4 + encode.it([condition]) + move
    assert assemble(tmp_path, lines) == ours


def test_literals_and_addresses_agree_with_gnu_as(tmp_path: Path) -> None:
    lines = ["ldr r3, [pc, #8]", "ldr.w r9, [pc, #4095]", "ldr.w r9, [pc, #-4095]", "nop", "ldrd r1, r2, [pc, #-8]",
             "adr r2, w", "nop", "adr.w r9, w", "w: nop", "adr.w r10, w", "cbz r3, v", "nop", "v: cbnz r7, u", "nop", "u: nop"]  # fmt: skip
    ours = [encode.literal(0, 12, 3, False), encode.literal(2, 4 + 4095, 9, True), encode.literal(6, 8 - 4095, 9, True)]
    nop = bytes.fromhex("00bf")
    ours += [
        nop,
        encode.literal_pair(12, 8, 1, 2),
        encode.address_of(16, 24, 2, False),
        nop,
        encode.address_of(20, 24, 9, True),
    ]
    ours += [nop, encode.address_of(26, 24, 10, True), encode.zero(3, False, 4), nop, encode.zero(7, True, 4), nop, nop]
    assert assemble(tmp_path, lines) == b"".join(ours)
