/* One of eight sandboxes with the same source: TENANT is its prefix, DEVICE the register that it owns, NUMBER its index. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define JOIN2(a, b) a##_##b
#define JOIN(a, b) JOIN2(a, b)
#define EXPORT(name) JOIN(TENANT, name)

int ask(int from, int to, int depth);

static uint32_t counter = 100 * NUMBER; /* .data */
static uint32_t calls;                  /* .bss */
static uint8_t *kept;

/* Counts, by way of the heap and of memcpy. */
unsigned EXPORT(count)(void)
{
    if (kept == NULL)
        kept = calloc(1, sizeof counter);
    counter++;
    calls++;
    memcpy(kept, &counter, sizeof counter);
    uint32_t copy;
    memcpy(&copy, kept, sizeof copy);
    return copy;
}

unsigned EXPORT(calls)(void)
{
    return calls;
}

/* Where the sandbox keeps things: a library function, a variable, a block of the heap, the stack. */
unsigned EXPORT(address)(unsigned which)
{
    uint32_t local;
    switch (which) {
    case 0: return (unsigned)&malloc;
    case 1: return (unsigned)&counter;
    case 2: return (unsigned)kept;
    default: return (unsigned)&local;
    }
}

void EXPORT(poke)(unsigned address, unsigned value)
{
    *(volatile uint32_t *)address = value;
}

void EXPORT(device)(unsigned value)
{
    *(volatile uint32_t *)DEVICE = value;
}

unsigned EXPORT(jump)(unsigned address)
{
    return ((unsigned (*)(void))address)();
}

/* Through the host, the next tenant; and so on, `depth` times. */
int EXPORT(relay)(int to, int depth)
{
    const int answer = depth == 0 ? 1000 * (NUMBER + 1) : ask(NUMBER, to, depth);
    counter++;
    return answer + 1;
}

void EXPORT(fail)(void)
{
    counter = 0;
    calls = 0;
    abort();
}
