/* Abuse of what a tenant is given: the host's functions, results that the host relies on, memory, time, its life. */
#include <stddef.h>
#include <stdlib.h>

#include "attacks.h"

enum { MARK = 0x41414141, FRAME_WORDS = 16, FAR = 0x20000, BLOCK = 64 };

/* A confused deputy: the host writes where the sandbox may not. */
int attack_deputy_pointer(uint32_t target)
{
    return fill((void *)target, sizeof(uint32_t), MARK & 0xFF);
}

/* The buffer begins in the sandbox and ends in the host. */
int attack_deputy_length(uint32_t target)
{
    static uint8_t buffer[16];
    const uint32_t start = (uint32_t)buffer;
    return fill(buffer, target > start ? target - start + sizeof(uint32_t) : FAR, MARK & 0xFF);
}

/* Makes the host call it again and again, until the host's stack meets the heap. */
int attack_reentry(uint32_t target)
{
    volatile uint32_t frame[FRAME_WORDS];
    static uint32_t intact;
    if (intact == 0) {
        intact = *(volatile uint32_t *)target;
    }
    for (size_t i = 0; i < FRAME_WORDS; i++) {
        frame[i] = MARK;
    }
    for (size_t i = 0; i < FRAME_WORDS; i += FRAME_WORDS / 4) { /* frames have holes */
        if (((volatile uint32_t *)target)[i] != intact) {
            return 0;
        }
    }
    return notify(target, 1) + (int)(frame[0] - frame[1]);
}

void *give_buffer(uint32_t target)
{
    return (void *)target;
}

int attack_heap_exhaustion(uint32_t target)
{
    (void)target;
    while (malloc(BLOCK) != NULL) {
    }
    return 0;
}

int attack_exit(uint32_t target)
{
    (void)target;
    exit(3);
}

int attack_null_call(uint32_t target)
{
    int (*volatile const forgotten)(uint32_t) = NULL;
    return forgotten(target);
}

int attack_bus_error(uint32_t target)
{
    return (int)*(volatile uint32_t *)target;
}

int attack_endless_loop(uint32_t target)
{
    static volatile uint32_t count;
    while (target != count || target != 0) {
        count++;
    }
    return 0;
}

int attack_endless_import(uint32_t target)
{
    while (notify(target, 0) == 0) {
    }
    return 0;
}

/* Waits for a flag that never comes. */
int attack_device_wait(uint32_t target)
{
    while ((*(volatile uint32_t *)target & 0x80000000u) == 0) {
    }
    return 0;
}
