/* Faults, traps and aborts of a sandbox become error results of its gate.
 *
 * The exception frame that the hardware pushed on the sandbox's stack is rewritten in place, so that the exception
 * returns to the recovery. Building a new frame would be wrong: lazy FP state could be flushed into it later.
 * A fault handler holds off interrupts (HardFault: all but NMI), so it only decides whose fault it is and keeps what the
 * hardware will not tell later; ringfence_faulted() makes a record of that in Thread mode.
 * ARMv7-M ARM: exception entry B1.5.6, ICSR B3.2.4, CFSR B3.2.15, HFSR B3.2.16, DHCSR C1.6.2. */
#include "gate.h"

/* CFSR and what follows it. A test that injects faults which its emulator does not raise puts them elsewhere. */
#ifndef RINGFENCE_FAULT_REGISTERS
#define RINGFENCE_FAULT_REGISTERS 0xE000ED28u
#endif

#define ICSR (*(volatile uint32_t *)0xE000ED04u)
#define CFSR (*(volatile uint32_t *)(RINGFENCE_FAULT_REGISTERS + 0x00u))
#define HFSR (*(volatile uint32_t *)(RINGFENCE_FAULT_REGISTERS + 0x04u))
#define MMFAR (*(volatile uint32_t *)(RINGFENCE_FAULT_REGISTERS + 0x0Cu))
#define BFAR (*(volatile uint32_t *)(RINGFENCE_FAULT_REGISTERS + 0x10u))
#define DHCSR (*(volatile uint32_t *)0xE000EDF0u)

#define ICSR_RETTOBASE (1u << 11)
#define ICSR_VECTACTIVE 0x1FFu /* the same as IPSR */
#define CFSR_MEMORY 0x000000FFu
#define CFSR_MSTKERR (1u << 4)
#define CFSR_MMARVALID (1u << 7)
#define CFSR_BUS 0x0000FF00u
#define CFSR_STKERR (1u << 12)
#define CFSR_BFARVALID (1u << 15)
#define CFSR_UNDEFINSTR (1u << 16)
#define CFSR_INVSTATE (1u << 17)
#define CFSR_INVPC (1u << 18)
#define CFSR_USAGE 0xFFFF0000u
#define HFSR_VECTTBL (1u << 1)
#define DHCSR_DEBUGEN 1u
#define XPSR_T (1u << 24)
#define XPSR_REALIGNED (1u << 9) /* the frame was moved down by 4 bytes: needed to undo that */

struct frame {
    uint32_t r0, r1, r2, r3, r12, lr, pc, xpsr;
};

static const struct ringfence_fault *last_fault;

const struct ringfence_fault *ringfence_last_fault(void)
{
    return last_fault;
}

void ringfence_note_fault(const struct ringfence_sandbox *sandbox, enum ringfence_fault_kind kind, uint32_t pc,
                          uint32_t cfsr, uint32_t address)
{
    struct ringfence_fault *fault = &sandbox->state->fault;

    fault->sandbox = sandbox;
    fault->kind = kind;
    fault->pc = pc;
    fault->cfsr = cfsr;
    fault->address = address;
    last_fault = fault;
}

/* In Handler mode, and no other exception is active. */
static int interrupted_a_thread(void)
{
    const uint32_t icsr = ICSR;

    return (icsr & ICSR_RETTOBASE) != 0 && (icsr & ICSR_VECTACTIVE) != 0;
}

/* The frame of the sandbox's code that Thread mode was interrupted in; NULL if Thread mode was elsewhere. PSP in the
 * sandbox's stack tells its thread from the others of an RTOS; RUNNING tells S from an import or gate on MSP. */
__attribute__((always_inline)) static inline struct frame *interrupted(const struct ringfence_sandbox *sandbox)
{
    uint32_t psp;

    if (sandbox->state->phase != RF_RUNNING)
        return NULL;
    __asm__ volatile("mrs %0, PSP" : "=r"(psp));
    if ((psp & 3) != 0 || psp < sandbox->stack_low || psp > sandbox->stack_high ||
        sandbox->stack_high - psp < sizeof(struct frame))
        return NULL;
    return (struct frame *)psp;
}

static int in_code(const struct ringfence_sandbox *sandbox, uint32_t pc)
{
    return pc >= sandbox->code_start && pc < sandbox->code_end;
}

static void redirect(const struct ringfence_sandbox *sandbox, struct frame *frame, void (*to)(const struct ringfence_sandbox *))
{
    sandbox->state->phase = RF_HELD;
    frame->r0 = (uint32_t)sandbox;
    frame->pc = (uint32_t)to & ~1u;
    frame->xpsr = (frame->xpsr & XPSR_REALIGNED) | XPSR_T; /* no IT or ICI bits: they would skip instructions */
}

/* The immediate of the UDF at `pc`, in either encoding (ARMv7-M ARM A7.7.194), or -1. */
static int udf_immediate(uint32_t pc)
{
    uint32_t first = *(const uint16_t *)pc, second;

    if ((first & 0xFF00u) == 0xDE00u)
        return (int)(first & 0xFFu);
    if ((first & 0xFFF0u) != 0xF7F0u)
        return -1;
    second = *(const uint16_t *)(pc + 2);
    return (second & 0xF000u) == 0xA000u ? (int)((first & 0xFu) << 12 | (second & 0xFFFu)) : -1;
}

static enum ringfence_fault_kind kind_of_trap(int immediate)
{
    if (immediate == RINGFENCE_TRAP_LOAD)
        return RINGFENCE_FAULT_LOAD;
    if (immediate < RINGFENCE_TRAP_UNREACHABLE || immediate > RINGFENCE_TRAP_EXIT)
        return RINGFENCE_FAULT_INSTRUCTION;
    return (enum ringfence_fault_kind)(RINGFENCE_FAULT_UNREACHABLE + (immediate - RINGFENCE_TRAP_UNREACHABLE));
}
_Static_assert(RINGFENCE_FAULT_EXIT - RINGFENCE_FAULT_UNREACHABLE ==
               RINGFENCE_TRAP_EXIT - RINGFENCE_TRAP_UNREACHABLE, "traps and their kinds are in the same order");

static enum ringfence_fault_kind kind_of_fault(const struct ringfence_sandbox *sandbox, uint32_t cfsr, uint32_t pc)
{
    if (cfsr & CFSR_UNDEFINSTR)
        return in_code(sandbox, pc) ? kind_of_trap(udf_immediate(pc)) : RINGFENCE_FAULT_INSTRUCTION;
    if (cfsr & CFSR_INVSTATE)
        return RINGFENCE_FAULT_FUNCTION;
    if (cfsr & CFSR_USAGE)
        return RINGFENCE_FAULT_USAGE;
    if (cfsr & CFSR_MEMORY)
        return RINGFENCE_FAULT_MEMORY;
    return cfsr & CFSR_BUS ? RINGFENCE_FAULT_BUS : RINGFENCE_FAULT_OTHER;
}

/* Replaces what keep_status() has kept: the data address, if the hardware knows it; of a bad function pointer, where the
 * call would have returned to: the PC is that of a trap in the table of functions then. */
static uint32_t address_of_fault(enum ringfence_fault_kind kind, const struct ringfence_state *state)
{
    if (kind == RINGFENCE_FAULT_FUNCTION)
        return state->sandbox_lr & ~1u;
    return state->fault.cfsr & (CFSR_BFARVALID | CFSR_MMARVALID) ? state->fault.address : 0;
}

/* Complete the record of a hardware fault, which keep_status() has begun. Returns its argument. */
static const struct ringfence_sandbox *ringfence_record(const struct ringfence_sandbox *sandbox) __attribute__((used));
static const struct ringfence_sandbox *ringfence_record(const struct ringfence_sandbox *sandbox)
{
    const struct ringfence_state *state = sandbox->state;
    const uint32_t cfsr = state->fault.cfsr;
    /* If the frame was not written, what it holds is not the PC. */
    const uint32_t pc = cfsr & (CFSR_STKERR | CFSR_MSTKERR) ? 0 : state->fault.pc;
    const enum ringfence_fault_kind kind = kind_of_fault(sandbox, cfsr, pc);

    ringfence_note_fault(sandbox, kind, pc, cfsr, address_of_fault(kind, state));
    return sandbox;
}

#define TEXT_OF(x) #x
#define TEXT(x) TEXT_OF(x)

/* Where the exception returns to after a fault of the sandbox, r0 its descriptor, on the sandbox's stack: go to the
 * caller's, make the record there, and recover. */
__attribute__((naked)) static void ringfence_faulted(const struct ringfence_sandbox *sandbox __attribute__((unused)))
{
    __asm__ volatile("ldr  r4, [r0, #" TEXT(RF_STATE) "]\n"
                     "ldrd r5, r6, [r4, #" TEXT(RF_HOST_CONTROL) "]\n" /* and RF_HOST_SP */
                     "msr  CONTROL, r5\n"
                     "isb\n"
                     "mov  sp, r6\n"
                     "bl   ringfence_record\n"
                     "b.w  ringfence_recover");
}

/* Keep the fault status, PC and LR for ringfence_record(), and clear what was read (both registers are write-one-to-clear). */
static void keep_status(struct ringfence_state *state, const struct frame *frame, uint32_t cfsr, uint32_t hfsr)
{
    state->fault.cfsr = cfsr;
    state->fault.pc = frame->pc;
    state->sandbox_lr = frame->lr;
    state->fault.address = cfsr & CFSR_BFARVALID ? BFAR : MMFAR;
    CFSR = cfsr;
    HFSR = hfsr;
}

int ringfence_fault(void)
{
    const uint32_t cfsr = CFSR, hfsr = HFSR;

    /* With another exception active, the fault is that of an interrupt handler, whatever it interrupted. And some faults
     * only exception entry and return raise: the vector table cannot be read, or a handler returned with a bad
     * EXC_RETURN. Sandboxed code cannot cause them. */
    if (!interrupted_a_thread() || (hfsr & HFSR_VECTTBL) != 0 || (cfsr & CFSR_INVPC) != 0)
        return 0;
    for (const struct ringfence_sandbox *const *each = ringfence_sandboxes; *each; each++) {
        struct frame *frame = interrupted(*each);

        if (frame) {
            keep_status((*each)->state, frame, cfsr, hfsr);
            redirect(*each, frame, ringfence_faulted);
            return 1;
        }
    }
    return 0;
}

int ringfence_abort(const struct ringfence_sandbox *sandbox)
{
    struct ringfence_state *state = sandbox->state;
    uint32_t phase = state->phase;
    struct frame *frame = interrupted(sandbox);

    /* Another active exception may be the sandbox's fault, of which this must not take the frame away. */
    if (frame && in_code(sandbox, frame->pc) && interrupted_a_thread()) {
        ringfence_note_fault(sandbox, RINGFENCE_FAULT_ABORTED, frame->pc, 0, 0);
        redirect(sandbox, frame, ringfence_recover);
        return 1;
    }
    /* Remembered until the call ends: a sandbox that reads the timer could be in an import's gate at every tick. */
    if (phase == RF_HELD || phase == RF_RUNNING || phase == RF_IMPORT)
        state->abort = 1;
    return phase == RF_IMPORT;
}

const char *ringfence_fault_name(enum ringfence_fault_kind kind)
{
    static const char *const names[] = {
        "none", "unreachable code", "stack limit", "stray store", "bad function pointer", "exit or abort",
        "undefined instruction", "usage fault", "memory protection fault", "bus fault", "bad pointer to an import",
        "aborted", "stray load", "other fault",
    };
    _Static_assert(sizeof names / sizeof names[0] == RINGFENCE_FAULT_OTHER + 1, "one name per kind");

    return (uint32_t)kind <= RINGFENCE_FAULT_OTHER ? names[kind] : "unknown fault";
}

__attribute__((weak)) void ringfence_host_fault(void)
{
    if (DHCSR & DHCSR_DEBUGEN)
        __asm__ volatile("bkpt #0"); /* without a debugger this would lock up */
    for (;;)
        ;
}
