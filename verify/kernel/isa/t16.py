"""The 16-bit encodings (A5.2), in the order of the manual's tables.

MUL, ADD ... set the flags outside IT blocks only; CMP, CMN and TST always.
"""

# ruff: noqa: E501, I001  (a row is a line; imports are packed)

from __future__ import annotations

from .checks import (
    BASE_LOWEST, CMP_HIGH, HINT, IT_CONDITION, NO_BX_PC, NO_PC_JUMP, allocated, at_least, not_pc,
)
from .control import branch_short, call_register, compare_branch, if_then, jump_register, nothing, trap
from .data import (
    ASR, LSL, LSR, ROR, adr, always, arithmetic, extend, immediate, logic, mul_t1, never, outside_it, register,
    shift_by_register, shifted, unknown_to,
)
from .memory import SP, literal, load, load_words, multiple, plus_imm, plus_register, store, store_words
from .rows import Row, forbidden, row

ROWS: tuple[Row, ...] = (
    # shift (immediate), add, subtract, move, compare (A5.2.1)
    row("LSL, LSR, ASR (immediate) T1", "000 type:2 imm:5 Rm:3 Rd:3", logic("ORR", shifted, outside_it), see=("MOV (register) T2", "ADD (register) T1", "SUB (register) T1", "ADD (immediate) T1", "SUB (immediate) T1")),
    row("MOV (register) T2", "0000000000 Rm:3 Rd:3", logic("ORR", register, always), it="never"),
    row("ADD (register) T1", "0001100 Rm:3 Rn:3 Rd:3", arithmetic("ADD", register, outside_it)),
    row("SUB (register) T1", "0001101 Rm:3 Rn:3 Rd:3", arithmetic("SUB", register, outside_it)),
    row("ADD (immediate) T1", "0001110 imm:3 Rn:3 Rd:3", arithmetic("ADD", immediate(), outside_it)),
    row("SUB (immediate) T1", "0001111 imm:3 Rn:3 Rd:3", arithmetic("SUB", immediate(), outside_it)),
    row("MOV (immediate) T1", "00100 Rd:3 imm:8", logic("ORR", immediate(), outside_it)),
    row("CMP (immediate) T1", "00101 Rn:3 imm:8", arithmetic("SUB", immediate(), always)),
    row("ADD (immediate) T2", "00110 Rdn:3 imm:8", arithmetic("ADD", immediate(), outside_it)),
    row("SUB (immediate) T2", "00111 Rdn:3 imm:8", arithmetic("SUB", immediate(), outside_it)),
    # data processing (A5.2.2)
    row("AND (register) T1", "0100000000 Rm:3 Rdn:3", logic("AND", register, outside_it)),
    row("EOR (register) T1", "0100000001 Rm:3 Rdn:3", logic("EOR", register, outside_it)),
    row("LSL (register) T1", "0100000010 Rm:3 Rdn:3", shift_by_register(outside_it, LSL)),
    row("LSR (register) T1", "0100000011 Rm:3 Rdn:3", shift_by_register(outside_it, LSR)),
    row("ASR (register) T1", "0100000100 Rm:3 Rdn:3", shift_by_register(outside_it, ASR)),
    row("ADC (register) T1", "0100000101 Rm:3 Rdn:3", arithmetic("ADC", register, outside_it)),
    row("SBC (register) T1", "0100000110 Rm:3 Rdn:3", arithmetic("SBC", register, outside_it)),
    row("ROR (register) T1", "0100000111 Rm:3 Rdn:3", shift_by_register(outside_it, ROR)),
    row("TST (register) T1", "0100001000 Rm:3 Rn:3", logic("AND", register, always)),
    row("RSB (immediate) T1", "0100001001 Rn:3 Rd:3", arithmetic("RSB", immediate(), outside_it)),
    row("CMP (register) T1", "0100001010 Rm:3 Rn:3", arithmetic("SUB", register, always)),
    row("CMN (register) T1", "0100001011 Rm:3 Rn:3", arithmetic("ADD", register, always)),
    row("ORR (register) T1", "0100001100 Rm:3 Rdn:3", logic("ORR", register, outside_it)),
    row("MUL T1", "0100001101 Rn:3 Rdm:3", mul_t1),
    row("BIC (register) T1", "0100001110 Rm:3 Rdn:3", logic("BIC", register, outside_it)),
    row("MVN (register) T1", "0100001111 Rm:3 Rd:3", logic("ORN", register, outside_it)),
    # special data, branch and exchange (A5.2.3); ADD covers ADD (SP plus register) T1 and T2
    row("ADD (register) T2", "01000100 Rdn:1 Rm:4 Rdn:3", arithmetic("ADD", register, never), NO_PC_JUMP),
    row("CMP (register) T2", "01000101 Rn:1 Rm:4 Rn:3", arithmetic("SUB", register, always), CMP_HIGH, not_pc("Rn", "Rm")),
    row("MOV (register) T1", "01000110 Rd:1 Rm:4 Rd:3", logic("ORR", register, never), NO_PC_JUMP),
    row("BX T1", "010001110 Rm:4 (000)", jump_register, NO_BX_PC, it="last"),
    row("BLX (register) T1", "010001111 Rm:4 (000)", call_register, not_pc("Rm"), it="last"),
    # loads and stores (A5.2.4)
    row("LDR (literal) T1", "01001 Rt:3 imm:8", load(4, literal(4))),
    row("STR (register) T1", "0101000 Rm:3 Rn:3 Rt:3", store(4, plus_register)),
    row("STRH (register) T1", "0101001 Rm:3 Rn:3 Rt:3", store(2, plus_register)),
    row("STRB (register) T1", "0101010 Rm:3 Rn:3 Rt:3", store(1, plus_register)),
    row("LDRSB (register) T1", "0101011 Rm:3 Rn:3 Rt:3", load(1, plus_register, signed=True)),
    row("LDR (register) T1", "0101100 Rm:3 Rn:3 Rt:3", load(4, plus_register)),
    row("LDRH (register) T1", "0101101 Rm:3 Rn:3 Rt:3", load(2, plus_register)),
    row("LDRB (register) T1", "0101110 Rm:3 Rn:3 Rt:3", load(1, plus_register)),
    row("LDRSH (register) T1", "0101111 Rm:3 Rn:3 Rt:3", load(2, plus_register, signed=True)),
    row("STR (immediate) T1", "01100 imm:5 Rn:3 Rt:3", store(4, plus_imm(4))),
    row("LDR (immediate) T1", "01101 imm:5 Rn:3 Rt:3", load(4, plus_imm(4))),
    row("STRB (immediate) T1", "01110 imm:5 Rn:3 Rt:3", store(1, plus_imm())),
    row("LDRB (immediate) T1", "01111 imm:5 Rn:3 Rt:3", load(1, plus_imm())),
    row("STRH (immediate) T1", "10000 imm:5 Rn:3 Rt:3", store(2, plus_imm(2))),
    row("LDRH (immediate) T1", "10001 imm:5 Rn:3 Rt:3", load(2, plus_imm(2))),
    row("STR (immediate) T2", "10010 Rt:3 imm:8", store(4, plus_imm(4))),
    row("LDR (immediate) T2", "10011 Rt:3 imm:8", load(4, plus_imm(4))),
    row("ADR T1", "10100 Rd:3 imm:8", adr(1, 4)),
    row("ADD (SP plus immediate) T1", "10101 Rd:3 imm:8", arithmetic("ADD", immediate(4), never)),
    # miscellaneous (A5.2.5)
    row("ADD (SP plus immediate) T2", "101100000 imm:7", arithmetic("ADD", immediate(4), never, rd=SP)),
    row("SUB (SP minus immediate) T1", "101100001 imm:7", arithmetic("SUB", immediate(4), never, rd=SP)),
    row("CBNZ, CBZ T1", "1011 nonzero:1 0 imm:1 1 imm:5 Rn:3", compare_branch, it="never"),
    row("SXTH, SXTB, UXTH, UXTB T1", "10110010 unsigned byte Rm:3 Rd:3", extend),
    row("PUSH T1", "1011010 M:1 list:8", store_words(multiple(before=True)), at_least(1)),
    forbidden("CPS T1", "10110110011 any:5", "changes the interrupt masks, which is privileged"),
    row("REV, REV16, REVSH T1", "10111010 op:2 Rm:3 Rd:3", unknown_to("Rd"), allocated("op", (0, 1, 3))),
    row("POP T1", "1011110 P:1 list:8", load_words(multiple()), at_least(1), it="last-if-pc"),
    forbidden("BKPT T1", "10111110 imm:8", "a breakpoint halts the device or faults"),
    row("IT T1", "10111111 cond:4 mask:4", if_then, IT_CONDITION, it="never", see=("NOP, YIELD, SEV T1",)),
    row("NOP, YIELD, SEV T1", "10111111 hint:4 0000", nothing, HINT),
    # load and store multiple, conditional branches, branch
    row("STM T1", "11000 Rn:3 list:8", store_words(multiple()), at_least(1), BASE_LOWEST),
    row("LDM T1", "11001 Rn:3 list:8", load_words(multiple()), at_least(1)),
    row("B T1", "1101 cond:4 imm:8", branch_short(8), it="never", see=("UDF T1", "SVC T1")),
    row("UDF T1", "11011110 imm:8", trap),
    forbidden("SVC T1", "11011111 imm:8", "calls the supervisor"),
    row("B T2", "11100 imm:11", branch_short(11), it="last"),
)
