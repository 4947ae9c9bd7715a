/*
 * A small pre-emptive scheduler: fixed priorities, round robin among equals, each task on its own process stack.
 *
 * It knows of sandboxes in one place only: before it leaves a task it checks that the task's SP lies in the task's own
 * stack, and asks Ringfence what that SP is for a task that is inside a sandbox (ringfence_task_sp).
 * r4-r11 (s16-s31) are kept in the task's descriptor, not on its stack: that may be a sandbox's, which has room for an exception
 * frame and no more.
 */
#ifndef SCHEDULER_H
#define SCHEDULER_H

#include <stddef.h>
#include <stdint.h>

struct task {
    uint32_t sp;       /* process stack pointer, while the task does not run */
    uint32_t saved[8]; /* r4-r11 */
#ifdef __ARM_FP
    uint32_t exc_return;    /* says whether the task's exception frame has floating-point registers */
    uint32_t saved_fp[16];  /* s16-s31, if it has */
#endif
    uint32_t stack_low, stack_high;
    const char *name;
    uint32_t priority; /* larger runs first */
    volatile uint32_t sleeps; /* ticks until it is ready; 0: ready, TASK_FOREVER: ended */
    uint32_t turn;     /* when it was chosen last: among equals, the one that waited longest runs */
    struct task *next; /* ring of all tasks */
};

#define TASK_FOREVER 0xFFFFFFFFu

/* What the scheduler counted. */
struct scheduler_report {
    uint32_t switches;
    uint32_t inside;       /* of these, switches away from a task that was inside a sandbox */
    uint32_t stack_errors; /* tasks found with SP outside their stack; the first is kept in `culprit` */
    const struct task *culprit;
};

/* Before scheduler_run(): add a task. `stack` has `size` bytes, a multiple of 8. */
void task_create(struct task *task, const char *name, uint32_t priority, void (*function)(void), void *stack,
                 size_t size);

/* Run the tasks; returns, on the main stack, when one calls scheduler_stop(), or when none is ready: so give it one that
 * always is. PendSV_Handler and SVC_Handler are the scheduler's. */
void scheduler_run(void);

/* By tasks. */
void scheduler_stop(void);
void task_yield(void);
void task_sleep(uint32_t ticks);

/* By the timer's interrupt handler of the program, once per tick. */
void scheduler_tick(void);

struct scheduler_report scheduler_report(void);

#endif
