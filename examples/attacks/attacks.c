/* Hostile sandbox code in C: what bugs in parsers and decoders let an attacker do. */
#include "attacks.h"

#include <stddef.h>
#include <string.h>

enum { MARK = 0x41414141, PACKET_WORDS = 10, FRAME_WORDS = 16, FAR = 0x20000 };

int attack_wild_store(uint32_t target)
{
    *(volatile uint32_t *)target = MARK;
    return 0;
}

static __attribute__((noipa)) uint32_t digest(const volatile uint32_t *words)
{
    return words[0] ^ words[3];
}

/* Copies a packet into a local buffer that is too small for it: the classic overflow. */
static __attribute__((noipa)) uint32_t parse(const uint32_t *packet, size_t words)
{
    volatile uint32_t fields[4];
    register volatile uint32_t *field = fields; /* in registers, where the overflow does not hit it */
    __asm__ volatile("" : "+r"(field));         /* the compiler does not see the bound */
    for (register size_t i = 0; i < words; i++) {
        field[i] = packet[i];
    }
    return digest(fields) + 1;
}

int attack_return_address(uint32_t target)
{
    static uint32_t packet[PACKET_WORDS];
    for (size_t i = 0; i < PACKET_WORDS; i++) {
        packet[i] = target;
    }
    return parse(packet, PACKET_WORDS) == 0 ? 1 : 0;
}

/* A buffer with a function pointer behind it, as in many an object with a callback. */
static struct {
    uint32_t buffer[4];
    int (*callback)(int);
} object;

static int harmless(int value)
{
    return value;
}

int attack_function_pointer(uint32_t target)
{
    object.callback = harmless;
    volatile uint32_t *word = object.buffer;
    for (size_t i = 0; i <= sizeof object.buffer / sizeof object.buffer[0]; i++) {
        word[i] = target;
    }
    __asm__ volatile("" ::: "memory"); /* the compiler does not see that callback changed */
    return object.callback(0);
}

/* Fills one frame after the other, until `victim` is hit. */
static __attribute__((noinline)) uint32_t descend(const volatile uint32_t *victim, uint32_t intact)
{
    volatile uint32_t frame[FRAME_WORDS];
    for (size_t i = 0; i < FRAME_WORDS; i++) {
        frame[i] = MARK;
    }
    if (*victim != intact) {
        return 0;
    }
    return descend(victim, intact) + frame[0];
}

int attack_recursion(uint32_t target)
{
    const volatile uint32_t *victim = (const volatile uint32_t *)target;
    return descend(victim, *victim) == 0 ? 0 : 1;
}

int attack_memset_overrun(uint32_t target)
{
    static uint8_t buffer[16];
    const uint32_t start = (uint32_t)buffer;
    memset(buffer, MARK & 0xFF, target > start ? target - start + sizeof(uint32_t) : FAR);
    return 0;
}

int attack_endless_loop(uint32_t target)
{
    static volatile uint32_t count;
    while (target != count || target != 0) {
        count++;
    }
    return 0;
}
