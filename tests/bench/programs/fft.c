/* Radix-2 FFT of 256 points in Q15 arithmetic, forth and back. */
#include "bench.h"

enum { POINTS = 256, LOG = 8 };

static int16_t re[POINTS], im[POINTS];
static int16_t sine[POINTS];

/* sin by the recurrence of a rotation in Q30. */
static void make_sine(void)
{
    int64_t x = 1 << 30, y = 0;
    for (int n = 0; n < POINTS; n++) {
        const int64_t scaled = y >> 15;
        sine[n] = (int16_t)(scaled > 32767 ? 32767 : scaled < -32768 ? -32768 : scaled);
        const int64_t cosine = 1073418433, turn = 26350943; /* cos and sin of 2 pi / 256 */
        const int64_t next = (x * cosine - y * turn) >> 30;
        y = (x * turn + y * cosine) >> 30;
        x = next;
    }
}

static void swap_bits(void)
{
    for (int n = 0, m = 0; n < POINTS; n++) {
        if (m > n) {
            int16_t t = re[n];
            re[n] = re[m];
            re[m] = t;
            t = im[n];
            im[n] = im[m];
            im[m] = t;
        }
        int bit = POINTS >> 1;
        for (; m & bit; bit >>= 1) {
            m ^= bit;
        }
        m |= bit;
    }
}

static void transform(int back)
{
    swap_bits();
    for (int size = 2, step = POINTS / 2; size <= POINTS; size *= 2, step /= 2) {
        for (int k = 0; k < size / 2; k++) {
            const int32_t wr = sine[(k * step + POINTS / 4) % POINTS];
            const int32_t wi = back ? sine[k * step] : -sine[k * step];
            for (int i = k; i < POINTS; i += size) {
                const int j = i + size / 2;
                const int32_t tr = (wr * re[j] - wi * im[j]) >> 15, ti = (wr * im[j] + wi * re[j]) >> 15;
                const int32_t ur = re[i], ui = im[i];
                re[i] = (int16_t)((ur + tr) >> 1);
                im[i] = (int16_t)((ui + ti) >> 1);
                re[j] = (int16_t)((ur - tr) >> 1);
                im[j] = (int16_t)((ui - ti) >> 1);
            }
        }
    }
}

unsigned bench(const unsigned char *input, unsigned size, unsigned char *output, unsigned capacity)
{
    uint32_t energy = 0;
    (void)capacity;
    make_sine();
    for (int round = 0; round < 3; round++) {
        for (int n = 0; n < POINTS; n++) {
            re[n] = (int16_t)(input[(unsigned)(n + round * POINTS) % size] * 128);
            im[n] = 0;
        }
        transform(0);
        for (int n = 0; n < POINTS; n++) {
            energy += (uint32_t)(re[n] * re[n] + im[n] * im[n]);
        }
        transform(1);
    }
    memcpy(output, re, sizeof re);
    memcpy(output + sizeof re, im, sizeof im);
    return energy;
}
