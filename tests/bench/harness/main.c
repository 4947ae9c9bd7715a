/* The trusted part of a benchmark's firmware: calls it once and prints what came of it. */
#include <stdint.h>
#include <stdio.h>

#include "board.h"

#ifdef SANDBOXED
#include "ringfence_box.h"
#else
unsigned bench(const void *input, unsigned size, void *output, unsigned capacity);
#endif

extern const unsigned char input_start[], input_end[];

static unsigned char output[2048];

static void print_hex(const char *name, uint32_t value)
{
    char text[10];
    for (int n = 0; n < 8; n++) {
        text[n] = "0123456789abcdef"[value >> (28 - 4 * n) & 15];
    }
    text[8] = '\n';
    size_t length = 0;
    while (name[length] != '\0') {
        length++;
    }
    console_write(name, length);
    console_write(text, 9);
}

int main(void)
{
    uint32_t sum = 2166136261u; /* FNV-1a */
    stopwatch_start();
    const unsigned result = bench((void *)input_start, (unsigned)(input_end - input_start), output, sizeof output);
    const uint32_t ticks = stopwatch_ticks();
    for (unsigned n = 0; n < sizeof output; n++) {
        sum = (sum ^ output[n]) * 16777619u;
    }
    print_hex("result ", result);
    print_hex("output ", sum);
    print_hex("ticks ", ticks); /* of the timer; it counts instructions under -icount, and nothing otherwise */
    return 0;
}
