/* A sandbox that fails in every way that hardware or rewritten code notices. test_faults.py looks for the marks. */
#include <stdint.h>
#include <stdlib.h>

int call_host(int what);

static int state = 41;

int next(void)
{
    return ++state;
}

static __attribute__((noinline)) int recurse(volatile int *depth)
{
    volatile int room[8] = {*depth};

    *depth += 1;
    return *depth == -1 ? 0 : recurse(depth) + room[3]; /* mark: stack */
}

static __attribute__((noinline)) int fail_by_instruction(int which, uint32_t address)
{
    int result = 0;

    switch (which) {
    case 0:
        __asm__ volatile("ldr %0, [%1]" : "=r"(result) : "r"(address)); /* mark: bus read */
        break;
    case 1:
        __asm__ volatile("ldm %1, {r2, %0}" : "=r"(result) : "r"(address + 1) : "r2"); /* mark: unaligned */
        break;
    case 2:
        __asm__ volatile("udf #16"); /* mark: undefined */
        break;
    default:
        break;
    }
    return result;
}

int fail(int which, unsigned address)
{
    int (*volatile nobody)(void) = NULL;
    volatile int depth = 0, zero = 0;

    state = 0; /* a reset must bring it back */
    switch (which) {
    case 3: return nobody(); /* mark: null call */
    case 4: abort();
    case 5: return recurse(&depth);
    case 6: return 1 / zero; /* mark: division */
    default: return fail_by_instruction(which, address);
    }
}

void spin(void)
{
    for (volatile int forever = 0;; forever++) { /* mark: spin */
    }
}

void ask_forever(void)
{
    while (call_host(0) == 0) {
    }
}

/* Reads the timer and calls the host just before each tick, to be in a gate when it comes. */
void dodge(unsigned before)
{
    volatile uint32_t *const left = (volatile uint32_t *)0xE000E018u;

    for (;;) {
        while (*left > before) {
        }
        call_host(0);
    }
}

int ask(int what)
{
    return call_host(what);
}

/* Some 3 * `rounds` instructions. */
int busy(int rounds)
{
    for (volatile int i = 0; i < rounds; i++) {
    }
    return rounds;
}
