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
LSL, LSR, ASR (immediate) T1: lsls r1, r2, #3
MOV (register) T2: movs r1, r2
LSL, LSR, ASR (immediate) T1: lsrs r1, r2, #32
LSL, LSR, ASR (immediate) T1: asrs r1, r2, #1
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
SXTH, SXTB, UXTH, UXTB T1: sxth r1, r2
SXTH, SXTB, UXTH, UXTB T1: sxtb r1, r2
SXTH, SXTB, UXTH, UXTB T1: uxth r1, r2
SXTH, SXTB, UXTH, UXTB T1: uxtb r1, r2
PUSH T1: push {r1, r4, lr}
REV, REV16, REVSH T1: rev r1, r2
REV, REV16, REVSH T1: rev16 r1, r2
REV, REV16, REVSH T1: revsh r1, r2
POP T1: pop {r1, r4, pc}
IT T1: ite eq; moveq r1, #1; movne r1, #0
NOP, YIELD, SEV T1: nop
NOP, YIELD, SEV T1: yield
NOP, YIELD, SEV T1: sev
STM T1: stmia r1!, {r2, r3}
LDM T1: ldmia r1!, {r2, r3}
LDM T1: ldmia r1, {r1, r3}
B T1: beq.n .+20
UDF T1: udf #17
B T2: b.n .+20
STM T2: stmia.w r1, {r2, r3}
STM T2: stmia.w r1!, {r2, lr}
LDM T2, POP T2: ldmia.w r1!, {r2, pc}
LDM T2, POP T2: pop.w {r8, pc}
STMDB T1, PUSH T2: stmdb r1!, {r2, r3}
STMDB T1, PUSH T2: push.w {r8, lr}
LDMDB T1: ldmdb r1!, {r2, r3}
STREX T1: strex r1, r2, [r3, #4]
LDREX T1: ldrex r2, [r3, #4]
STREXB, STREXH T1: strexb r1, r2, [r3]
STREXB, STREXH T1: strexh r1, r2, [r3]
LDREXB, LDREXH T1: ldrexb r2, [r3]
LDREXB, LDREXH T1: ldrexh r2, [r3]
TBB, TBH T1: tbb [pc, r1]
TBB, TBH T1: tbh [pc, r1, lsl #1]
STRD (immediate) T1: strd r1, r2, [r3, #-8]!
STRD (immediate) T1: strd r1, r2, [sp], #8
LDRD (immediate) T1: ldrd r1, r2, [r3, #1020]
LDRD (literal) T1: ldrd r1, r2, [pc, #8]
AND (register) T2, TST (register) T2: tst.w r1, r2, lsl #3
AND (register) T2, TST (register) T2: and r1, r2, r3, ror #3
BIC (register) T2: bic r1, r2, r3
ORR (register) T2, LSL, LSR, ASR, ROR, RRX (immediate): orr r1, r2, r3
MOV (register) T3: mov.w r1, r2
MOV (register) T3: mov.w sp, r2
ORR (register) T2, LSL, LSR, ASR, ROR, RRX (immediate): lsl r1, r2, #3
ORR (register) T2, LSL, LSR, ASR, ROR, RRX (immediate): lsr r1, r2, #3
ORR (register) T2, LSL, LSR, ASR, ROR, RRX (immediate): asr r1, r2, #3
ORR (register) T2, LSL, LSR, ASR, ROR, RRX (immediate): ror r1, r2, #3
ORR (register) T2, LSL, LSR, ASR, ROR, RRX (immediate): rrx r1, r2
ORN (register) T1, MVN (register) T2: orn r1, r2, r3
ORN (register) T1, MVN (register) T2: mvn.w r1, r2, lsl #1
EOR (register) T2, TEQ (register) T1: teq r1, r2
EOR (register) T2, TEQ (register) T1: eor r1, r2, r3
ADD (register) T3, CMN (register) T2: cmn.w r1, r2, lsl #1
ADD (register) T3, CMN (register) T2: add.w r1, r2, r3, lsl #2
ADD (register) T3, CMN (register) T2: add.w r1, sp, r3, lsl #9
ADD (register) T3, CMN (register) T2: add.w sp, sp, r3, lsl #3
ADC (register) T2: adc r1, r2, r3
SBC (register) T2: sbc r1, r2, r3
SUB (register) T2, CMP (register) T3: cmp.w r1, r2, asr #1
SUB (register) T2, CMP (register) T3: sub.w r1, r2, r3
SUB (register) T2, CMP (register) T3: sub.w sp, sp, r3
RSB (register) T1: rsb r1, r2, r3
AND (immediate) T1, TST (immediate) T1: tst r1, #0x10001
AND (immediate) T1, TST (immediate) T1: and r1, r2, #0xff
BIC (immediate) T1: bic r1, r2, #0xff
ORR (immediate) T1, MOV (immediate) T2: orr r1, r2, #0xff
ORR (immediate) T1, MOV (immediate) T2: mov.w r1, #0xff00ff00
ORN (immediate) T1, MVN (immediate) T1: orn r1, r2, #0xff
ORN (immediate) T1, MVN (immediate) T1: mvn r1, #0xff
EOR (immediate) T1, TEQ (immediate) T1: teq r1, #0xff
EOR (immediate) T1, TEQ (immediate) T1: eor r1, r2, #0xff
ADD (immediate) T3, CMN (immediate) T1: cmn r1, #0xff
ADD (immediate) T3, CMN (immediate) T1: add.w r1, r2, #0xff000
ADD (immediate) T3, CMN (immediate) T1: add.w r1, sp, #0xff000
ADD (immediate) T3, CMN (immediate) T1: add.w sp, sp, #0xff000
ADC (immediate) T1: adc r1, r2, #0xff
SBC (immediate) T1: sbc r1, r2, #0xff
SUB (immediate) T3, CMP (immediate) T2: cmp.w r1, #0xff000
SUB (immediate) T3, CMP (immediate) T2: sub.w r1, r2, #0xff000
SUB (immediate) T3, CMP (immediate) T2: sub.w sp, sp, #0xff000
RSB (immediate) T2: rsb r1, r2, #0xff
ADD (immediate) T4: addw r1, r2, #4095
ADD (immediate) T4: addw sp, sp, #4095
ADR T3: adr.w r1, .+100
MOV (immediate) T3, MOVT T1: movw r1, #0xabcd
SUB (immediate) T4: subw r1, r2, #4095
SUB (immediate) T4: subw r1, sp, #4095
ADR T2: subw r1, pc, #4
MOV (immediate) T3, MOVT T1: movt r1, #0x2000
SSAT, USAT T1: ssat r1, #8, r2, lsl #3
SBFX, UBFX T1: sbfx r1, r2, #3, #29
BFI, BFC T1: bfi r1, r2, #3, #4
BFI, BFC T1: bfc r1, #3, #4
SSAT, USAT T1: usat r1, #8, r2, asr #3
SBFX, UBFX T1: ubfx r1, r2, #3, #29
B T3: beq.w .+200
B T4: b.w .+200
BL T1: bl .+200
MSR (APSR_nzcvq) T1: msr apsr_nzcvq, r1
MRS T1: mrs r1, apsr
NOP, YIELD, SEV T2: nop.w
NOP, YIELD, SEV T2: yield.w
NOP, YIELD, SEV T2: sev.w
CLREX T1: clrex
DSB, DMB, ISB T1: dsb
DSB, DMB, ISB T1: dmb
DSB, DMB, ISB T1: isb
UDF T2: udf.w #17
LDR (immediate) T3: ldr.w r1, [r2, #4095]
LDR (immediate) T3: ldr.w pc, [sp, #4]
LDR (immediate) T4, POP T3: ldr r1, [r2, #-4]!
LDR (immediate) T4, POP T3: pop.w {r8}
LDR (literal) T2: ldr.w r1, [pc, #-8]
LDR (register) T2: ldr.w pc, [r1, r2, lsl #2]
LDRB, LDRH T2, LDRSB, LDRSH T1 (immediate): ldrh.w r1, [r2, #4095]
LDRB, LDRH T3, LDRSB, LDRSH T2 (immediate): ldrh r1, [r2], #3
LDRB, LDRH, LDRSB, LDRSH (literal) T1: ldrh r1, [pc, #8]
LDRB, LDRH, LDRSB, LDRSH (register) T2: ldrh.w r1, [r2, r3, lsl #1]
LDRB, LDRH T2, LDRSB, LDRSH T1 (immediate): ldrsh r1, [r2, #4095]
LDRB, LDRH T3, LDRSB, LDRSH T2 (immediate): ldrsh r1, [r2], #3
LDRB, LDRH, LDRSB, LDRSH (literal) T1: ldrsh r1, [pc, #8]
LDRB, LDRH, LDRSB, LDRSH (register) T2: ldrsh.w r1, [r2, r3, lsl #1]
LDRB, LDRH T2, LDRSB, LDRSH T1 (immediate): ldrb.w r1, [r2, #4095]
LDRB, LDRH T3, LDRSB, LDRSH T2 (immediate): ldrb r1, [r2], #3
LDRB, LDRH, LDRSB, LDRSH (literal) T1: ldrb r1, [pc, #8]
LDRB, LDRH, LDRSB, LDRSH (register) T2: ldrb.w r1, [r2, r3, lsl #1]
LDRB, LDRH T2, LDRSB, LDRSH T1 (immediate): ldrsb r1, [r2, #4095]
LDRB, LDRH T3, LDRSB, LDRSH T2 (immediate): ldrsb r1, [r2], #3
LDRB, LDRH, LDRSB, LDRSH (literal) T1: ldrsb r1, [pc, #8]
LDRB, LDRH, LDRSB, LDRSH (register) T2: ldrsb.w r1, [r2, r3, lsl #1]
PLD, PLI (immediate) T1: pld [r1, #4095]
PLD, PLI (immediate) T2: pld [r1, #-255]
PLD, PLI (literal) T1: pld [pc, #-4]
PLD, PLI (register) T1: pld [r1, r2, lsl #3]
PLD, PLI (immediate) T1: pli [r1, #4095]
PLD, PLI (immediate) T2: pli [r1, #-255]
PLD, PLI (literal) T1: pli [pc, #-4]
PLD, PLI (register) T1: pli [r1, r2, lsl #3]
STR (immediate) T3: str.w r1, [r2, #4095]
STR (immediate) T4, PUSH T3: str r1, [r2], #-255
STR (immediate) T4, PUSH T3: push.w {r8}
STR (register) T2: str.w sp, [r2, r3, lsl #2]
STRB, STRH (immediate) T2: strh.w r1, [r2, #4095]
STRB, STRH (immediate) T3: strh r1, [r2, #1]!
STRB, STRH (register) T2: strh.w r1, [r2, r3, lsl #2]
STRB, STRH (immediate) T2: strb.w r1, [r2, #4095]
STRB, STRH (immediate) T3: strb r1, [r2, #1]!
STRB, STRH (register) T2: strb.w r1, [r2, r3, lsl #2]
LSL, LSR, ASR, ROR (register) T2: lsl.w r1, r2, r3
LSL, LSR, ASR, ROR (register) T2: lsr.w r1, r2, r3
LSL, LSR, ASR, ROR (register) T2: asr.w r1, r2, r3
LSL, LSR, ASR, ROR (register) T2: ror.w r1, r2, r3
SXTH, UXTH, SXTB, UXTB T2: sxth.w r1, r2, ror #8
SXTH, UXTH, SXTB, UXTB T2: uxth.w r1, r2, ror #16
SXTH, UXTH, SXTB, UXTB T2: sxtb.w r1, r2, ror #24
SXTH, UXTH, SXTB, UXTB T2: uxtb.w r1, r2, ror #8
REV, REV16, RBIT, REVSH T2: rev.w r1, r2
REV, REV16, RBIT, REVSH T2: rev16.w r1, r2
REV, REV16, RBIT, REVSH T2: rbit r1, r2
REV, REV16, RBIT, REVSH T2: revsh.w r1, r2
CLZ T1: clz r1, r2
MLA, MLS, MUL T2: mla r1, r2, r3, r4
MLA, MLS, MUL T2: mul r1, r2, r3
MLA, MLS, MUL T2: mls r1, r2, r3, r4
SMULL, UMULL, SMLAL, UMLAL T1: smull r1, r2, r3, r4
SDIV, UDIV T1: sdiv r1, r2, r3
SMULL, UMULL, SMLAL, UMLAL T1: umull r1, r2, r3, r4
SDIV, UDIV T1: udiv r1, r2, r3
SMULL, UMULL, SMLAL, UMLAL T1: smlal r1, r2, r3, r4
SMULL, UMULL, SMLAL, UMLAL T1: umlal r1, r2, r3, r4
SSAT16, USAT16 T1: ssat16 r1, #8, r2
SSAT16, USAT16 T1: usat16 r1, #15, r2
PKHBT, PKHTB T1: pkhbt r1, r2, r3, lsl #8
PKHBT, PKHTB T1: pkhtb r1, r2, r3, asr #8
MSR (APSR_g, APSR_nzcvqg) T1: msr apsr_g, r1
MSR (APSR_g, APSR_nzcvqg) T1: msr apsr_nzcvqg, r1
SXTAH, UXTAH, SXTB16, UXTB16, SXTAB16, UXTAB16, SXTAB, UXTAB T1: sxtah r1, r2, r3, ror #8
SXTAH, UXTAH, SXTB16, UXTB16, SXTAB16, UXTAB16, SXTAB, UXTAB T1: uxtah r1, r2, r3
SXTAH, UXTAH, SXTB16, UXTB16, SXTAB16, UXTAB16, SXTAB, UXTAB T1: sxtb16 r1, r2
SXTAH, UXTAH, SXTB16, UXTB16, SXTAB16, UXTAB16, SXTAB, UXTAB T1: uxtb16 r1, r2, ror #24
SXTAH, UXTAH, SXTB16, UXTB16, SXTAB16, UXTAB16, SXTAB, UXTAB T1: sxtab16 r1, r2, r3
SXTAH, UXTAH, SXTB16, UXTB16, SXTAB16, UXTAB16, SXTAB, UXTAB T1: uxtab16 r1, r2, r3
SXTAH, UXTAH, SXTB16, UXTB16, SXTAB16, UXTAB16, SXTAB, UXTAB T1: sxtab r1, r2, r3
SXTAH, UXTAH, SXTB16, UXTB16, SXTAB16, UXTAB16, SXTAB, UXTAB T1: uxtab r1, r2, r3
parallel addition and subtraction T1: sadd16 r1, r2, r3
parallel addition and subtraction T1: sasx r1, r2, r3
parallel addition and subtraction T1: ssax r1, r2, r3
parallel addition and subtraction T1: ssub16 r1, r2, r3
parallel addition and subtraction T1: sadd8 r1, r2, r3
parallel addition and subtraction T1: ssub8 r1, r2, r3
parallel addition and subtraction T1: qadd16 r1, r2, r3
parallel addition and subtraction T1: qasx r1, r2, r3
parallel addition and subtraction T1: qsax r1, r2, r3
parallel addition and subtraction T1: qsub16 r1, r2, r3
parallel addition and subtraction T1: qadd8 r1, r2, r3
parallel addition and subtraction T1: qsub8 r1, r2, r3
parallel addition and subtraction T1: shadd16 r1, r2, r3
parallel addition and subtraction T1: shasx r1, r2, r3
parallel addition and subtraction T1: shsax r1, r2, r3
parallel addition and subtraction T1: shsub16 r1, r2, r3
parallel addition and subtraction T1: shadd8 r1, r2, r3
parallel addition and subtraction T1: shsub8 r1, r2, r3
parallel addition and subtraction T1: uadd16 r1, r2, r3
parallel addition and subtraction T1: uasx r1, r2, r3
parallel addition and subtraction T1: usax r1, r2, r3
parallel addition and subtraction T1: usub16 r1, r2, r3
parallel addition and subtraction T1: uadd8 r1, r2, r3
parallel addition and subtraction T1: usub8 r1, r2, r3
parallel addition and subtraction T1: uqadd16 r1, r2, r3
parallel addition and subtraction T1: uqasx r1, r2, r3
parallel addition and subtraction T1: uqsax r1, r2, r3
parallel addition and subtraction T1: uqsub16 r1, r2, r3
parallel addition and subtraction T1: uqadd8 r1, r2, r3
parallel addition and subtraction T1: uqsub8 r1, r2, r3
parallel addition and subtraction T1: uhadd16 r1, r2, r3
parallel addition and subtraction T1: uhasx r1, r2, r3
parallel addition and subtraction T1: uhsax r1, r2, r3
parallel addition and subtraction T1: uhsub16 r1, r2, r3
parallel addition and subtraction T1: uhadd8 r1, r2, r3
parallel addition and subtraction T1: uhsub8 r1, r2, r3
QADD, QDADD, QSUB, QDSUB T1: qadd r1, r2, r3
QADD, QDADD, QSUB, QDSUB T1: qdadd r1, r2, r3
QADD, QDADD, QSUB, QDSUB T1: qsub r1, r2, r3
QADD, QDADD, QSUB, QDSUB T1: qdsub r1, r2, r3
SEL T1: sel r1, r2, r3
SMLAxy, SMULxy T1: smlabb r1, r2, r3, r4
SMLAxy, SMULxy T1: smulbb r1, r2, r3
SMLALxy T1: smlalbb r1, r2, r3, r4
SMLAxy, SMULxy T1: smlabt r1, r2, r3, r4
SMLAxy, SMULxy T1: smulbt r1, r2, r3
SMLALxy T1: smlalbt r1, r2, r3, r4
SMLAxy, SMULxy T1: smlatb r1, r2, r3, r4
SMLAxy, SMULxy T1: smultb r1, r2, r3
SMLALxy T1: smlaltb r1, r2, r3, r4
SMLAxy, SMULxy T1: smlatt r1, r2, r3, r4
SMLAxy, SMULxy T1: smultt r1, r2, r3
SMLALxy T1: smlaltt r1, r2, r3, r4
SMLAD, SMUAD, SMLAWy, SMULWy T1: smlad r1, r2, r3, r4
SMLAD, SMUAD, SMLAWy, SMULWy T1: smladx r1, r2, r3, r4
SMLAD, SMUAD, SMLAWy, SMULWy T1: smuad r1, r2, r3
SMLAD, SMUAD, SMLAWy, SMULWy T1: smuadx r1, r2, r3
SMLAD, SMUAD, SMLAWy, SMULWy T1: smlawb r1, r2, r3, r4
SMLAD, SMUAD, SMLAWy, SMULWy T1: smlawt r1, r2, r3, r4
SMLAD, SMUAD, SMLAWy, SMULWy T1: smulwb r1, r2, r3
SMLAD, SMUAD, SMLAWy, SMULWy T1: smulwt r1, r2, r3
SMLSD, SMUSD, SMMLA, SMMUL T1: smlsd r1, r2, r3, r4
SMLSD, SMUSD, SMMLA, SMMUL T1: smlsdx r1, r2, r3, r4
SMLSD, SMUSD, SMMLA, SMMUL T1: smusd r1, r2, r3
SMLSD, SMUSD, SMMLA, SMMUL T1: smmla r1, r2, r3, r4
SMLSD, SMUSD, SMMLA, SMMUL T1: smmlar r1, r2, r3, r4
SMLSD, SMUSD, SMMLA, SMMUL T1: smmul r1, r2, r3
SMLSD, SMUSD, SMMLA, SMMUL T1: smmulr r1, r2, r3
SMMLS T1: smmls r1, r2, r3, r4
SMMLS T1: smmlsr r1, r2, r3, r4
USAD8, USADA8 T1: usad8 r1, r2, r3
USAD8, USADA8 T1: usada8 r1, r2, r3, r4
SMLALD, SMLSLD T1: smlald r1, r2, r3, r4
SMLALD, SMLSLD T1: smlaldx r1, r2, r3, r4
SMLALD, SMLSLD T1: smlsld r1, r2, r3, r4
SMLALD, SMLSLD T1: smlsldx r1, r2, r3, r4
UMAAL T1: umaal r1, r2, r3, r4
VMLA, VMLS, VNMLA, VNMLS, VMUL, VNMUL, VADD, VSUB: vmla.f32 s31, s1, s30
VMLA, VMLS, VNMLA, VNMLS, VMUL, VNMUL, VADD, VSUB: vmla.f64 d15, d1, d14
VMLA, VMLS, VNMLA, VNMLS, VMUL, VNMUL, VADD, VSUB: vmls.f32 s31, s1, s30
VMLA, VMLS, VNMLA, VNMLS, VMUL, VNMUL, VADD, VSUB: vmls.f64 d15, d1, d14
VMLA, VMLS, VNMLA, VNMLS, VMUL, VNMUL, VADD, VSUB: vnmla.f32 s31, s1, s30
VMLA, VMLS, VNMLA, VNMLS, VMUL, VNMUL, VADD, VSUB: vnmla.f64 d15, d1, d14
VMLA, VMLS, VNMLA, VNMLS, VMUL, VNMUL, VADD, VSUB: vnmls.f32 s31, s1, s30
VMLA, VMLS, VNMLA, VNMLS, VMUL, VNMUL, VADD, VSUB: vnmls.f64 d15, d1, d14
VMLA, VMLS, VNMLA, VNMLS, VMUL, VNMUL, VADD, VSUB: vmul.f32 s31, s1, s30
VMLA, VMLS, VNMLA, VNMLS, VMUL, VNMUL, VADD, VSUB: vmul.f64 d15, d1, d14
VMLA, VMLS, VNMLA, VNMLS, VMUL, VNMUL, VADD, VSUB: vnmul.f32 s31, s1, s30
VMLA, VMLS, VNMLA, VNMLS, VMUL, VNMUL, VADD, VSUB: vnmul.f64 d15, d1, d14
VMLA, VMLS, VNMLA, VNMLS, VMUL, VNMUL, VADD, VSUB: vadd.f32 s31, s1, s30
VMLA, VMLS, VNMLA, VNMLS, VMUL, VNMUL, VADD, VSUB: vadd.f64 d15, d1, d14
VMLA, VMLS, VNMLA, VNMLS, VMUL, VNMUL, VADD, VSUB: vsub.f32 s31, s1, s30
VMLA, VMLS, VNMLA, VNMLS, VMUL, VNMUL, VADD, VSUB: vsub.f64 d15, d1, d14
VDIV: vdiv.f32 s31, s1, s30
VDIV: vdiv.f64 d15, d1, d14
VFNMA, VFNMS: vfnma.f32 s31, s1, s30
VFNMA, VFNMS: vfnma.f64 d15, d1, d14
VFNMA, VFNMS: vfnms.f32 s31, s1, s30
VFNMA, VFNMS: vfnms.f64 d15, d1, d14
VFMA, VFMS: vfma.f32 s31, s1, s30
VFMA, VFMS: vfma.f64 d15, d1, d14
VFMA, VFMS: vfms.f32 s31, s1, s30
VFMA, VFMS: vfms.f64 d15, d1, d14
VMOV (immediate): vmov.f32 s31, #1.5
VMOV (immediate): vmov.f64 d15, #1.5
VMOV (register), VABS, VNEG, VSQRT: vmov.f32 s31, s1
VMOV (register), VABS, VNEG, VSQRT: vmov.f64 d15, d1
VMOV (register), VABS, VNEG, VSQRT: vabs.f32 s31, s1
VMOV (register), VABS, VNEG, VSQRT: vabs.f64 d15, d1
VMOV (register), VABS, VNEG, VSQRT: vneg.f32 s31, s1
VMOV (register), VABS, VNEG, VSQRT: vneg.f64 d15, d1
VMOV (register), VABS, VNEG, VSQRT: vsqrt.f32 s31, s1
VMOV (register), VABS, VNEG, VSQRT: vsqrt.f64 d15, d1
VCVTB, VCVTT: vcvtb.f32.f16 s31, s1
VCVTB, VCVTT: vcvtb.f16.f32 s31, s1
VCVTB, VCVTT: vcvtb.f64.f16 d15, s31
VCVTB, VCVTT: vcvtb.f16.f64 s31, d15
VCVTB, VCVTT: vcvtt.f32.f16 s31, s1
VCVTB, VCVTT: vcvtt.f16.f32 s31, s1
VCVTB, VCVTT: vcvtt.f64.f16 d15, s31
VCVTB, VCVTT: vcvtt.f16.f64 s31, d15
VCMP, VCMPE: vcmp.f32 s31, s1
VCMP, VCMPE: vcmp.f64 d15, d1
VCMP, VCMPE (zero): vcmp.f32 s31, #0
VCMP, VCMPE (zero): vcmp.f64 d15, #0
VCMP, VCMPE: vcmpe.f32 s31, s1
VCMP, VCMPE: vcmpe.f64 d15, d1
VCMP, VCMPE (zero): vcmpe.f32 s31, #0
VCMP, VCMPE (zero): vcmpe.f64 d15, #0
VRINTR, VRINTZ: vrintr.f32 s31, s1
VRINTR, VRINTZ: vrintr.f64 d15, d1
VRINTR, VRINTZ: vrintz.f32 s31, s1
VRINTR, VRINTZ: vrintz.f64 d15, d1
VRINTX: vrintx.f32 s31, s1
VRINTX: vrintx.f64 d15, d1
VCVT (double and single): vcvt.f64.f32 d15, s31
VCVT (double and single): vcvt.f32.f64 s31, d15
VCVT (from integer): vcvt.f32.s32 s31, s1
VCVT (from integer): vcvt.f64.s32 d15, s31
VCVT, VCVTR (to integer): vcvt.s32.f32 s31, s1
VCVT, VCVTR (to integer): vcvt.s32.f64 s31, d15
VCVT, VCVTR (to integer): vcvtr.s32.f32 s31, s1
VCVT, VCVTR (to integer): vcvtr.s32.f64 s31, d15
VCVTA, VCVTN, VCVTP, VCVTM: vcvta.s32.f32 s31, s1
VCVTA, VCVTN, VCVTP, VCVTM: vcvta.s32.f64 s31, d15
VCVTA, VCVTN, VCVTP, VCVTM: vcvtn.s32.f32 s31, s1
VCVTA, VCVTN, VCVTP, VCVTM: vcvtn.s32.f64 s31, d15
VCVTA, VCVTN, VCVTP, VCVTM: vcvtp.s32.f32 s31, s1
VCVTA, VCVTN, VCVTP, VCVTM: vcvtp.s32.f64 s31, d15
VCVTA, VCVTN, VCVTP, VCVTM: vcvtm.s32.f32 s31, s1
VCVTA, VCVTN, VCVTP, VCVTM: vcvtm.s32.f64 s31, d15
VCVT (from integer): vcvt.f32.u32 s31, s1
VCVT (from integer): vcvt.f64.u32 d15, s31
VCVT, VCVTR (to integer): vcvt.u32.f32 s31, s1
VCVT, VCVTR (to integer): vcvt.u32.f64 s31, d15
VCVT, VCVTR (to integer): vcvtr.u32.f32 s31, s1
VCVT, VCVTR (to integer): vcvtr.u32.f64 s31, d15
VCVTA, VCVTN, VCVTP, VCVTM: vcvta.u32.f32 s31, s1
VCVTA, VCVTN, VCVTP, VCVTM: vcvta.u32.f64 s31, d15
VCVTA, VCVTN, VCVTP, VCVTM: vcvtn.u32.f32 s31, s1
VCVTA, VCVTN, VCVTP, VCVTM: vcvtn.u32.f64 s31, d15
VCVTA, VCVTN, VCVTP, VCVTM: vcvtp.u32.f32 s31, s1
VCVTA, VCVTN, VCVTP, VCVTM: vcvtp.u32.f64 s31, d15
VCVTA, VCVTN, VCVTP, VCVTM: vcvtm.u32.f32 s31, s1
VCVTA, VCVTN, VCVTP, VCVTM: vcvtm.u32.f64 s31, d15
VCVT (fixed-point): vcvt.f32.s16 s31, s31, #16
VCVT (fixed-point): vcvt.s16.f32 s31, s31, #16
VCVT (fixed-point): vcvt.f64.s16 d15, d15, #16
VCVT (fixed-point): vcvt.s16.f64 d15, d15, #16
VCVT (fixed-point): vcvt.f32.u16 s31, s31, #1
VCVT (fixed-point): vcvt.u16.f32 s31, s31, #1
VCVT (fixed-point): vcvt.f64.u16 d15, d15, #1
VCVT (fixed-point): vcvt.u16.f64 d15, d15, #1
VCVT (fixed-point): vcvt.f32.s32 s31, s31, #32
VCVT (fixed-point): vcvt.s32.f32 s31, s31, #32
VCVT (fixed-point): vcvt.f64.s32 d15, d15, #32
VCVT (fixed-point): vcvt.s32.f64 d15, d15, #32
VCVT (fixed-point): vcvt.f32.u32 s31, s31, #1
VCVT (fixed-point): vcvt.u32.f32 s31, s31, #1
VCVT (fixed-point): vcvt.f64.u32 d15, d15, #1
VCVT (fixed-point): vcvt.u32.f64 d15, d15, #1
VSEL: vseleq.f32 s31, s1, s30
VSEL: vseleq.f64 d15, d1, d14
VSEL: vselvs.f32 s31, s1, s30
VSEL: vselvs.f64 d15, d1, d14
VSEL: vselge.f32 s31, s1, s30
VSEL: vselge.f64 d15, d1, d14
VSEL: vselgt.f32 s31, s1, s30
VSEL: vselgt.f64 d15, d1, d14
VMAXNM, VMINNM: vmaxnm.f32 s31, s1, s30
VMAXNM, VMINNM: vmaxnm.f64 d15, d1, d14
VMAXNM, VMINNM: vminnm.f32 s31, s1, s30
VMAXNM, VMINNM: vminnm.f64 d15, d1, d14
VRINTA, VRINTN, VRINTP, VRINTM: vrinta.f32 s31, s1
VRINTA, VRINTN, VRINTP, VRINTM: vrinta.f64 d15, d1
VRINTA, VRINTN, VRINTP, VRINTM: vrintn.f32 s31, s1
VRINTA, VRINTN, VRINTP, VRINTM: vrintn.f64 d15, d1
VRINTA, VRINTN, VRINTP, VRINTM: vrintp.f32 s31, s1
VRINTA, VRINTN, VRINTP, VRINTM: vrintp.f64 d15, d1
VRINTA, VRINTN, VRINTP, VRINTM: vrintm.f32 s31, s1
VRINTA, VRINTN, VRINTP, VRINTM: vrintm.f64 d15, d1
VLDR, VSTR: vldr s31, [r1, #-1020]
VLDR, VSTR: vldr d15, [sp, #8]
VLDR, VSTR: vldr s0, [pc, #8]
VLDR, VSTR: vstr s31, [r1, #1020]
VLDR, VSTR: vstr d15, [r1, #-8]
VLDM, VPOP, VSTM, VPUSH: vldmia r1, {s31}
VLDM, VPOP, VSTM, VPUSH: vldmia r1!, {s0-s31}
VLDM, VPOP, VSTM, VPUSH: vldmdb r1!, {d0-d15}
VLDM, VPOP, VSTM, VPUSH: vstmia r1, {d15}
VLDM, VPOP, VSTM, VPUSH: vstmia sp!, {s1-s3}
VLDM, VPOP, VSTM, VPUSH: vstmdb r1!, {s0-s31}
VLDM, VPOP, VSTM, VPUSH: vpush {d8-d15}
VLDM, VPOP, VSTM, VPUSH: vpop {d8-d15}
VLDM, VPOP, VSTM, VPUSH: vpush {s16}
VLDM, VPOP, VSTM, VPUSH: vpop {s16-s17}
VMOV (core register): vmov s31, r1
VMOV (core register): vmov r1, s31
VMOV (scalar): vmov.32 d15[0], r1
VMOV (scalar): vmov.32 d15[1], r1
VMOV (scalar): vmov.32 r1, d15[1]
VMSR: vmsr fpscr, r1
VMRS: vmrs r1, fpscr
VMRS: vmrs apsr_nzcv, fpscr
VMOV (two core registers): vmov r1, r2, d15
VMOV (two core registers): vmov d15, r1, r2
VMOV (two core registers): vmov r1, r2, s30, s31
VMOV (two core registers): vmov s0, s1, r1, r1
"""

# a part of the reason: assembly. `.inst` where the assembler refuses or would choose something else.
REFUSED = """
SVC T1: svc #1
BKPT T1: bkpt #1
CPS T1: cpsid i
a hint that is not on the allow-list: wfi
a hint that is not on the allow-list: wfe
a hint that is not on the allow-list: wfi.w
a hint that is not on the allow-list: wfe.w
a hint that is not on the allow-list: dbg #1
MSR (system): msr msp, r1
MSR (system): msr control, r1
MSR (system): msr basepri, r1
MSR (system): .inst.w 0xf3818802
MRS (system): mrs r1, primask
MRS (system): mrs r1, xpsr
MRS (system): mrs r1, control
coprocessor: mcr p15, 0, r1, c1, c0, 0
coprocessor: mrrc p15, 0, r1, r2, c1
coprocessor: ldc p1, c2, [r3]
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
writeback to a transferred: .inst.w 0xf8511f04
writeback to a transferred: .inst.w 0xe9e11204
writeback to a transferred: .inst.w 0xe8b10006
writeback to a transferred: .inst.w 0xe8ae4003
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
SP as Rd: .inst.w 0xea010d02
PC as Rd, unless: .inst.w 0xea010f02
PC as Rd, unless: .inst.w 0xf1010f04
SP as Rd, unless: .inst.w 0xf1010d04
SP as Rd, unless: .inst.w 0xeb010d02
SP as Rd, unless: .inst.w 0xf2010d04
two fields for Rm: .inst.w 0xfab1f182
ARM state: bx pc
no instruction: .inst.n 0x4771
no allowed miscellaneous control: .inst.w 0xf7f08000
it would be SSAT16: .inst.w 0xf3220110
not allocated: .inst.w 0xfa62f183
not allocated: .inst.w 0xfa72f183
not allocated: .inst.w 0xfab2f103
not allocated: .inst.w 0xfa82f133
no instruction: .inst.w 0xead20103
no instruction: .inst.w 0xeac20113
no instruction: .inst.w 0xfb721413
no instruction: .inst.w 0xfbd21483
PC as Ra: .inst.w 0xfb02f113
SP or PC as Rd or Rn or Rm or Ra: .inst.w 0xfb62f103
same register as RdHi and RdLo: .inst.w 0xfbe21163
no registers d16 to d31: .inst.w 0xee711b02
no registers d16 to d31: .inst.w 0xee311b82
no registers d16 to d31: .inst.w 0xee311b22
no registers d16 to d31: .inst.w 0xeef71ac2
no registers d16 to d31: .inst.w 0xeeb71be2
no registers d16 to d31: .inst.w 0xeef21b42
no registers d16 to d31: .inst.w 0xeeb31b62
no registers d16 to d31: .inst.w 0xeef81b42
no registers d16 to d31: .inst.w 0xeebd1b62
no registers d16 to d31: .inst.w 0xedd11b00
fraction bits: .inst.w 0xeeba0a6f
register list: .inst.w 0xec910a00
register list: .inst.w 0xecd1fa02
register list: .inst.w 0xec910a21
register list: .inst.w 0xec91fb04
register list: .inst.w 0xec910b22
register list: .inst.w 0xecd10b02
register list: .inst.w 0xec910b03
register list: .inst.w 0xed210b21
addressing mode: .inst.w 0xedb10a02
addressing mode: .inst.w 0xec310a02
PC as Rn: .inst.w 0xec9f0a02
PC as Rn: .inst.w 0xecaf0a02
PC as Rn: .inst.w 0xed8f0a02
SP or PC as Rt: .inst.w 0xee10da10
SP or PC as Rt: .inst.w 0xee10fa10
SP or PC as Rt: .inst.w 0xee10db10
SP or PC as Rt: .inst.w 0xeee1fa10
SP or PC as Rt: .inst.w 0xeee1da10
SP as Rt: .inst.w 0xeef1da10
SP or PC as Rt or Rt2: .inst.w 0xec5d1b10
SP or PC as Rt or Rt2: .inst.w 0xec52fb10
one register twice: .inst.w 0xec511b10
register pair: .inst.w 0xec521b30
register pair: .inst.w 0xec521a3f
coprocessor: vmrs r1, mvfr0
coprocessor: .inst.w 0xeef01a10
coprocessor: .inst.w 0xeee01a10
coprocessor: .inst.w 0xee411b30
"""

# ARMv8-M and other extensions that ARMv7-M does not have: name: encoding
LATER = """
SG: .inst.w 0xe97fe97f
TT: .inst.w 0xe842f100
TTT: .inst.w 0xe842f140
TTA: .inst.w 0xe842f180
BXNS: .inst.n 0x4714
BLXNS: .inst.n 0x4794
VLSTM: .inst.w 0xec220a00
VLLDM: .inst.w 0xec320a00
LDA: .inst.w 0xe8d21faf
LDAB: .inst.w 0xe8d21f8f
LDAEX: .inst.w 0xe8d21fef
STL: .inst.w 0xe8c21faf
STLEX: .inst.w 0xe8c21fe3
VSCCLRM: .inst.w 0xec9f0a10
CLRM: .inst.w 0xe89f0003
WLS: .inst.w 0xf042c001
DLS: .inst.w 0xf042e001
LE: .inst.w 0xf00fc001
BF: .inst.w 0xf0c2e001
CSEL: .inst.w 0xea521f03
PAC: .inst.w 0xf3af801d
BTI: .inst.w 0xf3af800f
SB: .inst.w 0xf3bf8f70
ESB: .inst.w 0xf3af8010
CRC32B: .inst.w 0xfac2f183
VADD.F16: .inst.w 0xee311902
VJCVT: .inst.w 0xeeb91bc2
VADD.I8 (MVE): .inst.w 0xef020844
VLDRB (MVE): .inst.w 0xed921e00
VADD.F32 (Neon): .inst.w 0xef020d04
CX1 (CDE): .inst.w 0xee001000
MCR2: .inst.w 0xfe011f12
PLDW: .inst.w 0xf8b2f000
HVC: .inst.w 0xf7e08000
SMC: .inst.w 0xf7f08000
ERET: .inst.w 0xf3de8f00
RFE: .inst.w 0xe992c000
SRS: .inst.w 0xe80dc010
SETEND: .inst.n 0xb650
"""


def lines(text: str) -> list[tuple[str, str]]:
    return [(name, code) for name, _, code in (line.rpartition(": ") for line in text.strip().splitlines())]


def assemble(sources: list[str], folder: Path) -> bytes:
    """Each source padded with NOPs to 8 bytes."""
    text = "".join(f"\t.balign 8, 0xff\n\t{source}\n" for source in sources)
    source = folder / "rows.s"
    source.write_text(f"\t.syntax unified\n\t.thumb\n\t.text\n{text}\t.space 8\n")
    subprocess.run([AS, "-march=armv7e-m", "-mfpu=fpv5-d16", "-o", folder / "rows.o", source], check=True)
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


def test_later_extensions_are_refused(tmp_path: Path) -> None:
    cases = lines(LATER)
    code = assemble([source for _, source in cases], tmp_path)
    assert [name for i, (name, _) in enumerate(cases) if not refusal(code, 8 * i)] == []
