/* Signal processing on 16-bit samples: a FIR filter, two IIR sections, a median filter, and ADPCM coding. */
#include "bench.h"

enum { SAMPLES = 512, TAPS = 24 };

static int16_t in[SAMPLES + TAPS], out[SAMPLES], median[SAMPLES];
static uint8_t coded[SAMPLES / 2];
static const int16_t taps[TAPS] = {-12, 34,  -88, 190, -350, 560, -790, 1010, -1180, 1280, 4200, 8100,
                                   8100, 4200, 1280, -1180, 1010, -790, 560, -350, 190, -88, 34, -12};

static void filter(void)
{
    for (int n = 0; n < SAMPLES; n++) {
        int32_t sum = 0;
        for (int k = 0; k < TAPS; k++) {
            sum += taps[k] * in[n + k];
        }
        out[n] = (int16_t)(sum >> 15);
    }
}

static void sections(void)
{
    int32_t x1 = 0, x2 = 0, y1 = 0, y2 = 0;
    for (int n = 0; n < SAMPLES; n++) {
        const int32_t x = out[n];
        const int32_t y = (1024 * x + 2048 * x1 + 1024 * x2 + 15000 * y1 - 5600 * y2) >> 14;
        x2 = x1, x1 = x, y2 = y1, y1 = y;
        out[n] = (int16_t)y;
    }
}

static void middle_of_five(void)
{
    for (int n = 2; n < SAMPLES - 2; n++) {
        int16_t v[5];
        for (int k = 0; k < 5; k++) {
            int at = k;
            for (; at > 0 && v[at - 1] > out[n + k - 2]; at--) {
                v[at] = v[at - 1];
            }
            v[at] = out[n + k - 2];
        }
        median[n] = v[2];
    }
}

static void adpcm(void)
{
    int32_t predicted = 0, step = 16;
    for (int n = 0; n < SAMPLES; n++) {
        int32_t difference = median[n] - predicted;
        uint8_t code = difference < 0 ? 8 : 0;
        difference = difference < 0 ? -difference : difference;
        for (int bit = 4, part = step; bit; bit >>= 1, part >>= 1) {
            if (difference >= part) {
                code |= (uint8_t)bit;
                difference -= part;
            }
        }
        const int32_t change = (step * ((code & 7) * 2 + 1)) >> 3;
        predicted += code & 8 ? -change : change;
        step = (code & 7) > 3 ? step * 3 / 2 : step * 7 / 8;
        step = step < 8 ? 8 : step > 8192 ? 8192 : step;
        coded[n / 2] = n & 1 ? (uint8_t)(coded[n / 2] | code << 4) : code;
    }
}

unsigned bench(const unsigned char *input, unsigned size, unsigned char *output, unsigned capacity)
{
    uint32_t sum = 0;
    (void)capacity;
    for (int round = 0; round < 3; round++) {
        for (int n = 0; n < SAMPLES + TAPS; n++) {
            in[n] = (int16_t)((input[(unsigned)(n * 3 + round) % size] - 100) * 64);
        }
        filter();
        sections();
        middle_of_five();
        adpcm();
        for (int n = 0; n < SAMPLES / 2; n++) {
            sum = sum * 31 + coded[n];
        }
    }
    memcpy(output, out, sizeof out);
    memcpy(output + sizeof out, coded, sizeof coded);
    return sum;
}
