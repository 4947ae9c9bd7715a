/* Exports of the interrupt sweep whose arguments and results travel in every way (abi.h), and functions that the sandbox
 * gives out. */
#include "abi.h"
#include "sweep_abi.h"

FUNCTIONS(DECLARE, HOSTS)
FUNCTIONS(DEFINE, OWN)

int host_keeps(const void *function);

/* All imports of abi.h, one after the other. */
uint32_t imports_differ(void)
{
    uint32_t different = 0, index = 0;

    FUNCTIONS(COMPARE, OWN)
    return different;
}

static int triple(int x, int64_t y) { return 3 * x + (int)y; }
static int reads(const char *text, unsigned size) { return (int)size + text[0]; }
static double weighs(float x, double y) { return (double)x * 2 + y; }

const void *give(unsigned which)
{
    return which == 0 ? (const void *)triple : which == 1 ? (const void *)reads : (const void *)weighs;
}

int offer(unsigned which) { return host_keeps(give(which)); }

float waves(unsigned rounds) { return waves_of(rounds); }

/* A trap while floating-point registers are in use. */
float fail_floating(float x)
{
    float y = x * 3;

    __asm__ volatile("" : "+r"(y));
    __asm__ volatile("udf #0xF0");
    return y;
}
