"""The 32-bit encodings (A5.3) of ARMv7-M without the DSP and floating-point extensions, in the manual's order."""

# ruff: noqa: E501, I001  (a row is a line; imports are packed)

from __future__ import annotations

from .checks import (
    BASE_KEPT, BASE_KEPT_2, BASE_NOT_IN_LIST, EXPANDABLE, FIELD_FITS, INDEXED, LDRD, LONG, MOV_TO_OR_FROM_SP,
    MSB_ABOVE_LSB, NO_DSP_SATURATION, NO_LOAD_OF_SP, NOT_111X, NOT_LR_AND_PC, SAME_RM, SHIFT_TO_SP, STREX, at_least,
    not_pc, not_sp, not_sp_pc,
)
from .control import branch_conditional_wide, branch_wide, call, nothing, table_branch, trap
from .data import (
    ASR, LSL, LSR, REV, REV16, REVSH, ROR, adr, always, arithmetic, bfc, bfi, if_s, immediate, logic, modified,
    movt, movw, msr_apsr, never, register, reverse_bytes, rrx, sbfx, shift_by_register, shifted, shifted_by, sxt,
    ubfx, unknown_to, uxt,
)
from .memory import (
    SP, base_only, indexed, literal, literal_aligned, load, load_multiple, load_register_or_table, load_two,
    plus_imm, plus_register, pop_one, push_one, store, store_exclusive, store_multiple, store_two,
)
from .rows import Row, forbidden, row

_DSP = "the DSP extension is not allowed"
_UNPRIVILEGED = "an unprivileged access, which only privileged software needs"
_HINT = "a hint that is not on the allow-list"
_SLEEP = "the sandbox may not put the processor to sleep"
_SYSTEM = "system registers other than the application flags are privileged"

_MOVES = ("MOV (register) T3", "LSL (immediate) T2", "LSR (immediate) T2", "ASR (immediate) T2", "ROR (immediate) T1", "RRX T1")
_CONTROL = ("MSR (register) T1", "MSR (system) T1", "MRS T1", "MRS (system) T1", "NOP T2", "YIELD T2", "WFE T2", "WFI T2", "SEV T2", "hint T2", "CLREX T1", "DSB T1", "DMB T1", "ISB T1", "UDF T2")

_MULTIPLE = (  # load and store multiple (A5.3.5)
    row("STM T2", "1110100010 W 0 Rn:4 | (0) M (0) list:13", store_multiple(), not_pc("Rn"), at_least(2), BASE_NOT_IN_LIST),
    row("LDM T2", "1110100010 W 1 Rn:4 | P M (0) list:13", load_multiple(), not_pc("Rn"), at_least(2), NOT_LR_AND_PC, BASE_NOT_IN_LIST, it="last-if-pc", see=("POP T2",)),
    row("POP T2", "1110100010111101 | P M (0) list:13", load_multiple(rn=SP), at_least(2), NOT_LR_AND_PC, it="last-if-pc"),
    row("STMDB T1", "1110100100 W 0 Rn:4 | (0) M (0) list:13", store_multiple(before=True), not_pc("Rn"), at_least(2), BASE_NOT_IN_LIST, see=("PUSH T2",)),
    row("PUSH T2", "1110100100101101 | (0) M (0) list:13", store_multiple(before=True, rn=SP), at_least(2)),
    row("LDMDB T1", "1110100100 W 1 Rn:4 | P M (0) list:13", load_multiple(before=True), not_pc("Rn"), at_least(2), NOT_LR_AND_PC, BASE_NOT_IN_LIST, it="last-if-pc"),
)

_DUAL = (  # load and store dual or exclusive, table branch (A5.3.6)
    row("STREX T1", "111010000100 Rn:4 | Rt:4 Rd:4 imm:8", store_exclusive(4), *STREX),
    row("LDREX T1", "111010000101 Rn:4 | Rt:4 (1111) imm:8", load(4, plus_imm(4)), not_sp_pc("Rt"), not_pc("Rn")),
    row("STREXB T1", "111010001100 Rn:4 | Rt:4 (1111) 0100 Rd:4", store_exclusive(1), *STREX),
    row("STREXH T1", "111010001100 Rn:4 | Rt:4 (1111) 0101 Rd:4", store_exclusive(2), *STREX),
    row("LDREXB T1", "111010001101 Rn:4 | Rt:4 (1111) 0100 (1111)", load(1, base_only), not_sp_pc("Rt"), not_pc("Rn")),
    row("LDREXH T1", "111010001101 Rn:4 | Rt:4 (1111) 0101 (1111)", load(2, base_only), not_sp_pc("Rt"), not_pc("Rn")),
    row("TBB T1", "111010001101 Rn:4 | (11110000) 0000 Rm:4", table_branch(1), not_sp("Rn"), not_sp_pc("Rm"), it="last"),
    row("TBH T1", "111010001101 Rn:4 | (11110000) 0001 Rm:4", table_branch(2), not_sp("Rn"), not_sp_pc("Rm"), it="last"),
    row("STRD (immediate) T1", "1110100 P U 1 W 0 Rn:4 | Rt:4 Rt2:4 imm:8", store_two(indexed(4)), INDEXED, not_pc("Rn"), not_sp_pc("Rt", "Rt2"), BASE_KEPT_2, see=("STREX T1", "STREXB T1", "STREXH T1")),
    row("LDRD (immediate) T1", "1110100 P U 1 W 1 Rn:4 | Rt:4 Rt2:4 imm:8", load_two(indexed(4)), INDEXED, not_pc("Rn"), *LDRD, BASE_KEPT_2, see=("LDREX T1", "LDREXB T1", "LDREXH T1", "TBB T1", "TBH T1", "LDRD (literal) T1")),
    row("LDRD (literal) T1", "11101001 U 1 (0) 1 1111 | Rt:4 Rt2:4 imm:8", load_two(literal_aligned), *LDRD),
)

_SHIFTED = (  # data processing (shifted register) (A5.3.11)
    row("TST (register) T2", "111010100001 Rn:4 | (0) imm:3 1111 imm:2 type:2 Rm:4", logic("AND", shifted, always, write=False), not_sp_pc("Rn", "Rm")),
    row("AND (register) T2", "11101010000 S Rn:4 | (0) imm:3 Rd:4 imm:2 type:2 Rm:4", logic("AND", shifted, if_s), not_sp_pc("Rd", "Rn", "Rm"), see=("TST (register) T2",)),
    row("BIC (register) T2", "11101010001 S Rn:4 | (0) imm:3 Rd:4 imm:2 type:2 Rm:4", logic("BIC", shifted, if_s), not_sp_pc("Rd", "Rn", "Rm")),
    row("ORR (register) T2", "11101010010 S Rn:4 | (0) imm:3 Rd:4 imm:2 type:2 Rm:4", logic("ORR", shifted, if_s), not_sp_pc("Rd", "Rm"), not_sp("Rn"), see=_MOVES),
    row("MOV (register) T3", "11101010010 S 1111 | (0) 000 Rd:4 0000 Rm:4", logic("MOV", register, if_s), not_pc("Rd", "Rm"), MOV_TO_OR_FROM_SP),
    row("LSL (immediate) T2", "11101010010 S (1111) | (0) imm:3 Rd:4 imm:2 00 Rm:4", logic("MOV", shifted_by(LSL), if_s), not_sp_pc("Rd", "Rm"), see=("MOV (register) T3",)),
    row("LSR (immediate) T2", "11101010010 S (1111) | (0) imm:3 Rd:4 imm:2 01 Rm:4", logic("MOV", shifted_by(LSR), if_s), not_sp_pc("Rd", "Rm")),
    row("ASR (immediate) T2", "11101010010 S (1111) | (0) imm:3 Rd:4 imm:2 10 Rm:4", logic("MOV", shifted_by(ASR), if_s), not_sp_pc("Rd", "Rm")),
    row("ROR (immediate) T1", "11101010010 S (1111) | (0) imm:3 Rd:4 imm:2 11 Rm:4", logic("MOV", shifted_by(ROR), if_s), not_sp_pc("Rd", "Rm"), see=("RRX T1",)),
    row("RRX T1", "11101010010 S (1111) | (0) 000 Rd:4 0011 Rm:4", logic("MOV", rrx, if_s), not_sp_pc("Rd", "Rm")),
    row("ORN (register) T1", "11101010011 S Rn:4 | (0) imm:3 Rd:4 imm:2 type:2 Rm:4", logic("ORN", shifted, if_s), not_sp_pc("Rd", "Rm"), not_sp("Rn"), see=("MVN (register) T2",)),
    row("MVN (register) T2", "11101010011 S 1111 | (0) imm:3 Rd:4 imm:2 type:2 Rm:4", logic("MVN", shifted, if_s), not_sp_pc("Rd", "Rm")),
    row("TEQ (register) T1", "111010101001 Rn:4 | (0) imm:3 1111 imm:2 type:2 Rm:4", logic("EOR", shifted, always, write=False), not_sp_pc("Rn", "Rm")),
    row("EOR (register) T2", "11101010100 S Rn:4 | (0) imm:3 Rd:4 imm:2 type:2 Rm:4", logic("EOR", shifted, if_s), not_sp_pc("Rd", "Rn", "Rm"), see=("TEQ (register) T1",)),
    forbidden("PKHBT, PKHTB T1", "111010101100 any:4 | any:16", _DSP),
    row("CMN (register) T2", "111010110001 Rn:4 | (0) imm:3 1111 imm:2 type:2 Rm:4", arithmetic("ADD", shifted, always, write=False), not_pc("Rn"), not_sp_pc("Rm")),
    row("ADD (register) T3", "11101011000 S Rn:4 | (0) imm:3 Rd:4 imm:2 type:2 Rm:4", arithmetic("ADD", shifted, if_s), not_sp_pc("Rd", "Rm"), not_pc("Rn"), see=("CMN (register) T2", "ADD (SP plus register) T3")),
    row("ADD (SP plus register) T3", "11101011000 S 1101 | (0) imm:3 Rd:4 imm:2 type:2 Rm:4", arithmetic("ADD", shifted, if_s, rn=SP), not_pc("Rd"), not_sp_pc("Rm"), SHIFT_TO_SP, see=("CMN (register) T2",)),
    row("ADC (register) T2", "11101011010 S Rn:4 | (0) imm:3 Rd:4 imm:2 type:2 Rm:4", arithmetic("ADC", shifted, if_s), not_sp_pc("Rd", "Rn", "Rm")),
    row("SBC (register) T2", "11101011011 S Rn:4 | (0) imm:3 Rd:4 imm:2 type:2 Rm:4", arithmetic("SBC", shifted, if_s), not_sp_pc("Rd", "Rn", "Rm")),
    row("CMP (register) T3", "111010111011 Rn:4 | (0) imm:3 1111 imm:2 type:2 Rm:4", arithmetic("SUB", shifted, always, write=False), not_pc("Rn"), not_sp_pc("Rm")),
    row("SUB (register) T2", "11101011101 S Rn:4 | (0) imm:3 Rd:4 imm:2 type:2 Rm:4", arithmetic("SUB", shifted, if_s), not_sp_pc("Rd", "Rm"), not_pc("Rn"), see=("CMP (register) T3", "SUB (SP minus register) T1")),
    row("SUB (SP minus register) T1", "11101011101 S 1101 | (0) imm:3 Rd:4 imm:2 type:2 Rm:4", arithmetic("SUB", shifted, if_s, rn=SP), not_pc("Rd"), not_sp_pc("Rm"), SHIFT_TO_SP, see=("CMP (register) T3",)),
    row("RSB (register) T1", "11101011110 S Rn:4 | (0) imm:3 Rd:4 imm:2 type:2 Rm:4", arithmetic("RSB", shifted, if_s), not_sp_pc("Rd", "Rn", "Rm")),
)

_MODIFIED = (  # data processing (modified immediate) (A5.3.1)
    row("TST (immediate) T1", "11110 imm:1 000001 Rn:4 | 0 imm:3 1111 imm:8", logic("AND", modified, always, write=False), EXPANDABLE, not_sp_pc("Rn")),
    row("AND (immediate) T1", "11110 imm:1 00000 S Rn:4 | 0 imm:3 Rd:4 imm:8", logic("AND", modified, if_s), EXPANDABLE, not_sp_pc("Rd", "Rn"), see=("TST (immediate) T1",)),
    row("BIC (immediate) T1", "11110 imm:1 00001 S Rn:4 | 0 imm:3 Rd:4 imm:8", logic("BIC", modified, if_s), EXPANDABLE, not_sp_pc("Rd", "Rn")),
    row("ORR (immediate) T1", "11110 imm:1 00010 S Rn:4 | 0 imm:3 Rd:4 imm:8", logic("ORR", modified, if_s), EXPANDABLE, not_sp_pc("Rd"), not_sp("Rn"), see=("MOV (immediate) T2",)),
    row("MOV (immediate) T2", "11110 imm:1 00010 S 1111 | 0 imm:3 Rd:4 imm:8", logic("MOV", modified, if_s), EXPANDABLE, not_sp_pc("Rd")),
    row("ORN (immediate) T1", "11110 imm:1 00011 S Rn:4 | 0 imm:3 Rd:4 imm:8", logic("ORN", modified, if_s), EXPANDABLE, not_sp_pc("Rd"), not_sp("Rn"), see=("MVN (immediate) T1",)),
    row("MVN (immediate) T1", "11110 imm:1 00011 S 1111 | 0 imm:3 Rd:4 imm:8", logic("MVN", modified, if_s), EXPANDABLE, not_sp_pc("Rd")),
    row("TEQ (immediate) T1", "11110 imm:1 001001 Rn:4 | 0 imm:3 1111 imm:8", logic("EOR", modified, always, write=False), EXPANDABLE, not_sp_pc("Rn")),
    row("EOR (immediate) T1", "11110 imm:1 00100 S Rn:4 | 0 imm:3 Rd:4 imm:8", logic("EOR", modified, if_s), EXPANDABLE, not_sp_pc("Rd", "Rn"), see=("TEQ (immediate) T1",)),
    row("CMN (immediate) T1", "11110 imm:1 010001 Rn:4 | 0 imm:3 1111 imm:8", arithmetic("ADD", modified, always, write=False), EXPANDABLE, not_pc("Rn")),
    row("ADD (immediate) T3", "11110 imm:1 01000 S Rn:4 | 0 imm:3 Rd:4 imm:8", arithmetic("ADD", modified, if_s), EXPANDABLE, not_sp_pc("Rd"), not_pc("Rn"), see=("CMN (immediate) T1", "ADD (SP plus immediate) T3")),
    row("ADD (SP plus immediate) T3", "11110 imm:1 01000 S 1101 | 0 imm:3 Rd:4 imm:8", arithmetic("ADD", modified, if_s, rn=SP), EXPANDABLE, not_pc("Rd"), see=("CMN (immediate) T1",)),
    row("ADC (immediate) T1", "11110 imm:1 01010 S Rn:4 | 0 imm:3 Rd:4 imm:8", arithmetic("ADC", modified, if_s), EXPANDABLE, not_sp_pc("Rd", "Rn")),
    row("SBC (immediate) T1", "11110 imm:1 01011 S Rn:4 | 0 imm:3 Rd:4 imm:8", arithmetic("SBC", modified, if_s), EXPANDABLE, not_sp_pc("Rd", "Rn")),
    row("CMP (immediate) T2", "11110 imm:1 011011 Rn:4 | 0 imm:3 1111 imm:8", arithmetic("SUB", modified, always, write=False), EXPANDABLE, not_pc("Rn")),
    row("SUB (immediate) T3", "11110 imm:1 01101 S Rn:4 | 0 imm:3 Rd:4 imm:8", arithmetic("SUB", modified, if_s), EXPANDABLE, not_sp_pc("Rd"), not_pc("Rn"), see=("CMP (immediate) T2", "SUB (SP minus immediate) T2")),
    row("SUB (SP minus immediate) T2", "11110 imm:1 01101 S 1101 | 0 imm:3 Rd:4 imm:8", arithmetic("SUB", modified, if_s, rn=SP), EXPANDABLE, not_pc("Rd"), see=("CMP (immediate) T2",)),
    row("RSB (immediate) T2", "11110 imm:1 01110 S Rn:4 | 0 imm:3 Rd:4 imm:8", arithmetic("RSB", modified, if_s), EXPANDABLE, not_sp_pc("Rd", "Rn")),
)

_PLAIN = (  # data processing (plain binary immediate) (A5.3.3)
    row("ADD (immediate) T4", "11110 imm:1 100000 Rn:4 | 0 imm:3 Rd:4 imm:8", arithmetic("ADD", immediate(), never), not_sp_pc("Rd"), see=("ADR T3", "ADD (SP plus immediate) T4")),
    row("ADD (SP plus immediate) T4", "11110 imm:1 100000 1101 | 0 imm:3 Rd:4 imm:8", arithmetic("ADD", immediate(), never, rn=SP), not_pc("Rd")),
    row("ADR T3", "11110 imm:1 100000 1111 | 0 imm:3 Rd:4 imm:8", adr(1), not_sp_pc("Rd")),
    row("MOV (immediate) T3", "11110 i 100100 imm4:4 | 0 imm3:3 Rd:4 imm8:8", movw, not_sp_pc("Rd")),
    row("SUB (immediate) T4", "11110 imm:1 101010 Rn:4 | 0 imm:3 Rd:4 imm:8", arithmetic("SUB", immediate(), never), not_sp_pc("Rd"), see=("ADR T2", "SUB (SP minus immediate) T3")),
    row("SUB (SP minus immediate) T3", "11110 imm:1 101010 1101 | 0 imm:3 Rd:4 imm:8", arithmetic("SUB", immediate(), never, rn=SP), not_pc("Rd")),
    row("ADR T2", "11110 imm:1 101010 1111 | 0 imm:3 Rd:4 imm:8", adr(-1), not_sp_pc("Rd")),
    row("MOVT T1", "11110 i 101100 imm4:4 | 0 imm3:3 Rd:4 imm8:8", movt, not_sp_pc("Rd")),
    row("SSAT T1", "11110 (0) 1100 sh 0 Rn:4 | 0 imm:3 Rd:4 imm:2 (0) sat:5", unknown_to("Rd"), NO_DSP_SATURATION, not_sp_pc("Rd", "Rn")),
    row("SBFX T1", "11110 (0) 110100 Rn:4 | 0 lsb:3 Rd:4 lsb:2 (0) widthm1:5", sbfx, not_sp_pc("Rd", "Rn"), FIELD_FITS),
    row("BFI T1", "11110 (0) 110110 Rn:4 | 0 lsb:3 Rd:4 lsb:2 (0) msb:5", bfi, not_sp_pc("Rd"), not_sp("Rn"), MSB_ABOVE_LSB, see=("BFC T1",)),
    row("BFC T1", "11110 (0) 110110 1111 | 0 lsb:3 Rd:4 lsb:2 (0) msb:5", bfc, not_sp_pc("Rd"), MSB_ABOVE_LSB),
    row("USAT T1", "11110 (0) 1110 sh 0 Rn:4 | 0 imm:3 Rd:4 imm:2 (0) sat:5", unknown_to("Rd"), NO_DSP_SATURATION, not_sp_pc("Rd", "Rn")),
    row("UBFX T1", "11110 (0) 111100 Rn:4 | 0 lsb:3 Rd:4 lsb:2 (0) widthm1:5", ubfx, not_sp_pc("Rd", "Rn"), FIELD_FITS),
)

_BRANCHES = (  # branches and miscellaneous control (A5.3.4)
    row("B T3", "11110 S cond:4 imm6:6 | 10 J1 0 J2 imm11:11", branch_conditional_wide, NOT_111X, it="never", see=_CONTROL),
    row("B T4", "11110 S imm10:10 | 10 J1 1 J2 imm11:11", branch_wide, it="last"),
    row("BL T1", "11110 S imm10:10 | 11 J1 1 J2 imm11:11", call, it="last"),
    row("MSR (register) T1", "111100111000 Rn:4 | 10 (0) 0 10 (00) 00000000", msr_apsr, not_sp_pc("Rn")),
    forbidden("MSR (system) T1", "11110011100 any:5 | 10 any:1 0 any:12", _SYSTEM, see=("MSR (register) T1",)),
    row("MRS T1", "11110011111 (0) (1111) | 10 (0) 0 Rd:4 00000000", unknown_to("Rd"), not_sp_pc("Rd")),
    forbidden("MRS (system) T1", "11110011111 any:5 | 10 any:1 0 any:12", _SYSTEM, see=("MRS T1",)),
    row("NOP T2", "111100111010 (1111) | 10 (0) 0 (0) 000 00000000", nothing),
    row("YIELD T2", "111100111010 (1111) | 10 (0) 0 (0) 000 00000001", nothing),
    forbidden("WFE T2", "111100111010 any:4 | 10 any:1 0 any:1 000 00000010", _SLEEP),
    forbidden("WFI T2", "111100111010 any:4 | 10 any:1 0 any:1 000 00000011", _SLEEP),
    row("SEV T2", "111100111010 (1111) | 10 (0) 0 (0) 000 00000100", nothing),
    forbidden("hint T2", "111100111010 any:4 | 10 any:1 0 any:12", _HINT, see=("NOP T2", "YIELD T2", "WFE T2", "WFI T2", "SEV T2")),
    row("CLREX T1", "111100111011 (1111) | 10 (0) 0 (1111) 0010 (1111)", nothing),
    row("DSB T1", "111100111011 (1111) | 10 (0) 0 (1111) 0100 option:4", nothing),
    row("DMB T1", "111100111011 (1111) | 10 (0) 0 (1111) 0101 option:4", nothing),
    row("ISB T1", "111100111011 (1111) | 10 (0) 0 (1111) 0110 option:4", nothing),
    row("UDF T2", "111101111111 imm:4 | 1010 imm:12", trap),
)

_LOADS = (  # load word, halfword, byte; memory hints (A5.3.7 to A5.3.9)
    row("LDR (immediate) T3", "111110001101 Rn:4 | Rt:4 imm:12", load(4, plus_imm()), NO_LOAD_OF_SP, it="last-if-pc", see=("LDR (literal) T2",)),
    row("LDR (immediate) T4", "111110000101 Rn:4 | Rt:4 1 P U W imm:8", load(4, indexed()), INDEXED, NO_LOAD_OF_SP, BASE_KEPT, it="last-if-pc", see=("LDR (literal) T2", "LDRT T1", "POP T3")),
    row("POP T3", "1111100001011101 | Rt:4 101100000100", load(4, pop_one), NO_LOAD_OF_SP, it="last-if-pc"),
    row("LDR (literal) T2", "11111000 U 1011111 | Rt:4 imm:12", load(4, literal()), NO_LOAD_OF_SP, it="last-if-pc"),
    row("LDR (register) T2", "111110000101 Rn:4 | Rt:4 000000 shift:2 Rm:4", load_register_or_table, NO_LOAD_OF_SP, not_sp_pc("Rm"), it="last-if-pc", see=("LDR (literal) T2",)),
    forbidden("LDRT T1", "111110000101 any:4 | any:4 1110 any:8", _UNPRIVILEGED, see=("LDR (literal) T2",)),
    row("LDRH (immediate) T2", "111110001011 Rn:4 | Rt:4 imm:12", load(2, plus_imm()), not_sp_pc("Rt"), see=("LDRH (literal) T1",)),
    row("LDRH (immediate) T3", "111110000011 Rn:4 | Rt:4 1 P U W imm:8", load(2, indexed()), INDEXED, not_sp_pc("Rt"), BASE_KEPT, see=("LDRH (literal) T1", "LDRHT T1")),
    row("LDRH (literal) T1", "11111000 U 0111111 | Rt:4 imm:12", load(2, literal()), not_sp_pc("Rt")),
    row("LDRH (register) T2", "111110000011 Rn:4 | Rt:4 000000 shift:2 Rm:4", load(2, plus_register), not_sp_pc("Rt", "Rm"), see=("LDRH (literal) T1",)),
    forbidden("LDRHT T1", "111110000011 any:4 | any:4 1110 any:8", _UNPRIVILEGED, see=("LDRH (literal) T1",)),
    row("LDRSH (immediate) T1", "111110011011 Rn:4 | Rt:4 imm:12", load(2, plus_imm(), signed=True), not_sp_pc("Rt"), see=("LDRSH (literal) T1",)),
    row("LDRSH (immediate) T2", "111110010011 Rn:4 | Rt:4 1 P U W imm:8", load(2, indexed(), signed=True), INDEXED, not_sp_pc("Rt"), BASE_KEPT, see=("LDRSH (literal) T1", "LDRSHT T1")),
    row("LDRSH (literal) T1", "11111001 U 0111111 | Rt:4 imm:12", load(2, literal(), signed=True), not_sp_pc("Rt")),
    row("LDRSH (register) T2", "111110010011 Rn:4 | Rt:4 000000 shift:2 Rm:4", load(2, plus_register, signed=True), not_sp_pc("Rt", "Rm"), see=("LDRSH (literal) T1",)),
    forbidden("LDRSHT T1", "111110010011 any:4 | any:4 1110 any:8", _UNPRIVILEGED, see=("LDRSH (literal) T1",)),
    row("LDRB (immediate) T2", "111110001001 Rn:4 | Rt:4 imm:12", load(1, plus_imm()), not_sp_pc("Rt"), see=("LDRB (literal) T1", "PLD (immediate) T1", "PLD (literal) T1")),
    row("LDRB (immediate) T3", "111110000001 Rn:4 | Rt:4 1 P U W imm:8", load(1, indexed()), INDEXED, not_sp_pc("Rt"), BASE_KEPT, see=("LDRB (literal) T1", "PLD (literal) T1", "LDRBT T1", "PLD (immediate) T2")),
    row("LDRB (literal) T1", "11111000 U 0011111 | Rt:4 imm:12", load(1, literal()), not_sp_pc("Rt"), see=("PLD (literal) T1", "PLD (immediate) T1", "PLD (immediate) T2", "PLD (register) T1")),
    row("LDRB (register) T2", "111110000001 Rn:4 | Rt:4 000000 shift:2 Rm:4", load(1, plus_register), not_sp_pc("Rt", "Rm"), see=("LDRB (literal) T1", "PLD (literal) T1", "PLD (register) T1")),
    forbidden("LDRBT T1", "111110000001 any:4 | any:4 1110 any:8", _UNPRIVILEGED, see=("LDRB (literal) T1", "PLD (literal) T1")),
    row("LDRSB (immediate) T1", "111110011001 Rn:4 | Rt:4 imm:12", load(1, plus_imm(), signed=True), not_sp_pc("Rt"), see=("LDRSB (literal) T1", "PLI (immediate) T1", "PLI (literal) T1")),
    row("LDRSB (immediate) T2", "111110010001 Rn:4 | Rt:4 1 P U W imm:8", load(1, indexed(), signed=True), INDEXED, not_sp_pc("Rt"), BASE_KEPT, see=("LDRSB (literal) T1", "PLI (literal) T1", "LDRSBT T1", "PLI (immediate) T2")),
    row("LDRSB (literal) T1", "11111001 U 0011111 | Rt:4 imm:12", load(1, literal(), signed=True), not_sp_pc("Rt"), see=("PLI (literal) T1", "PLI (immediate) T1", "PLI (immediate) T2", "PLI (register) T1")),
    row("LDRSB (register) T2", "111110010001 Rn:4 | Rt:4 000000 shift:2 Rm:4", load(1, plus_register, signed=True), not_sp_pc("Rt", "Rm"), see=("LDRSB (literal) T1", "PLI (literal) T1", "PLI (register) T1")),
    forbidden("LDRSBT T1", "111110010001 any:4 | any:4 1110 any:8", _UNPRIVILEGED, see=("LDRSB (literal) T1", "PLI (literal) T1")),
    row("PLD (immediate) T1", "111110001001 Rn:4 | 1111 imm:12", nothing, see=("PLD (literal) T1",)),
    row("PLD (immediate) T2", "111110000001 Rn:4 | 11111100 imm:8", nothing, see=("PLD (literal) T1",)),
    row("PLD (literal) T1", "11111000 U 0011111 | 1111 imm:12", nothing),
    row("PLD (register) T1", "111110000001 Rn:4 | 1111000000 shift:2 Rm:4", nothing, not_sp_pc("Rm"), see=("PLD (literal) T1",)),
    row("PLI (immediate) T1", "111110011001 Rn:4 | 1111 imm:12", nothing, see=("PLI (literal) T1",)),
    row("PLI (immediate) T2", "111110010001 Rn:4 | 11111100 imm:8", nothing, see=("PLI (literal) T1",)),
    row("PLI (literal) T1", "11111001 U 0011111 | 1111 imm:12", nothing),
    row("PLI (register) T1", "111110010001 Rn:4 | 1111000000 shift:2 Rm:4", nothing, not_sp_pc("Rm"), see=("PLI (literal) T1",)),
)

_STORES = (  # store single data item (A5.3.10)
    row("STR (immediate) T3", "111110001100 Rn:4 | Rt:4 imm:12", store(4, plus_imm()), not_pc("Rn", "Rt")),
    row("STR (immediate) T4", "111110000100 Rn:4 | Rt:4 1 P U W imm:8", store(4, indexed()), INDEXED, not_pc("Rn", "Rt"), BASE_KEPT, see=("STRT T1", "PUSH T3")),
    row("PUSH T3", "1111100001001101 | Rt:4 110100000100", store(4, push_one), not_sp_pc("Rt")),
    row("STR (register) T2", "111110000100 Rn:4 | Rt:4 000000 shift:2 Rm:4", store(4, plus_register), not_pc("Rn", "Rt"), not_sp_pc("Rm")),
    forbidden("STRT T1", "111110000100 any:4 | any:4 1110 any:8", _UNPRIVILEGED),
    row("STRH (immediate) T2", "111110001010 Rn:4 | Rt:4 imm:12", store(2, plus_imm()), not_pc("Rn"), not_sp_pc("Rt")),
    row("STRH (immediate) T3", "111110000010 Rn:4 | Rt:4 1 P U W imm:8", store(2, indexed()), INDEXED, not_pc("Rn"), not_sp_pc("Rt"), BASE_KEPT, see=("STRHT T1",)),
    row("STRH (register) T2", "111110000010 Rn:4 | Rt:4 000000 shift:2 Rm:4", store(2, plus_register), not_pc("Rn"), not_sp_pc("Rt", "Rm")),
    forbidden("STRHT T1", "111110000010 any:4 | any:4 1110 any:8", _UNPRIVILEGED),
    row("STRB (immediate) T2", "111110001000 Rn:4 | Rt:4 imm:12", store(1, plus_imm()), not_pc("Rn"), not_sp_pc("Rt")),
    row("STRB (immediate) T3", "111110000000 Rn:4 | Rt:4 1 P U W imm:8", store(1, indexed()), INDEXED, not_pc("Rn"), not_sp_pc("Rt"), BASE_KEPT, see=("STRBT T1",)),
    row("STRB (register) T2", "111110000000 Rn:4 | Rt:4 000000 shift:2 Rm:4", store(1, plus_register), not_pc("Rn"), not_sp_pc("Rt", "Rm")),
    forbidden("STRBT T1", "111110000000 any:4 | any:4 1110 any:8", _UNPRIVILEGED),
)

_REGISTER = (  # data processing (register) (A5.3.12 to A5.3.15)
    row("LSL (register) T2", "11111010000 S Rn:4 | 1111 Rd:4 0000 Rm:4", shift_by_register(LSL, if_s), not_sp_pc("Rd", "Rn", "Rm")),
    row("LSR (register) T2", "11111010001 S Rn:4 | 1111 Rd:4 0000 Rm:4", shift_by_register(LSR, if_s), not_sp_pc("Rd", "Rn", "Rm")),
    row("ASR (register) T2", "11111010010 S Rn:4 | 1111 Rd:4 0000 Rm:4", shift_by_register(ASR, if_s), not_sp_pc("Rd", "Rn", "Rm")),
    row("ROR (register) T2", "11111010011 S Rn:4 | 1111 Rd:4 0000 Rm:4", shift_by_register(ROR, if_s), not_sp_pc("Rd", "Rn", "Rm")),
    row("SXTH T2", "1111101000001111 | 1111 Rd:4 1 (0) rotate:2 Rm:4", sxt(16), not_sp_pc("Rd", "Rm")),
    row("UXTH T2", "1111101000011111 | 1111 Rd:4 1 (0) rotate:2 Rm:4", uxt(16), not_sp_pc("Rd", "Rm")),
    row("SXTB T2", "1111101001001111 | 1111 Rd:4 1 (0) rotate:2 Rm:4", sxt(8), not_sp_pc("Rd", "Rm")),
    row("UXTB T2", "1111101001011111 | 1111 Rd:4 1 (0) rotate:2 Rm:4", uxt(8), not_sp_pc("Rd", "Rm")),
    forbidden("extend and add, SXTB16, UXTB16", "111110100 any:7 | 1111 any:4 1 any:7", _DSP, see=("SXTH T2", "UXTH T2", "SXTB T2", "UXTB T2")),
    forbidden("parallel addition and subtraction", "111110101 any:7 | 1111 any:4 0 any:7", _DSP),
    forbidden("QADD, QDADD, QSUB, QDSUB T1", "111110101000 any:4 | 1111 any:4 10 any:6", _DSP),
    forbidden("SEL T1", "111110101010 any:4 | 1111 any:4 10 any:6", _DSP),
    row("REV T2", "111110101001 Rm2:4 | 1111 Rd:4 1000 Rm:4", reverse_bytes(REV), SAME_RM, not_sp_pc("Rd", "Rm")),
    row("REV16 T2", "111110101001 Rm2:4 | 1111 Rd:4 1001 Rm:4", reverse_bytes(REV16), SAME_RM, not_sp_pc("Rd", "Rm")),
    row("RBIT T1", "111110101001 Rm2:4 | 1111 Rd:4 1010 Rm:4", unknown_to("Rd"), SAME_RM, not_sp_pc("Rd", "Rm")),
    row("REVSH T2", "111110101001 Rm2:4 | 1111 Rd:4 1011 Rm:4", reverse_bytes(REVSH, signed=True), SAME_RM, not_sp_pc("Rd", "Rm")),
    row("CLZ T1", "111110101011 Rm2:4 | 1111 Rd:4 1000 Rm:4", unknown_to("Rd"), SAME_RM, not_sp_pc("Rd", "Rm")),
)

_MULTIPLY = (  # multiply, long multiply, divide (A5.3.16, A5.3.17); division by zero gives 0 or faults
    row("MLA T1", "111110110000 Rn:4 | Ra:4 Rd:4 0000 Rm:4", unknown_to("Rd"), not_sp_pc("Rd", "Rn", "Rm"), not_sp("Ra"), see=("MUL T2",)),
    row("MUL T2", "111110110000 Rn:4 | 1111 Rd:4 0000 Rm:4", unknown_to("Rd"), not_sp_pc("Rd", "Rn", "Rm")),
    row("MLS T1", "111110110000 Rn:4 | Ra:4 Rd:4 0001 Rm:4", unknown_to("Rd"), not_sp_pc("Rd", "Rn", "Rm", "Ra")),
    forbidden("SMLAxy, SMULxy", "111110110001 any:4 | any:8 00 any:6", _DSP),
    forbidden("SMLAD, SMUAD, SMLAWy, SMULWy", "11111011001 any:5 | any:8 00 any:6", _DSP),
    forbidden("SMLSD, SMUSD, SMMLA, SMMLS, SMMUL, USADA8, USAD8", "1111101101 any:6 | any:8 00 any:6", _DSP),
    row("SMULL T1", "111110111000 Rn:4 | RdLo:4 RdHi:4 0000 Rm:4", unknown_to("RdLo", "RdHi"), *LONG),
    row("SDIV T1", "111110111001 Rn:4 | (1111) Rd:4 1111 Rm:4", unknown_to("Rd"), not_sp_pc("Rd", "Rn", "Rm")),
    row("UMULL T1", "111110111010 Rn:4 | RdLo:4 RdHi:4 0000 Rm:4", unknown_to("RdLo", "RdHi"), *LONG),
    row("UDIV T1", "111110111011 Rn:4 | (1111) Rd:4 1111 Rm:4", unknown_to("Rd"), not_sp_pc("Rd", "Rn", "Rm")),
    row("SMLAL T1", "111110111100 Rn:4 | RdLo:4 RdHi:4 0000 Rm:4", unknown_to("RdLo", "RdHi"), *LONG),
    forbidden("SMLALxy, SMLALD", "111110111100 any:4 | any:8 1 any:7", _DSP),
    forbidden("SMLSLD T1", "111110111101 any:4 | any:8 1 any:7", _DSP),
    row("UMLAL T1", "111110111110 Rn:4 | RdLo:4 RdHi:4 0000 Rm:4", unknown_to("RdLo", "RdHi"), *LONG),
    forbidden("UMAAL T1", "111110111110 any:4 | any:8 0110 any:4", _DSP),
)

_COPROCESSOR = (  # (A5.3.18), with the floating-point extension
    forbidden("coprocessor or floating point 1", "111011 any:10 | any:16", "coprocessors and floating point are not allowed"),
    forbidden("coprocessor or floating point 2", "111111 any:10 | any:16", "coprocessors and floating point are not allowed"),
)

ROWS: tuple[Row, ...] = (
    *_MULTIPLE, *_DUAL, *_SHIFTED, *_MODIFIED, *_PLAIN, *_BRANCHES, *_LOADS, *_STORES, *_REGISTER, *_MULTIPLY, *_COPROCESSOR,
)
