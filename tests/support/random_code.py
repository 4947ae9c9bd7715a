"""Random Thumb-2 functions, biased to the shapes that a verifier must judge: guards, stores, conditions, frames, calls.

The instructions come from a vocabulary of assembly lines that GNU as assembles once; only branches, whose distance
depends on the layout, are encoded here. A program is two functions `f` and `g`, the pointer table and two imports, at the addresses of
support.corpus; about every second one is damaged on purpose.
"""

from __future__ import annotations

import itertools
import json
import random
import re
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from support.corpus import CODE, CODE_END, CONST_END, POLICY, SLOTS
from support.raw_elf import Load, raw_elf
from support.toolchain import run

HOST = 0x400
IMPORTS = {int(i["address"], 16) - 1 for i in POLICY["sandboxes"][0]["imports"]}
_SLOT = 0xF1C  # from SP at a function's entry to its shadow word, see support.corpus
_DEPTHS = (0, 8, 16, 24)
_LOW = ["r0", "r1", "r2", "r3", "r4", "r5", "r6", "r7"]
_SOME = [*_LOW, "ip", "lr"]


def _lines(rng: random.Random) -> dict[str, list[str]]:
    """The vocabulary by category; registers and offsets drawn from `rng`."""

    def fill(pattern: str, count: int) -> list[str]:
        found = []
        for _ in range(count):
            line = pattern
            while "L" in line or "R" in line or "#?" in line:
                line = line.replace("L", rng.choice(_LOW), 1) if "L" in line else line
                line = line.replace("R", rng.choice([*_SOME[:-1]] * 3 + ["lr"]), 1) if "R" in line else line
                line = line.replace("#?", f"#{rng.choice([0, 1, 4, 8, 31, 64, 124, 252, 255])}", 1)
            found.append(line)
        return sorted({line for line in found if not _writes_base_back_twice(line)})

    def each(patterns: str, count: int = 6) -> list[str]:
        return [line for p in patterns.strip().splitlines() for line in fill(p.strip(), count)]

    data = """
        adds L, L, L
        subs L, L, L
        adds L, #?
        subs L, #?
        movs L, #?
        mov R, R
        ands L, L
        orrs L, L
        eors L, L
        bics L, L
        mvns L, L
        negs L, L
        adcs L, L
        sbcs L, L
        lsls L, L, #3
        lsrs L, L, #16
        asrs L, L, #31
        lsls L, L
        lsrs L, L
        rors L, L
        uxtb L, L
        sxth L, L
        rev L, L
        muls L, L
        umull L, ip, L, L
        sdiv L, L, L
        clz L, L
        ubfx L, L, #4, #8
        sbfx L, L, #0, #9
        bfi L, L, #8, #16
        add.w R, L, L, lsl #2
        sub.w R, L, L, asr #1
        rsb R, L, #?
        orr.w R, L, #0x20000000
        and.w R, L, #0xff
        bic.w R, L, #0xff000000
        addw R, L, #?
        subw R, L, #?
        movw R, #0x20
        movt R, #0x2003
        mov.w R, #0x20000000
        rrx L, L
        usat L, #8, L
        mrs L, apsr
        msr apsr_nzcvq, L"""
    store = """
        str L, [L]
        str L, [L, #124]
        strh L, [L, #62]
        strb L, [L, #31]
        str L, [L, L]
        strb L, [L, L]
        str.w R, [L, #255]
        str.w R, [L, #260]
        str.w R, [L, #261]
        str.w R, [L, #262]
        strh.w L, [L, #263]
        strb.w L, [L, #263]
        strb.w L, [L, #264]
        str R, [L, #-4]
        str R, [L, #-255]
        str.w R, [L, L, lsl #2]
        strh L, [L], #2
        str R, [ip, #4]!
        str R, [ip], #-252
        strd L, ip, [L, #8]
        strd L, lr, [ip, #-8]!
        stm r3!, {r4, r5, r6}
        stmdb ip!, {r0, r1, lr}
        strex ip, L, [lr]
        strex ip, lr, [L]
        strexb ip, L, [lr]"""
    load = """
        ldr L, [L]
        ldrb L, [L, #3]
        ldrsh L, [L, L]
        ldr.w R, [ip, #-4]!
        ldr.w ip, [lr], #8
        ldrd r0, r1, [ip, #8]
        ldrd ip, lr, [L], #16
        ldm ip, {r1, r2, r3}
        ldm r3!, {r0, r1, r4}
        ldmdb ip!, {r4, r5, lr}
        ldrex L, [L]
        ldr.w R, [pc, #-4]
        ldr L, [pc, #8]
        ldrd L, ip, [pc, #0]"""
    frame = each(
        "mov R, sp\nadd R, sp, #?\nsub.w R, sp, #64\nstr L, [sp, #?]\nldr L, [sp, #4]\nmov sp, r7\nadd r7, sp, #0", 3
    )
    frame = [f for f in frame if not ("str" in f and any(f"#{n}]" in f for n in (1, 31, 255)))]
    frame += ["sub sp, #8", "add sp, #8", "add.w sp, sp, #-16", "push {r4}", "pop {r4}", "add sp, r0"]
    shadow = [f"{op}.w {r}, [sp, #{_SLOT + d}]" for op in ("str", "ldr") for r in ("lr", "r4") for d in _DEPTHS]
    shadow += [f"add.w {r}, sp, #{4 + d}\naddw {r}, {r}, #{_SLOT - 4}" for r in ("r3", "ip") for d in _DEPTHS]
    return {
        "data": [s for s in each(data) if not s.startswith("umull ip")],
        "store": [s for s in each(store) if not s.startswith("strex ip, ip")],
        "load": each(load, 4),
        "frame": frame,
        "shadow": shadow,
        "compare": each("cmp L, #?\ncmp L, L\ntst L, L\ncmn.w L, #?\nteq.w L, #1\ncmp.w R, #0x20000000", 8),
        "guard": [f"movt {r}, #0x2002" for r in _SOME] * 3
        + [f"bfc {r}, #16, #16\norr.w {r}, {r}, #0x20000000\norr.w {r}, {r}, #0x20000" for r in _LOW]
        + [f"uxth {r}, {r}\nadd.w {r}, {r}, #0x20000000\nadd.w {r}, {r}, #0x20000" for r in _LOW]
        + [
            f"movw {r}, #{low}\nmovt {r}, #{high}"
            for r in _LOW
            for low, high in ((0, 0x2002), (0xFFFC, 0x2002), (0x106, 0x2003))
        ],
        "bound": [f"cmp {r}, #64\nit lo\nmovlo {q}, {r}" for r, q in itertools.product(_LOW[:4], _LOW[4:])]
        + [f"cmp {r}, #{n}\nit hs\nmovhs {r}, #0" for r in _LOW for n in (4, 64)],
        "pointer": [
            f"and.w {r}, {r}, #{m}\norr.w {r}, {r}, #0xf00\norr.w {r}, {r}, #0x10000"
            for r in _LOW[:6]
            for m in (0x3D, 0x3C, 0x3F)
        ]
        + [f"movw {r}, #0xf01\nmovt {r}, #1" for r in _LOW[:6]],
        "indirect": [f"{op} {r}" for op in ("blx", "bx") for r in _LOW[:6]],
        "enter": ["nop", "push {r4, lr}", "push {r4, r5, r6, lr}", "push {r4, lr}\nsub sp, #16"],
        "save": [f"str.w lr, [sp, #{_SLOT + d}]" for d in _DEPTHS],
        "exit": [
            "bx lr",
            f"pop.w {{r4, lr}}\nldr.w pc, [sp, #{_SLOT}]",
            f"pop.w {{r4, r5, r6, lr}}\nldr.w pc, [sp, #{_SLOT}]",
            f"add sp, #16\npop.w {{r4, ip}}\nldr.w lr, [sp, #{_SLOT}]\nbx lr",
            f"ldr.w pc, [sp, #{_SLOT}]",
        ],
        "exclusive": ["strex r0, lr, [r3]"],
        "base": [f"movw {r}, #0\nmovt {r}, #0x2002" for r in _LOW],
        "indexed": [f"str r0, [{r}, {q}, lsl #2]" for r in _LOW for q in _LOW],
        "odd": [
            "pop {r4, pc}",
            "ldr.w pc, [sp], #4",
            "bx ip",
            "ldm sp, {r4, pc}",
            f"ldr.w pc, [sp, #{_SLOT + 8}]",
            "udf #0xf0",
            "svc #1",
        ],
    }


def _writes_base_back_twice(line: str) -> bool:
    """Writeback to the register that is transferred: the assembler refuses it."""
    found = re.match(r"\S+ (\w+), (?:(\w+), )?\[(\w+)(?:\], #|.*\]!)", line)
    return found is not None and found[3] in (found[1], found[2])


@dataclass(frozen=True)
class Word:
    """Instructions that belong together: their bytes, and where each begins."""

    text: str
    code: tuple[bytes, ...]


@dataclass
class Item:
    """A piece of a function: plain code, or a branch, call or table jump that is encoded when its place is known."""

    kind: str  # code, branch, cbz, call, table
    code: bytes = b""
    target: int = 0  # item number; for a call: 0 is g, 1 and 2 the imports, 3 f itself
    back: int = 0  # if not 0: that many items back instead
    condition: int = 14
    register: int = 0
    nonzero: bool = False
    targets: list[int] = field(default_factory=list)

    @property
    def size(self) -> int:
        return {"code": len(self.code), "cbz": 2, "table": 8 + (len(self.targets) + 1 & ~1)}.get(self.kind, 4)


def vocabulary(folder: Path, seed: int = 1) -> dict[str, list[Word]]:
    """Assemble the lines, all at once."""
    categories = _lines(random.Random(seed))
    texts = [(name, text) for name, lines in categories.items() for text in lines]
    source, number = [".syntax unified", ".thumb"], 0
    counts = []
    for _, text in texts:
        lines = text.splitlines()
        counts.append(len(lines))
        for line in lines:
            source.append(f"P{number}: {line}")
            number += 1
    source += [f"P{number}:", '.section .where, "a"', *(f".4byte P{i} - P0" for i in range(number + 1))]
    (folder / "words.s").write_text("\n".join(source) + "\n")
    run("arm-none-eabi-as", "-mcpu=cortex-m3", "-mimplicit-it=never", "-o", folder / "words.o", folder / "words.s")
    for section in ("text", "where"):
        run("arm-none-eabi-objcopy", "-O", "binary", "-j", f".{section}", folder / "words.o", folder / section)
    code, where = (folder / "text").read_bytes(), (folder / "where").read_bytes()
    starts = struct.unpack(f"<{number + 1}I", where)
    pieces = iter([code[a:b] for a, b in itertools.pairwise(starts)])
    found: dict[str, list[Word]] = {name: [] for name in categories}
    for (name, text), count in zip(texts, counts, strict=True):
        found[name].append(Word(text, tuple(itertools.islice(pieces, count))))
    return found


# -- encoding ------------------------------------------------------------------------------------------------------


def halfwords(*values: int) -> bytes:
    return struct.pack(f"<{len(values)}H", *values)


def branch(at: int, target: int, condition: int = 14, *, link: bool = False) -> bytes:
    """B.W, B<c>.W or BL (A7.7.12, A7.7.18)."""
    offset = (target - at - 4) & 0x1FFFFFF
    low, high = offset >> 1 & 0x7FF, offset >> 12
    s, i1, i2 = offset >> 24 & 1, offset >> 23 & 1, offset >> 22 & 1
    if condition != 14:
        return halfwords(0xF000 | s << 10 | condition << 6 | high & 0x3F, 0x8000 | i2 << 13 | i1 << 11 | low)
    second = (0xD000 if link else 0x9000) | (i1 ^ 1 ^ s) << 13 | (i2 ^ 1 ^ s) << 11 | low
    return halfwords(0xF000 | s << 10 | high & 0x3FF, second)


def _encode(item: Item, at: int, starts: Sequence[int], calls: Sequence[int]) -> bytes:
    if item.kind == "code":
        return item.code
    if item.kind == "call":
        return branch(at, calls[item.target], link=True)
    target = starts[starts.index(at) - item.back if item.back else item.target % len(starts)]
    if item.kind == "branch":
        return branch(at, target, item.condition)
    if item.kind == "cbz":
        distance = target - at - 4
        if not 0 <= distance < 128:
            return b"\x00\xbf"
        bits = (distance >> 6 & 1) << 9 | (distance >> 1 & 31) << 3 | item.register
        return halfwords(0xB100 | item.nonzero << 11 | bits)
    return _table(item, at, starts)


def _table(item: Item, at: int, starts: Sequence[int]) -> bytes:
    """cmp rN, #count; bhs.n out; tbb [pc, rN] and the table; a target that is behind becomes the next item."""
    jump = at + 4
    after = at + item.size
    places = [s if after <= s < jump + 4 + 510 else after for s in (starts[t % len(starts)] for t in item.targets)]
    entries = bytes((p - jump - 4) // 2 for p in places)
    skip = (after - (at + 2) - 4) // 2
    head = halfwords(0x2800 | item.register << 8 | len(entries), 0xD200 | skip & 0xFF, 0xE8DF, 0xF000 | item.register)
    return head + entries + b"\0" * (len(entries) % 2)


def _layout(items: Sequence[Item], at: int) -> list[int]:
    return list(itertools.accumulate((i.size for i in items), initial=at))


# -- generating ----------------------------------------------------------------------------------------------------


class Generator:
    """Random programs; the same `seed` and vocabulary give the same programs."""

    def __init__(self, words: dict[str, list[Word]], seed: int) -> None:
        self.words = words
        self.rng = random.Random(seed)

    def programs(self, count: int) -> Iterator[tuple[bytes, bytes]]:
        """(ELF, policy) pairs."""
        policy = json.dumps(POLICY).encode()
        for _ in range(count):
            yield self._program(), policy

    def _program(self) -> bytes:
        f, g = self._function(3, 12), self._function(0, 4)
        starts_f = _layout(f, CODE)
        starts_g = _layout(g, starts_f[-1])
        calls = (starts_g[0], *sorted(IMPORTS), CODE)
        code = b"".join(_encode(i, s, starts_f, calls) for i, s in zip(f, starts_f, strict=False))
        code += b"".join(_encode(i, s, starts_g, calls) for i, s in zip(g, starts_g, strict=False))
        code = code[: SLOTS - CODE] + b"\xf0\xde" * ((SLOTS - CODE - len(code)) // 2)
        slots = branch(SLOTS, calls[0]) + branch(SLOTS + 4, calls[1]) + b"\xf3\xde" * 28
        rest = bytes(CODE_END - SLOTS - 64) + self.rng.randbytes(CONST_END - CODE_END)
        return raw_elf([Load(HOST, halfwords(0x4770, 0xBF00) * 16), Load(CODE, code + slots + rest)])

    def _function(self, least: int, most: int) -> list[Item]:
        rng = self.rng
        frame = rng.randrange(len(_DEPTHS))
        saved = bool(frame) or rng.random() < 0.4
        items = [self._of("enter", frame)]
        if saved:
            items += self._save(frame)
        for _ in range(rng.randint(least, most)):
            items += self._piece(saved)
        items.append(self._of("exit", frame) if frame or not saved else self._of("exit", len(_DEPTHS)))
        return self._damaged(items) if rng.random() < 0.15 else items

    def _save(self, frame: int) -> list[Item]:
        """LR into the shadow slot; sometimes under a condition, or by a store that may fail."""
        save = self.words["save"][frame].code[0]
        way = self.rng.random()
        if way < 0.06:
            return [Item("code", halfwords(0xBF08 | self.rng.randrange(14) << 4) + save)]
        if way < 0.12:
            word = self.words["shadow"][2 * 2 * len(_DEPTHS) + frame]
            return [Item("code", b"".join(word.code)), self._of("exclusive")]
        return [Item("code", save)]

    def _of(self, category: str, number: int | None = None) -> Item:
        words = self.words[category]
        word = self.rng.choice(words) if number is None else words[number]
        return Item("code", b"".join(word.code))

    def _piece(self, framed: bool) -> list[Item]:
        rng = self.rng
        kinds = ["data"] * 4 + ["load", "compare", "bound", "it", "it", "it", "branch", "branch", "cbz", "cbz"]
        kinds += ["guarded"] * 10 + ["table"] + (["call", "call", "pointer"] if framed else [])
        kind = rng.choice(kinds)
        if rng.random() < 0.05:
            kind = rng.choice(["shadow", "odd", "indirect", "call", "frame", "store", "store"])
        if kind == "guarded":
            return self._guarded() if rng.random() < 0.85 else self._indexed()
        if kind == "it":
            return self._it()
        if kind == "branch":
            return [
                self._of("compare"),
                self._branch(rng.choice([*range(14), 14] if rng.random() < 0.2 else range(14))),
            ]
        if kind == "cbz":
            return [Item("cbz", target=rng.randrange(40), register=rng.randrange(8), nonzero=rng.random() < 0.5)]
        if kind == "call":
            return [Item("call", target=rng.choice([0, 0, 0, 1, 1, 2, 3]))]
        if kind == "pointer":
            return self._pointer_call()
        if kind == "table":
            return [
                Item("table", register=rng.randrange(8), targets=[rng.randrange(40) for _ in range(rng.randint(1, 5))])
            ]
        return [self._of(kind)]

    def _branch(self, condition: int) -> Item:
        return Item("branch", target=self.rng.randrange(40), condition=condition)

    def _guarded(self) -> list[Item]:
        """A guard and a store through the register that it guards, now and then with something in between."""
        rng = self.rng
        register = rng.choice(_SOME[:-1])
        guards = [w for w in self.words["guard"] if f" {register}," in w.text]
        stores = [w for w in self.words["store"] if f"[{register}" in w.text or f" {register}!" in w.text]
        if rng.random() < 0.8:
            stores = [w for w in stores if not re.search(r"\[\w+, [a-z]", w.text)]
        if not guards or not stores:
            return [self._of("guard")]
        first, second = rng.choice(guards).code, rng.choice(stores).code
        if rng.random() < 0.7:
            return [Item("code", b"".join((*first, *second)))]
        between = rng.choice([[], [self._of("data")], [Item("call", target=rng.randrange(2))], self._it()])
        return [Item("code", b"".join(first)), *between, Item("code", b"".join(second))]

    def _indexed(self) -> list[Item]:
        """A store to an array of 64 words whose index was compared: branched over, or only mentioned in a condition."""
        rng = self.rng
        base, index = rng.sample(range(8), 2)
        store = next(w for w in self.words["indexed"] if w.text.startswith(f"str r0, [r{base}, r{index},"))
        compare = Item("code", halfwords(0x2800 | index << 8 | rng.choice([16, 64, 255])))
        above = halfwords(0xD201) if rng.random() < 0.5 else halfwords(0xBF38, 0x3001 | rng.randrange(8) << 8)
        pieces = [self._of("base", base), compare, Item("code", above), Item("code", b"".join(store.code))]
        if rng.random() < 0.7:
            pieces.append(Item("branch", condition=rng.randrange(14), back=rng.randint(1, 4)))
        return pieces

    def _pointer_call(self) -> list[Item]:
        word = self.rng.choice(self.words["pointer"])
        register = word.text.split()[1].rstrip(",")
        calls = [w for w in self.words["indirect"] if w.text == f"blx {register}"]
        return [Item("code", b"".join((*word.code, *calls[0].code)))]

    def _it(self) -> list[Item]:
        """An IT block of one to four instructions, now and then with an entry into its middle."""
        rng = self.rng
        length = rng.randint(1, 4)
        kinds = ["data", "store", "load", "guard", "compare", "data", "shadow", "exit", "enter"]
        weights = [6, 0.2, 1, 4, 1, 2, 0.1, 0.3, 0.02]
        codes = [rng.choice(self.words[rng.choices(kinds, weights)[0]]).code[0] for _ in range(length)]
        if rng.random() < 0.4:
            codes = list(self._guarded_pair())
            length = len(codes)
        condition = rng.randrange(14)
        mask = (rng.choice([0, condition & 1, condition & 1]) * 0b1111 ^ rng.choice([0, 0, rng.randrange(16)])) & 0b1110
        mask = (mask >> (4 - length) << (4 - length) | 1 << (4 - length)) & 0xF
        head = Item("code", halfwords(0xBF00 | condition << 4 | mask))
        if rng.random() < 0.1:
            return [head, *(Item("code", c) for c in codes)]
        return [Item("code", head.code + b"".join(codes))]

    def _guarded_pair(self) -> tuple[bytes, ...]:
        """The one-instruction guard and a store through the same register, for an IT block."""
        register = self.rng.choice(_SOME[:-1])
        stores = [w for w in self.words["store"] if re.search(rf"\[{register}(\]|, #)", w.text)] or self.words["store"]
        guards = [w for w in self.words["guard"] if w.text == f"movt {register}, #0x2002"]
        return (*guards[0].code, *self.rng.choice(stores).code)

    def _damaged(self, items: list[Item]) -> list[Item]:
        """Drop, repeat, swap or replace a piece."""
        rng = self.rng
        at = rng.randrange(len(items))
        kind = rng.choice(["drop", "repeat", "swap", "replace", "flip"])
        if kind == "drop" and len(items) > 1:
            return items[:at] + items[at + 1 :]
        if kind == "repeat":
            return [*items[:at], items[at], *items[at:]]
        if kind == "swap":
            other = rng.randrange(len(items))
            items[at], items[other] = items[other], items[at]
        elif kind == "replace":
            items[at] = self._of(rng.choice(["odd", "shadow", "frame", "indirect", "store"]))
        elif items[at].code:
            code = items[at].code
            number = int.from_bytes(code, "little") ^ 1 << rng.randrange(8 * len(code))
            items[at] = Item("code", number.to_bytes(len(code), "little"))
        return items
