/* Ringfence: what a host may use to watch over its sandboxes: time budgets, a watchdog, an RTOS's stack check,
 * the priority of faults, logging. */
#ifndef RINGFENCE_SUPERVISE_H
#define RINGFENCE_SUPERVISE_H

#include "ringfence.h"

#ifdef __cplusplus
extern "C" {
#endif

/* How long a sandbox's next call may take, in ticks of a timer of the host's. Starts as {&ringfence_NAME, 0}. */
struct ringfence_budget {
    const struct ringfence_sandbox *sandbox;
    volatile uint32_t left; /* 0: unlimited */
};

/* Before a call: it may take so many ticks, from now on. Time counts only while a call is being served, imports
 * included; what a call leaves over remains for the next one, unless this is called again. */
void ringfence_budget_start(struct ringfence_budget *budget, uint32_t ticks);

/* In the timer's interrupt handler, once per tick: 1 if the budget ran out and the call was ended just now (as by
 * ringfence_abort()). A sandbox that is just entering or leaving is ended at the next tick. */
int ringfence_budget_tick(struct ringfence_budget *budget);

/* First thing in the handler of a watchdog's warning (an interrupt or NMI before the watchdog resets the processor):
 * 1 if a sandbox's call stood in the way and was ended, so feed the watchdog; 0 if the host itself is stuck. A sandbox
 * in an import is asked only once: if the import does not return until the next warning, the host is stuck. */
int ringfence_watchdog(void);

/* For an RTOS that checks that a switched-out task's SP lies in the task's stack. `psp`: the task's process stack
 * pointer. Returns `psp`, or, for a task inside a sandbox, SP as it was when the task called the sandbox. Anything
 * else that lies in a sandbox's stack is returned as it is, and fails the check as it should. */
uint32_t ringfence_task_sp(uint32_t psp);

/* Let interrupts more urgent than `priority` (8 bits as in the NVIC, larger is less urgent) pass while a fault is handled:
 * enables MemManage, BusFault and UsageFault with that priority, at start-up, say. Without this they escalate to
 * HardFault, and a fault of a sandbox holds off every interrupt but NMI for as long as its handler runs.
 *   - Your own faults go to these three handlers then, too. That is why no gate does it by itself: a host that has only a
 *     HardFault_Handler of its own should call it from the others, or from ringfence_host_fault(). The build refuses the
 *     call if the vector table has other handlers for these faults.
 *   - With an RTOS: not less urgent than PendSV, or a task switch could come between a fault and its handler. PendSV has
 *     the lowest priority as a rule, and 0xFF is right here as well.
 * A fault where the priority does not let it in (PRIMASK, BASEPRI, an interrupt handler) escalates as before. */
void ringfence_enable_faults(uint8_t priority);

/* One line of text for a log, which `ringfence explain --fault` decodes: the words of the record in hexadecimal.
 * Returns its length, the terminating zero not counted. */
#define RINGFENCE_FAULT_LINE 64
size_t ringfence_fault_line(const struct ringfence_fault *fault, char line[RINGFENCE_FAULT_LINE]);

#ifdef __cplusplus
}
#endif

#endif /* RINGFENCE_SUPERVISE_H */
