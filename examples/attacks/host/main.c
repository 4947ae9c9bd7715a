/*
 * The host under attack. The command line (semihosting) names one attack; main makes it, finds out whether it worked
 * and goes on. Output, for the tests:
 *
 *     attack NAME: worked | contained
 *     gate: returned=R status=S fault=TEXT        (sandboxed only)
 *     ringfence-fault: ...                        (sandboxed, after a fault: the record)
 *     host: unchanged | changed
 *     host: goes on
 *
 * "list" instead of a name prints all attacks: NAME|CATEGORY|WHAT.
 */
#include "host.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "board.h"
#include "catalogue.h"
#include "victims.h"

#ifdef SANDBOXED
#define RINGFENCE_NO_PROTOTYPES /* attacks.h has them */
#include "ringfence_hostile.h"
#include "ringfence_supervise.h"
#endif

enum { STATUS_UNKNOWN_ATTACK = 2, STATUS_HOST_FAULT = 3, STATUS_HANGS = 4 };
enum { PATIENCE = 1000 }; /* ticks of 1 ms, 15,625 instructions each */

/* Initialised, so that it lies in .data, below .bss that a plain overflow tramples on. */
static const struct attack *current = attacks;
static volatile uint32_t patience __attribute__((section(".data"))) = PATIENCE;

/* Print a line without the heap, where an attack may have been. */
static __attribute__((format(printf, 1, 2))) void say(const char *format, ...)
{
    static char line[160] = "?";
    va_list arguments;
    va_start(arguments, format);
    const int length = vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    console_write(line, (size_t)length);
}

_Noreturn static void end(const char *outcome, int status)
{
    say("attack %s: %s\n", current->name, outcome);
    console_exit(status);
}

void take_over(void)
{
    end("worked", 0);
}

/* ---- the host's life, and the watchdog that ends a sandbox that does not come back ---- */

#ifdef SANDBOXED
static struct ringfence_budget budget = {&ringfence_hostile, 0};

void ringfence_host_fault(void)
{
    end("host fault", STATUS_HOST_FAULT);
}

static void tick(void)
{
    ringfence_budget_tick(&budget);
}

static void allow_time(void)
{
    ringfence_budget_start(&budget, PATIENCE);
}

static void print_gate(int returned)
{
    const struct ringfence_fault *fault = ringfence_last_fault();
    say("gate: returned=%d status=%d fault=%s\n", returned, (int)ringfence_last_status(&ringfence_hostile),
        ringfence_fault_name(fault == NULL ? RINGFENCE_FAULT_NONE : fault->kind));
    if (fault != NULL) {
        char line[RINGFENCE_FAULT_LINE];
        ringfence_fault_line(fault, line);
        say("%s\n", line);
    }
}
#else
void HardFault_Handler(void);
void HardFault_Handler(void)
{
    end(current->victim == LIFE ? "worked" : "crashed", current->victim == LIFE ? 0 : STATUS_HOST_FAULT);
}

static void at_exit(void)
{
    if (current->victim == LIFE) {
        end("worked", 0);
    }
}

static void tick(void)
{
    if (patience > 0) {
        patience = patience - 1;
        return;
    }
    end(current->victim == TIME ? "worked" : "hangs", current->victim == TIME ? 0 : STATUS_HANGS);
}

static void allow_time(void)
{
    patience = PATIENCE;
    atexit(at_exit);
}

static void print_gate(int returned)
{
    (void)returned;
}
#endif

void SysTick_Handler(void);
void SysTick_Handler(void)
{
    tick();
}

/* ---- one attack ---- */

static bool worked(const struct snapshot *before, const struct snapshot *after)
{
    return victims_handler_ran() || after->word != before->word || after->neighbour != before->neighbour ||
           after->memory_left != before->memory_left;
}

static void run(const struct attack *attack)
{
    volatile uint32_t frame = 0x600D600D;
    victims_prepare(&frame);
    SYSTICK_CONTROL = SYSTICK_ENABLE_WITH_INTERRUPT;
    const uint32_t target = victims_target(attack->victim);
    const struct snapshot before = victims_look(attack->victim);
    allow_time();
    const int returned = attack->function(target);
    const struct snapshot after = victims_look(attack->victim);
    SYSTICK_CONTROL = 0;
    say("attack %s: %s\n", attack->name, worked(&before, &after) ? "worked" : "contained");
    print_gate(returned);
    say("host: %s\n", after.sum == before.sum ? "unchanged" : "changed");
}

/* The word after the program's name on the command line. */
static const char *attack_name(void)
{
    static char line[80];
    line[console_command_line(line, sizeof line - 1) % sizeof line] = 0;
    const char *space = strchr(line, ' ');
    return space == NULL ? "" : space + 1;
}

static int list(void)
{
    for (size_t i = 0; i < attack_count; i++) {
        say("%s|%s|%s\n", attacks[i].name, attacks[i].category, attacks[i].what);
    }
    return 0;
}

int main(void)
{
    const char *name = attack_name();
    if (strcmp(name, "list") == 0) {
        return list();
    }
    for (size_t i = 0; i < attack_count; i++) {
        if (strcmp(name, attacks[i].name) == 0) {
            current = &attacks[i];
            say("host: starts %s\n", name);
            run(&attacks[i]);
            say("host: goes on\n");
            return 0;
        }
    }
    say("host: no attack '%s'\n", name);
    return STATUS_UNKNOWN_ATTACK;
}
