/* newlib: snprintf and sscanf with integers and strings. */
#include <stdio.h>

#include "bench.h"

unsigned bench(const unsigned char *input, unsigned size, unsigned char *output, unsigned capacity)
{
    uint32_t seed = 77;
    unsigned at = 0, sum = 0;
    (void)input, (void)size;
    for (int n = 0; n < 24 && at + 80 < capacity; n++) {
        const unsigned a = next_random(&seed);
        const int b = (int)next_random(&seed) >> n;
        char word[8];
        unsigned c = 0;
        int d = 0;
        const int length = snprintf((char *)output + at, 80, "%08x %d %-6s|%5u|%c %lo\n", a, b, n & 1 ? "odd" : "even",
                                    (unsigned)n * 1000u, 'a' + n % 26, (unsigned long)a);
        if (sscanf((char *)output + at, "%x %d %7s", &c, &d, word) == 3) {
            sum += (c == a) + 2u * (d == b) + strlen(word);
        }
        at += (unsigned)length;
    }
    return sum;
}
