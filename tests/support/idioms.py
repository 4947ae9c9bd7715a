"""Idioms that the verifier proves, in many variants: what random functions are composed of (support.compose).

An idiom is a few lines of assembly that are safe wherever they stand in a function that has saved its return address:
a guard with its store, an indexed store behind a compare, a loop, a table jump, stack traffic, a conditional block. GNU as
assembles all of them once; branches inside an idiom are its own, so its bytes may be put at any multiple of 4.
"""

from __future__ import annotations

import random
import re
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from support.toolchain import run

LOW = [f"r{i}" for i in range(8)]
ANY = [*LOW, "r8", "r9", "r10", "r11", "ip"]
SLOT = 0xF1C  # from SP at a function's entry to its shadow word, see support.corpus
FRAME = SLOT + 4  # from where a dynamic frame begins to its word
STACK_LOW, ROOM = 0x2002F200, 108
WINDOW = 0x2002  # its upper half-word


@dataclass(frozen=True)
class Idiom:
    """`name` is its kind; `code` was assembled at a multiple of 4."""

    name: str
    text: str
    code: bytes


def _stores(a: str, b: str, c: str) -> list[str]:
    """Stores through `a`, which points into the window; offsets up to the ends of the slack (256 below, 264 above)."""
    return [
        f"str {b}, [{a}]", f"str.w {b}, [{a}, #124]", f"strh.w {b}, [{a}, #62]", f"strb.w {b}, [{a}, #31]",
        f"str.w {b}, [{a}, #260]", f"str.w {b}, [{a}, #261]", f"strh.w {b}, [{a}, #263]", f"strb.w {b}, [{a}, #264]",
        f"str {b}, [{a}, #-4]", f"str {b}, [{a}, #-255]", f"strd {b}, {c}, [{a}, #256]", f"strd {b}, {c}, [{a}, #-256]",
        f"str {b}, [{a}], #4\nstr {b}, [{a}, #8]!", f"strb {b}, [{a}], #1\nstrb {b}, [{a}], #1\nstrh {b}, [{a}, #2]!",
        f"strd {b}, {c}, [{a}], #8\nstr {c}, [{a}]", f"stm.w {a}, {{{', '.join(sorted({b, c}, key=ANY.index))}}}",
        f"stmdb {a}!, {{{', '.join(sorted({b, c}, key=ANY.index))}}}\nstr {b}, [{a}, #4]",
        f"strex {c}, {b}, [{a}, #8]", f"strexb {c}, {b}, [{a}]", f"strexh {c}, {b}, [{a}]",
        f"str {b}, [{a}]\nstr {c}, [{a}, #4]\nldr {b}, [{a}, #8]",
    ]  # fmt: skip


def _guards(a: str) -> list[str]:
    base = ("#0x20000000", "#0x20000")
    return [
        f"movt {a}, #{WINDOW}",
        f"movt {a}, #{WINDOW}",
        f"bfc {a}, #16, #16\norr {a}, {a}, {base[0]}\norr {a}, {a}, {base[1]}",
        f"uxth.w {a}, {a}\nadd.w {a}, {a}, {base[0]}\nadd.w {a}, {a}, {base[1]}",
        f"ubfx {a}, {a}, #4, #12\norr {a}, {a}, {base[0]}\norr {a}, {a}, {base[1]}",
        f"bic {a}, {a}, #0xff000000\nbic {a}, {a}, #0xff0000\norr {a}, {a}, {base[0]}\nadd.w {a}, {a}, {base[1]}",
        f"lsl.w {a}, {a}, #16\nlsr.w {a}, {a}, #16\norr {a}, {a}, {base[0]}\norr {a}, {a}, {base[1]}",
        f"movw {a}, #0xfff8\nmovt {a}, #{WINDOW}",
        f"and {a}, {a}, #0xff\nadd.w {a}, {a}, {base[0]}\nadd.w {a}, {a}, {base[1]}",
    ]


def _base(a: str) -> str:
    return f"movw {a}, #0\nmovt {a}, #{WINDOW}\n"


def _guarded(rng: random.Random) -> str:
    a, b, c = rng.sample(ANY, 3)
    return f"{rng.choice(_guards(a))}\n{rng.choice(_stores(a, b, c))}"


def _summed(rng: random.Random) -> str:
    a, b, c = rng.sample(ANY, 3)
    shape = rng.choice(["{a}, {b}, {c}", "{a}, {a}, {b}, lsl #2", "{a}, {b}, {c}, asr #3"]).format(a=a, b=b, c=c)
    return f"{rng.choice(['add.w', 'sub.w', 'orr.w', 'eor.w'])} {shape}\nmovt {a}, #{WINDOW}\n{rng.choice(_stores(a, b, c))}"


def _bound(rng: random.Random, i: str) -> str:
    """Lines after which `i` is below 64 (or control is at label 9)."""
    n = rng.choice([1, 16, 63, 64])
    return rng.choice([
        f"uxtb.w {i}, {i}\nlsr.w {i}, {i}, #2", f"and {i}, {i}, #63", f"ubfx {i}, {i}, #3, #6", f"lsr.w {i}, {i}, #26",
        f"cmp {i}, #{n}\nbhs 9f", f"cmp {i}, #{n - 1}\nbhi 9f", f"cmp {i}, #{n}\nblo 8f\nb 9f\n8:",
        f"cmp {i}, #{n}\nit hs\nmovhs {i}, #0", f"cmp {i}, #{n - 1}\nit hi\nlsrhi {i}, {i}, #26",
        f"cmp {i}, #0\nblt 9f\ncmp {i}, #{n}\nbge 9f", f"cmp {i}, #{n}\nite lo\nlsllo {i}, {i}, #0\nmovhs {i}, #5",
        f"subs.w {i}, {i}, #7\ncmp {i}, #{n}\nbcs 9f", f"cmn {i}, #1\nbeq 9f\nand {i}, {i}, #31",
        f"tst {i}, #0xffffffc0\nbne 9f", f"bics.w {i}, {i}, #0xffffffc0", f"usat {i}, #6, {i}\nand {i}, {i}, #63",
    ])  # fmt: skip


def _indexed(rng: random.Random) -> str:
    a, b, i = rng.sample(LOW, 3)
    store = rng.choice([f"str.w {b}, [{a}, {i}, lsl #2]", f"strb {b}, [{a}, {i}]", f"strh.w {b}, [{a}, {i}, lsl #1]",
                        f"add.w {a}, {a}, {i}, lsl #2\nstr {b}, [{a}, #4]", f"str {b}, [{a}, {i}]"])  # fmt: skip
    first, second = rng.sample([_base(a), _bound(rng, i) + "\n"], 2)
    return f"{first}{second}{store}\n9:"


def _compared(rng: random.Random) -> str:
    """The developer's mode: compare the pointer instead of masking it."""
    a, b, t = rng.sample(LOW, 3)
    check = rng.choice([
        f"lsr.w ip, {a}, #16\nmovw {t}, #{WINDOW}\ncmp ip, {t}\nbne 9f",
        f"sub.w ip, {a}, #0x20000000\nsub.w ip, ip, #0x20000\ncmp.w ip, #0x10000\nbhs 9f",
        f"movw {t}, #0\nmovt {t}, #{WINDOW}\ncmp {a}, {t}\nblo 9f\nmovt {t}, #{WINDOW + 1}\ncmp {a}, {t}\nbhs 9f",
        f"movw {t}, #{WINDOW}\ncmp.w {t}, {a}, lsr #16\nbne 9f",
        f"lsrs {t}, {a}, #16\nsubw {t}, {t}, #0x2\nsub.w {t}, {t}, #0x2000\ncbnz {t}, 9f",
        f"eor {t}, {a}, #0x20000000\neor {t}, {t}, #0x20000\nlsrs {t}, {t}, #16\nbne 9f",
    ])  # fmt: skip
    return f"{check}\nstr {b}, [{a}]\nb 7f\n9: {rng.choice(['udf #0xf2', 'nop', 'movs ' + t + ', #0'])}\n7:"


def _conditional(rng: random.Random) -> str:
    """An IT block with guards and stores under the same condition, or a bound that holds either way."""
    a, b, c, i = rng.sample(LOW, 4)
    compare = rng.choice([f"cmp {b}, {c}", f"cmp {b}, #5", f"tst {b}, {c}", f"cmn {b}, {c}", f"teq {b}, {c}"])
    x, y = rng.choice(
        [("eq", "ne"), ("cs", "cc"), ("mi", "pl"), ("vs", "vc"), ("hi", "ls"), ("ge", "lt"), ("gt", "le")]
    )
    if rng.random() < 0.5:
        x, y = y, x
    return rng.choice([
        f"{compare}\nitt {x}\nmovt{x} {a}, #{WINDOW}\nstr{x} {b}, [{a}]",
        f"{compare}\nitttt {x}\nmovt{x} {a}, #{WINDOW}\nstr{x} {b}, [{a}]\nadd{x} {b}, {c}\nstrb{x} {c}, [{a}, #3]",
        f"{compare}\nitett {x}\nmovt{x} {a}, #{WINDOW}\nmov{y} {c}, #1\nstr{x} {b}, [{a}]\nstrh{x}.w {b}, [{a}, #62]",
        f"{compare}\nite {x}\nmov{x} {i}, #4\nmov{y} {i}, #60\n{_base(a)}str.w {b}, [{a}, {i}]",
        f"{compare}\nittet {x}\nmovt{x} {a}, #{WINDOW}\ncmp{x} {b}, #3\nmov{y} {c}, #1\nmov{x} {i}, #2",
        f"{compare}\nittt {x}\nmovt{x} {a}, #{WINDOW}\nadd{x} {i}, #1\nstr{x} {i}, [{a}], #4",
        f"{_base(a)}{compare}\nit {x}\nadd{x}.w {a}, {a}, #64\nstr {b}, [{a}, #4]",
        f"{compare}\nit {x}\nmovt{x} {a}, #{WINDOW}\nmovt {a}, #{WINDOW}\nstr {b}, [{a}]",
        f"{compare}\nitt {x}\nldr{x} {b}, [{a}]\nadd{x} {b}, {b}, #1",
    ])  # fmt: skip


def _loop(rng: random.Random) -> str:
    a, b, i = rng.sample(LOW, 3)
    n = rng.choice([1, 5, 16])
    return rng.choice([
        f"movs {i}, #0\n{_base(a)}1: str.w {b}, [{a}, {i}, lsl #2]\nadds {i}, #1\ncmp {i}, #{n}\nblo 1b",
        f"movs {i}, #{n}\n{_base(a)}1: subs {i}, #1\nand ip, {i}, #31\nstrb.w {b}, [{a}, ip]\nbne 1b",
        f"movs {i}, #{n}\n1: movt {a}, #{WINDOW}\nstr {b}, [{a}], #4\nsubs {i}, #1\nbne 1b",
        f"movs {i}, #{n}\n{_base(a)}1: str {b}, [{a}], #4\nmovt {a}, #{WINDOW}\nsubs {i}, #1\nbpl 1b",
        f"movt {a}, #{WINDOW}\n1: ldrex {b}, [{a}]\nadds {b}, #1\nstrex {i}, {b}, [{a}]\nclrex",
        f"{_base(a)}addw ip, {a}, #{4 * n}\n1: movt {a}, #{WINDOW}\nstr {b}, [{a}], #4\ncmp {a}, ip\nblo 1b",
        f"{_base(a)}movs {i}, #{n}\n1: uxth {b}, {b}\nstr {b}, [{a}, {b}]\nsubs {i}, #1\nbne 1b",
    ])  # fmt: skip


def _stack(rng: random.Random) -> str:
    a, b, c = rng.sample(LOW, 3)
    n = rng.choice([8, 16, 64])
    return rng.choice([
        f"sub sp, #{n}\nstr {a}, [sp, #4]\nldr {b}, [sp]\nadd sp, #{n}",
        f"push {{{', '.join(sorted({a, b}))}}}\nstr {c}, [sp, #4]\npop {{{', '.join(sorted({b, c}))}}}",
        f"sub.w sp, sp, #{n}\nmov {a}, sp\nstm {a}!, {{{', '.join(sorted({b, c}))}}}\nadd sp, sp, #{n}",
        f"str {a}, [sp, #-8]!\nldr {b}, [sp], #8",
        f"strd {a}, {b}, [sp, #-16]!\nldrd {b}, {c}, [sp], #16",
        f"mvn {a}, #{n - 1}\nadd sp, {a}\nstr {b}, [sp]\nmovs {a}, #{n}\nadd sp, {a}",
        f"add {a}, sp, #8\nstr {b}, [{a}, #-4]\nstr {c}, [{a}, #4]",
        f"sub sp, #{n}\nadd.w {a}, sp, #{n}\nstmdb {a}!, {{{', '.join(sorted({b, c}))}}}\nadd sp, #{n}",
        f"mov {a}, sp\nsub.w sp, sp, #{n}\nstr {b}, [{a}, #-4]\nmov sp, {a}",
        f"push.w {{{', '.join(sorted({a, b}))}, lr}}\nadd sp, #12",
        f"sub sp, #{n}\nand {b}, {b}, #{n - 4}\nstr.w {c}, [sp, {b}]\nadd sp, #{n}",
        f"ldr.w {a}, [sp, #-4]\nldr {b}, [sp, #8]",
        f"mov {a}, sp\nmovt {a}, #{WINDOW}\nstr {b}, [{a}]",
    ])  # fmt: skip


def _limited(reg: str, scratch: str, need: int, otherwise: str) -> str:
    """Lines after which `reg` leaves that much stack."""
    limit = STACK_LOW + ROOM + need
    return f"movw {scratch}, #{limit & 0xFFFF}\nmovt {scratch}, #{limit >> 16}\ncmp {reg}, {scratch}\n{otherwise}"


def _dynamic(rng: random.Random) -> str:
    """A dynamic frame, in which stores, other frames and moves of SP happen, and back."""
    a, n, t, b = rng.sample(LOW, 4)
    need = rng.choice([16, 32])
    out = rng.choice(["blo 9f", "it lo\nudflo #0xf1"])
    checks = [f"cmp sp, {t}\n{out}", _limited(t, b, need, out)]
    amount = rng.choice([f"and {n}, {n}, #0xfc\n", f"ubfx {n}, {n}, #2, #5\nlsls {n}, {n}, #2\n", "", "", f"mov {n}, #0\n"])
    if rng.random() < 0.3 and amount:
        checks = checks[1:]
    inside = [
        f"str {a}, [sp]", f"push {{{n}}}\nstr {a}, [sp, #4]\npop {{{n}}}", f"str.w {a}, [sp, #-4]!\nadd sp, #4",
        f"mov {t}, sp\nstr {a}, [{t}, #4]\nstr {a}, [{t}, #-4]", f"sub sp, #8\nstrd {a}, {n}, [sp]\nadd sp, #8",
        f"ldr.w {b}, [sp, #{FRAME}]\nstr {a}, [{b}, #4]", f"mov {t}, sp\nmovt {t}, #{WINDOW}\nstr {a}, [{t}]",
        f"ldr.w {b}, [sp, #{FRAME}]\nsub.w {t}, sp, {n}, lsl #2\ncmp sp, {t}\n{out.replace('9f', '8f')}\n"
        f"{_limited(t, n, need, out.replace('9f', '8f'))}\nmov sp, {t}\nstr.w {b}, [sp, #{FRAME}]\n8: nop",
        f"ldr.w {b}, [sp, #{FRAME}]\nbic {t}, {n}, #3\ncmp {b}, {t}\n{out.replace('9f', '8f')}\n"
        f"{_limited(t, n, need, out.replace('9f', '8f'))}\nmov sp, {t}\nstr.w {b}, [sp, #{FRAME}]\n8: nop",
    ]  # fmt: skip
    return "\n".join([
        f"push {{{', '.join(sorted({n, t}))}}}", f"{amount}sub.w {t}, sp, {n}\nbic {t}, {t}, #3", *checks,
        f"mov {b}, sp\nmov sp, {t}\nstr.w {b}, [sp, #{FRAME}]", *rng.sample(inside, rng.randrange(1, 4)),
        f"ldr.w {b}, [sp, #{FRAME}]\nmov sp, {b}", f"9: pop {{{', '.join(sorted({n, t}))}}}",
    ])  # fmt: skip


def _table(rng: random.Random) -> str:
    a, b, c = rng.sample(LOW, 3)
    n = rng.choice([2, 3])
    check = rng.choice([f"cmp {a}, #{n - 1}\nbhi.w 9f", f"cmp {a}, #{n}\nbhs.w 9f", f"and {a}, {a}, #1"])
    labels = [f"({x}f-0b)/2" for x in "123"[:n]]
    size = rng.choice(["tbb [pc, {a}]\n0: .byte {t}", "tbh [pc, {a}, lsl #1]\n0: .short {t}"])
    entries = size.format(a=a, t=", ".join([*labels, labels[-1]] if "byte" in size and n % 2 else labels))
    return f"{check}\n{entries}\n.balign 2\n1: movt {b}, #{WINDOW}\n2: movt {b}, #{WINDOW}\nstr {c}, [{b}]\n3: adds {c}, #1\n9:"


def _constant(rng: random.Random) -> str:
    a, b, c = rng.sample(LOW, 3)
    at = rng.choice([0x20020000, 0x2002FFFC, 0x2001FF00, 0x20030104, 0x20028000])
    return rng.choice([
        f"ldr.w {a}, 1f\nb 2f\n.balign 4\n1: .word {at:#x}\n2: str {b}, [{a}]",
        f"adr {a}, 1f\nldrd {b}, {c}, [{a}]\nb 2f\n.balign 4\n1: .word {at:#x}, {at:#x}\n2: str {a}, [{c}]",
        f"adr {a}, 1f\nldm {a}, {{{', '.join(sorted({b, c}))}}}\nb 2f\n.balign 4\n1: .word {at:#x}, {at:#x}\n2: str {a}, [{b}]",
        f"adr {a}, 1f\nldrh {b}, [{a}, #2]\nb 2f\n.balign 4\n1: .word {at:#x}\n2: lsls {b}, {b}, #16\nstr {c}, [{b}]",
        f"movw {a}, #{at & 0xFFFF}\nmovt {a}, #{at >> 16}\nstr {b}, [{a}]",
        f"movw {a}, #0x4000\nmovt {a}, #1\nldr {b}, [{a}, #{rng.choice([0, 4, 8, 16])}]\nstr {c}, [{b}]",  # constants
    ])  # fmt: skip


def _flags(rng: random.Random) -> str:
    a, b, c = rng.sample(LOW, 3)
    return rng.choice([
        f"adds {a}, {b}\nadc {c}, {c}, #0\nand {c}, {c}, #60\n{_base(a)}str.w {b}, [{a}, {c}]",
        f"mrs {a}, apsr\nmsr apsr_nzcvq, {b}\nbpl 9f\nmovt {a}, #{WINDOW}\nstr {b}, [{a}]\n9:",
        f"lsls {a}, {b}, #30\nbcc 9f\nmovt {b}, #{WINDOW}\nstr {c}, [{b}]\n9:",
        f"subs {a}, {b}, {c}\nsbcs {a}, {a}\nand {a}, {a}, #4\n{_base(b)}str {c}, [{b}, {a}]",
        f"lsrs {a}, {b}, #27\nlsl.w {c}, {c}, {a}\nmovt {c}, #{WINDOW}\nstr {a}, [{c}]",
        f"movs {a}, #1\nlsl.w {a}, {a}, {b}\nuxth {a}, {a}\n{_base(b)}strb {c}, [{b}, {a}]",
        f"rsbs {a}, {b}, #0\nit mi\nmovmi {a}, {b}\nrors {a}, {c}\nmovt {a}, #{WINDOW}\nstr {c}, [{a}]",
    ])  # fmt: skip


def _inner_call(rng: random.Random) -> str:
    """libgcc's `bl` to a label of its own: a jump that leaves a known constant in LR."""
    a, b, c = rng.sample(LOW, 3)
    return f"bl 1f\nstr {b}, [sp, #-4]\nb 2f\n1: movt {a}, #{WINDOW}\nstr {c}, [{a}]\nbx lr\n2:"


def _load(rng: random.Random) -> str:
    a, b, c = rng.sample(LOW, 3)
    return rng.choice([
        f"ldr {a}, [{b}]", f"ldrb.w {a}, [{b}, #3]", f"ldrsh.w {a}, [{b}, {c}, lsl #1]", f"ldr {a}, [{b}, #-4]!",
        f"ldr {a}, [{b}], #8", f"ldrd {a}, {b}, [{c}, #8]", f"ldm {a}!, {{{', '.join(sorted({b, c}))}}}",
        f"ldmdb {a}, {{{', '.join(sorted({b, c}))}}}", f"ldrex {a}, [{b}]", f"ldrd {a}, {b}, [{a}]", f"pld [{a}]",
    ])  # fmt: skip


def _plain(rng: random.Random) -> str:
    a, b, c = rng.sample(LOW, 3)
    return rng.choice([
        f"adds {a}, {b}, {c}", f"subs {a}, #9", f"mov {a}, {b}", f"eors {a}, {b}", f"mvns {a}, {b}", f"muls {a}, {b}, {a}",
        f"umull {a}, {b}, {c}, ip", f"smlal {a}, {b}, {c}, {c}", f"sdiv {a}, {b}, {c}", f"clz {a}, {b}", f"rbit {a}, {b}",
        f"bfi {a}, {b}, #8, #16", f"rsb {a}, {b}, #0x80", f"rrx {a}, {b}", f"ssat {a}, #9, {b}", f"rev16 {a}, {b}",
        f"sxtb.w {a}, {b}, ror #8", f"mov.w {a}, #0x20000000", f"mls {a}, {b}, {c}, {a}", "dmb", "nop", f"orn {a}, {b}, {c}",
        f"revsh {a}, {b}",
    ])  # fmt: skip


def _pointer(rng: random.Random) -> str:
    """A call through the pointer table at the end of the code (support.compose puts it at 0x13f00)."""
    a = rng.choice(LOW)
    return rng.choice([
        f"and {a}, {a}, #0x3d\norr {a}, {a}, #0x3f00\norr {a}, {a}, #0x10000\nblx {a}",
        f"movw {a}, #0x3f{rng.choice(['01', '05', '09', '3d'])}\nmovt {a}, #1\nblx {a}",
        f"ubfx {a}, {a}, #2, #4\nlsls {a}, {a}, #2\nadd.w {a}, {a}, #0x3f00\nadd.w {a}, {a}, #0x10000\nadds {a}, #1\nblx {a}",
        f"bfc {a}, #6, #26\nbfc {a}, #1, #1\norr {a}, {a}, #0x3f00\norr {a}, {a}, #0x10000\nblx {a}",
    ])  # fmt: skip


def _floating(rng: random.Random) -> str:
    """Stores and loads of the floating-point registers, and what gets from them into core registers and flags."""
    a, b, c = rng.sample(LOW, 3)
    n = rng.choice([0, 4, 256, -4, -256])
    first = rng.choice([0, 7, 16])
    many = f"{{s{first}-s{first + rng.choice([0, 1, 3, 7])}}}"
    store = rng.choice([
        f"vstr s{first}, [{a}, #{n}]", f"vstr d3, [{a}, #{n}]", f"vstm {a}, {many}", f"vstm {a}!, {many}\nvstm {a}!, {many}",
        f"vstmdb {a}!, {many}\nvstr s1, [{a}]", f"vldm {a}!, {many}\nvstr s2, [{a}]", f"vstm {a}, {{d0-d7}}",
    ])  # fmt: skip
    return rng.choice([
        f"{rng.choice(_guards(a))}\n{store}",
        f"{rng.choice(_guards(a))}\n{store}",
        f"vmov {a}, s{first}\nmovt {a}, #{WINDOW}\n{store}",
        f"vpush {many}\nvstr s0, [sp]\nvpop {many}",
        "sub sp, #16\nvstr d1, [sp, #8]\nvldr s3, [sp, #4]\nadd sp, #16",
        f"vcmp.f32 s0, s1\nvmrs apsr_nzcv, fpscr\nitt mi\nmovtmi {a}, #{WINDOW}\nvstrmi s1, [{a}]",
        f"vmov {a}, {b}, s4, s5\nand {a}, {a}, #63\n{_base(c)}strb {b}, [{c}, {a}]",
        f"vldr s5, 1f\nb 2f\n.balign 4\n1: .word 0x20020000\n2: vmov {a}, s5\nmovt {a}, #{WINDOW}\nstr {b}, [{a}]",
        f"vadd.f32 s0, s1, s2\nvcvt.u32.f32 s0, s0\nvmov {a}, s0\nuxth {a}, {a}\n{_base(b)}strb {c}, [{b}, {a}]",
        f"vmov s3, {a}\nvmsr fpscr, {b}\nvmrs {c}, fpscr\nvdiv.f32 s3, s3, s4",
    ])  # fmt: skip


def _simd(rng: random.Random) -> str:
    """The DSP extension: results that nothing is known of, masked before they are used."""
    a, b, c = rng.sample(LOW, 3)
    operation = rng.choice([
        f"pkhbt {a}, {b}, {c}, lsl #3", f"uadd8 {a}, {b}, {c}", f"sel {a}, {b}, {c}", f"qadd {a}, {b}, {c}", f"smlad {a}, {b}, {c}, {a}",
        f"smlalbt {a}, ip, {b}, {c}", f"umaal {a}, ip, {b}, {c}", f"uxtab16 {a}, {b}, {c}", f"usat16 {a}, #5, {b}", f"smmla {a}, {b}, {c}, {c}",
        f"usada8 {a}, {b}, {c}, {a}", f"smuad {a}, {b}, {c}", f"uqsub16 {a}, {b}, {c}", f"sxtab {a}, {b}, {c}, ror #8",
    ])  # fmt: skip
    return f"{operation}\n{rng.choice(_guards(a))}\n{rng.choice(_stores(a, b, c))}"


IDIOMS: dict[str, tuple[Callable[[random.Random], str], int]] = {  # and how many variants
    "guarded": (_guarded, 500),
    "summed": (_summed, 120),
    "indexed": (_indexed, 300),
    "compared": (_compared, 80),
    "conditional": (_conditional, 250),
    "loop": (_loop, 120),
    "stack": (_stack, 150),
    "dynamic": (_dynamic, 200),
    "table": (_table, 80),
    "constant": (_constant, 80),
    "flags": (_flags, 80),
    "inner call": (_inner_call, 30),
    "load": (_load, 120),
    "plain": (_plain, 150),
    "pointer": (_pointer, 60),
    "floating": (_floating, 200),
    "simd": (_simd, 120),
}

# Ways into and out of a function: (depth below s once inside, what saves LR, lines in, lines out).
FRAMES: tuple[tuple[str, int, str, str], ...] = (
    ("leaf", 0, "nop", "bx lr"),
    ("leaf", 0, "nop", "it eq\nbxeq lr\nadds r0, #1\nbx lr"),
    ("leaf", 0, "mov ip, lr", "mov ip, ip\nbx lr"),
    ("leaf", 0, "sub sp, #32", "add sp, #32\nbx lr"),
    ("frame", 8, f"push {{r4, lr}}\nstr.w lr, [sp, #{SLOT + 8}]", f"pop.w {{r4, ip}}\nldr.w pc, [sp, #{SLOT}]"),
    ("frame", 8, f"str.w lr, [sp, #{SLOT}]\npush {{r4, lr}}", f"pop.w {{r4, lr}}\nldr.w pc, [sp, #{SLOT}]"),
    ("frame", 20, f"push {{r4-r7, lr}}\nstr.w lr, [sp, #{SLOT + 20}]", f"pop.w {{r4-r7, ip}}\nldr.w pc, [sp, #{SLOT}]"),
    ("frame", 40, f"push {{r4, lr}}\nstr.w lr, [sp, #{SLOT + 8}]\nsub sp, #32",
     f"add sp, #32\npop.w {{r4, ip}}\nldr.w lr, [sp, #{SLOT}]\nbx lr"),
    ("frame", 8, f"str lr, [sp, #-8]!\nstr.w lr, [sp, #{SLOT + 8}]", f"ldr ip, [sp], #8\nldr.w pc, [sp, #{SLOT}]"),
    ("frame", 24, f"push {{r7, lr}}\nstr.w lr, [sp, #{SLOT + 8}]\nsub sp, #16\nadd r7, sp, #0",
     f"add sp, #16\npop.w {{r7, ip}}\nldr.w pc, [sp, #{SLOT}]"),
    ("frame", 264, f"push {{r4, lr}}\nstr.w lr, [sp, #{SLOT + 8}]\nsub sp, #256",
     f"add sp, #256\npop.w {{r4, ip}}\nldr.w pc, [sp, #{SLOT}]"),
    ("frame", 8, f"strd r4, lr, [sp, #-8]!\nadd.w ip, sp, #0xf00\nstr.w lr, [ip, #{SLOT + 8 - 0xF00}]",
     f"ldrd r4, ip, [sp], #8\nadd.w ip, sp, #0xf00\nldr.w pc, [ip, #{SLOT - 0xF00}]"),
    ("frame", 8, f"push {{r4, lr}}\nstr.w lr, [sp, #{SLOT + 8}]",
     f"cmp r0, #1\nbne 1f\npop.w {{r4, ip}}\nldr.w pc, [sp, #{SLOT}]\n1: add sp, #8\nldr.w pc, [sp, #{SLOT}]"),
    # recursion is allowed behind a check of what is left of the stack
    ("checked", 8,
     f"movw ip, #{STACK_LOW + ROOM + 120 & 0xFFFF}\nmovt ip, #{STACK_LOW >> 16}\ncmp sp, ip\nbhs 1f\nudf #0xf1\n1: push {{r4, lr}}\n"
     f"str.w lr, [sp, #{SLOT + 8}]", f"pop.w {{r4, ip}}\nldr.w pc, [sp, #{SLOT}]"),
    # all of the function in a dynamic frame
    *(("frame", 8, f"push {{r4, lr}}\nstr.w lr, [sp, #{SLOT + 8}]\nsub.w r3, sp, r0{shift}\nbic r3, r3, #3\ncmp sp, r3\n"
       f"it lo\nudflo #0xf1\n{_limited('r3', 'ip', 400, 'it lo')}\nudflo #0xf1\nmov ip, sp\nmov sp, r3\nstr.w ip, [sp, #{FRAME}]",
       f"ldr.w ip, [sp, #{FRAME}]\nmov sp, ip\npop.w {{r4, ip}}\nldr.w pc, [sp, #{SLOT}]") for shift in ("", ", lsr #20")),
    ("tail", 8, f"push {{r4, lr}}\nstr.w lr, [sp, #{SLOT + 8}]", f"pop.w {{r4, ip}}\nldr.w lr, [sp, #{SLOT}]"),
    ("tail", 0, "nop", "nop"),
    ("indirect tail", 0, "nop", "and r3, r3, #0x3d\norr r3, r3, #0x3f00\norr r3, r3, #0x10000\nbx r3"),
)  # fmt: skip


# Where each rank has words: an instruction with these addresses is patched when the function's rank is known.
OWN_WORD, FRAME_WORD = 0x20030A00, 0x20030B00


def _with_words(text: str) -> str:
    """The text with words of ranks instead of the shadow stack."""
    return "\n".join(_with_word(line) for line in text.splitlines())


def _with_word(line: str) -> str:
    found = re.fullmatch(r"(1: )?(str|ldr)\.w (\w+), \[sp, #(\d+)\]", line)
    if found is None or int(found[4]) < SLOT:
        return line
    label, name, register = found[1] or "", found[2], found[3]
    word = OWN_WORD if register in ("lr", "pc") else FRAME_WORD
    through = {"strlr": "ip", "str": "lr", "ldrpc": "lr"}.get(name + register, "lr" if name == "str" else register)
    return f"{label}movw {through}, #{word & 0xFFFF}\nmovt {through}, #{word >> 16}\n{name}.w {register}, [{through}]"


def _texts(seed: int) -> Iterator[tuple[str, str]]:
    rng = random.Random(seed)
    for name, (make, count) in IDIOMS.items():
        for _ in range(count):
            yield name, make(rng)
    for kind, depth, into, out in FRAMES:
        yield f"in {kind} {depth}", into
        yield f"out {kind} {depth}", out


@dataclass(frozen=True)
class Library:
    """All idioms by kind, and (kind, entry, exit) of each frame."""

    idioms: dict[str, list[Idiom]]
    frames: list[tuple[str, Idiom, Idiom]]


def assemble_idioms(folder: Path, seed: int = 1, words: bool = False) -> Library:
    """Assemble every variant, all at once; those that GNU as refuses (writeback to a transferred register) are left out.
    `words`: with a word for each rank instead of the shadow stack."""
    texts = list(_texts(seed))
    if words:
        texts = [(name, _with_words(text)) for name, text in texts]
    codes = _assemble([t for _, t in texts], folder)
    done = [Idiom(n, t, c) for (n, t), c in zip(texts, codes, strict=True) if c]
    idioms: dict[str, list[Idiom]] = {name: [i for i in done if i.name == name] for name in IDIOMS}
    edges = [i for i in done if i.name.startswith(("in ", "out "))]
    pairs = zip(FRAMES, edges[::2], edges[1::2], strict=True)
    return Library(idioms, [(frame[0], into, out) for frame, into, out in pairs])


def _assemble(texts: list[str], folder: Path) -> list[bytes]:
    """Each text's bytes; empty for those that have an error."""
    bad: set[int] = set()
    for _ in range(2):
        source = [".syntax unified", ".thumb"]
        numbers: list[int] = [-1, -1]
        for i, text in enumerate(texts):
            body = [".balign 4", f"P{i}:", *([] if i in bad else text.splitlines()), f"Q{i}:"]
            source += body
            numbers += [i] * len(body)
        source += ['.section .where, "a"', *(f".4byte P{i}-P0, Q{i}-P0" for i in range(len(texts)))]
        (folder / "idioms.s").write_text("\n".join(source) + "\n")
        try:
            run(
                "arm-none-eabi-as",
                "-mcpu=cortex-m4",
                "-mfpu=fpv4-sp-d16",
                "-mimplicit-it=never",
                "-o",
                folder / "idioms.o",
                folder / "idioms.s",
            )
            break
        except AssertionError as error:
            found = [int(line.split(":")[1]) for line in str(error).splitlines() if ": Error:" in line]
            bad |= {numbers[n - 1] for n in found}
    for section in ("text", "where"):
        run("arm-none-eabi-objcopy", "-O", "binary", "-j", f".{section}", folder / "idioms.o", folder / section)
    code, where = (folder / "text").read_bytes(), (folder / "where").read_bytes()
    return [code[a:b] for a, b in struct.iter_unpack("<II", where)]
