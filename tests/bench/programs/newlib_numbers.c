/* newlib and libgcc: strtod, strtol, and printing doubles (the _printf_float that nano links on request). */
#include <stdio.h>
#include <stdlib.h>

#include "bench.h"

extern int _printf_float; /* linked in only when it is asked for */
static int *volatile const asked_for = &_printf_float;

static const char *const numbers[] = {"3.14159265358979", "-2.5e-3", "6.02214076e23", "1e-310", "0.1", "12345678.875",
                                      "1.7976931348623157e308", "  42abc", "0x1.8p3", "-0"};

unsigned bench(const unsigned char *input, unsigned size, unsigned char *output, unsigned capacity)
{
    unsigned at = 0, sum = 0;
    (void)input, (void)size, (void)asked_for;
    for (unsigned n = 0; n < sizeof numbers / sizeof *numbers; n++) {
        char *end;
        const double value = strtod(numbers[n], &end);
        uint64_t bits;
        memcpy(&bits, &value, sizeof bits);
        sum = sum * 31 + (unsigned)bits + (unsigned)(bits >> 32) + (unsigned)(end - numbers[n]);
        at += (unsigned)snprintf((char *)output + at, capacity - at, "%.10g %e|", value, value);
        sum += (unsigned)strtol(numbers[n], NULL, 10) + (unsigned)strtoul(numbers[n], NULL, 16);
    }
    return sum;
}
