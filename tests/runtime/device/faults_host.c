/* The host of the fault tests: prints "key=value" lines and fault records, which test_faults.py judges.
 *
 *     fw SCENARIO [NUMBER ...]
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "board.h"
#include "ringfence_box.h"
#include "ringfence_supervise.h"

#define ICSR REGISTER(0xE000ED04u)
#define VTOR REGISTER(0xE000ED08u)
#define SHCSR REGISTER(0xE000ED24u)
#define NVIC_ISER REGISTER(0xE000E100u)
#define NVIC_ISPR REGISTER(0xE000E200u)

/* Where the runtime of one of the two firmwares looks for CFSR, HFSR, MMFAR and BFAR: test_faults.py says so. */
#define INJECTED ((volatile uint32_t *)0x21000000u)
enum { CFSR, HFSR, DFSR, MMFAR, BFAR };

/* The board's watchdog warns by NMI (CMSDK, Arm DDI 0479, 3.4). */
#define WATCHDOG_LOAD REGISTER(0x40008000u)
#define WATCHDOG_CONTROL REGISTER(0x40008008u)
#define WATCHDOG_CLEAR REGISTER(0x4000800Cu)
#define WATCHDOG_LOCK REGISTER(0x40008C00u)
#define WATCHDOG_KEY 0x1ACCE551u
#define WATCHDOG_WARNS 1u

enum { TICK = 5000, SPARE_IRQ = 20, TABLE_AT_END_OF_MEMORY = 0x007FFF80, VECTORS = 32 };

static volatile uint32_t ticks, tick_pends, tick_cfsr, tick_hfsr, ended, warnings, ended_by_watchdog;
static volatile bool count_budget;
static struct ringfence_budget budget = {&ringfence_box, 0};

static void show(const char *key, uint32_t value)
{
    printf("%s=0x%lx\n", key, (unsigned long)value);
}

/* ---- handlers ---- */

void SysTick_Handler(void);
void SysTick_Handler(void)
{
    ticks = ticks + 1;
    if (tick_pends != 0) {
        INJECTED[CFSR] = tick_cfsr;
        INJECTED[HFSR] = tick_hfsr;
        SHCSR |= tick_pends;
        tick_pends = 0;
    }
    if (count_budget)
        ended += (uint32_t)ringfence_budget_tick(&budget);
}

void NMI_Handler(void);
void NMI_Handler(void)
{
    warnings = warnings + 1;
    if (ringfence_watchdog()) {
        ended_by_watchdog = ended_by_watchdog + 1;
        WATCHDOG_CLEAR = 1;
        return;
    }
    WATCHDOG_CONTROL = 0;
    show("stuck", 1);
    show("warnings", warnings);
    printf("done\n");
    console_exit(0);
}

void ringfence_host_fault(void)
{
    show("host_fault", 1);
    show("host_fault.box", ringfence_last_fault() != NULL);
    printf("done\n");
    console_exit(0);
}

static void start_ticks(void)
{
    ticks = 0;
    SYSTICK_RELOAD = TICK;
    SYSTICK_CURRENT = 0;
    SYSTICK_CONTROL = SYSTICK_ENABLE_WITH_INTERRUPT;
}

extern const uint8_t __rf_box_stack_low[], __rf_box_stack_high[];

/* What the stack check of an RTOS is told of a task that is inside the sandbox, and of one that only seems to be. */
static void show_task_sp(const char *key)
{
    const uint32_t inside = (uint32_t)__rf_box_stack_low + 8, told = ringfence_task_sp(inside);
    uint32_t here;

    __asm__ volatile("mov %0, sp" : "=r"(here));
    printf("%s=%d\n", key, told == inside ? 0 : told >= here && told - here < 512 ? 1 : 2);
}

int call_host(int what)
{
    if (what == 3)
        show_task_sp("task_sp.inside");
    if (what == 1)
        __asm__ volatile("udf #0xF1");
    while (what == 2) {
    }
    return 0;
}

/* ---- after a call that must have failed ---- */

static void judge(int result)
{
    const struct ringfence_fault *fault = ringfence_last_fault();
    char line[RINGFENCE_FAULT_LINE];

    show("result", (uint32_t)result);
    show("status", ringfence_last_status(&ringfence_box));
    if (fault != NULL) {
        show("kind", fault->kind);
        show("mine", fault->sandbox == &ringfence_box);
        show("address", fault->address);
        show("pc", fault->pc);
        ringfence_fault_line(fault, line);
        printf("%s\n", line);
    }
    show("dead", (uint32_t)next());
    show("reset", ringfence_reset(&ringfence_box));
    show("again", (uint32_t)next());
}

/* ---- scenarios ---- */

static void faulting(long which, long address)
{
    REGISTER(0xE000ED14u) |= 1u << 4; /* CCR.DIV_0_TRP */
    next();
    judge(fail((int)which, (unsigned)address));
}

/* A fault that the emulator does not raise: its status is put where the runtime looks, and the handler is pended. */
static void injected(long cfsr, long pended, long hfsr)
{
    INJECTED[MMFAR] = 0x33333330;
    INJECTED[BFAR] = 0x44444440;
    SHCSR |= 7u << 16;
    next();
    tick_cfsr = (uint32_t)cfsr, tick_hfsr = (uint32_t)hfsr, tick_pends = (uint32_t)pended;
    start_ticks();
    spin();
    SYSTICK_CONTROL = 0;
    INJECTED[CFSR] = INJECTED[HFSR] = 0;
    judge(ringfence_last_status(&ringfence_box) == RINGFENCE_OK ? 0 : -1);
}

static void budgets(void)
{
    next();
    count_budget = true;
    start_ticks();
    while (ticks < 20) {
    }
    show("idle.ended", ended);
    ringfence_budget_start(&budget, 10);
    while (ticks < 40) {
    }
    show("waiting.left", budget.left); /* nothing is being served: no time passes */
    ringfence_budget_start(&budget, 100);
    show("short", (uint32_t)busy(10000));
    show("short.used", 100 - budget.left);
    show("short.ended", ended);
    ringfence_budget_start(&budget, 10);
    ticks = 0;
    spin();
    show("spin.ticks", ticks);
    show("spin.ended", ended);
    judge(-1);
    ringfence_budget_start(&budget, 7);
    ticks = 0;
    ask_forever();
    show("ask.ticks", ticks);
    show("ask.ended", ended);
    show("ask.kind", ringfence_last_fault()->kind);
    ringfence_reset(&ringfence_box);
    ringfence_budget_start(&budget, 0);
    show("unlimited", (uint32_t)busy(100000));
    show("unlimited.ended", ended);
    SYSTICK_CONTROL = 0;
}

/* The sandbox calls an import 1, 2, ... timer ticks before the interrupt that would end its call. */
static void dodging(void)
{
    uint32_t longest = 0, calls = 0;

    next();
    count_budget = true;
    start_ticks();
    for (unsigned before = 1; before < 400; before++) {
        ringfence_budget_start(&budget, 2);
        ticks = 0;
        dodge(before);
        longest = ticks > longest ? ticks : longest;
        calls += ringfence_last_status(&ringfence_box) == RINGFENCE_ERROR_FAULT &&
                 ringfence_last_fault()->kind == RINGFENCE_FAULT_ABORTED;
        ringfence_reset(&ringfence_box);
    }
    SYSTICK_CONTROL = 0;
    show("dodge.longest", longest);
    show("dodge.calls", calls);
}

static void stack_checks(void)
{
    next();
    show_task_sp("task_sp.idle");
    ask(3);
    show("task_sp.elsewhere", ringfence_task_sp(0x20001000u));
    show("task_sp.above", ringfence_task_sp((uint32_t)__rf_box_stack_high + 4) == (uint32_t)__rf_box_stack_high + 4);
}

static void watch(void)
{
    WATCHDOG_LOCK = WATCHDOG_KEY;
    WATCHDOG_LOAD = 200000;
    WATCHDOG_CONTROL = WATCHDOG_WARNS;
}

static void watchdog(long how)
{
    next();
    __asm__ volatile("cpsid i"); /* no other interrupt could help */
    watch();
    if (how == 0) {
        spin();
        WATCHDOG_CONTROL = 0;
        show("ended", ended_by_watchdog);
        judge(-1);
        watch();
        ask_forever();
        WATCHDOG_CONTROL = 0;
        show("ended", ended_by_watchdog);
        judge(-1);
        return;
    }
    if (how == 1)
        ask(2); /* the import hangs */
    for (;;) {  /* the host hangs */
    }
}

/* While the sandbox runs, an interrupt comes whose vector lies behind the end of memory. */
static void bad_vector(void)
{
    uint32_t *table = (uint32_t *)TABLE_AT_END_OF_MEMORY;

    memcpy(table, (const void *)VTOR, VECTORS * sizeof *table);
    VTOR = TABLE_AT_END_OF_MEMORY;
    next();
    NVIC_ISER = 1u << SPARE_IRQ;
    tick_pends = 0;
    __asm__ volatile("cpsid i");
    NVIC_ISPR = 1u << SPARE_IRQ;
    __asm__ volatile("cpsie i"); /* taken at once: in the host */
}

static void host_faults(long how)
{
    next();
    if (how == 0)
        __asm__ volatile("udf #0xF1");
    if (how == 1)
        ask(1);
    if (how == 2)
        *(volatile uint32_t *)0xA0000000u = 1;
    if (how == 3)
        bad_vector();
    printf("nothing happened\n");
}

int main(void)
{
    static char line[120];
    char *words[6] = {NULL};
    int count = 0;
    long n[4] = {0};

    console_command_line(line, sizeof line - 1);
    for (char *word = strtok(line, " "); word != NULL && count < 6; word = strtok(NULL, " "))
        words[count++] = word;
    for (int i = 2; i < count; i++)
        n[i - 2] = (long)strtoul(words[i], NULL, 0);
    if (count < 2)
        return 2;
    if (strcmp(words[1], "fail") == 0)
        faulting(n[0], n[1]);
    else if (strcmp(words[1], "inject") == 0)
        injected(n[0], n[1], n[2]);
    else if (strcmp(words[1], "budgets") == 0)
        budgets();
    else if (strcmp(words[1], "dodging") == 0)
        dodging();
    else if (strcmp(words[1], "stack_checks") == 0)
        stack_checks();
    else if (strcmp(words[1], "watchdog") == 0)
        watchdog(n[0]);
    else if (strcmp(words[1], "host") == 0)
        host_faults(n[0]);
    else
        return 2;
    printf("done\n");
    return 0;
}
