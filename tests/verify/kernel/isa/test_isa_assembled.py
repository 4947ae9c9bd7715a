"""Instructions as the GNU assembler encodes them decode to the row of that name; every allowed row has one."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from ringfence.verify.kernel.isa.decode import TABLE, Refused, decode

AS, OBJCOPY = "arm-none-eabi-as", "arm-none-eabi-objcopy"

pytestmark = pytest.mark.skipif(shutil.which(AS) is None, reason="no arm-none-eabi-as")

# row: assembly. Each line stands alone at a multiple of 4.
ALLOWED = """
LSL (immediate) T1: lsls r1, r2, #3
MOV (register) T2: movs r1, r2
LSR (immediate) T1: lsrs r1, r2, #32
ASR (immediate) T1: asrs r1, r2, #1
ADD (register) T1: adds r1, r2, r3
SUB (register) T1: subs r1, r2, r3
ADD (immediate) T1: adds r1, r2, #7
SUB (immediate) T1: subs r1, r2, #7
MOV (immediate) T1: movs r1, #200
CMP (immediate) T1: cmp r1, #200
ADD (immediate) T2: adds r1, #200
SUB (immediate) T2: subs r1, #200
AND (register) T1: ands r1, r2
EOR (register) T1: eors r1, r2
LSL (register) T1: lsls r1, r2
LSR (register) T1: lsrs r1, r2
ASR (register) T1: asrs r1, r2
ADC (register) T1: adcs r1, r2
SBC (register) T1: sbcs r1, r2
ROR (register) T1: rors r1, r2
TST (register) T1: tst r1, r2
RSB (immediate) T1: rsbs r1, r2, #0
CMP (register) T1: cmp r1, r2
CMN (register) T1: cmn r1, r2
ORR (register) T1: orrs r1, r2
MUL T1: muls r1, r2, r1
BIC (register) T1: bics r1, r2
MVN (register) T1: mvns r1, r2
ADD (register) T2: add r8, r9
ADD (register) T2: add sp, r3
ADD (register) T2: add r3, sp, r3
CMP (register) T2: cmp r8, r1
CMP (register) T2: cmp sp, r1
MOV (register) T1: mov r7, sp
MOV (register) T1: mov sp, r7
BX T1: bx lr
BLX (register) T1: blx r3
LDR (literal) T1: ldr r1, [pc, #8]
STR (register) T1: str r1, [r2, r3]
STRH (register) T1: strh r1, [r2, r3]
STRB (register) T1: strb r1, [r2, r3]
LDRSB (register) T1: ldrsb r1, [r2, r3]
LDR (register) T1: ldr r1, [r2, r3]
LDRH (register) T1: ldrh r1, [r2, r3]
LDRB (register) T1: ldrb r1, [r2, r3]
LDRSH (register) T1: ldrsh r1, [r2, r3]
STR (immediate) T1: str r1, [r2, #124]
LDR (immediate) T1: ldr r1, [r2, #124]
STRB (immediate) T1: strb r1, [r2, #31]
LDRB (immediate) T1: ldrb r1, [r2, #31]
STRH (immediate) T1: strh r1, [r2, #62]
LDRH (immediate) T1: ldrh r1, [r2, #62]
STR (immediate) T2: str r1, [sp, #1020]
LDR (immediate) T2: ldr r1, [sp, #1020]
ADR T1: adr r1, .+8
ADD (SP plus immediate) T1: add r1, sp, #1020
ADD (SP plus immediate) T2: add sp, #508
SUB (SP minus immediate) T1: sub sp, #508
CBNZ, CBZ T1: cbz r1, .+20
CBNZ, CBZ T1: cbnz r1, .+20
SXTH T1: sxth r1, r2
SXTB T1: sxtb r1, r2
UXTH T1: uxth r1, r2
UXTB T1: uxtb r1, r2
PUSH T1: push {r1, r4, lr}
REV T1: rev r1, r2
REV16 T1: rev16 r1, r2
REVSH T1: revsh r1, r2
POP T1: pop {r1, r4, pc}
IT T1: ite eq; moveq r1, #1; movne r1, #0
NOP T1: nop
YIELD T1: yield
SEV T1: sev
STM T1: stmia r1!, {r2, r3}
LDM T1: ldmia r1!, {r2, r3}
LDM T1: ldmia r1, {r1, r3}
B T1: beq.n .+20
UDF T1: udf #17
B T2: b.n .+20
STM T2: stmia.w r1, {r2, r3}
STM T2: stmia.w r1!, {r2, lr}
LDM T2: ldmia.w r1!, {r2, pc}
POP T2: pop.w {r8, pc}
STMDB T1: stmdb r1!, {r2, r3}
PUSH T2: push.w {r8, lr}
LDMDB T1: ldmdb r1!, {r2, r3}
STREX T1: strex r1, r2, [r3, #4]
LDREX T1: ldrex r2, [r3, #4]
STREXB T1: strexb r1, r2, [r3]
STREXH T1: strexh r1, r2, [r3]
LDREXB T1: ldrexb r2, [r3]
LDREXH T1: ldrexh r2, [r3]
TBB T1: tbb [pc, r1]
TBH T1: tbh [pc, r1, lsl #1]
STRD (immediate) T1: strd r1, r2, [r3, #-8]!
STRD (immediate) T1: strd r1, r2, [sp], #8
LDRD (immediate) T1: ldrd r1, r2, [r3, #1020]
LDRD (literal) T1: ldrd r1, r2, [pc, #8]
TST (register) T2: tst.w r1, r2, lsl #3
AND (register) T2: and r1, r2, r3, ror #3
BIC (register) T2: bic r1, r2, r3
ORR (register) T2: orr r1, r2, r3
MOV (register) T3: mov.w r1, r2
MOV (register) T3: mov.w sp, r2
LSL (immediate) T2: lsl r1, r2, #3
LSR (immediate) T2: lsr r1, r2, #3
ASR (immediate) T2: asr r1, r2, #3
ROR (immediate) T1: ror r1, r2, #3
RRX T1: rrx r1, r2
ORN (register) T1: orn r1, r2, r3
MVN (register) T2: mvn.w r1, r2, lsl #1
TEQ (register) T1: teq r1, r2
EOR (register) T2: eor r1, r2, r3
CMN (register) T2: cmn.w r1, r2, lsl #1
ADD (register) T3: add.w r1, r2, r3, lsl #2
ADD (SP plus register) T3: add.w r1, sp, r3, lsl #9
ADD (SP plus register) T3: add.w sp, sp, r3, lsl #3
ADC (register) T2: adc r1, r2, r3
SBC (register) T2: sbc r1, r2, r3
CMP (register) T3: cmp.w r1, r2, asr #1
SUB (register) T2: sub.w r1, r2, r3
SUB (SP minus register) T1: sub.w sp, sp, r3
RSB (register) T1: rsb r1, r2, r3
TST (immediate) T1: tst r1, #0x10001
AND (immediate) T1: and r1, r2, #0xff
BIC (immediate) T1: bic r1, r2, #0xff
ORR (immediate) T1: orr r1, r2, #0xff
MOV (immediate) T2: mov.w r1, #0xff00ff00
ORN (immediate) T1: orn r1, r2, #0xff
MVN (immediate) T1: mvn r1, #0xff
TEQ (immediate) T1: teq r1, #0xff
EOR (immediate) T1: eor r1, r2, #0xff
CMN (immediate) T1: cmn r1, #0xff
ADD (immediate) T3: add.w r1, r2, #0xff000
ADD (SP plus immediate) T3: add.w r1, sp, #0xff000
ADD (SP plus immediate) T3: add.w sp, sp, #0xff000
ADC (immediate) T1: adc r1, r2, #0xff
SBC (immediate) T1: sbc r1, r2, #0xff
CMP (immediate) T2: cmp.w r1, #0xff000
SUB (immediate) T3: sub.w r1, r2, #0xff000
SUB (SP minus immediate) T2: sub.w sp, sp, #0xff000
RSB (immediate) T2: rsb r1, r2, #0xff
ADD (immediate) T4: addw r1, r2, #4095
ADD (SP plus immediate) T4: addw sp, sp, #4095
ADR T3: adr.w r1, .+100
MOV (immediate) T3: movw r1, #0xabcd
SUB (immediate) T4: subw r1, r2, #4095
SUB (SP minus immediate) T3: subw r1, sp, #4095
ADR T2: subw r1, pc, #4
MOVT T1: movt r1, #0x2000
SSAT T1: ssat r1, #8, r2, lsl #3
SBFX T1: sbfx r1, r2, #3, #29
BFI T1: bfi r1, r2, #3, #4
BFC T1: bfc r1, #3, #4
USAT T1: usat r1, #8, r2, asr #3
UBFX T1: ubfx r1, r2, #3, #29
B T3: beq.w .+200
B T4: b.w .+200
BL T1: bl .+200
MSR (register) T1: msr apsr_nzcvq, r1
MRS T1: mrs r1, apsr
NOP T2: nop.w
YIELD T2: yield.w
SEV T2: sev.w
CLREX T1: clrex
DSB T1: dsb
DMB T1: dmb
ISB T1: isb
UDF T2: udf.w #17
LDR (immediate) T3: ldr.w r1, [r2, #4095]
LDR (immediate) T3: ldr.w pc, [sp, #4]
LDR (immediate) T4: ldr r1, [r2, #-4]!
POP T3: pop.w {r8}
LDR (literal) T2: ldr.w r1, [pc, #-8]
LDR (register) T2: ldr.w pc, [r1, r2, lsl #2]
LDRH (immediate) T2: ldrh.w r1, [r2, #4095]
LDRH (immediate) T3: ldrh r1, [r2], #3
LDRH (literal) T1: ldrh r1, [pc, #8]
LDRH (register) T2: ldrh.w r1, [r2, r3, lsl #1]
LDRSH (immediate) T1: ldrsh r1, [r2, #4095]
LDRSH (immediate) T2: ldrsh r1, [r2], #3
LDRSH (literal) T1: ldrsh r1, [pc, #8]
LDRSH (register) T2: ldrsh.w r1, [r2, r3, lsl #1]
LDRB (immediate) T2: ldrb.w r1, [r2, #4095]
LDRB (immediate) T3: ldrb r1, [r2], #3
LDRB (literal) T1: ldrb r1, [pc, #8]
LDRB (register) T2: ldrb.w r1, [r2, r3, lsl #1]
LDRSB (immediate) T1: ldrsb r1, [r2, #4095]
LDRSB (immediate) T2: ldrsb r1, [r2], #3
LDRSB (literal) T1: ldrsb r1, [pc, #8]
LDRSB (register) T2: ldrsb.w r1, [r2, r3, lsl #1]
PLD (immediate) T1: pld [r1, #4095]
PLD (immediate) T2: pld [r1, #-255]
PLD (literal) T1: pld [pc, #-4]
PLD (register) T1: pld [r1, r2, lsl #3]
PLI (immediate) T1: pli [r1, #4095]
PLI (immediate) T2: pli [r1, #-255]
PLI (literal) T1: pli [pc, #-4]
PLI (register) T1: pli [r1, r2, lsl #3]
STR (immediate) T3: str.w r1, [r2, #4095]
STR (immediate) T4: str r1, [r2], #-255
PUSH T3: push.w {r8}
STR (register) T2: str.w sp, [r2, r3, lsl #2]
STRH (immediate) T2: strh.w r1, [r2, #4095]
STRH (immediate) T3: strh r1, [r2, #1]!
STRH (register) T2: strh.w r1, [r2, r3, lsl #2]
STRB (immediate) T2: strb.w r1, [r2, #4095]
STRB (immediate) T3: strb r1, [r2, #1]!
STRB (register) T2: strb.w r1, [r2, r3, lsl #2]
LSL (register) T2: lsl.w r1, r2, r3
LSR (register) T2: lsr.w r1, r2, r3
ASR (register) T2: asr.w r1, r2, r3
ROR (register) T2: ror.w r1, r2, r3
SXTH T2: sxth.w r1, r2, ror #8
UXTH T2: uxth.w r1, r2, ror #16
SXTB T2: sxtb.w r1, r2, ror #24
UXTB T2: uxtb.w r1, r2, ror #8
REV T2: rev.w r1, r2
REV16 T2: rev16.w r1, r2
RBIT T1: rbit r1, r2
REVSH T2: revsh.w r1, r2
CLZ T1: clz r1, r2
MLA T1: mla r1, r2, r3, r4
MUL T2: mul r1, r2, r3
MLS T1: mls r1, r2, r3, r4
SMULL T1: smull r1, r2, r3, r4
SDIV T1: sdiv r1, r2, r3
UMULL T1: umull r1, r2, r3, r4
UDIV T1: udiv r1, r2, r3
SMLAL T1: smlal r1, r2, r3, r4
UMLAL T1: umlal r1, r2, r3, r4
"""

# a part of the reason: assembly. `.inst` where the assembler refuses or would choose something else.
REFUSED = """
SVC T1: svc #1
BKPT T1: bkpt #1
CPS T1: cpsid i
WFI T1: wfi
WFE T1: wfe
WFI T2: wfi.w
WFE T2: wfe.w
hint T2: dbg #1
MSR (system): msr msp, r1
MSR (system): msr control, r1
MSR (system): msr basepri, r1
MSR (system): .inst.w 0xf3818c00
MRS (system): mrs r1, primask
MRS (system): mrs r1, xpsr
MRS (system): mrs r1, control
coprocessor: mcr p15, 0, r1, c1, c0, 0
coprocessor: mrrc p15, 0, r1, r2, c1
coprocessor: ldc p1, c2, [r3]
coprocessor: .inst.w 0xeeb00a40
LDRT: ldrt r1, [r2]
LDRBT: ldrbt r1, [r2]
LDRHT: ldrht r1, [r2]
LDRSBT: ldrsbt r1, [r2]
LDRSHT: ldrsht r1, [r2]
STRT: strt r1, [r2]
STRBT: strbt r1, [r2]
STRHT: strht r1, [r2]
loses the Thumb bit: mov pc, r1
loses the Thumb bit: mov pc, lr
loses the Thumb bit: add pc, r1
SP may not be loaded: ldr sp, [r1]
SP may not be loaded: ldr sp, [r1], #4
SP may not be loaded: ldr sp, [pc, #8]
SP may not be loaded: ldr sp, [r1, r2, lsl #2]
no instruction: .inst.w 0xe8b12004
SP or PC as Rt: .inst.w 0xe9d1d204
SP as Rn: .inst.w 0xe8ddf001
same register as Rt and Rt2: .inst.w 0xe9d11104
writeback to the transferred: .inst.w 0xf8511f04
writeback to a transferred: .inst.w 0xe9e11204
writeback with the base in the list: .inst.w 0xe8b10006
writeback with the base in the list: .inst.w 0xe8ae4003
fewer than 2: .inst.w 0xe8b10004
fewer than 1: .inst.n 0xb400
LR and PC in the list: .inst.w 0xe8bdc001
not as the lowest: .inst.n 0xc103
same register as Rd and Rn: .inst.w 0xe8412100
same register as Rd and Rt: .inst.w 0xe8431100
same register as RdHi and RdLo: .inst.w 0xfba31104
PC as Rn or Rt: .inst.w 0xf8cf1004
PC as Rn or Rt: .inst.w 0xf8c2f004
two low registers: .inst.n 0x4511
UNPREDICTABLE condition in IT: .inst.n 0xbff8
UNPREDICTABLE condition in IT: .inst.n 0xbfec
pattern of zero: .inst.w 0xf0411100
msb < lsb: .inst.w 0xf36f1103
beyond bit 31: .inst.w 0xf3c2111f
another shift than LSL: .inst.w 0xeb0d1d43
another shift than LSL: .inst.w 0xeb0d0d13
SP as Rd and Rm: .inst.w 0xea4f0d0d
SP or PC as Rd or Rn or Rm: .inst.w 0xea010d02
two fields for Rm: .inst.w 0xfab1f182
ARM state: bx pc
no instruction: .inst.n 0x4771
miscellaneous control: .inst.w 0xf7f08000
"""


def lines(text: str) -> list[tuple[str, str]]:
    return [(name, code) for name, _, code in (line.rpartition(": ") for line in text.strip().splitlines())]


def assemble(sources: list[str], folder: Path) -> bytes:
    """Each source padded with NOPs to 8 bytes."""
    text = "".join(f"\t.balign 8, 0xff\n\t{source}\n" for source in sources)
    source = folder / "rows.s"
    source.write_text(f"\t.syntax unified\n\t.thumb\n\t.text\n{text}\t.space 8\n")
    subprocess.run([AS, "-mcpu=cortex-m3", "-o", folder / "rows.o", source], check=True)
    subprocess.run([OBJCOPY, "-O", "binary", "-j", ".text", folder / "rows.o", folder / "rows.bin"], check=True)
    return (folder / "rows.bin").read_bytes()


def refusal(code: bytes, offset: int) -> str:
    """Why the instruction is refused; empty if it is not."""
    try:
        decode(code, offset)
    except Refused as refused:
        return str(refused)
    return ""


def test_every_allowed_row_decodes_what_the_assembler_encodes(tmp_path: Path) -> None:
    cases = lines(ALLOWED)
    code = assemble([source for _, source in cases], tmp_path)
    decoded = [decode(code, 8 * i).name for i in range(len(cases))]
    assert list(zip(decoded, cases, strict=True)) == [(name, (name, source)) for name, source in cases]
    assert {name for name, _ in cases} == {row.name for row in TABLE.rows if row.semantics is not None}


def test_what_is_not_allowed_is_refused_for_its_reason(tmp_path: Path) -> None:
    cases = lines(REFUSED)
    code = assemble([source for _, source in cases], tmp_path)
    assert [(reason, source) for i, (reason, source) in enumerate(cases) if reason not in refusal(code, 8 * i)] == []
