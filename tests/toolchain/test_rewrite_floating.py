"""DSP and floating-point code (Cortex-M4, M7): the same behaviour, certified; stores of FP registers in every shape."""

from __future__ import annotations

import pytest

from ringfence.toolchain.disasm import UnsupportedInstruction, decode
from ringfence.toolchain.floating import at_base
from ringfence.toolchain.insn import FLAGS, SP, bit
from support import rewriter_lab as lab

PROGRAM = """
#include <math.h>
#define sqrtf __builtin_sqrtf
extern void out(int);
static float a[40], m[8][8]; static double d[20]; struct p { float x, y, z; double w; } ps[7];
float scale = 1.25f;
static void of(float f) { union { float f; int i; } u; u.f = f; out(u.i); }
__attribute__((noinline)) float dot(const float *x, const float *y, int n) { float s = 0; while (n--) s += *x++ * *y++; return s; }
__attribute__((noinline)) void fill(float *p, int n, float by) { for (int i = 0; i < n; i++) p[i] = i * by + 0.1f; }
__attribute__((noinline)) void square(float (*r)[8], float (*s)[8]) {
    for (int i = 0; i < 8; i++) for (int j = 0; j < 8; j++) {
        float t = 0; for (int k = 0; k < 8; k++) t += s[i][k] * s[k][j];
        r[i][j] = t * 0.01f; } }
__attribute__((noinline)) void set(struct p *p, float v) { p->x = v; p->y = v * 2; p->z = -v; p->w = v * 1.5; if (v > 3) p[1].x = v; }
__attribute__((noinline)) float many(float b, float c, float e, float f, float g, float h) {
    float x[6] = {b, c, e, f, g, h}; of(dot(x, x, 6)); return sqrtf(b) * c + fabsf(e) - f * g / h; }
int run(int n) {
    fill(a, 40, n * scale); fill(&m[0][0], 64, 0.5f); square(m, m);
    for (int i = 0; i < 5; i++) { set(&ps[i], i * 1.1f); d[i] = (i + n) * 3.3; }
    of(dot(a, a + 8, 30)); for (int i = 0; i < 8; i++) of(m[i][7 - i]);
    for (int i = 0; i < 6; i++) { of(ps[i].x + ps[i].z * 7); out((int)(ps[i].w * 1000)); out((int)(d[i] * 1e4)); }
    of(many(1.5f, 2.5f, 0.3f, 4, 5, n)); short q[8]; for (int i = 0; i < 8; i++) q[i] = i * n - 9;
    int t = 0; for (int i = 0; i < 8; i++) t += q[i] * q[7 - i]; return t; }"""

DSP = """
#include <arm_acle.h>
extern void out(int);
static short x[64], y[64]; static int saturated[8];
__attribute__((noinline)) int run_dsp(const short *p, const short *q, int n) {
    int s = 0; long long l = 0; uint8x4_t v = 0x01020304;
    for (int i = 0; i < n; i += 2) {
        int16x2_t a = *(const int *)(p + i), b = *(const int *)(q + i);
        s = __smlad(a, b, s); l = __smlald(b, a, l); v = __uqadd8(v, a ^ b); s = __qadd(s, __smulbt(a, b));
        saturated[i & 7] = __ssat(s, 13) + __usat(s >> 2, 9); v = __sel(v, __usub8(v, b)); s ^= __sxtab16(a, b) + __usada8(a, b, s & 255);
    }
    out(s); out((int)l); out((int)(l >> 32)); return v; }
int run(int n) {
    for (int i = 0; i < 64; i++) { x[i] = i * 731 + n; y[i] = 9000 - i * 277 * n; }
    out(run_dsp(x, y, 64)); for (int i = 0; i < 8; i++) out(saturated[i]); return 0; }"""


@pytest.mark.parametrize(("level", "confine"), [
    ("-O0", "writes"), ("-O2", "writes"), ("-O2", "reads"), pytest.param("-O3", "writes", marks=pytest.mark.slow)])
def test_single_precision_code(level: str, confine: str) -> None:
    image = lab.build(PROGRAM, level, window=0x10000, fpu="fpv4-sp-d16", confine=confine)
    assert lab.same(image, 5).output
    assert lab.verdict(image, lab.rewritten(image)) == []


def test_double_precision_code_is_certified() -> None:
    """Unicorn has no M-profile core with double precision, so this code does not run here."""
    image = lab.build(PROGRAM, "-O2", window=0x10000, fpu="fpv5-d16")
    assert lab.verdict(image, lab.rewritten(image)) == []


def test_dsp_code() -> None:
    image = lab.build(DSP, "-O2", window=0x10000, fpu="fpv4-sp-d16")
    assert lab.same(image, 5).output
    assert lab.verdict(image, lab.rewritten(image)) == []


# r4 points 160 bytes into a buffer of 1,200; r7 is 24; s0 to s15 hold numbers; each shape may use r0-r3, r5, r6.
SHAPES = {
    "near": "vstr s0, [r4, #8]\n vstr d1, [r4, #-16]",
    "far": "vstr s0, [r4, #800]\n vstr d1, [r4, #808]\n vstr s3, [r4, #-160]",
    "conditional": "cmp r7, #24\n ite eq\n vstreq s0, [r4, #4]\n vstrne s1, [r4]\n cmp r7, #3\n it ne\n vstrne d4, [r4, #600]",
    "multiple up": "vstmia r4!, {s0-s7}\n vstmia r4, {d0-d7}\n str r7, [r4, #-4]",
    "multiple down": "vstmdb r4!, {s1-s5}\n str r7, [r4]",
    "stack": "vpush {s0-s3}\n vpush {d4-d7}\n vstr s4, [sp, #8]\n vpop {d4-d7}\n vpop {s0-s3}\n vstr s3, [r4]",
    "frame pointer": "sub sp, sp, #64\n add r5, sp, #8\n vstr s5, [r5, #12]\n vldr s6, [sp, #20]\n add sp, sp, #64\n vstr s6, [r4]",
    "core registers": "vmov r0, s3\n vmov r1, r2, d2\n vmov s9, r7\n vmov d5, r1, r2\n vstr d5, [r4]\n vstr s9, [r4, #8]\n str r0, [r4, #12]",
    "flags": "vcmp.f32 s0, s1\n vmrs apsr_nzcv, fpscr\n ite mi\n movmi r0, #1\n movpl r0, #2\n str r0, [r4]\n vmrs r1, fpscr\n vmsr fpscr, r1",
    "literals": "vldr s3, =0x3fc00000\n vldr d4, 8f\n vstr s3, [r4]\n vstr d4, [r4, #8]\n b 9f\n .balign 4\n8: .word 0x11, 0x22\n9:",
    "a literal far away": "vldr s3, 8f\n vldr d4, 8f\n vstr s3, [r4]\n vstr d4, [r4, #8]\n b 9f\n .space 4\n"
    + " .rept 100\n str r7, [r4, #16]\n movs r3, #0\n cbz r3, 1f\n1:\n .endr\n .balign 4\n8: .word 0x1234, 0x5678\n9:",
}  # fmt: skip

SOURCE = """
    .syntax unified
    .thumb
    .section .text.run, "ax"
    .global run
    .thumb_func
    .type run, %function
run: push {{r4-r7, lr}}
    ldr r4, =pointer
    ldr r4, [r4]
    movs r7, #24
    vmov.f32 s0, #1.5
    .irp n,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15
    vadd.f32 s\\n, s0, s0
    vmul.f32 s0, s\\n, s0
    .endr
    b 1f
    .ltorg
1:  {body}
    ldr r4, =buffer
    movs r5, #250
    movs r6, #0
1:  ldr r0, [r4], #4
    eor r6, r0, r6, ror #7
    subs r5, #1
    bne 1b
    mov r0, r6
    bl out
    mov r0, r6
    pop {{r4-r7, pc}}
    .ltorg
    .size run, . - run
    .data
    .balign 4
pointer: .word buffer + 160
    .bss
    .balign 8
    .space 600
buffer: .space 1200
"""


@pytest.mark.parametrize("mode", ["mask", "trap"])
@pytest.mark.parametrize("shape", SHAPES)
def test_a_store_of_fp_registers(shape: str, mode: str) -> None:
    source = SOURCE.format(body=SHAPES[shape])
    image = lab.build(source, window=0x10000, mode=mode, assembly=True, fpu="fpv4-sp-d16")
    lab.same(image)
    assert lab.verdict(image, lab.rewritten(image)) == []


def test_what_instructions_do_to_core_registers_and_memory() -> None:
    vpush, vmrs, vstr = (decode(bytes.fromhex(raw)) for raw in ("2ded048a", "f1ee10fa", "c2ed020a"))
    assert (vpush.reads, vpush.writes) == (bit(SP), bit(SP))
    assert vpush.memory is not None
    assert (vpush.memory.step, vpush.memory.offset, vpush.memory.size) == (-16, -16, 16)
    assert (vmrs.reads, vmrs.writes) == (0, FLAGS)
    assert vstr.memory is not None and vstr.is_store
    assert (vstr.memory.base, vstr.memory.offset, vstr.memory.size) == (2, 8, 4)


def test_addresses_beyond_an_instructions_reach_are_an_error() -> None:
    raw = bytes.fromhex("c2ed020a")
    memory = decode(at_base(raw, 5, -1020)).memory
    assert memory is not None and (memory.base, memory.offset) == (5, -1020)
    for offset in (1024, -1024, 2):
        with pytest.raises(ValueError, match="offset"):
            at_base(raw, 5, offset)


@pytest.mark.parametrize("raw", ["2dec048a", "bfec020a"], ids=["vstm without registers' order", "vldm pc"])
def test_forms_that_armv7m_does_not_have_are_refused(raw: str) -> None:
    with pytest.raises(UnsupportedInstruction):
        decode(bytes.fromhex(raw))
