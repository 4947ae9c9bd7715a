/* Probes of the interrupt sweep: gates for numbers and buffers, imports, nested calls, faults, resets. */
#include <stddef.h>
#include <string.h>

#include "ringfence_box.h"
#include "ringfence_second.h"
#include "sweep.h"

/* ---- what the host does for the sandbox ---- */

int report(const void *text, unsigned length)
{
    return memcmp(text, "talk", 4) == 0 ? (int)length : -1;
}

uint64_t wide(int low)
{
    return (uint64_t)0x12345678u << 32 | (uint32_t)low;
}

int other(int value)
{
    return second_add(value, 40);
}

/* ---- probes: each returns 0 if the result is right, and `given_up` for the error value of a call that ended early ---- */

static enum outcome probe_direct(void)
{
    const int result = add(1, 2, 3, 4);
    return judge(result == 4321, result == -1);
}

static enum outcome probe_buffer(void)
{
    char to[21] = "????????????????????";
    const int result = upper("hello, little world!", 20, to);
    return judge(result == 20 && memcmp(to, "HELLO, LITTLE WORLD!", 21) == 0,
                 result == -1 && memcmp(to, "????????????????????", 21) == 0);
}

static enum outcome probe_import(void)
{
    const uint64_t result = talk(9);
    return judge(result == ((uint64_t)0x12345678u << 32 | 13), result == 0xabc00000defu);
}

static enum outcome probe_nested(void)
{
    const int result = nested(1);
    return judge(result == 42, result == -1 || result == -7 + 1); /* or the other sandbox's call was ended */
}

static enum outcome probe_work(void)
{
    static uint32_t expected;
    const uint32_t result = work(6);
    if (expected == 0)
        expected = result;
    return judge(result == expected && result != 99, result == 99);
}

static enum outcome probe_trap(void)
{
    const int result = trap(0);
    return judge(result == -5, false);
}

static enum outcome probe_bus_fault(void)
{
    const int result = trap(1);
    return judge(result == -5, false);
}

static enum outcome probe_reset(void)
{
    const enum ringfence_status status = ringfence_reset(&ringfence_box);
    return judge(status == RINGFENCE_OK, status == RINGFENCE_ERROR_FAULT);
}

static enum outcome probe_dead(void)
{
    const int result = add(1, 2, 3, 4);
    return judge(result == -1 && ringfence_last_status(&ringfence_box) == RINGFENCE_ERROR_DEAD, false);
}

const struct probe probes[] = {
    {"direct", probe_direct, false, false}, {"buffer", probe_buffer, false, false},
    {"import", probe_import, false, false}, {"nested", probe_nested, false, false},
    {"work", probe_work, false, false},     {"trap", probe_trap, true, false},
    {"bus_fault", probe_bus_fault, true, false}, {"reset", probe_reset, false, false},
    {"dead", probe_dead, true, true},       {NULL, NULL, false, false},
};
