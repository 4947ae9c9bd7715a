/*
 * The host under attack. The command line (semihosting) names one attack; main makes it, finds out whether it worked
 * and goes on. Output, for the tests:
 *
 *     attack NAME: worked | contained
 *     gate: returned=R status=S fault=TEXT        (sandboxed only)
 *     host: unchanged | changed
 *     host: goes on
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attacks.h"
#include "board.h"

#ifdef SANDBOXED
#define RINGFENCE_NO_PROTOTYPES /* attacks.h has them */
#include "ringfence_hostile.h"
#endif

enum { STATUS_UNKNOWN_ATTACK = 2, STATUS_HOST_FAULT = 3, STATUS_HANGS = 4 };
enum { TICK = 25000, PATIENCE = 1000, HEAP_WORDS = 256 }; /* a tick is 1 ms, 15,625 instructions */

/* What attacks go for. */
enum victim { VARIABLE, HEAP, DEVICE, SYSTICK, CODE, VECTOR, TAKEOVER, TIME };

struct attack {
    const char *name;
    int (*function)(uint32_t target);
    enum victim victim;
};

#define ATTACK(name, victim) {#name, attack_##name, victim}

static const struct attack attacks[] = {
    ATTACK(wild_store, VARIABLE),
    {"peripheral_store", attack_wild_store, DEVICE},
    {"systick_store", attack_wild_store, SYSTICK},
    {"code_store", attack_wild_store, CODE},
    {"vector_store", attack_wild_store, VECTOR},
    ATTACK(return_address, TAKEOVER),
    ATTACK(function_pointer, TAKEOVER),
    ATTACK(recursion, HEAP),
    ATTACK(memset_overrun, HEAP),
    ATTACK(endless_loop, TIME),
    ATTACK(asm_str_writeback, VARIABLE),
    ATTACK(asm_str_register, VARIABLE),
    ATTACK(asm_strb, VARIABLE),
    ATTACK(asm_strh, VARIABLE),
    ATTACK(asm_strd, VARIABLE),
    ATTACK(asm_stm, VARIABLE),
    ATTACK(asm_stmdb, VARIABLE),
    ATTACK(asm_strex, VARIABLE),
    ATTACK(asm_in_it_block, VARIABLE),
    ATTACK(asm_return_address, TAKEOVER),
    ATTACK(asm_call, TAKEOVER),
    ATTACK(asm_jump, TAKEOVER),
    ATTACK(asm_link_register, TAKEOVER),
};

/* Initialised, so that all of it lies in .data, below .bss that a plain overflow tramples on. */
static uint32_t setpoints[8] = {1, 2, 3, 4, 5, 6, 7, 8};
static volatile bool taken_over = false;
static const struct attack *current = attacks;
static volatile uint32_t patience __attribute__((section(".data"))) = PATIENCE;
static jmp_buf way_back __attribute__((section(".data"))) = {1};
static uint32_t *heap_block = setpoints;

/* Print a line without the heap, where an attack may have been. */
static __attribute__((format(printf, 1, 2))) void say(const char *format, ...)
{
    static char line[120] = "?";
    va_list arguments;
    va_start(arguments, format);
    const int length = vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    console_write(line, (size_t)length);
}

/* What an attacker would like to run: it opens the valve, say. */
static __attribute__((noinline)) void take_over(void)
{
    taken_over = true;
    longjmp(way_back, 1);
}

/* Code that an attacker would like to replace. */
static __attribute__((noinline)) int limit(int value)
{
    __asm__ volatile("");
    return value > 100 ? 100 : value;
}

/* CMSDK timer 1 belongs to the host: the reload register of its watch on the motor. */
#define MOTOR_WATCH_RELOAD REGISTER(0x40001008u)

/* ARMv7-M Architecture Reference Manual, B3.2.5: where the vector table is; here at the start of flash. */
#define VECTOR_TABLE REGISTER(0xE000ED08u)

static uint32_t target_of(enum victim victim)
{
    switch (victim) {
    case HEAP: return (uint32_t)(heap_block + HEAP_WORDS / 2); /* frames overlap both sides */
    case DEVICE: return (uint32_t)&MOTOR_WATCH_RELOAD;
    case SYSTICK: return (uint32_t)&SYSTICK_RELOAD;
    case CODE: return (uint32_t)limit & ~3u; /* without the Thumb bit, as a word */
    case VECTOR: return VECTOR_TABLE + 24 * sizeof(uint32_t); /* TIMER0_Handler */
    case TAKEOVER: return (uint32_t)take_over;
    case VARIABLE: return (uint32_t)&setpoints[2];
    default: return (uint32_t)setpoints;
    }
}

/* ---- is the host's memory what it was? ---- */

extern const uint8_t _etext[], _sdata[], _edata[];

static uint32_t checksum(uint32_t hash, const volatile uint8_t *from, const volatile uint8_t *to)
{
    while (from != to) {
        hash = (hash ^ *from++) * 16777619u;
    }
    return hash;
}

/* Vector table, code, setpoints, heap block and device registers. */
static uint32_t host_checksum(void)
{
    volatile const uint8_t *flash = (const uint8_t *)VECTOR_TABLE;
    const uint32_t devices[2] = {MOTOR_WATCH_RELOAD, SYSTICK_RELOAD};
    uint32_t hash = checksum(2166136261u, flash, _etext);
    hash = checksum(hash, (const uint8_t *)setpoints, (const uint8_t *)(setpoints + 8));
    hash = checksum(hash, (const uint8_t *)heap_block, (const uint8_t *)(heap_block + HEAP_WORDS));
    return checksum(hash, (const uint8_t *)devices, (const uint8_t *)(devices + 2));
}

static uint32_t word_at(uint32_t address)
{
    return *(volatile uint32_t *)address;
}

/* ---- the watchdog that ends a sandbox that does not come back ---- */

void SysTick_Handler(void);
void SysTick_Handler(void)
{
    if (patience > 0) {
        patience = patience - 1;
        return;
    }
#ifdef SANDBOXED
    ringfence_abort(&ringfence_hostile);
#else
    say("attack %s: %s\n", current->name, current->victim == TIME ? "worked" : "hangs");
    console_exit(current->victim == TIME ? 0 : STATUS_HANGS);
#endif
}

#ifdef SANDBOXED
void ringfence_host_fault(void)
{
    static const char message[] = "host: fault\n";
    console_write(message, sizeof message - 1);
    console_exit(STATUS_HOST_FAULT);
}

static void print_gate(int returned)
{
    const struct ringfence_fault *fault = ringfence_last_fault();
    say("gate: returned=%d status=%d fault=%s\n", returned, (int)ringfence_last_status(&ringfence_hostile),
           ringfence_fault_name(fault == NULL ? RINGFENCE_FAULT_NONE : fault->kind));
}
#else
static void print_gate(int returned)
{
    (void)returned;
}
#endif

/* ---- one attack ---- */

static void prepare(void)
{
    heap_block = malloc(HEAP_WORDS * sizeof *heap_block);
    memset(heap_block, 0x11, HEAP_WORDS * sizeof *heap_block);
    MOTOR_WATCH_RELOAD = 0x1000;
    SYSTICK_RELOAD = TICK;
    SYSTICK_CURRENT = 0;
}

static int call(const struct attack *attack, uint32_t target)
{
    if (setjmp(way_back) != 0) {
        return 0;
    }
    return attack->function(target);
}

static void run(const struct attack *attack)
{
    const uint32_t target = target_of(attack->victim);
    const uint32_t before = host_checksum(), word_before = word_at(target & ~3u);
    current = attack;
    SYSTICK_CONTROL = SYSTICK_ENABLE_WITH_INTERRUPT;
    const int returned = call(attack, target);
    SYSTICK_CONTROL = 0;
    const bool worked = taken_over || word_at(target & ~3u) != word_before;
    const bool unchanged = host_checksum() == before;
    say("attack %s: %s\n", attack->name, worked ? "worked" : "contained");
    print_gate(returned);
    say("host: %s\n", unchanged ? "unchanged" : "changed");
}

/* The word after the program's name on the command line. */
static const char *attack_name(void)
{
    static char line[80];
    line[console_command_line(line, sizeof line - 1) % sizeof line] = 0;
    const char *space = strchr(line, ' ');
    return space == NULL ? "" : space + 1;
}

int main(void)
{
    const char *name = attack_name();
    for (size_t i = 0; i < sizeof attacks / sizeof attacks[0]; i++) {
        if (strcmp(name, attacks[i].name) == 0) {
            prepare();
            say("host: starts %s\n", name);
            run(&attacks[i]);
            say("host: goes on\n");
            return 0;
        }
    }
    say("host: no attack '%s'\n", name);
    return STATUS_UNKNOWN_ATTACK;
}
