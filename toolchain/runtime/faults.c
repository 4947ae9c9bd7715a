/* Faults, traps and aborts of a sandbox become error results of its gate.
 *
 * The exception frame that the hardware pushed on the sandbox's stack is rewritten in place, so that the exception
 * returns to ringfence_recover(). Building a new frame would be wrong: lazy FP state could be flushed into it later.
 * ARMv7-M ARM: exception entry B1.5.6, ICSR B3.2.4, CFSR B3.2.15, HFSR B3.2.16, DHCSR C1.6.2. */
#include "gate.h"

#define ICSR (*(volatile uint32_t *)0xE000ED04u)
#define CFSR (*(volatile uint32_t *)0xE000ED28u)
#define HFSR (*(volatile uint32_t *)0xE000ED2Cu)
#define MMFAR (*(volatile uint32_t *)0xE000ED34u)
#define BFAR (*(volatile uint32_t *)0xE000ED38u)
#define DHCSR (*(volatile uint32_t *)0xE000EDF0u)

#define ICSR_RETTOBASE (1u << 11)
#define CFSR_MEMORY 0x000000FFu
#define CFSR_MMARVALID (1u << 7)
#define CFSR_BUS 0x0000FF00u
#define CFSR_BFARVALID (1u << 15)
#define CFSR_UNDEFINSTR (1u << 16)
#define CFSR_INVSTATE (1u << 17)
#define CFSR_USAGE 0xFFFF0000u
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

static int in_handler_mode(void)
{
    uint32_t ipsr;

    __asm__ volatile("mrs %0, IPSR" : "=r"(ipsr));
    return ipsr != 0;
}

/* The frame of the sandbox's code that Thread mode was interrupted in; NULL if Thread mode was elsewhere. PSP in the
 * sandbox's stack tells its thread from the others of an RTOS; RUNNING tells S from an import or gate on MSP. */
static struct frame *interrupted(const struct ringfence_sandbox *sandbox)
{
    uint32_t psp;

    __asm__ volatile("mrs %0, PSP" : "=r"(psp));
    if (sandbox->state->phase != RF_RUNNING || (psp & 3) != 0 || psp < sandbox->stack_low ||
        psp > sandbox->stack_high || sandbox->stack_high - psp < sizeof(struct frame))
        return NULL;
    return (struct frame *)psp;
}

static int in_code(const struct ringfence_sandbox *sandbox, uint32_t pc)
{
    return pc >= sandbox->code_start && pc < sandbox->code_end;
}

static void redirect(const struct ringfence_sandbox *sandbox, struct frame *frame)
{
    sandbox->state->phase = RF_HELD;
    frame->r0 = (uint32_t)sandbox;
    frame->pc = (uint32_t)ringfence_recover & ~1u;
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

/* Read the fault status, then clear what was read (both registers are write-one-to-clear). */
static void note_hardware_fault(const struct ringfence_sandbox *sandbox, uint32_t pc)
{
    uint32_t cfsr = CFSR, address = 0;

    if (cfsr & CFSR_BFARVALID)
        address = BFAR;
    else if (cfsr & CFSR_MMARVALID)
        address = MMFAR;
    ringfence_note_fault(sandbox, kind_of_fault(sandbox, cfsr, pc), pc, cfsr, address);
    CFSR = cfsr;
    HFSR = HFSR;
}

int ringfence_fault(void)
{
    /* With another exception active, the fault is that of an interrupt handler, whatever it interrupted. */
    if (!in_handler_mode() || !(ICSR & ICSR_RETTOBASE))
        return 0;
    for (const struct ringfence_sandbox *const *each = ringfence_sandboxes; *each; each++) {
        struct frame *frame = interrupted(*each);

        if (frame) {
            note_hardware_fault(*each, frame->pc);
            redirect(*each, frame);
            return 1;
        }
    }
    return 0;
}

int ringfence_abort(const struct ringfence_sandbox *sandbox)
{
    struct frame *frame;

    if (sandbox->state->phase == RF_IMPORT) {
        sandbox->state->abort = 1;
        return 1;
    }
    frame = interrupted(sandbox);
    if (!frame || !in_code(sandbox, frame->pc))
        return 0;
    ringfence_note_fault(sandbox, RINGFENCE_FAULT_ABORTED, frame->pc, 0, 0);
    redirect(sandbox, frame);
    return 1;
}

const char *ringfence_fault_name(enum ringfence_fault_kind kind)
{
    static const char *const names[] = {
        "none", "unreachable code", "stack limit", "stray store", "bad function pointer", "exit or abort",
        "undefined instruction", "usage fault", "memory protection fault", "bus fault", "bad pointer to an import",
        "aborted", "other fault",
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
