/* Ringfence: what host code may use on the device.
 *
 * A sandbox's exported functions are called like any others: the header generated for it (ringfence_NAME.h) declares
 * them, and the gate does the rest. A call that cannot be completed returns the export's error value; ask
 * ringfence_last_status() and ringfence_last_fault() why.
 *
 *   - Calls are made in Thread mode, privileged, with FAULTMASK clear, on the main or the process stack. Anything
 *     else is refused. PRIMASK and BASEPRI are left as they are: a fault of the sandbox then escalates to HardFault
 *     and is handled there, but no timer interrupt can abort the sandbox while they mask it.
 *   - A sandbox serves one call at a time. A second thread, or an import that calls back into the same sandbox, is
 *     refused with RINGFENCE_ERROR_BUSY. Calling another sandbox from an import is fine.
 *   - A sandbox is initialised by its first call (.data, .bss, heap, constructors), or earlier by ringfence_init_all().
 *   - A sandbox that faulted, trapped or was aborted stays dead until ringfence_reset().
 *   - The sandbox runs on its own stack through PSP. An RTOS that compares a switched-out task's SP with the bounds of
 *     the task's stack must not do so for a task inside a sandbox.
 *   - DMA, other cores and interrupt handlers must not write into a sandbox's stack.
 */
#ifndef RINGFENCE_H
#define RINGFENCE_H

/* The immediate of the UDF instruction by which a sandbox stops itself. */
#define RINGFENCE_TRAP_UNREACHABLE 0xF0 /* control reached a place that has no code */
#define RINGFENCE_TRAP_STACK 0xF1       /* the stack would have overflowed */
#define RINGFENCE_TRAP_STORE 0xF2       /* a store outside the window (mode="trap") */
#define RINGFENCE_TRAP_FUNCTION 0xF3    /* a null function pointer, or one to no function */
#define RINGFENCE_TRAP_EXIT 0xF4        /* abort, exit, kill or a failed assertion */
#define RINGFENCE_TRAP_LOAD 0xF5        /* a load from outside the window (mode="trap", confine="reads") */

#ifndef __ASSEMBLER__

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct ringfence_sandbox; /* one constant descriptor per sandbox: ringfence_NAME */

/* The address of a function of a sandbox (`function` in a prototype). The host cannot call it; the gate of a prototype
 * (*NAME)(...) can, and checks it. */
typedef const struct ringfence_code *ringfence_function;

/* How a call of an export, or a request below, ended. */
enum ringfence_status {
    RINGFENCE_OK = 0,
    RINGFENCE_ERROR_CONTEXT = 1, /* Handler mode, unprivileged or FAULTMASK set */
    RINGFENCE_ERROR_BUSY = 2,    /* the sandbox is serving another call */
    RINGFENCE_ERROR_DEAD = 3,    /* it faulted earlier: ringfence_reset() it */
    RINGFENCE_ERROR_POINTER = 4, /* a buffer lies partly in the window or in the sandbox's stack; a bad result */
    RINGFENCE_ERROR_ROOM = 5,    /* the sandbox's heap has no room for copies of the buffers */
    RINGFENCE_ERROR_FAULT = 6,   /* it faulted, trapped or was aborted: ringfence_last_fault() */
    RINGFENCE_ERROR_FUNCTION = 7, /* not the address of a function of this sandbox: stale, forged, or a bad result */
};

enum ringfence_fault_kind {
    RINGFENCE_FAULT_NONE = 0,
    RINGFENCE_FAULT_UNREACHABLE, /* RINGFENCE_TRAP_UNREACHABLE */
    RINGFENCE_FAULT_STACK,       /* RINGFENCE_TRAP_STACK */
    RINGFENCE_FAULT_STORE,       /* RINGFENCE_TRAP_STORE */
    RINGFENCE_FAULT_FUNCTION,    /* RINGFENCE_TRAP_FUNCTION, or a call to an address without Thumb bit */
    RINGFENCE_FAULT_EXIT,        /* RINGFENCE_TRAP_EXIT, or an import declared noreturn came back */
    RINGFENCE_FAULT_INSTRUCTION, /* an undefined instruction, or UDF with another immediate */
    RINGFENCE_FAULT_USAGE,       /* unaligned access, division by zero, no coprocessor */
    RINGFENCE_FAULT_MEMORY,      /* MemManage: the MPU */
    RINGFENCE_FAULT_BUS,         /* BusFault: nothing answers at the address */
    RINGFENCE_FAULT_POINTER,     /* an import was given a buffer that is not the sandbox's to give */
    RINGFENCE_FAULT_ABORTED,     /* ringfence_abort() */
    RINGFENCE_FAULT_LOAD,        /* RINGFENCE_TRAP_LOAD */
    RINGFENCE_FAULT_OTHER,
};

struct ringfence_fault {
    const struct ringfence_sandbox *sandbox;
    enum ringfence_fault_kind kind;
    uint32_t pc;      /* address of the instruction (for POINTER and EXIT by an import: where it would return to) */
    uint32_t cfsr;    /* Configurable Fault Status Register, 0 if no exception was taken */
    uint32_t address; /* the data address, where the hardware (or the pointer check) knows it; for FUNCTION: where the
                         call would have returned to; otherwise 0 */
};

/* The name given in the build script. */
const char *ringfence_name(const struct ringfence_sandbox *sandbox);

/* How the last call of one of its exports, or the last attempt to call one, ended. */
enum ringfence_status ringfence_last_status(const struct ringfence_sandbox *sandbox);

/* The most recent fault of any sandbox, or NULL. Valid until that sandbox faults again. */
const struct ringfence_fault *ringfence_last_fault(void);

/* A short English text such as "stack limit". */
const char *ringfence_fault_name(enum ringfence_fault_kind kind);

/* Initialise every sandbox that has not been used yet. Returns RINGFENCE_OK or the first error. */
enum ringfence_status ringfence_init_all(void);

/* Put a sandbox, dead or idle, back into its initial state: .data, .bss, heap, constructors. */
enum ringfence_status ringfence_reset(const struct ringfence_sandbox *sandbox);

/* For interrupt handlers (a watchdog tick, say) and imports: end the call that the sandbox is serving, as if it had
 * faulted. Returns 1 if the interrupted code was the sandbox's, or is an import that it called (the call then ends when
 * the import returns). Returns 0 if the sandbox is idle; and if another thread runs, or the gate is just being passed:
 * the call ends with its next import then, or by asking again at the next tick. */
int ringfence_abort(const struct ringfence_sandbox *sandbox);

/* 1 if [pointer, pointer + size) lies in the sandbox's window and outside its stack: use it on every address that a
 * sandbox hands out by other ways than declared buffers, before dereferencing it. */
int ringfence_in_window(const struct ringfence_sandbox *sandbox, const void *pointer, size_t size);

/* To be called first by fault handlers, in Handler mode: 1 if the fault was a sandbox's and has been turned into an
 * error of its gate (then return from the handler at once: the record is made afterwards, before the gate returns), 0 if
 * it is the host's. How long it holds off interrupts: ringfence_enable_faults() in ringfence_supervise.h. */
int ringfence_fault(void);

/* First line of a host's own HardFault_Handler, MemManage_Handler, BusFault_Handler and UsageFault_Handler. */
#define RINGFENCE_FAULT_ENTRY       \
    do {                            \
        if (ringfence_fault())      \
            return;                 \
    } while (0)

/* Called by Ringfence's own fault handlers for faults of the host. The default (weak) stops for ever, at a breakpoint
 * if a debugger is attached; define your own to log and restart. */
void ringfence_host_fault(void);

#ifdef __cplusplus
}
#endif

#endif /* __ASSEMBLER__ */
#endif /* RINGFENCE_H */
