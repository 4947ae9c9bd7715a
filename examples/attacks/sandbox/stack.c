/* The stack: overflowing it downwards, smashing it upwards, looking for return addresses in it. */
#include <stddef.h>

#include "attacks.h"

enum { MARK = 0x41414141, FRAME_WORDS = 16, UPWARD_WORDS = 40 };

/* A frame has holes that nothing is written to: whether any of some words near the victim has changed. */
static __attribute__((noinline)) uint32_t is_hit(const volatile uint32_t *victim, uint32_t intact)
{
    for (size_t i = 0; i < FRAME_WORDS; i += FRAME_WORDS / 4) {
        if (victim[i] != intact) {
            return 1;
        }
    }
    return 0;
}

/* Fills one frame after the other, until `victim` is hit. */
static __attribute__((noinline)) uint32_t descend(const volatile uint32_t *victim, uint32_t intact)
{
    volatile uint32_t frame[FRAME_WORDS];
    for (size_t i = 0; i < FRAME_WORDS; i++) {
        frame[i] = MARK;
    }
    if (is_hit(victim, intact)) {
        return 0;
    }
    return descend(victim, intact) + frame[0];
}

int attack_recursion(uint32_t target)
{
    const volatile uint32_t *victim = (const volatile uint32_t *)target;
    return descend(victim, *victim) == 0 ? 0 : 1;
}

typedef uint32_t (*visitor)(const volatile uint32_t *victim, uint32_t intact);

static uint32_t visit(const volatile uint32_t *victim, uint32_t intact);

/* Through a pointer, so that no call graph shows the recursion: an expression evaluator or a tree walk. */
static const volatile visitor visitors[2] = {visit, visit};

static uint32_t visit(const volatile uint32_t *victim, uint32_t intact)
{
    volatile uint32_t frame[FRAME_WORDS];
    for (size_t i = 0; i < FRAME_WORDS; i++) {
        frame[i] = MARK;
    }
    if (is_hit(victim, intact)) {
        return 0;
    }
    return visitors[frame[0] & 1u](victim, intact) + frame[1];
}

int attack_indirect_recursion(uint32_t target)
{
    const volatile uint32_t *victim = (const volatile uint32_t *)target;
    return visit(victim, *victim) == 0 ? 0 : 1;
}

static __attribute__((noipa)) uint32_t first_of(const volatile uint32_t *words)
{
    return words[0];
}

/* Past the end of a local buffer and through the callers' frames. */
static __attribute__((noipa)) uint32_t smash(uint32_t target)
{
    volatile uint32_t buffer[2];
    register volatile uint32_t *word = buffer;
    register uint32_t value = target;
    __asm__ volatile("" : "+r"(word), "+r"(value));
    for (register size_t i = 0; i < UPWARD_WORDS; i++) {
        word[i] = value;
    }
    return first_of(buffer); /* a call, so that the return address lies on the stack */
}

int attack_stack_upward(uint32_t target)
{
    return smash(target) == 0 ? 1 : 0;
}

/* Replaces everything above that looks like a return address: odd, and in the flash. */
static __attribute__((noipa)) uint32_t hunt(uint32_t target)
{
    volatile uint32_t here = target;
    register volatile uint32_t *word = &here;
    register uint32_t value = target;
    __asm__ volatile("" : "+r"(word), "+r"(value));
    for (register size_t i = 1; i < UPWARD_WORDS; i++) {
        if ((word[i] & 1u) != 0 && word[i] > 0x100u && word[i] < 0x00400000u) {
            word[i] = value;
        }
    }
    return first_of(&here);
}

int attack_return_hunt(uint32_t target)
{
    return hunt(target) == 0 ? 1 : 0;
}
