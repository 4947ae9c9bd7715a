/* Counting ones six ways through a table of functions, each over the same random numbers (in the manner of MiBench). */
#include "bench.h"

enum { NUMBERS = 1500 };

static uint8_t ones[256];

static int kernighan(uint32_t x)
{
    int n = 0;
    for (; x; x &= x - 1) {
        n++;
    }
    return n;
}

static int shifting(uint32_t x)
{
    int n = 0;
    for (; x; x >>= 1) {
        n += (int)(x & 1);
    }
    return n;
}

static int parallel(uint32_t x)
{
    x -= x >> 1 & 0x55555555;
    x = (x & 0x33333333) + (x >> 2 & 0x33333333);
    x = (x + (x >> 4)) & 0x0F0F0F0F;
    return (int)(x * 0x01010101 >> 24);
}

static int by_byte(uint32_t x)
{
    return ones[x & 0xFF] + ones[x >> 8 & 0xFF] + ones[x >> 16 & 0xFF] + ones[x >> 24];
}

static int recursive(uint32_t x)
{
    return x ? (int)(x & 1) + recursive(x >> 1) : 0;
}

static int built_in(uint32_t x)
{
    return __builtin_popcount(x);
}

static int (*const methods[])(uint32_t) = {kernighan, shifting, parallel, by_byte, recursive, built_in};

unsigned bench(const unsigned char *input, unsigned size, unsigned char *output, unsigned capacity)
{
    unsigned sums[6];
    (void)input, (void)size, (void)capacity;
    for (int n = 0; n < 256; n++) {
        ones[n] = (uint8_t)(ones[n / 2] + (n & 1));
    }
    for (int m = 0; m < 6; m++) {
        uint32_t seed = 99;
        sums[m] = 0;
        for (int n = 0; n < NUMBERS; n++) {
            sums[m] += (unsigned)methods[m](next_random(&seed));
        }
    }
    memcpy(output, sums, sizeof sums);
    return sums[0];
}
