/* Of the interrupt sweep: a computation that keeps many floating-point values in registers, also over calls. Compiled on
 * both sides of the gate. No comparison, so that FPSCR's flags stay. */
#ifndef SWEEP_ABI_H
#define SWEEP_ABI_H

static __attribute__((noinline)) float bend(float x, float y)
{
    return x * 0.75f + y * 0.5f;
}

static float waves_of(unsigned rounds)
{
    float a = 1.25f, b = 2.5f, c = -3.0f, d = 4.75f, e = -5.5f, f = 6.125f;

    for (unsigned i = 0; i < rounds; i++) {
        a = bend(a, b), b = bend(b, c), c = bend(c, d), d = bend(d, e), e = bend(e, f), f = bend(f, a);
        a += (float)(i + 1) * d, c -= e;
    }
    return a + 2 * b + 3 * c + 4 * d + 5 * e + 6 * f;
}

#endif
