/* newlib: qsort and bsearch with several element sizes. */
#include <stdlib.h>

#include "bench.h"

enum { COUNT = 256 };

struct pair {
    uint16_t key;
    uint8_t data[7];
};

static int words[COUNT];
static struct pair pairs[COUNT];

static int compare_words(const void *a, const void *b)
{
    const int x = *(const int *)a, y = *(const int *)b;
    return (x > y) - (x < y);
}

static int compare_pairs(const void *a, const void *b)
{
    return (int)((const struct pair *)a)->key - (int)((const struct pair *)b)->key;
}

unsigned bench(const unsigned char *input, unsigned size, unsigned char *output, unsigned capacity)
{
    uint32_t seed = 13;
    unsigned found = 0;
    for (int n = 0; n < COUNT; n++) {
        words[n] = (int)next_random(&seed);
        pairs[n].key = (uint16_t)(next_random(&seed) & 0x7FFF);
        memcpy(pairs[n].data, input + seed % (size - 7), 7);
    }
    const int wanted = words[100];
    qsort(words, COUNT, sizeof *words, compare_words);
    qsort(pairs, COUNT, sizeof *pairs, compare_pairs);
    found = (unsigned)((int *)bsearch(&wanted, words, COUNT, sizeof *words, compare_words) - words);
    memcpy(output, words, 1024);
    memcpy(output + 1024, pairs, capacity - 1024 < sizeof pairs ? capacity - 1024 : sizeof pairs);
    return found;
}
