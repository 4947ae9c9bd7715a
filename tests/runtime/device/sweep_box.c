/* The sandbox of the interrupt sweep: one export for each kind of gate, and a function with all kinds of code. */
#include <stdint.h>

int report(const void *text, unsigned length);
uint64_t wide(int low);
int other(int value);

int add(int a, int b, int c, int d)
{
    return a + 10 * b + 100 * c + 1000 * d;
}

int upper(const char *from, unsigned size, char *to)
{
    for (unsigned i = 0; i < size; i++)
        to[i] = from[i] >= 'a' && from[i] <= 'z' ? (char)(from[i] - 32) : from[i];
    return (int)size;
}

uint64_t talk(int low)
{
    char text[4] = {'t', 'a', 'l', 'k'};

    return wide(low) + (uint64_t)report(text, sizeof text);
}

int nested(int value)
{
    return other(value) + 1;
}

int trap(int which)
{
    if (which == 0)
        __asm__ volatile("udf #0xF0");
    return *(volatile int *)0xA0000000u;
}

static volatile uint32_t table[8];

static __attribute__((noinline)) uint32_t mix(uint32_t a, uint32_t b)
{
    return (a ^ b) * 2654435761u + (a >> 3);
}

static __attribute__((noinline)) uint32_t turn(uint32_t a, uint32_t b)
{
    return (a << 7 | a >> 25) - b;
}

static uint32_t (*const volatile steps[2])(uint32_t, uint32_t) = {mix, turn};

static __attribute__((noinline)) uint32_t choose(uint32_t which, uint32_t value)
{
    switch (which & 7) {
    case 0: return value + 1;
    case 1: return value ^ 0x55;
    case 2: return value << 3;
    case 3: return mix(value, 3);
    case 4: return turn(value, 4);
    case 5: return value - 9;
    default: return ~value;
    }
}

/* Guarded stores, calls through pointers, a jump table, conditional code, recursion by calls: returns a digest. */
uint32_t work(int rounds)
{
    uint32_t hash = 1;

    for (int i = 0; i < 8; i++)
        table[i] = 0;

    for (int i = 0; i < rounds; i++) {
        table[(hash >> 5) & 7] = hash;
        hash = steps[i & 1](hash, table[i & 7]);
        hash = choose(hash, hash);
        if (hash & 4)
            hash += table[hash & 7];
    }
    return hash;
}
