"""Thumb machine code to `Insn`: the only importer of capstone.

Capstone supplies names and operands. What an instruction reads and writes is derived here, from one table of operand
roles, because capstone's own access lists are wrong for many instructions; a mnemonic without a row is refused.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import Any

import capstone
from capstone import arm

from .errors import RingfenceError
from .floating import floating, is_floating
from .insn import (
    ALWAYS,
    FLAG_C,
    FLAG_N,
    FLAG_Z,
    FLAGS,
    LR,
    PC,
    SP,
    Insn,
    Label,
    Memory,
    Operand,
    bit,
    flags_tested,
    mask_of,
)


class UnsupportedInstruction(RingfenceError):
    """The instruction may be valid, but not in a sandbox, or not yet."""


_REGISTERS = {getattr(arm, f"ARM_REG_R{n}"): n for n in range(13)} | {
    arm.ARM_REG_SP: SP,
    arm.ARM_REG_LR: LR,
    arm.ARM_REG_PC: PC,
}

_PARALLEL = ("add16", "asx", "sax", "sub16", "add8", "sub8")  # A5.3.13-14; they write GE, which nothing here touches

# name: roles of the operands, one letter each: d written, r read, b both, - neither (an immediate that is a position).
# A two-operand form of a three-operand row ("add r0, r1") reads its destination too.
_ROLES = {
    **dict.fromkeys(("add", "sub", "adc", "sbc", "rsb", "and", "orr", "eor", "bic", "orn", "mul"), "drr"),
    **dict.fromkeys(("addw", "subw", "lsl", "lsr", "asr", "ror"), "drr"),
    **dict.fromkeys(("mov", "mvn", "movw", "rrx", "clz", "rbit", "rev", "rev16", "revsh"), "dr"),
    **dict.fromkeys(("sxtb", "sxth", "uxtb", "uxth"), "dr"),
    **dict.fromkeys(("sdiv", "udiv"), "drr"),
    **dict.fromkeys(("sbfx", "ubfx"), "dr--"),
    **dict.fromkeys(("ssat", "usat"), "d-r"),
    **dict.fromkeys(("mla", "mls"), "drrr"),
    **{f"{sign}{what}": "drr" for sign in ("s", "u", "q", "uq", "sh", "uh") for what in _PARALLEL},
    **dict.fromkeys(("qadd", "qsub", "qdadd", "qdsub", "sel", "pkhbt", "pkhtb", "usad8"), "drr"),
    **dict.fromkeys(("sxtab", "sxtah", "sxtab16", "uxtab", "uxtah", "uxtab16"), "drr"),
    **dict.fromkeys(("sxtb16", "uxtb16"), "dr"),
    **dict.fromkeys(("ssat16", "usat16"), "d-r"),
    **{f"smul{x}{y}": "drr" for x in "bt" for y in "bt"},
    **{f"smla{x}{y}": "drrr" for x in "bt" for y in "bt"},
    **{f"smlal{x}{y}": "bbrr" for x in "bt" for y in "bt"},
    **dict.fromkeys(("smulwb", "smulwt", "smuad", "smuadx", "smusd", "smusdx", "smmul", "smmulr"), "drr"),
    **dict.fromkeys(("smlawb", "smlawt", "smlad", "smladx", "smlsd", "smlsdx"), "drrr"),
    **dict.fromkeys(("smmla", "smmlar", "smmls", "smmlsr", "usada8"), "drrr"),
    **dict.fromkeys(("smlald", "smlaldx", "smlsld", "smlsldx", "umaal"), "bbrr"),
    **dict.fromkeys(("umull", "smull"), "ddrr"),
    **dict.fromkeys(("umlal", "smlal"), "bbrr"),
    **dict.fromkeys(("cmp", "cmn", "tst", "teq"), "rr"),
    "movt": "b-",
    "bfi": "br--",
    "bfc": "b--",
}
_ARITHMETIC = {"add", "sub", "adc", "sbc", "rsb", "cmp", "cmn"}  # write all four flags
_LOGIC = {"and", "orr", "eor", "bic", "orn", "mov", "mvn", "tst", "teq", "lsl", "lsr", "asr", "ror", "rrx"}  # N Z (C)
_COMPARES = {"cmp", "cmn", "tst", "teq"}
_USES_CARRY = {"adc", "sbc", "rrx"}
_ACCESS = {  # bytes accessed for each register of the list
    "ldr": 4, "ldrb": 1, "ldrh": 2, "ldrsb": 1, "ldrsh": 2, "ldrd": 4, "ldrex": 4, "ldrexb": 1, "ldrexh": 2,
    "ldrt": 4, "ldrbt": 1, "ldrht": 2, "ldrsbt": 1, "ldrsht": 2,
    "str": 4, "strb": 1, "strh": 2, "strd": 4, "strex": 4, "strexb": 1, "strexh": 2, "strt": 4, "strbt": 1, "strht": 2,
}  # fmt: skip
_ALIASES = {"movs": "mov"}  # how capstone calls the 16-bit LSLS rd, rm, #0
_NO_EFFECT = {"nop", "yield", "dmb", "dsb", "isb", "clrex", "pld", "pli", "csdb", "sev"}


@lru_cache(maxsize=1)
def _decoder() -> Any:
    decoder = capstone.Cs(capstone.CS_ARCH_ARM, capstone.CS_MODE_THUMB | capstone.CS_MODE_MCLASS)
    decoder.detail = True
    return decoder


def is_wide(first_halfword: int) -> bool:
    """Whether a halfword begins a 32-bit instruction (A5.1)."""
    return first_halfword >> 11 in (0b11101, 0b11110, 0b11111)


@lru_cache(maxsize=1 << 16)
def decode(raw: bytes, condition: int = ALWAYS) -> Insn:
    """One instruction as if it stood at address 0; `condition` is the one that an IT block imposes.

    Targets are labels relative to the instruction (branches) or to its word-aligned PC (literals): use `at` to place
    it. Raises UnsupportedInstruction, without the address: the caller knows where it is.
    """
    decoded = next(iter(_decoder().disasm(raw, 0, count=1)), None)
    if decoded is None or decoded.size != len(raw):
        raise UnsupportedInstruction(f"undefined instruction {raw.hex(' ')}")
    found = _floating(decoded, raw) if is_floating(raw) else _classify(decoded, raw, in_it=condition != ALWAYS)
    insn = replace(found, text=decoded.op_str)
    return insn.under(condition) if condition != ALWAYS else insn


def assembly(raw: bytes) -> str:
    """One instruction as assembly text, as if it stood at address 0 and outside an IT block."""
    decoded = next(iter(_decoder().disasm(raw, 0, count=1)), None)
    if decoded is None:
        raise UnsupportedInstruction(f"undefined instruction {raw.hex(' ')}")
    return f"{decoded.mnemonic} {decoded.op_str}"


def at(insn: Insn, address: int) -> Insn:
    """A decoded instruction placed at an address: its relative target becomes absolute."""
    if insn.target is None:
        return insn
    pc = address & ~3 if insn.kind in ("literal", "literal_pair", "literal_float", "adr") else address
    return replace(insn, target=Label((insn.target.address + pc) & 0xFFFFFFFF))


def _register(number: int) -> int:
    if number not in _REGISTERS:
        raise UnsupportedInstruction("special or floating-point register")
    return _REGISTERS[number]


def _operands(decoded: Any) -> tuple[Operand, ...]:
    """Register and immediate operands in order; memory operands are left out."""
    result = []
    for operand in decoded.operands:
        if operand.type == arm.ARM_OP_REG:
            result.append(Operand(_register(operand.reg)))
        elif operand.type == arm.ARM_OP_IMM:
            result.append(Operand(-1, operand.imm))
    return tuple(result)


def _floating(decoded: Any, raw: bytes) -> Insn:
    insn = floating(raw, decoded.mnemonic.split(".")[0])
    if insn is None or (insn.reads | insn.writes) & (bit(SP) if insn.memory is None else bit(PC)):
        raise UnsupportedInstruction(f"instruction '{decoded.mnemonic} {decoded.op_str}' is not supported in a sandbox")
    return insn


def _classify(decoded: Any, raw: bytes, in_it: bool) -> Insn:
    name: str = decoded.insn_name()
    name = _ALIASES.get(name, name)
    if name == "hint":
        name = decoded.mnemonic.strip().split(".")[0]
    if name in _ROLES:
        return _data_processing(name, decoded, raw, in_it)
    if name in _ACCESS:
        return _load_store(name, decoded, raw)
    if name in ("push", "pop") or name.startswith(("ldm", "stm")):
        return _multiple(name, decoded, raw)
    if name.strip() in _NO_EFFECT:
        return Insn("plain", name, raw)
    special = _SPECIAL.get(name)
    if special is None:
        raise UnsupportedInstruction(f"instruction '{decoded.mnemonic} {decoded.op_str}' is not supported in a sandbox")
    return special(name, decoded, raw)


def _data_processing(name: str, decoded: Any, raw: bytes, in_it: bool) -> Insn:
    operands = _operands(decoded)
    if name in ("addw", "subw"):
        name = name[:3]
    if name == "add" and len(operands) == 3 and operands[1].register == PC and not operands[2].is_register:
        return _adr("adr", decoded, raw, operands[2].value)
    reads, writes = _roles(name, operands)
    shifted = False
    for operand in decoded.operands:
        shifted |= operand.shift.type != 0
        if operand.shift.type >= arm.ARM_SFT_ASR_REG:
            reads |= bit(_register(operand.shift.value))
    if name in _USES_CARRY:
        reads |= FLAG_C
    flags, killed = _flags_written(name, decoded, raw, in_it)
    if (reads | writes) & bit(PC):
        raise UnsupportedInstruction(f"'{decoded.mnemonic} {decoded.op_str}' computes with PC")
    kills = writes | killed
    return Insn("plain", name, raw, reads, writes | flags, kills, operands=operands, shifted=shifted)


def _roles(name: str, operands: tuple[Operand, ...]) -> tuple[int, int]:
    roles = _ROLES[name]
    reads = writes = 0
    if roles.startswith("dr") and len(roles) == 3 and len(operands) == 2:
        roles = "br"
    for role, operand in zip(roles, operands, strict=False):
        if operand.is_register and role in "rb":
            reads |= bit(operand.register)
        if operand.is_register and role in "db":
            writes |= bit(operand.register)
    return reads, writes


def _flags_written(name: str, decoded: Any, raw: bytes, in_it: bool) -> tuple[int, int]:
    """(flags that may change, flags certainly overwritten). 16-bit data processing inside an IT block sets none."""
    sets = name in _COMPARES or (decoded.mnemonic.split(".")[0] == f"{name}s" and not (in_it and len(raw) == 2))
    if not sets:
        return 0, 0
    if name in _ARITHMETIC:
        return FLAGS, FLAGS
    if name in _LOGIC or name == "mul":
        return FLAG_N | FLAG_Z | FLAG_C, FLAG_N | FLAG_Z
    return FLAGS, 0


def _load_store(name: str, decoded: Any, raw: bytes) -> Insn:
    memory = _memory(name, decoded)
    status = _operands(decoded)[0].register if name.startswith("strex") else -1
    if memory.base == PC:
        return _pc_relative_load(name, decoded, raw, memory)
    reads = bit(memory.base)
    writes = bit(memory.base) if memory.step else 0
    if memory.index >= 0:
        reads |= bit(memory.index)
    if memory.store:
        reads |= mask_of(memory.data)
    else:
        writes |= mask_of(memory.data)
    if status >= 0:
        writes |= bit(status)
    if not memory.store and PC in memory.data:
        kind = "table_load" if memory.index >= 0 else "load_pc"
        return Insn(kind, name, raw, reads, writes & ~bit(PC), writes & ~bit(PC), memory=memory)
    simple = name == "ldr" and memory.index < 0 and not memory.step  # what SP was saved as: passes/dynamic.py
    if writes & bit(SP) and not memory.store and SP in memory.data and not simple:
        raise UnsupportedInstruction("a load into SP")
    return Insn("plain", name, raw, reads, writes, writes, operands=_operands(decoded), memory=memory)


def _memory(name: str, decoded: Any) -> Memory:
    """The memory operand; capstone gives post-indexed offsets as an extra immediate after it."""
    places = [n for n, operand in enumerate(decoded.operands) if operand.type == arm.ARM_OP_MEM]
    if len(places) != 1:
        raise UnsupportedInstruction(f"'{decoded.mnemonic} {decoded.op_str}': no single memory operand")
    place = places[0]
    operand = decoded.operands[place]
    data = tuple(_register(o.reg) for o in decoded.operands[:place])
    if name.startswith("strex"):
        data = data[1:]
    size = _ACCESS[name] * len(data)
    index = _register(operand.mem.index) if operand.mem.index else -1
    after = decoded.operands[place + 1 :]
    offset, step = operand.mem.disp, 0
    if after:
        step = -after[0].imm if after[0].subtracted else after[0].imm
        offset = 0
    elif decoded.writeback:
        step = offset
    base = _register(operand.mem.base)
    store = name.startswith("str")
    return Memory(base, offset, index, operand.shift.value, size, step, store, data)


def _pc_relative_load(name: str, decoded: Any, raw: bytes, memory: Memory) -> Insn:
    if memory.index >= 0 or memory.step or memory.store or name not in ("ldr", "ldrd") or {PC, SP} & set(memory.data):
        raise UnsupportedInstruction(f"'{decoded.mnemonic} {decoded.op_str}' addresses memory from PC")
    kind = "literal" if name == "ldr" else "literal_pair"
    writes = mask_of(memory.data)
    operands = tuple(map(Operand, memory.data))
    return Insn(kind, name, raw, 0, writes, writes, operands=operands, target=Label(memory.offset + 4))


def _multiple(name: str, decoded: Any, raw: bytes) -> Insn:
    """push, pop, ldm, ldmdb, stm, stmdb (A7.7.40-41, A7.7.98-99, A7.7.155-156)."""
    registers = [_register(operand.reg) for operand in decoded.operands]
    base, writeback, down = SP, True, name in ("push", "stmdb", "ldmdb")
    if name not in ("push", "pop"):
        base, writeback = registers.pop(0), bool(decoded.writeback) or "!" in decoded.op_str
    store = name == "push" or name.startswith("stm")
    size = 4 * len(registers)
    step = 0 if not writeback else -size if down else size
    memory = Memory(base, -size if down else 0, -1, 0, size, step, store, tuple(registers))
    listed = mask_of(registers)
    if listed & bit(SP) or (store and PC in registers):
        raise UnsupportedInstruction(f"'{decoded.mnemonic} {decoded.op_str}' transfers SP or PC")
    reads = bit(base) | (listed if store else 0)
    writes = (bit(base) if writeback else 0) | (0 if store else listed & ~bit(PC))
    kind = "load_pc" if not store and PC in registers else "plain"
    return Insn(kind, name, raw, reads, writes, writes, memory=memory)


def _adr(name: str, decoded: Any, raw: bytes, offset: int) -> Insn:
    register = _register(decoded.operands[0].reg)
    written = bit(register)
    return Insn("adr", name, raw, 0, written, written, operands=(Operand(register),), target=Label(offset + 4))


def _adr_operand(name: str, decoded: Any, raw: bytes) -> Insn:
    return _adr(name, decoded, raw, decoded.operands[1].imm)


def _branch(name: str, decoded: Any, raw: bytes) -> Insn:
    condition = decoded.cc - 1 if 1 <= decoded.cc <= 14 else ALWAYS
    reads = flags_tested(condition) if condition != ALWAYS else 0
    return Insn("branch", name, raw, reads, condition=condition, target=_branch_target(decoded))


def _branch_target(decoded: Any) -> Label:
    """Capstone gives the target's address for an instruction at 0."""
    value = decoded.operands[-1].imm & 0xFFFFFFFF
    return Label(value - (1 << 32) if value >> 31 else value)


def _zero_branch(name: str, decoded: Any, raw: bytes) -> Insn:
    register = _register(decoded.operands[0].reg)
    return Insn("zero", name, raw, bit(register), operands=(Operand(register),), target=_branch_target(decoded))


def _call(name: str, decoded: Any, raw: bytes) -> Insn:
    return Insn("call", name, raw, 0, bit(LR), bit(LR), target=_branch_target(decoded))


def _register_jump(name: str, decoded: Any, raw: bytes) -> Insn:
    if decoded.operands[0].type != arm.ARM_OP_REG:
        raise UnsupportedInstruction("a branch to ARM state")
    register = _register(decoded.operands[0].reg)
    if register in (PC, SP):
        raise UnsupportedInstruction(f"'{decoded.mnemonic} {decoded.op_str}' leaves Thumb state")
    written = bit(LR) if name == "blx" else 0
    kind = "call_register" if name == "blx" else "jump_register"
    return Insn(kind, name, raw, bit(register), written, written, operands=(Operand(register),))


def _table(name: str, decoded: Any, raw: bytes) -> Insn:
    operand = decoded.operands[0]
    if _register(operand.mem.base) != PC:
        raise UnsupportedInstruction(f"'{decoded.mnemonic} {decoded.op_str}': only tables right behind the instruction")
    index = _register(operand.mem.index)
    return Insn("table", name, raw, bit(index), operands=(Operand(index),))


def _trap(name: str, decoded: Any, raw: bytes) -> Insn:
    """UDF; #254, which clang uses for __builtin_trap, has a name and no operand in capstone."""
    return Insn("trap", "udf", raw, value=decoded.operands[0].imm if decoded.operands else 0xFE)


def _flags_transfer(name: str, decoded: Any, raw: bytes) -> Insn:
    """MRS and MSR of the application flags only (B5.2)."""
    registers = [o.reg for o in decoded.operands if o.type == arm.ARM_OP_REG and o.reg in _REGISTERS]
    if len(registers) != 1 or "apsr" not in decoded.op_str:
        raise UnsupportedInstruction(f"'{decoded.mnemonic} {decoded.op_str}' reaches a system register")
    register = bit(_register(registers[0]))
    if name == "mrs":
        return Insn("plain", name, raw, FLAGS, register, register)
    return Insn("plain", name, raw, register, FLAGS, FLAGS)


_SPECIAL = {
    "adr": _adr_operand,
    "b": _branch,
    "bl": _call,
    "blx": _register_jump,
    "bx": _register_jump,
    "cbz": _zero_branch,
    "cbnz": _zero_branch,
    "tbb": _table,
    "tbh": _table,
    "udf": _trap,
    "trap": _trap,
    "mrs": _flags_transfer,
    "msr": _flags_transfer,
}
