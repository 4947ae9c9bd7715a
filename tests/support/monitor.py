"""Runs sandbox code in Unicorn under a monitor that knows nothing of the proof: accesses, fetches, SP and returns.

It enforces the property of docs/safety.md directly on the execution, from any register and memory contents:
an escape that it sees in code that the verifier accepted is a bug of the verifier.

Stores are watched without Unicorn's hook for memory writes, which leaves a stale IT state behind a store in an IT
block (Unicorn 2.1.4): pages without a writable byte are write-protected, and in pages that are writable in part the
rest is compared after every instruction. Loads, where the policy confines reads, are watched by pages alone: those
without a byte of the read set cannot be read.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any

from elftools.elf.elffile import ELFFile
from unicorn import (
    UC_ARCH_ARM,
    UC_HOOK_CODE,
    UC_HOOK_MEM_FETCH_UNMAPPED,
    UC_HOOK_MEM_READ_PROT,
    UC_HOOK_MEM_READ_UNMAPPED,
    UC_HOOK_MEM_WRITE_PROT,
    UC_HOOK_MEM_WRITE_UNMAPPED,
    UC_MODE_MCLASS,
    UC_MODE_THUMB,
    UC_PROT_EXEC,
    UC_PROT_READ,
    UC_PROT_WRITE,
    Uc,
    UcError,
)
from unicorn.arm_const import (
    UC_ARM_REG_APSR,
    UC_ARM_REG_LR,
    UC_ARM_REG_PC,
    UC_ARM_REG_R0,
    UC_ARM_REG_R12,
    UC_ARM_REG_SP,
    UC_CPU_ARM_CORTEX_M3,
)

PAGE = 0x1000
RETURN = 0x00FF0000  # where the gate called from; a page of its own
REGISTERS = [UC_ARM_REG_R0 + i for i in range(12)] + [UC_ARM_REG_R12]


@dataclass
class Frame:
    sp: int
    link: int


@dataclass
class Run:
    """How one execution ended: `escapes` is what must be empty."""

    escapes: list[str] = field(default_factory=list)
    ended: str = ""
    instructions: int = 0


class Monitor:
    """One loaded image and sandbox; `run` may be called many times.

    `functions`: where functions begin, without Thumb bit; by default what the symbol table says.
    """

    def __init__(self, elf: bytes, policy: bytes, sandbox: int = 0, functions: set[int] | None = None) -> None:
        self.policy: dict[str, Any] = json.loads(policy)
        box = self.policy["sandboxes"][sandbox]
        self.box = box
        self.code = (int(box["code"]["start"], 16), int(box["code"]["end"], 16))
        base, size = int(box["window"]["base"], 16), box["window"]["size"]
        self.writable = [(base - box["window"]["slack_below"], base + size + box["window"]["slack_above"])]
        self.writable += [(int(m["start"], 16), int(m["end"], 16)) for m in box["mmio"]]
        self.stack = (int(box["stack"]["low"], 16), int(box["stack"]["high"], 16))
        self.room = box["stack"]["room"]
        self.offset = box["shadow"].get("offset")  # None: a word for each rank
        self.confined = box["confine"] == "reads"
        constants = [(int(c["start"], 16), int(c["end"], 16)) for c in box["constants"]]
        self.imports = {int(i["address"], 16) & ~1: i for i in box["imports"]}
        self.uc = Uc(UC_ARCH_ARM, UC_MODE_THUMB | UC_MODE_MCLASS, UC_CPU_ARM_CORTEX_M3)
        self._mapped: set[int] = set()
        self._functions = _function_starts(elf) if functions is None else functions
        if self.offset is None:
            words = box["shadow"]["words"]
            self.shadow = (int(words["start"], 16), int(words["end"], 16))
        else:
            self.shadow = (self.stack[0] + self.offset, self.stack[1] + self.offset)
        self.readable = [*self.writable, self.shadow, self.code, *constants]
        self._watched = list(self._protected_parts())
        self._load(elf)
        self.uc.hook_add(UC_HOOK_CODE, self._on_code)
        self.uc.hook_add(UC_HOOK_MEM_READ_UNMAPPED | UC_HOOK_MEM_READ_PROT, self._on_forbidden_read)
        self.uc.hook_add(UC_HOOK_MEM_FETCH_UNMAPPED, self._on_forbidden_fetch)
        self.uc.hook_add(UC_HOOK_MEM_WRITE_UNMAPPED | UC_HOOK_MEM_WRITE_PROT, self._on_forbidden_write)
        self._fresh = self.uc.context_save()  # a run that stops within an IT block leaves it open for the next

    def _map(self, start: int, end: int) -> None:
        for page in range(start & -PAGE, end, PAGE):
            if page not in self._mapped:
                writable = _touches(page, (*self.writable, self.shadow))
                readable = not self.confined or _touches(page, self.readable)
                rights = UC_PROT_EXEC | (UC_PROT_READ if readable else 0) | (UC_PROT_WRITE if writable else 0)
                self.uc.mem_map(page, PAGE, rights)
                self._mapped.add(page)

    def _protected_parts(self) -> Iterator[tuple[int, int]]:
        """Ranges outside the write set in pages that have to be writable: the shadow stack and the write set's edges."""
        ranges = (*self.writable, self.shadow)
        pages = sorted({page for low, high in ranges for page in range(low & -PAGE, high, PAGE)})
        for page in pages:
            at = page
            for low, high in sorted(self.writable):
                if low < page + PAGE and page < high:
                    if at < low:
                        yield at, low
                    at = max(at, min(high, page + PAGE))
            if at < page + PAGE:
                yield at, page + PAGE

    def _load(self, elf: bytes) -> None:
        self._map(RETURN, RETURN + PAGE)
        self._map(self.writable[0][0] - PAGE, self.writable[0][1] + PAGE)
        for low, high in (*self.writable[1:], self.shadow):
            self._map(low, high)
        for segment in ELFFile(BytesIO(elf)).iter_segments("PT_LOAD"):
            if segment["p_memsz"]:
                self._map(segment["p_vaddr"], segment["p_vaddr"] + segment["p_memsz"])
                self.uc.mem_write(segment["p_vaddr"], segment.data())

    def run(self, entry: int, seed: int, limit: int = 20_000, arguments: list[int] | None = None) -> Run:
        """Call `entry` (without Thumb bit) with random registers, flags and window contents."""
        rng = random.Random(seed)
        self.result = Run()
        self.rng = rng
        self.uc.context_restore(self._fresh)
        base = self.writable[0]
        for start in range(base[0], base[1], PAGE * 4):
            words = rng.choice(
                [b"\0" * 4, rng.randbytes(64), (base[0] + rng.randrange(0, 65536, 4)).to_bytes(4, "little")]
            )
            self.uc.mem_write(start, (words * PAGE)[: min(PAGE * 4, base[1] - start)])
        self.uc.mem_write(self.shadow[0], rng.randbytes(self.shadow[1] - self.shadow[0]))
        self._before = [bytes(self.uc.mem_read(low, high - low)) for low, high in self._watched]
        for register in REGISTERS:
            self.uc.reg_write(register, self._value(rng))
        for i, value in enumerate(arguments or []):
            self.uc.reg_write(UC_ARM_REG_R0 + i, value)
        self.uc.reg_write(UC_ARM_REG_APSR, rng.randrange(16) << 28)
        self.uc.reg_write(UC_ARM_REG_SP, self.stack[1])
        self.uc.reg_write(UC_ARM_REG_LR, RETURN | 1)
        self.frames = [Frame(self.stack[1], RETURN | 1)]
        self.internal: set[int] = set()
        self.previous: tuple[int, int, int] | None = None
        try:
            self.uc.emu_start(entry | 1, 0xFFFFFFFE, count=limit)
            self.result.ended = self.result.ended or "limit"
        except UcError as error:
            self.result.ended = self.result.ended or f"fault: {error}"
        self._check_stores()
        return self.result

    def _value(self, rng: random.Random) -> int:
        low, high = self.writable[0]
        return rng.choice(
            [
                rng.randrange(1 << 32),
                rng.randrange(64),
                rng.randrange(low, high),
                high + rng.randrange(-8, 8),
                rng.choice([0, 1, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF]),
                rng.randrange(*self.code) | 1,
                self.shadow[0] + rng.randrange(64),
            ]
        )

    def _escape(self, text: str) -> None:
        self.result.escapes.append(f"{text} at {self.uc.reg_read(UC_ARM_REG_PC):#x}")
        self.uc.emu_stop()

    def _on_forbidden_read(self, _uc: Uc, _access: int, address: int, size: int, _value: int, _data: object) -> bool:
        """Without confined reads it is a bus fault, which leaves the sandbox."""
        if self.confined:
            self._escape(f"load of {size} bytes from {address:#x}")
        return False

    def _on_forbidden_write(self, _uc: Uc, _access: int, address: int, size: int, _value: int, _data: object) -> bool:
        self._escape(f"store of {size} bytes to {address:#x}")
        return False

    def _on_forbidden_fetch(self, _uc: Uc, _access: int, address: int, _size: int, _value: int, _data: object) -> bool:
        self._escape(f"fetch from {address:#x}")
        return False

    def _check_stores(self) -> None:
        """Nothing outside the write set has changed, except the current function's shadow words: the return slot, to its
        link, and below that, as far down as SP is, one word at a time. Where ranks have words it may be any of those."""
        for number, (low, high) in enumerate(self._watched):
            now = bytes(self.uc.mem_read(low, high - low))
            if now == self._before[number]:
                continue
            frame = self.frames[-1]
            first = next(i for i, (a, b) in enumerate(zip(now, self._before[number], strict=True)) if a != b)
            at = frame.sp - 4 + self.offset - low if self.offset is not None else first & ~3
            word = frame.link.to_bytes(4, "little")
            inside = 0 <= at <= high - low - 4 and self.shadow[0] <= low + at < self.shadow[1]
            if inside and now == self._before[number][:at] + word + self._before[number][at + 4 :]:
                self._before[number] = now
                continue
            if self._is_frame_word(low + (first & ~3), now[first & ~3 :], frame) and now[(first | 3) + 1 :] == self._before[number][(first | 3) + 1 :]:
                self._before[number] = now
                continue
            self._escape(f"store to {low + first:#x}")
            self._before[number] = now

    def _is_frame_word(self, at: int, now: bytes, frame: Frame) -> bool:
        """Whether the word may hold where a dynamic frame's static part ends."""
        sp = self.uc.reg_read(UC_ARM_REG_SP)
        if self.offset is None:
            return self.shadow[0] <= at < self.shadow[1] and sp <= int.from_bytes(now[:4], "little") <= frame.sp
        return sp <= at - self.offset <= frame.sp - 8 and int.from_bytes(now[:4], "little") <= frame.sp

    def _on_code(self, uc: Uc, address: int, size: int, _data: object) -> None:
        if self.result.ended or self.result.escapes:  # Unicorn may run on for an instruction after emu_stop
            uc.emu_stop()
            return
        self.result.instructions += 1
        self._check_stores()
        sp = uc.reg_read(UC_ARM_REG_SP)
        self._follow(address, sp)
        if address == RETURN:
            if sp != self.stack[1] or len(self.frames) != 1:
                self._escape(f"returns to the gate with SP {sp:#x}, {len(self.frames) - 1} calls still open")
            self.result.ended = "returned"
            uc.emu_stop()
        elif address in self.imports:
            self._import(address)
        elif not self.code[0] <= address < self.code[1]:
            self._escape(f"fetch from {address:#x}")
        elif not self.stack[0] + self.room <= sp <= self.stack[1] or sp & 3:
            self._escape(f"SP is {sp:#x}")
        else:
            self.previous = (address, size, int.from_bytes(uc.mem_read(address, size), "little"))

    def _follow(self, address: int, sp: int) -> None:
        """Keep the list of open calls: a call opens a frame, arriving at its return address with its SP closes it."""
        if self.previous is None:
            return
        where, size, code = self.previous
        self.previous = None
        if address == where + size:
            return  # not taken, or plain
        if _is_call(code, size) and (address in self._functions or address in self.imports or size == 2):
            self.frames.append(Frame(sp, (where + size) | 1))
            if self.uc.reg_read(UC_ARM_REG_LR) != (where + size) | 1:
                self._escape("a call without link")
        elif _is_call(code, size):
            self.internal.add(where + size)  # libgcc: a jump inside the function that leaves a constant in LR
        elif _is_computed_jump(code, size):
            frame = self.frames[-1]
            if address | 1 == frame.link and sp == frame.sp:
                self.frames.pop()
                if not self.frames:
                    self.frames.append(frame)
            elif address not in self.internal | self._functions and not self._is_slot(address):
                self._escape(f"a return to {address:#x} instead of {frame.link:#x}")

    def _is_slot(self, address: int) -> bool:
        low, high = int(self.box["slots"]["start"], 16), int(self.box["slots"]["end"], 16)
        return low <= address < high and address % 4 == 0

    def _import(self, address: int) -> None:
        if not self.imports[address]["returns"]:
            self.result.ended = "left through an import"
            self.uc.emu_stop()
            return
        link = self.uc.reg_read(UC_ARM_REG_LR)
        if link != self.frames[-1].link:
            self._escape("an import is called with a link that is not its caller's")
            return
        for register in [UC_ARM_REG_R0 + i for i in range(4)] + [UC_ARM_REG_R12, UC_ARM_REG_LR]:
            self.uc.reg_write(register, self._value(self.rng))
        self.uc.reg_write(UC_ARM_REG_APSR, self.rng.randrange(16) << 28)
        if len(self.frames) > 1:
            self.frames.pop()
        self.previous = None
        self.uc.reg_write(UC_ARM_REG_PC, link)


def _touches(page: int, ranges: Iterable[tuple[int, int]]) -> bool:
    return any(low < page + PAGE and page < high for low, high in ranges)


def _function_starts(elf: bytes) -> set[int]:
    table = ELFFile(BytesIO(elf)).get_section_by_name(".symtab")
    if table is None:
        return set()
    return {s["st_value"] & ~1 for s in table.iter_symbols() if s["st_info"]["type"] == "STT_FUNC"}


def _is_call(code: int, size: int) -> bool:
    if size == 2:
        return code & 0xFF87 == 0x4780  # blx register
    return code & 0xF800 == 0xF000 and code >> 16 & 0xD000 == 0xD000  # bl


def _is_computed_jump(code: int, size: int) -> bool:
    """BX, and POP, LDR or LDM into PC: a return or a jump through the pointer table. (Table jumps are not.)"""
    if size == 2:
        return code & 0xFF87 == 0x4700 or code & 0xFF00 == 0xBD00
    first, second = code & 0xFFFF, code >> 16
    if first & 0xFF70 == 0xF850:  # LDR
        return second >> 12 == 15 and (first & 0x80 != 0 or second & 0x0FF0 != 0x0020)
    return first & 0xFE50 == 0xE810 and second & 0x8000 != 0  # LDM
