"""The 32-bit encodings (A5.3) of ARMv7-M and its DSP extension, in the manual's order; floating point is in vfp.py.

A row may stand for a family of encodings that the manual lists one by one, where a field tells them apart.
"""

# ruff: noqa: E501, I001  (a row is a line; imports are packed)

from __future__ import annotations

from .checks import (
    BASE_KEPT, BASE_NOT_IN_LIST, BARRIER, COMPARES, EXPANDABLE, FIELD_FITS, HINT, INDEXED, LDRD, LONG,
    MLS_OF_PC, MOV_TO_OR_FROM_SP, MSB_ABOVE_LSB, NO_LOAD_OF_SP, NOT_111X, NOT_LR_AND_PC, SAME_RM, SATURATE_16,
    SHIFT_TO_SP, SP_FROM_SP, STREX, allocated, at_least, not_pc, not_sp, not_sp_pc,
)
from .control import branch_conditional_wide, branch_wide, call, nothing, table_branch, trap
from .data import (
    adr, arithmetic, extend, extract_field, if_s, immediate, insert_field, logic, modified, move_wide, msr_apsr, never,
    register, shift_by_register, shifted, unknown_to,
)
from .memory import (
    base_only, indexed, literal, literal_aligned, load, load_register_or_table, load_words, multiple, narrow, plus_imm,
    plus_register, store, store_exclusive, store_words,
)
from .rows import Row, forbidden, row

_UNPRIVILEGED = "an unprivileged access, which only privileged software needs"
_SYSTEM = "system registers other than the application flags are privileged"

_HINTS = ("PLD, PLI (immediate) T1", "PLD, PLI (immediate) T2", "PLD, PLI (literal) T1", "PLD, PLI (register) T1")

_MULTIPLE = (  # load and store multiple (A5.3.5)
    row("STM T2", "1110100010 W 0 Rn:4 | (0) M (0) list:13", store_words(multiple()), not_pc("Rn"), at_least(2), BASE_NOT_IN_LIST),
    row("LDM T2, POP T2", "1110100010 W 1 Rn:4 | P M (0) list:13", load_words(multiple()), not_pc("Rn"), at_least(2), NOT_LR_AND_PC, BASE_NOT_IN_LIST, it="last-if-pc"),
    row("STMDB T1, PUSH T2", "1110100100 W 0 Rn:4 | (0) M (0) list:13", store_words(multiple(before=True)), not_pc("Rn"), at_least(2), BASE_NOT_IN_LIST),
    row("LDMDB T1", "1110100100 W 1 Rn:4 | P M (0) list:13", load_words(multiple(before=True)), not_pc("Rn"), at_least(2), NOT_LR_AND_PC, BASE_NOT_IN_LIST, it="last-if-pc"),
)

_DUAL = (  # load and store dual or exclusive, table branch (A5.3.6)
    row("STREX T1", "111010000100 Rn:4 | Rt:4 Rd:4 imm:8", store_exclusive(4, plus_imm(4)), *STREX),
    row("LDREX T1", "111010000101 Rn:4 | Rt:4 (1111) imm:8", load(4, plus_imm(4)), not_sp_pc("Rt"), not_pc("Rn")),
    row("STREXB, STREXH T1", "111010001100 Rn:4 | Rt:4 (1111) 010 half:1 Rd:4", narrow(base_only, store_exclusive), *STREX),
    row("LDREXB, LDREXH T1", "111010001101 Rn:4 | Rt:4 (1111) 010 half:1 (1111)", narrow(base_only), not_sp_pc("Rt"), not_pc("Rn")),
    row("TBB, TBH T1", "111010001101 Rn:4 | (11110000) 000 half:1 Rm:4", table_branch, not_sp("Rn"), not_sp_pc("Rm"), it="last"),
    row("STRD (immediate) T1", "1110100 P U 1 W 0 Rn:4 | Rt:4 Rt2:4 imm:8", store_words(indexed(4)), INDEXED, not_pc("Rn"), not_sp_pc("Rt", "Rt2"), BASE_KEPT, see=("STREX T1", "STREXB, STREXH T1")),
    row("LDRD (immediate) T1", "1110100 P U 1 W 1 Rn:4 | Rt:4 Rt2:4 imm:8", load_words(indexed(4)), INDEXED, not_pc("Rn"), *LDRD, BASE_KEPT, see=("LDREX T1", "LDREXB, LDREXH T1", "TBB, TBH T1", "LDRD (literal) T1")),
    row("LDRD (literal) T1", "11101001 U 1 (0) 1 1111 | Rt:4 Rt2:4 imm:8", load_words(literal_aligned), *LDRD),
)

_SHIFTED = (  # data processing (shifted register) (A5.3.11)
    row("AND (register) T2, TST (register) T2", "11101010000 S Rn:4 | (0) imm:3 Rd:4 imm:2 type:2 Rm:4", logic("AND", shifted, if_s), not_sp("Rd"), COMPARES, not_sp_pc("Rn", "Rm")),
    row("BIC (register) T2", "11101010001 S Rn:4 | (0) imm:3 Rd:4 imm:2 type:2 Rm:4", logic("BIC", shifted, if_s), not_sp_pc("Rd", "Rn", "Rm")),
    row("ORR (register) T2, LSL, LSR, ASR, ROR, RRX (immediate)", "11101010010 S Rn:4 | (0) imm:3 Rd:4 imm:2 type:2 Rm:4", logic("ORR", shifted, if_s), not_sp_pc("Rd", "Rm"), not_sp("Rn"), see=("MOV (register) T3",)),
    row("MOV (register) T3", "11101010010 S 1111 | (0) 000 Rd:4 0000 Rm:4", logic("ORR", register, if_s), not_pc("Rd", "Rm"), MOV_TO_OR_FROM_SP),
    row("ORN (register) T1, MVN (register) T2", "11101010011 S Rn:4 | (0) imm:3 Rd:4 imm:2 type:2 Rm:4", logic("ORN", shifted, if_s), not_sp_pc("Rd", "Rm"), not_sp("Rn")),
    row("EOR (register) T2, TEQ (register) T1", "11101010100 S Rn:4 | (0) imm:3 Rd:4 imm:2 type:2 Rm:4", logic("EOR", shifted, if_s), not_sp("Rd"), COMPARES, not_sp_pc("Rn", "Rm")),
    row("PKHBT, PKHTB T1", "111010101100 Rn:4 | (0) imm:3 Rd:4 imm:2 tb 0 Rm:4", unknown_to("Rd"), not_sp_pc("Rd", "Rn", "Rm"), needs="dsp"),
    row("ADD (register) T3, CMN (register) T2", "11101011000 S Rn:4 | (0) imm:3 Rd:4 imm:2 type:2 Rm:4", arithmetic("ADD", shifted, if_s), not_pc("Rn"), COMPARES, not_sp_pc("Rm"), SP_FROM_SP, SHIFT_TO_SP),
    row("ADC (register) T2", "11101011010 S Rn:4 | (0) imm:3 Rd:4 imm:2 type:2 Rm:4", arithmetic("ADC", shifted, if_s), not_sp_pc("Rd", "Rn", "Rm")),
    row("SBC (register) T2", "11101011011 S Rn:4 | (0) imm:3 Rd:4 imm:2 type:2 Rm:4", arithmetic("SBC", shifted, if_s), not_sp_pc("Rd", "Rn", "Rm")),
    row("SUB (register) T2, CMP (register) T3", "11101011101 S Rn:4 | (0) imm:3 Rd:4 imm:2 type:2 Rm:4", arithmetic("SUB", shifted, if_s), not_pc("Rn"), COMPARES, not_sp_pc("Rm"), SP_FROM_SP, SHIFT_TO_SP),
    row("RSB (register) T1", "11101011110 S Rn:4 | (0) imm:3 Rd:4 imm:2 type:2 Rm:4", arithmetic("RSB", shifted, if_s), not_sp_pc("Rd", "Rn", "Rm")),
)

_MODIFIED = (  # data processing (modified immediate) (A5.3.1)
    row("AND (immediate) T1, TST (immediate) T1", "11110 imm:1 00000 S Rn:4 | 0 imm:3 Rd:4 imm:8", logic("AND", modified, if_s), EXPANDABLE, not_sp("Rd"), COMPARES, not_sp_pc("Rn")),
    row("BIC (immediate) T1", "11110 imm:1 00001 S Rn:4 | 0 imm:3 Rd:4 imm:8", logic("BIC", modified, if_s), EXPANDABLE, not_sp_pc("Rd", "Rn")),
    row("ORR (immediate) T1, MOV (immediate) T2", "11110 imm:1 00010 S Rn:4 | 0 imm:3 Rd:4 imm:8", logic("ORR", modified, if_s), EXPANDABLE, not_sp_pc("Rd"), not_sp("Rn")),
    row("ORN (immediate) T1, MVN (immediate) T1", "11110 imm:1 00011 S Rn:4 | 0 imm:3 Rd:4 imm:8", logic("ORN", modified, if_s), EXPANDABLE, not_sp_pc("Rd"), not_sp("Rn")),
    row("EOR (immediate) T1, TEQ (immediate) T1", "11110 imm:1 00100 S Rn:4 | 0 imm:3 Rd:4 imm:8", logic("EOR", modified, if_s), EXPANDABLE, not_sp("Rd"), COMPARES, not_sp_pc("Rn")),
    row("ADD (immediate) T3, CMN (immediate) T1", "11110 imm:1 01000 S Rn:4 | 0 imm:3 Rd:4 imm:8", arithmetic("ADD", modified, if_s), EXPANDABLE, not_pc("Rn"), COMPARES, SP_FROM_SP),
    row("ADC (immediate) T1", "11110 imm:1 01010 S Rn:4 | 0 imm:3 Rd:4 imm:8", arithmetic("ADC", modified, if_s), EXPANDABLE, not_sp_pc("Rd", "Rn")),
    row("SBC (immediate) T1", "11110 imm:1 01011 S Rn:4 | 0 imm:3 Rd:4 imm:8", arithmetic("SBC", modified, if_s), EXPANDABLE, not_sp_pc("Rd", "Rn")),
    row("SUB (immediate) T3, CMP (immediate) T2", "11110 imm:1 01101 S Rn:4 | 0 imm:3 Rd:4 imm:8", arithmetic("SUB", modified, if_s), EXPANDABLE, not_pc("Rn"), COMPARES, SP_FROM_SP),
    row("RSB (immediate) T2", "11110 imm:1 01110 S Rn:4 | 0 imm:3 Rd:4 imm:8", arithmetic("RSB", modified, if_s), EXPANDABLE, not_sp_pc("Rd", "Rn")),
)

_PLAIN = (  # data processing (plain binary immediate) (A5.3.3)
    row("ADD (immediate) T4", "11110 imm:1 100000 Rn:4 | 0 imm:3 Rd:4 imm:8", arithmetic("ADD", immediate(), never), not_pc("Rd"), SP_FROM_SP, see=("ADR T3",)),
    row("ADR T3", "11110 imm:1 100000 1111 | 0 imm:3 Rd:4 imm:8", adr(1), not_sp_pc("Rd")),
    row("MOV (immediate) T3, MOVT T1", "11110 i 10 top 100 imm4:4 | 0 imm3:3 Rd:4 imm8:8", move_wide, not_sp_pc("Rd")),
    row("SUB (immediate) T4", "11110 imm:1 101010 Rn:4 | 0 imm:3 Rd:4 imm:8", arithmetic("SUB", immediate(), never), not_pc("Rd"), SP_FROM_SP, see=("ADR T2",)),
    row("ADR T2", "11110 imm:1 101010 1111 | 0 imm:3 Rd:4 imm:8", adr(-1), not_sp_pc("Rd")),
    row("SSAT, USAT T1", "11110 (0) 11 unsigned:1 0 sh 0 Rn:4 | 0 imm:3 Rd:4 imm:2 (0) sat:5", unknown_to("Rd"), SATURATE_16, not_sp_pc("Rd", "Rn"), see=("SSAT16, USAT16 T1",)),
    row("SSAT16, USAT16 T1", "11110 (0) 11 unsigned:1 010 Rn:4 | 0 000 Rd:4 00 (00) sat:4", unknown_to("Rd"), not_sp_pc("Rd", "Rn"), needs="dsp"),
    row("SBFX, UBFX T1", "11110 (0) 11 unsigned 100 Rn:4 | 0 lsb:3 Rd:4 lsb:2 (0) widthm1:5", extract_field, not_sp_pc("Rd", "Rn"), FIELD_FITS),
    row("BFI, BFC T1", "11110 (0) 110110 Rn:4 | 0 lsb:3 Rd:4 lsb:2 (0) msb:5", insert_field, not_sp_pc("Rd"), not_sp("Rn"), MSB_ABOVE_LSB),
)

_BRANCHES = (  # branches and miscellaneous control (A5.3.4)
    row("B T3", "11110 S cond:4 imm6:6 | 10 J1 0 J2 imm11:11", branch_conditional_wide, NOT_111X, it="never", see=("MSR (APSR_nzcvq) T1", "MSR (APSR_g, APSR_nzcvqg) T1", "MSR (system) T1", "MRS T1", "MRS (system) T1", "NOP, YIELD, SEV T2", "CLREX T1", "DSB, DMB, ISB T1", "UDF T2")),
    row("B T4", "11110 S imm10:10 | 10 J1 1 J2 imm11:11", branch_wide, it="last"),
    row("BL T1", "11110 S imm10:10 | 11 J1 1 J2 imm11:11", call, it="last"),
    row("MSR (APSR_nzcvq) T1", "111100111000 Rn:4 | 10 (0) 0 nzcvq 0 (00) 00000000", msr_apsr, not_sp_pc("Rn"), allocated("nzcvq", (1,))),
    row("MSR (APSR_g, APSR_nzcvqg) T1", "111100111000 Rn:4 | 10 (0) 0 nzcvq 1 (00) 00000000", msr_apsr, not_sp_pc("Rn"), needs="dsp"),
    forbidden("MSR (system) T1", "11110011100 any:5 | 10 any:1 0 any:12", _SYSTEM, see=("MSR (APSR_nzcvq) T1", "MSR (APSR_g, APSR_nzcvqg) T1")),
    row("MRS T1", "11110011111 (0) (1111) | 10 (0) 0 Rd:4 00000000", unknown_to("Rd"), not_sp_pc("Rd")),
    forbidden("MRS (system) T1", "11110011111 any:5 | 10 any:1 0 any:12", _SYSTEM, see=("MRS T1",)),
    row("NOP, YIELD, SEV T2", "111100111010 (1111) | 10 (0) 0 (0) 000 hint:8", nothing, HINT),
    row("CLREX T1", "111100111011 (1111) | 10 (0) 0 (1111) 0010 (1111)", nothing),
    row("DSB, DMB, ISB T1", "111100111011 (1111) | 10 (0) 0 (1111) 01 kind:2 option:4", nothing, BARRIER),
    row("UDF T2", "111101111111 imm:4 | 1010 imm:12", trap),
)

_LOADS = (  # load word, halfword, byte; memory hints (A5.3.7 to A5.3.9)
    row("LDR (immediate) T3", "111110001101 Rn:4 | Rt:4 imm:12", load(4, plus_imm()), NO_LOAD_OF_SP, it="last-if-pc", see=("LDR (literal) T2",)),
    row("LDR (immediate) T4, POP T3", "111110000101 Rn:4 | Rt:4 1 P U W imm:8", load(4, indexed()), INDEXED, NO_LOAD_OF_SP, BASE_KEPT, it="last-if-pc", see=("LDR (literal) T2", "LDRT T1")),
    row("LDR (literal) T2", "11111000 U 1011111 | Rt:4 imm:12", load(4, literal()), NO_LOAD_OF_SP, it="last-if-pc"),
    row("LDR (register) T2", "111110000101 Rn:4 | Rt:4 000000 shift:2 Rm:4", load_register_or_table, NO_LOAD_OF_SP, not_sp_pc("Rm"), it="last-if-pc", see=("LDR (literal) T2",)),
    forbidden("LDRT T1", "111110000101 any:4 | any:4 1110 any:8", _UNPRIVILEGED, see=("LDR (literal) T2",)),
    row("LDRB, LDRH T2, LDRSB, LDRSH T1 (immediate)", "1111100 signed 10 half 1 Rn:4 | Rt:4 imm:12", narrow(plus_imm()), not_sp_pc("Rt"), see=("LDRB, LDRH, LDRSB, LDRSH (literal) T1", "PLD, PLI (immediate) T1", "PLD, PLI (literal) T1")),
    row("LDRB, LDRH T3, LDRSB, LDRSH T2 (immediate)", "1111100 signed 00 half 1 Rn:4 | Rt:4 1 P U W imm:8", narrow(indexed()), INDEXED, not_sp_pc("Rt"), BASE_KEPT, see=("LDRB, LDRH, LDRSB, LDRSH (literal) T1", "LDRBT, LDRHT, LDRSBT, LDRSHT T1", "PLD, PLI (immediate) T2", "PLD, PLI (literal) T1")),
    row("LDRB, LDRH, LDRSB, LDRSH (literal) T1", "1111100 signed U 0 half 11111 | Rt:4 imm:12", narrow(literal()), not_sp_pc("Rt"), see=_HINTS),
    row("LDRB, LDRH, LDRSB, LDRSH (register) T2", "1111100 signed 00 half 1 Rn:4 | Rt:4 000000 shift:2 Rm:4", narrow(plus_register), not_sp_pc("Rt", "Rm"), see=("LDRB, LDRH, LDRSB, LDRSH (literal) T1", "PLD, PLI (register) T1", "PLD, PLI (literal) T1")),
    forbidden("LDRBT, LDRHT, LDRSBT, LDRSHT T1", "1111100 any 00 any 1 any:4 | any:4 1110 any:8", _UNPRIVILEGED, see=("LDRB, LDRH, LDRSB, LDRSH (literal) T1", "PLD, PLI (literal) T1")),
    row("PLD, PLI (immediate) T1", "1111100 i 1001 Rn:4 | 1111 imm:12", nothing, see=("PLD, PLI (literal) T1",)),
    row("PLD, PLI (immediate) T2", "1111100 i 0001 Rn:4 | 11111100 imm:8", nothing, see=("PLD, PLI (literal) T1",)),
    row("PLD, PLI (literal) T1", "1111100 i U 0011111 | 1111 imm:12", nothing),
    row("PLD, PLI (register) T1", "1111100 i 0001 Rn:4 | 1111000000 shift:2 Rm:4", nothing, not_sp_pc("Rm"), see=("PLD, PLI (literal) T1",)),
)

_STORES = (  # store single data item (A5.3.10)
    row("STR (immediate) T3", "111110001100 Rn:4 | Rt:4 imm:12", store(4, plus_imm()), not_pc("Rn", "Rt")),
    row("STR (immediate) T4, PUSH T3", "111110000100 Rn:4 | Rt:4 1 P U W imm:8", store(4, indexed()), INDEXED, not_pc("Rn", "Rt"), BASE_KEPT, see=("STRT, STRBT, STRHT T1",)),
    row("STR (register) T2", "111110000100 Rn:4 | Rt:4 000000 shift:2 Rm:4", store(4, plus_register), not_pc("Rn", "Rt"), not_sp_pc("Rm")),
    row("STRB, STRH (immediate) T2", "1111100010 half 0 Rn:4 | Rt:4 imm:12", narrow(plus_imm(), store), not_pc("Rn"), not_sp_pc("Rt")),
    row("STRB, STRH (immediate) T3", "1111100000 half 0 Rn:4 | Rt:4 1 P U W imm:8", narrow(indexed(), store), INDEXED, not_pc("Rn"), not_sp_pc("Rt"), BASE_KEPT, see=("STRT, STRBT, STRHT T1",)),
    row("STRB, STRH (register) T2", "1111100000 half 0 Rn:4 | Rt:4 000000 shift:2 Rm:4", narrow(plus_register, store), not_pc("Rn"), not_sp_pc("Rt", "Rm")),
    forbidden("STRT, STRBT, STRHT T1", "111110000 any:2 0 any:4 | any:4 1110 any:8", _UNPRIVILEGED),
)

_REGISTER = (  # data processing (register) (A5.3.12 to A5.3.15)
    row("LSL, LSR, ASR, ROR (register) T2", "111110100 type:2 S Rn:4 | 1111 Rd:4 0000 Rm:4", shift_by_register(if_s), not_sp_pc("Rd", "Rn", "Rm")),
    row("SXTH, UXTH, SXTB, UXTB T2", "111110100 byte 0 unsigned 1111 | 1111 Rd:4 1 (0) rotate:2 Rm:4", extend, not_sp_pc("Rd", "Rm")),
    row("SXTAH, UXTAH, SXTB16, UXTB16, SXTAB16, UXTAB16, SXTAB, UXTAB T1", "111110100 op:3 Rn:4 | 1111 Rd:4 1 (0) rotate:2 Rm:4", unknown_to("Rd"), allocated("op", range(6)), not_sp_pc("Rd", "Rm"), not_sp("Rn"), see=("SXTH, UXTH, SXTB, UXTB T2",), needs="dsp"),
    row("parallel addition and subtraction T1", "111110101 op:3 Rn:4 | 1111 Rd:4 0 prefix:3 Rm:4", unknown_to("Rd"), allocated("op", (0, 1, 2, 4, 5, 6)), allocated("prefix", (0, 1, 2, 4, 5, 6)), not_sp_pc("Rd", "Rn", "Rm"), needs="dsp"),
    row("QADD, QDADD, QSUB, QDSUB T1", "111110101000 Rn:4 | 1111 Rd:4 10 op:2 Rm:4", unknown_to("Rd"), not_sp_pc("Rd", "Rn", "Rm"), needs="dsp"),
    row("SEL T1", "111110101010 Rn:4 | 1111 Rd:4 1000 Rm:4", unknown_to("Rd"), not_sp_pc("Rd", "Rn", "Rm"), needs="dsp"),
    row("REV, REV16, RBIT, REVSH T2", "111110101001 Rm2:4 | 1111 Rd:4 10 op:2 Rm:4", unknown_to("Rd"), SAME_RM, not_sp_pc("Rd", "Rm")),
    row("CLZ T1", "111110101011 Rm2:4 | 1111 Rd:4 1000 Rm:4", unknown_to("Rd"), SAME_RM, not_sp_pc("Rd", "Rm")),
)

_MULTIPLY = (  # multiply, long multiply, divide (A5.3.16, A5.3.17); division by zero gives 0 or faults
    row("MLA, MLS, MUL T2", "111110110000 Rn:4 | Ra:4 Rd:4 000 sub Rm:4", unknown_to("Rd"), not_sp_pc("Rd", "Rn", "Rm"), not_sp("Ra"), MLS_OF_PC),
    row("SMLAxy, SMULxy T1", "111110110001 Rn:4 | Ra:4 Rd:4 00 xy:2 Rm:4", unknown_to("Rd"), not_sp_pc("Rd", "Rn", "Rm"), not_sp("Ra"), needs="dsp"),
    row("SMLAD, SMUAD, SMLAWy, SMULWy T1", "11111011001 w Rn:4 | Ra:4 Rd:4 000 x Rm:4", unknown_to("Rd"), not_sp_pc("Rd", "Rn", "Rm"), not_sp("Ra"), needs="dsp"),
    row("SMLSD, SMUSD, SMMLA, SMMUL T1", "11111011010 w Rn:4 | Ra:4 Rd:4 000 x Rm:4", unknown_to("Rd"), not_sp_pc("Rd", "Rn", "Rm"), not_sp("Ra"), needs="dsp"),
    row("SMMLS T1", "111110110110 Rn:4 | Ra:4 Rd:4 000 x Rm:4", unknown_to("Rd"), not_sp_pc("Rd", "Rn", "Rm", "Ra"), needs="dsp"),
    row("USAD8, USADA8 T1", "111110110111 Rn:4 | Ra:4 Rd:4 0000 Rm:4", unknown_to("Rd"), not_sp_pc("Rd", "Rn", "Rm"), not_sp("Ra"), needs="dsp"),
    row("SMULL, UMULL, SMLAL, UMLAL T1", "111110111 op:2 0 Rn:4 | RdLo:4 RdHi:4 0000 Rm:4", unknown_to("RdLo", "RdHi"), *LONG),
    row("SDIV, UDIV T1", "1111101110 u 1 Rn:4 | (1111) Rd:4 1111 Rm:4", unknown_to("Rd"), not_sp_pc("Rd", "Rn", "Rm")),
    row("SMLALxy T1", "111110111100 Rn:4 | RdLo:4 RdHi:4 10 xy:2 Rm:4", unknown_to("RdLo", "RdHi"), *LONG, needs="dsp"),
    row("SMLALD, SMLSLD T1", "11111011110 sub Rn:4 | RdLo:4 RdHi:4 110 x Rm:4", unknown_to("RdLo", "RdHi"), *LONG, needs="dsp"),
    row("UMAAL T1", "111110111110 Rn:4 | RdLo:4 RdHi:4 0110 Rm:4", unknown_to("RdLo", "RdHi"), *LONG, needs="dsp"),
)

ROWS: tuple[Row, ...] = (
    *_MULTIPLE, *_DUAL, *_SHIFTED, *_MODIFIED, *_PLAIN, *_BRANCHES, *_LOADS, *_STORES, *_REGISTER, *_MULTIPLY,
)
