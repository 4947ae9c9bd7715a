/* Every benchmark is one function: input in, output and a result out, both compared with those of the native run. */
#ifndef BENCH_H
#define BENCH_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

unsigned bench(const unsigned char *input, unsigned size, unsigned char *output, unsigned capacity);

/* The same numbers everywhere: Marsaglia's xorshift32. */
static inline uint32_t next_random(uint32_t *state)
{
    uint32_t x = *state;
    x ^= x << 13;
    x ^= x >> 17;
    x ^= x << 5;
    return *state = x;
}

#endif
