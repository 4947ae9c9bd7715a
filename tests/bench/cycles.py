"""An estimate of Cortex-M3 cycles from how often each instruction was executed.

Source of the table: Arm, Cortex-M3 Technical Reference Manual r2p1 (DDI 0337I), section 3.3.1 (table 3-1, "Cortex-M3
instruction set summary") and 3.3.2 ("Load/store timings"). Memory answers without wait states. P, the time to refill
the pipeline ("1 to 3 depending on the alignment and width of the target instruction"), counts as 2, and as 3 where the
target is a 32-bit instruction that does not begin at a word boundary. Ranges that depend on the data count with their
middle: UMULL 3-5, UMLAL 4-7, SDIV 2-12.

An estimate only: it serves to compare two versions of one program.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

import capstone
from capstone import arm

from bench.measure import Executed

REFILL, MISALIGNED_REFILL = 2, 3
_LONG_MULTIPLY = {"umull": 4, "smull": 4, "umlal": 5.5, "smlal": 5.5}
_OTHER = {"mla": 2, "mls": 2, "sdiv": 7, "udiv": 7, "mrs": 2, "msr": 2, **_LONG_MULTIPLY}
_SINGLE_LOADS = ("ldr", "ldrb", "ldrh", "ldrsb", "ldrsh", "ldrex", "ldrexb", "ldrexh")
_SINGLE_STORES = ("str", "strb", "strh", "strex", "strexb", "strexh")


@lru_cache(maxsize=1)
def _decoder() -> capstone.Cs:
    decoder = capstone.Cs(capstone.CS_ARCH_ARM, capstone.CS_MODE_THUMB | capstone.CS_MODE_MCLASS)
    decoder.detail = True
    return decoder


class Timing(NamedTuple):
    """`cycles` if control goes on behind it; `load`, `store`: of a single register; `immediate`: its address is a
    register plus a constant."""

    name: str
    cycles: float
    load: bool = False
    store: bool = False
    immediate: bool = False


@lru_cache(maxsize=1 << 16)
def timing(raw: bytes) -> Timing:
    """What table 3-1 says of one instruction; one that is not in it counts as one cycle."""
    insn = next(iter(_decoder().disasm(raw, 0x1000, count=1)), None)
    if insn is None:
        return Timing("?", 1)
    name = insn.insn_name().strip()
    registers = sum(1 for o in insn.operands if o.type == arm.ARM_OP_REG)
    if name in _SINGLE_LOADS:
        return Timing(name, 2, load=True)
    if name in _SINGLE_STORES:
        memory = next(o for o in insn.operands if o.type == arm.ARM_OP_MEM)
        return Timing(name, 2, store=True, immediate=memory.mem.index == 0)
    if name in ("ldrd", "strd"):
        return Timing(name, 3)
    if name in ("push", "pop"):
        return Timing(name, 1 + registers)
    if name.startswith(("ldm", "stm")):
        return Timing(name, registers)  # 1 + N; the base is one of the operands
    return Timing(name, 2 if name in ("tbb", "tbh") else _OTHER.get(name, 1))


def estimate(executed: Mapping[int, Executed]) -> float:
    """Cycles of these instructions, of a run or of a part of one."""
    return sum(_cycles(executed, address, e) for address, e in executed.items())


def _cycles(executed: Mapping[int, Executed], address: int, e: Executed) -> float:
    cost = timing(e.raw)
    before = _before(executed, address)
    in_line = 0 if before is None else max(0, min(e.times, before.times - before.left))
    folded = in_line if cost.name == "it" and before is not None and len(before.raw) == 2 else 0
    cycles = e.times * cost.cycles - folded
    if cost.store and cost.immediate:
        cycles = e.times  # "STR Rx,[Ry,#imm] is always one cycle"
    elif (cost.load or cost.store) and before is not None and timing(before.raw).load:
        cycles -= in_line  # its address phase overlaps the data phase of the load before it
    jumps_to = e.times - in_line if len(e.raw) == 4 and address % 4 else 0
    return cycles + e.left * REFILL + jumps_to * (MISALIGNED_REFILL - REFILL)


def _before(executed: Mapping[int, Executed], address: int) -> Executed | None:
    """The instruction that ends where this one begins."""
    for size in (2, 4):
        before = executed.get(address - size)
        if before is not None and len(before.raw) == size:
            return before
    return None
