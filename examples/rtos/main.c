/*
 * Four tasks under a pre-emptive scheduler: a control task with a deadline, two workers that call the same two tenants,
 * and one that calls a tenant which hangs and faults. Tasks are switched while tenants run. Prints what it counted and
 * ends with "rtos: ok" if everything was as it must be.
 */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "board.h"
#include "scheduler.h"
#include "tenants.h"

#define RINGFENCE_NO_PROTOTYPES /* tenants.h has them */
#include "ringfence_cipher.h"
#include "ringfence_median.h"
#include "ringfence_rogue.h"
#include "ringfence_supervise.h"

enum {
    TICK = 5000,         /* timer ticks: 200 us, 3125 instructions */
    ROUNDS = 24,         /* of each worker */
    ROGUE_ROUNDS = 6,
    ROGUE_BUDGET = 3,    /* scheduler ticks */
    SAMPLES = 48,
    BLOCKS = 128,        /* bytes */
    STACK = 2048,
    LATEST_INSTRUCTIONS = 1000, /* from the tick to the control task: handler, scheduler, switch */
    STATUS_FAILED = 1,
    STATUS_HOST_FAULT = 3,
};

/* What a worker computes again and again; `expected_...` were computed before any other task ran. */
struct work {
    int32_t samples[SAMPLES];
    uint8_t plain[BLOCKS], key[16], expected_cipher[BLOCKS];
    int expected_median;
    uint32_t rounds, wrong, busy;
    volatile bool done;
};

static struct work work[2];
static volatile bool rogue_done;
static uint32_t rogue_recovered, rogue_aborted, rogue_faulted;
static volatile uint32_t control_steps, control_latest, tick_at;
static struct ringfence_budget rogue_budget = {&ringfence_rogue, 0};

static struct task tasks[5];
static uint8_t stacks[5][STACK] __attribute__((aligned(8)));

void SysTick_Handler(void);
void SysTick_Handler(void)
{
    tick_at = stopwatch_ticks();
    ringfence_budget_tick(&rogue_budget);
    scheduler_tick();
}

void ringfence_host_fault(void)
{
    static const char message[] = "rtos: FAILED: host fault\n";
    console_write(message, sizeof message - 1);
    console_exit(STATUS_HOST_FAULT);
}

/* ---- the tasks ---- */

static void control(void)
{
    for (;;) {
        task_sleep(1);
        const uint32_t late = stopwatch_ticks() - tick_at;
        if (late > control_latest) {
            control_latest = late;
        }
        control_steps++;
    }
}

/* A tenant serves one call at a time: whoever comes meanwhile is refused, and comes again. */
static int call_median(struct work *w)
{
    int result;
    while ((result = median(w->samples, sizeof w->samples)) < 0) {
        w->busy++;
        task_yield();
    }
    return result;
}

static void call_encipher(struct work *w, uint8_t *blocks)
{
    while (encipher(blocks, BLOCKS, w->key) < 0) {
        w->busy++;
        task_yield();
    }
}

static void work_for(struct work *w)
{
    for (w->rounds = 0; w->rounds < ROUNDS; w->rounds++) {
        uint8_t blocks[BLOCKS];
        memcpy(blocks, w->plain, sizeof blocks);
        if (call_median(w) != w->expected_median) {
            w->wrong++;
        }
        call_encipher(w, blocks);
        if (memcmp(blocks, w->expected_cipher, sizeof blocks) != 0) {
            w->wrong++;
        }
    }
    w->done = true;
}

static void first_worker(void)
{
    work_for(&work[0]);
}

static void second_worker(void)
{
    work_for(&work[1]);
}

static void call_rogue(int how)
{
    ringfence_budget_start(&rogue_budget, ROGUE_BUDGET);
    rogue(how);
    if (ringfence_last_status(&ringfence_rogue) != RINGFENCE_ERROR_FAULT) {
        return;
    }
    rogue_aborted += ringfence_last_fault()->kind == RINGFENCE_FAULT_ABORTED;
    rogue_faulted += ringfence_last_fault()->kind == RINGFENCE_FAULT_BUS;
    rogue_recovered += ringfence_reset(&ringfence_rogue) == RINGFENCE_OK && rogue(0) == 7;
}

static void trouble(void)
{
    for (int i = 0; i < ROGUE_ROUNDS; i++) {
        call_rogue(1 + i % 2);
    }
    rogue_done = true;
}

/* Always ready; ends the program when the others are done. */
static void idle(void)
{
    while (!(work[0].done && work[1].done && rogue_done)) {
        task_yield();
    }
    scheduler_stop();
}

/* ---- before and after ---- */

static void prepare(struct work *w, uint32_t seed)
{
    for (int i = 0; i < SAMPLES; i++) {
        w->samples[i] = (int32_t)((seed = seed * 1664525u + 1013904223u) >> 8);
    }
    for (int i = 0; i < BLOCKS; i++) {
        w->plain[i] = (uint8_t)(seed >> (i % 24));
        w->key[i % 16] ^= (uint8_t)(seed >> (i % 13));
    }
    memcpy(w->expected_cipher, w->plain, BLOCKS);
    w->expected_median = median(w->samples, sizeof w->samples);
    encipher(w->expected_cipher, BLOCKS, w->key);
}

static bool check(bool holds, const char *what)
{
    if (!holds) {
        printf("rtos: FAILED: %s\n", what);
    }
    return holds;
}

static bool judge(const struct scheduler_report *seen)
{
    const uint32_t latest = instructions_of_ticks(control_latest);
    printf("tasks: switches=%lu inside=%lu stack_errors=%lu\n", (unsigned long)seen->switches,
           (unsigned long)seen->inside, (unsigned long)seen->stack_errors);
    printf("workers: wrong=%lu busy=%lu\n", (unsigned long)(work[0].wrong + work[1].wrong),
           (unsigned long)(work[0].busy + work[1].busy));
    printf("rogue: aborted=%lu faulted=%lu recovered=%lu\n", (unsigned long)rogue_aborted,
           (unsigned long)rogue_faulted, (unsigned long)rogue_recovered);
    printf("control: steps=%lu latest=%lu\n", (unsigned long)control_steps, (unsigned long)latest);
    bool ok = check(seen->stack_errors == 0, "a task's SP was outside its stack");
    ok &= check(seen->inside > 0, "no task was switched out inside a sandbox");
    ok &= check(work[0].wrong + work[1].wrong == 0, "a worker's result was wrong");
    ok &= check(work[0].busy + work[1].busy > 0, "no call met a busy sandbox");
    ok &= check(rogue_recovered == ROGUE_ROUNDS && rogue_aborted == ROGUE_ROUNDS / 2 &&
                rogue_faulted == ROGUE_ROUNDS / 2, "the rogue tenant did not come back");
    ok &= check(latest <= LATEST_INSTRUCTIONS, "the control task was late");
    return ok;
}

int main(void)
{
    static const struct {
        const char *name;
        uint32_t priority;
        void (*function)(void);
    } plan[] = {{"control", 3, control}, {"first", 2, first_worker}, {"second", 2, second_worker},
                {"trouble", 2, trouble}, {"idle", 1, idle}};
    stopwatch_start();
    prepare(&work[0], 1);
    prepare(&work[1], 2);
    for (size_t i = 0; i < sizeof plan / sizeof plan[0]; i++) {
        task_create(&tasks[i], plan[i].name, plan[i].priority, plan[i].function, stacks[i], STACK);
    }
    SYSTICK_RELOAD = TICK - 1;
    SYSTICK_CURRENT = 0;
    SYSTICK_CONTROL = SYSTICK_ENABLE_WITH_INTERRUPT;
    scheduler_run();
    SYSTICK_CONTROL = 0;
    const struct scheduler_report seen = scheduler_report();
    const bool ok = judge(&seen);
    printf("rtos: %s\n", ok ? "ok" : "FAILED");
    return ok ? 0 : STATUS_FAILED;
}
