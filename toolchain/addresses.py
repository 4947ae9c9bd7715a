"""Forming an address in one register, so that it can be guarded: register offsets and large offsets."""

from __future__ import annotations

from dataclasses import dataclass

from . import asm
from .analysis import Analysis
from .floating import moved
from .insn import IP, SCRATCH, SP, Insn, Memory, bit, mask_of
from .program import NotSupported, Program


@dataclass(frozen=True)
class Formed:
    """`before` puts the address (less `offset`) into `register`, `access` uses it, `after` restores what changed."""

    register: int
    offset: int
    before: tuple[Insn, ...]
    access: Insn
    after: tuple[Insn, ...]


def form_address(facts: Analysis, n: int, insn: Insn, memory: Memory, preferred: int | None = None) -> Formed:
    """Use a free register if there is one, else add to the base and subtract again, else save one on the stack.
    `preferred`: a free register to use first."""
    if memory.step:
        return _writeback(facts, n, insn, memory)
    scratch = _scratch(facts, n, memory) if preferred is None else preferred
    if scratch is not None:
        return Formed(scratch, 0, (_sum(scratch, memory),), access_at(facts.program, n, insn, scratch, 0), ())
    return _there_and_back(facts, n, insn, memory) or _through_stack(facts, n, insn, memory)


def _writeback(facts: Analysis, n: int, insn: Insn, memory: Memory) -> Formed:
    """Pre-indexed with a large step: move the base first."""
    if memory.base in memory.data or memory.base == SP:
        raise NotSupported(facts.program, n, "this access with writeback is not supported")
    access = access_at(facts.program, n, insn, memory.base, 0)
    return Formed(memory.base, 0, (asm.add_constant(memory.base, memory.base, memory.step),), access, ())


def _sum(target: int, memory: Memory, sp_moved: int = 0) -> Insn:
    """target = the address; `sp_moved` is how much lower SP is now than the access expects."""
    if memory.index >= 0:
        return asm.add_shifted(target, memory.base, memory.index, memory.shift)
    return asm.add_constant(target, memory.base, memory.offset + (sp_moved if memory.base == SP else 0))


def _scratch(facts: Analysis, n: int, memory: Memory) -> int | None:
    """A free register, or the one that is loaded. That one first for a register offset, which is of no use later; not
    that of LDRD, which may then be repeated with a wrong base (erratum 602117)."""
    loaded = None if memory.store or len(memory.data) != 1 or memory.data[0] > IP else memory.data[0]
    if loaded is not None and memory.index >= 0:
        return loaded
    free = _free_register(facts, n, memory)
    return loaded if free is None else free


def _free_register(facts: Analysis, n: int, memory: Memory) -> int | None:
    """A register not needed behind the access and not transferred by it; ip first."""
    written = mask_of(memory.data) | (facts.program.items[n].insn or _missing()).writes
    needed = facts.live.after(n) | written | bit(SP)
    return next((r for r in SCRATCH if not needed >> r & 1), None)


def _missing() -> Insn:
    raise ValueError("an item without an instruction")


def _there_and_back(facts: Analysis, n: int, insn: Insn, memory: Memory) -> Formed | None:
    """base += index or offset; access; then back. The guard between them changes nothing in a correct program."""
    if memory.index < 0:
        return _moved_base(facts, n, insn, memory)
    if memory.index == memory.base:
        return None
    if memory.base not in memory.data and memory.base != SP:
        changed, other, shift = memory.base, memory.index, memory.shift
    elif memory.index not in memory.data and memory.shift == 0 and memory.base != SP:
        changed, other, shift = memory.index, memory.base, 0
    else:
        return None
    access = access_at(facts.program, n, insn, changed, 0)
    back = asm.sub_shifted(changed, changed, other, shift)
    return Formed(changed, 0, (asm.add_shifted(changed, changed, other, shift),), access, (back,))


def _moved_base(facts: Analysis, n: int, insn: Insn, memory: Memory) -> Formed | None:
    base, offset = memory.base, memory.offset
    if base in memory.data or base == SP:
        return None
    there, back = (asm.add_constant(base, base, distance) for distance in (offset, -offset))
    return Formed(base, 0, (there,), access_at(facts.program, n, insn, base, 0), (back,))


def _through_stack(facts: Analysis, n: int, insn: Insn, memory: Memory) -> Formed:
    """Save a register on the stack around the access."""
    used = insn.reads | insn.writes
    spare = next(r for r in range(8) if not used >> r & 1)
    moved = 4 if memory.base == SP else 0
    before: tuple[Insn, ...] = (asm.push([spare]), _sum(spare, memory, moved if memory.index < 0 else 0))
    if moved and memory.index >= 0:
        before = (*before, asm.add_constant(spare, spare, moved))
    return Formed(spare, 0, before, access_at(facts.program, n, insn, spare, 0), (asm.pop([spare]),))


def access_at(program: Program, n: int, insn: Insn, base: int, offset: int) -> Insn:
    """The same store or load at another address, unconditional."""
    memory = insn.memory
    if memory is None:
        raise ValueError("not a load or store")
    if insn.name in ("str", "strb", "strh", "ldr", "ldrb", "ldrh", "ldrsb", "ldrsh"):
        return asm.transfer(insn.name, memory.data[0], base, offset)
    if insn.name in ("strd", "ldrd"):
        return asm.transfer_pair(insn.name, memory.data[0], memory.data[1], base, offset)
    if insn.name in ("vstr", "vldr"):
        return moved(insn, base, offset)
    if insn.name.startswith("ldrex"):
        return asm.load_exclusive(insn.name, memory.data[0], base, offset)
    if insn.name.startswith("strex"):
        return asm.store_exclusive(insn.name, insn.operands[0].register, memory.data[0], base, offset)
    raise NotSupported(program, n, "this access is not supported with an address that needs a guard")
