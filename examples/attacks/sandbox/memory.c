/* Stores to where they should not go: what bugs in parsers and decoders let an attacker do. */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "attacks.h"

enum { MARK = 0x41414141, FAR = 0x20000, CHANNELS = 8 };

int attack_wild_store(uint32_t target)
{
    *(volatile uint32_t *)target = MARK;
    return 0;
}

int attack_memset_overrun(uint32_t target)
{
    static uint8_t buffer[16];
    const uint32_t start = (uint32_t)buffer;
    memset(buffer, MARK & 0xFF, target > start ? target - start + sizeof(uint32_t) : FAR);
    return 0;
}

/* A signed index that is checked on one side only. */
static __attribute__((noipa)) void set_gain(volatile uint32_t *gains, int32_t channel, uint32_t value)
{
    if (channel < CHANNELS) {
        gains[channel] = value;
    }
}

/* The attacker knows the map of the firmware, and so how far the victim is from the table. The distance is negative
 * for a victim above the table too, once it wraps around: 32-bit elements need only 30 bits of it. */
int attack_negative_index(uint32_t target)
{
    static volatile uint32_t gains[CHANNELS];
    const uint32_t elements = (target - (uint32_t)gains) / sizeof gains[0];
    set_gain(gains, (int32_t)(elements | 0xC0000000u), MARK);
    return 0;
}

/* count * 4 wraps to 4: a small block, and a bound that every index satisfies. */
static __attribute__((noipa)) void store_record(uint32_t count, uint32_t *records, uint32_t index, uint32_t value)
{
    if (index < count) {
        records[index] = value;
    }
}

int attack_integer_overflow(uint32_t target)
{
    volatile uint32_t count = 0x40000001u;
    uint32_t *records = malloc(count * sizeof *records);
    if (records == NULL) {
        return 1;
    }
    store_record(count, records, (target - (uint32_t)records) / sizeof *records, MARK);
    return 0;
}

struct channel {
    uint32_t *output;
    uint32_t gain;
};

static __attribute__((noipa)) void receive(uint32_t *message, uint32_t target)
{
    message[0] = target;
    message[1] = MARK;
}

static __attribute__((noipa)) void drive(const struct channel *channel)
{
    *channel->output = channel->gain;
}

/* The freed channel's memory becomes a message, whose bytes are then taken for the channel's pointer. */
int attack_use_after_free(uint32_t target)
{
    struct channel *volatile channel = malloc(sizeof *channel);
    free(channel);
    uint32_t *message = malloc(sizeof *channel);
    if (message == NULL) {
        return 1;
    }
    receive(message, target);
    drive(channel);
    free(message);
    return 0;
}

struct node {
    struct node *next, *previous;
};

static __attribute__((noipa)) void unlink_node(struct node *node)
{
    node->previous->next = node->next;
}

/* A list node in a message: unlinking it writes one word of the attacker's to a place of the attacker's. */
int attack_list_unlink(uint32_t target)
{
    static struct node node;
    node.next = (struct node *)MARK;
    node.previous = (struct node *)target;
    unlink_node(&node);
    return 0;
}

/* Cortex-M3: each bit of the first megabyte of RAM appears as a word at 0x22000000 (ARMv7-M has it as an option). */
int attack_bitband_store(uint32_t target)
{
    volatile uint32_t *bits = (volatile uint32_t *)(0x22000000u + (target - 0x20000000u) * 32u);
    for (int bit = 0; bit < 32; bit++) {
        bits[bit] = (uint32_t)MARK >> bit & 1u;
    }
    return 0;
}

/* The board shows its 4 MB of RAM a second time behind the first. */
int attack_mirror_store(uint32_t target)
{
    *(volatile uint32_t *)(target + 0x00400000u) = MARK;
    return 0;
}
