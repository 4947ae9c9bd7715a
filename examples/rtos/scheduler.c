/* ARMv7-M ARM: exception entry and return B1.5.6 to B1.5.8, PendSV B1.5.2, SHPR B3.2.10 to B3.2.12, ICSR B3.2.4. */
#include "scheduler.h"

#include <stdbool.h>

#include "ringfence_supervise.h"

#define ICSR (*(volatile uint32_t *)0xE000ED04u)
#define SHPR2 (*(volatile uint32_t *)0xE000ED1Cu)
#define SHPR3 (*(volatile uint32_t *)0xE000ED20u)
#define ICSR_PENDSVSET (1u << 28)
#define PENDSV_LOWEST (0xFFu << 16)
#define XPSR_T (1u << 24)

#define TO_THREAD_ON_PSP 0xFFFFFFFDu /* EXC_RETURN, with a frame without floating-point registers (B1.5.8) */

enum { FRAME_WORDS = 8, FRAME_LR = 5, FRAME_PC = 6, FRAME_XPSR = 7 };

_Static_assert(offsetof(struct task, sp) == 0 && offsetof(struct task, saved) == 4, "PendSV_Handler counts on it");

/* The ring of tasks, and the one that runs. PendSV_Handler reads `current_task`. */
static struct task *ring;
struct task *volatile current_task;
static struct scheduler_report counted;
static volatile bool stopping;
static uint32_t turns;

/* scheduler_run() waits here, on the main stack, as if it were a task of the lowest priority. */
static uint32_t main_sp __attribute__((used));

struct scheduler_report scheduler_report(void)
{
    return counted;
}

static void pend_switch(void)
{
    ICSR = ICSR_PENDSVSET;
    __asm__ volatile("dsb\n isb" ::: "memory");
}

static void task_end(void)
{
    current_task->sleeps = TASK_FOREVER;
    for (;;) {
        pend_switch();
    }
}

void task_create(struct task *task, const char *name, uint32_t priority, void (*function)(void), void *stack,
                 size_t size)
{
    uint32_t *frame = (uint32_t *)((uint32_t)stack + size) - FRAME_WORDS;
    for (int i = 0; i < FRAME_WORDS; i++) {
        frame[i] = 0;
    }
    frame[FRAME_LR] = (uint32_t)task_end;
    frame[FRAME_PC] = (uint32_t)function & ~1u;
    frame[FRAME_XPSR] = XPSR_T;
    *task = (struct task){.sp = (uint32_t)frame, .stack_low = (uint32_t)stack, .stack_high = (uint32_t)stack + size,
                          .name = name, .priority = priority};
#ifdef __ARM_FP
    task->exc_return = TO_THREAD_ON_PSP;
#endif
    task->next = ring == NULL ? task : ring->next;
    if (ring != NULL) {
        ring->next = task;
    }
    ring = task;
}

void scheduler_tick(void)
{
    struct task *task = ring;
    do {
        if (task->sleeps != 0 && task->sleeps != TASK_FOREVER) {
            task->sleeps--;
        }
        task = task->next;
    } while (task != ring);
    ICSR = ICSR_PENDSVSET;
}

void task_yield(void)
{
    pend_switch();
}

void task_sleep(uint32_t ticks)
{
    current_task->sleeps = ticks;
    pend_switch();
}

void scheduler_stop(void)
{
    stopping = true;
    pend_switch();
}

static void check_stack(const struct task *task)
{
    const uint32_t sp = ringfence_task_sp(task->sp);
    if (sp != task->sp) {
        counted.inside++;
    }
    if (sp < task->stack_low || sp > task->stack_high) {
        if (counted.stack_errors++ == 0) {
            counted.culprit = task;
        }
    }
}

static bool goes_before(const struct task *a, const struct task *b)
{
    return a->priority > b->priority || (a->priority == b->priority && a->turn < b->turn);
}

/* The ready task of the highest priority; among equals the one that waited longest. NULL if none is ready. */
static struct task *choose(void)
{
    struct task *best = NULL;
    struct task *task = ring;
    do {
        if (task->sleeps == 0 && (best == NULL || goes_before(task, best))) {
            best = task;
        }
        task = task->next;
    } while (task != ring);
    if (best != NULL) {
        best->turn = ++turns;
    }
    return best;
}

/* Called by PendSV_Handler when the running task's registers are in its descriptor. NULL: back to scheduler_run(). */
__attribute__((used)) struct task *scheduler_next(void)
{
    struct task *task = current_task;
    check_stack(task);
    struct task *next = choose();
    if (stopping || next == NULL) {
        return NULL;
    }
    if (next != task) {
        counted.switches++;
    }
    current_task = next;
    return next;
}

/* With an FPU: EXC_RETURN of a task, and s16-s31 if its bit 4 says that they are in use. The first instruction that uses
 * the FPU here makes the hardware save s0-s15 of the task that is left, too (lazy stacking, B1.5.7). */
#ifdef __ARM_FP
#define SAVE_FP "str lr, [r0], #4\n tst lr, #16\n it eq\n vstmeq r0, {s16-s31}\n"
#define RESTORE_FP "ldr lr, [r0], #4\n tst lr, #16\n it eq\n vldmeq r0, {s16-s31}\n"
#define SAVE_MAIN_FP "vpush {s16-s31}\n"
#define RESTORE_MAIN_FP "vpop {s16-s31}\n"
#else
#define SAVE_FP ""
#define RESTORE_FP ""
#define SAVE_MAIN_FP ""
#define RESTORE_MAIN_FP ""
#endif

/* r4-r11 and PSP of one task out, of the next one in; the hardware does the rest, on the tasks' stacks. */
void PendSV_Handler(void);
__attribute__((naked)) void PendSV_Handler(void)
{
    __asm__ volatile("ldr   r0, =current_task\n"
                     "ldr   r0, [r0]\n"
                     "mrs   r1, PSP\n"
                     "str   r1, [r0], #4\n"
                     "stm   r0!, {r4-r11}\n"
                     SAVE_FP
                     "push  {r3, lr}\n"
                     "bl    scheduler_next\n"
                     "pop   {r3, lr}\n"
                     "cbz   r0, 1f\n"
                     "ldr   r1, [r0], #4\n"
                     "ldm   r0!, {r4-r11}\n"
                     RESTORE_FP
                     "msr   PSP, r1\n"
                     "bx    lr\n"
                     "1:    ldr   r0, =main_sp\n" /* the frame of scheduler_run()'s SVC, on the main stack */
                     "ldr   r0, [r0]\n"
                     "msr   MSP, r0\n"
                     RESTORE_MAIN_FP
                     "pop   {r3-r11, lr}\n"
                     "bx    lr\n"
                     ".ltorg");
}

/* scheduler_run()'s SVC: keep the main stack as it is, and become the first task. */
void SVC_Handler(void);
__attribute__((naked)) void SVC_Handler(void)
{
    __asm__ volatile("push  {r3-r11, lr}\n" /* r3: SP stays a multiple of 8 */
                     SAVE_MAIN_FP
                     "ldr   r0, =main_sp\n"
                     "mov   r1, sp\n"
                     "str   r1, [r0]\n"
                     "ldr   r0, =current_task\n"
                     "ldr   r0, [r0]\n"
                     "ldr   r1, [r0], #4\n"
                     "ldm   r0, {r4-r11}\n"
                     "msr   PSP, r1\n"
                     "mvn   lr, #2\n" /* TO_THREAD_ON_PSP */
                     "bx    lr\n"
                     ".ltorg");
}

void scheduler_run(void)
{
    SHPR2 = 0; /* SVC above PendSV */
    SHPR3 = PENDSV_LOWEST;
    stopping = false;
    counted = (struct scheduler_report){0};
    current_task = choose();
    if (current_task != NULL) {
        __asm__ volatile("svc #0" ::: "memory");
    }
}
