/* String search: Knuth-Morris-Pratt, Boyer-Moore-Horspool, Shift-Or, and the C library's strstr. */
#include "bench.h"

enum { LONGEST = 32 };

static unsigned char text[4096];
static unsigned matches[4][64];

static unsigned knuth(const unsigned char *where, unsigned size, const char *what, unsigned *found)
{
    uint8_t fail[LONGEST];
    const unsigned length = (unsigned)strlen(what);
    unsigned count = 0;
    fail[0] = 0;
    for (unsigned n = 1, k = 0; n < length; n++) {
        while (k && what[n] != what[k]) {
            k = fail[k - 1];
        }
        k += what[n] == what[k];
        fail[n] = (uint8_t)k;
    }
    for (unsigned n = 0, k = 0; n < size; n++) {
        while (k && where[n] != (unsigned char)what[k]) {
            k = fail[k - 1];
        }
        k += where[n] == (unsigned char)what[k];
        if (k == length) {
            found[count++ % 64] = n - length + 1;
            k = fail[k - 1];
        }
    }
    return count;
}

static unsigned horspool(const unsigned char *where, unsigned size, const char *what, unsigned *found)
{
    uint8_t skip[256];
    const unsigned length = (unsigned)strlen(what);
    unsigned count = 0;
    memset(skip, (int)length, sizeof skip);
    for (unsigned n = 0; n + 1 < length; n++) {
        skip[(unsigned char)what[n]] = (uint8_t)(length - 1 - n);
    }
    for (unsigned n = 0; n + length <= size; n += skip[where[n + length - 1]]) {
        if (memcmp(where + n, what, length) == 0) {
            found[count++ % 64] = n;
        }
    }
    return count;
}

static unsigned shift_or(const unsigned char *where, unsigned size, const char *what, unsigned *found)
{
    uint32_t masks[256];
    const unsigned length = (unsigned)strlen(what);
    unsigned count = 0;
    uint32_t state = ~0u;
    for (int n = 0; n < 256; n++) {
        masks[n] = ~0u;
    }
    for (unsigned n = 0; n < length; n++) {
        masks[(unsigned char)what[n]] &= ~(1u << n);
    }
    for (unsigned n = 0; n < size; n++) {
        state = state << 1 | masks[where[n]];
        if (!(state >> (length - 1) & 1)) {
            found[count++ % 64] = n - length + 1;
        }
    }
    return count;
}

static unsigned library(const unsigned char *where, unsigned size, const char *what, unsigned *found)
{
    unsigned count = 0;
    (void)size;
    for (const char *at = (const char *)where; (at = strstr(at, what)) != NULL; at++) {
        found[count++ % 64] = (unsigned)(at - (const char *)where);
    }
    return count;
}

unsigned bench(const unsigned char *input, unsigned size, unsigned char *output, unsigned capacity)
{
    static const char *const words[] = {"sandbox", "the", "ringfence", "e w"};
    static unsigned (*const methods[])(const unsigned char *, unsigned, const char *, unsigned *) = {
        knuth, horspool, shift_or, library};
    unsigned total = 0;
    if (size >= sizeof text) {
        size = sizeof text - 1;
    }
    memcpy(text, input, size);
    for (int m = 0; m < 4; m++) {
        for (int w = 0; w < 4; w++) {
            total = total * 5 + methods[m](text, size, words[w], matches[m]);
        }
    }
    memcpy(output, matches, capacity < sizeof matches ? capacity : sizeof matches);
    return total;
}
