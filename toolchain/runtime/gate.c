/* The gates' C half: ownership, initialisation, copies of buffers into and out of a sandbox, checks for imports.
 * Needs no libc. Bounds are differences of addresses that are known to be ordered, so no sum can wrap. */
#include "gate.h"

#define OFFSET_IS(type, member, offset) \
    _Static_assert(offsetof(struct type, member) == (offset), #member " moved: switch.S counts on its place")
OFFSET_IS(ringfence_state, phase, RF_PHASE);
OFFSET_IS(ringfence_state, release, RF_RELEASE);
OFFSET_IS(ringfence_state, host_control, RF_HOST_CONTROL);
OFFSET_IS(ringfence_state, host_sp, RF_HOST_SP);
OFFSET_IS(ringfence_state, entry, RF_ENTRY);
OFFSET_IS(ringfence_state, sandbox_sp, RF_SANDBOX_SP);
OFFSET_IS(ringfence_state, sandbox_lr, RF_SANDBOX_LR);
OFFSET_IS(ringfence_state, sandbox_r4, RF_SANDBOX_R4);
OFFSET_IS(ringfence_state, abort, RF_ABORT);
OFFSET_IS(ringfence_state, status, RF_STATUS);
#ifdef __ARM_FP
OFFSET_IS(ringfence_state, sandbox_fpscr, RF_SANDBOX_FPSCR);
OFFSET_IS(ringfence_state, fp_result, RF_FP_RESULT);
OFFSET_IS(ringfence_words, fp, RF_WORDS_FP);
#endif
OFFSET_IS(ringfence_sandbox, slots_start, RF_SLOTS_START);
OFFSET_IS(ringfence_sandbox, slots_end, RF_SLOTS_END);
OFFSET_IS(ringfence_sandbox, state, RF_STATE);
OFFSET_IS(ringfence_sandbox, stack_high, RF_STACK_HIGH);
OFFSET_IS(ringfence_sandbox, return_address, RF_RETURN);
OFFSET_IS(ringfence_entry, address, RF_ENTRY_ADDRESS);
OFFSET_IS(ringfence_entry, error, RF_ENTRY_ERROR);
_Static_assert(RF_PHASE == 0, "switch.S takes the state's address for that of the phase");
_Static_assert(RF_STATE == 0 && RF_STACK_HIGH == 4 && RF_RETURN == 8 && RF_ABORT == RF_RELEASE + 4 &&
               RF_HOST_CONTROL == RF_ENTRY + 4 && RF_HOST_SP == RF_HOST_CONTROL + 4, "switch.S takes them together");
_Static_assert(RINGFENCE_OK == RF_STATUS_OK && RINGFENCE_ERROR_CONTEXT == RF_STATUS_CONTEXT &&
               RINGFENCE_ERROR_FAULT == RF_STATUS_FAULT, "switch.S has its own names for these");
_Static_assert(sizeof(struct ringfence_heap_top) == 8, "sandbox_libc.c counts on it");

/* A word at any address; v7-M reads and writes such words of normal memory in hardware (ARMv7-M ARM A3.2.1). */
struct any_word {
    uint32_t value;
} __attribute__((packed, may_alias));

#define WORD(address) (((struct any_word *)(address))->value)
/* Keeps the compiler from turning the loops into calls of memcpy and memset. */
#define NOT_A_LIBRARY_CALL __asm__ volatile("" ::: "memory")

static void copy(uint32_t to, uint32_t from, uint32_t size)
{
    for (; size >= 16; size -= 16, to += 16, from += 16) {
        uint32_t a = WORD(from), b = WORD(from + 4), c = WORD(from + 8), d = WORD(from + 12);

        WORD(to) = a, WORD(to + 4) = b, WORD(to + 8) = c, WORD(to + 12) = d;
        NOT_A_LIBRARY_CALL;
    }
    for (; size != 0; size--, to++, from++) {
        *(uint8_t *)to = *(const uint8_t *)from;
        NOT_A_LIBRARY_CALL;
    }
}

static void zero(uint32_t to, uint32_t size)
{
    for (; size >= 16; size -= 16, to += 16) {
        WORD(to) = 0, WORD(to + 4) = 0, WORD(to + 8) = 0, WORD(to + 12) = 0;
        NOT_A_LIBRARY_CALL;
    }
    for (; size != 0; size--, to++) {
        *(uint8_t *)to = 0;
        NOT_A_LIBRARY_CALL;
    }
}

/* Whether [address, address + size) lies in [low, high). */
static int within(uint32_t address, uint32_t size, uint32_t low, uint32_t high)
{
    return address >= low && address <= high && size <= high - address;
}

static int may_switch_stacks(void)
{
    uint32_t ipsr, faultmask, control;

    __asm__ volatile("mrs %0, IPSR" : "=r"(ipsr));
    __asm__ volatile("mrs %0, FAULTMASK" : "=r"(faultmask));
    __asm__ volatile("mrs %0, CONTROL" : "=r"(control));
    return ipsr == 0 && faultmask == 0 && (control & RF_CONTROL_NPRIV) == 0;
}

static int change_phase(struct ringfence_state *state, uint32_t from, uint32_t to)
{
    return __atomic_compare_exchange_n(&state->phase, &from, to, 0, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}

static struct ringfence_heap_top *heap_top(const struct ringfence_sandbox *sandbox)
{
    uint32_t size = sandbox->heap_end - sandbox->heap_start;

    if (size < sizeof(struct ringfence_heap_top))
        return NULL;
    return (struct ringfence_heap_top *)(sandbox->heap_end - sizeof(struct ringfence_heap_top));
}

/* The sandbox is HELD. Afterwards still, or DEAD if a constructor faulted. */
static enum ringfence_status initialise(const struct ringfence_sandbox *sandbox)
{
    struct ringfence_words words;
    struct ringfence_heap_top *top = heap_top(sandbox);

    copy(sandbox->data_start, sandbox->data_load, sandbox->data_end - sandbox->data_start);
    zero(sandbox->bss_start, sandbox->bss_end - sandbox->bss_start);
    zero(sandbox->heap_start, sandbox->heap_end - sandbox->heap_start);
    if (top) {
        top->in_use = sandbox->heap_start;
        top->limit = (uint32_t)top;
    }
    zero((uint32_t)&words, sizeof words);
    return (enum ringfence_status)ringfence_switch(sandbox, sandbox->init, &words);
}

/* Make the sandbox HELD by the caller, initialised; or say why not. */
enum ringfence_status ringfence_take(const struct ringfence_sandbox *sandbox)
{
    struct ringfence_state *state = sandbox->state;

    if (!may_switch_stacks())
        return RINGFENCE_ERROR_CONTEXT;
    if (change_phase(state, RF_READY, RF_HELD))
        return RINGFENCE_OK;
    if (change_phase(state, RF_UNUSED, RF_HELD))
        return initialise(sandbox);
    return state->phase == RF_DEAD ? RINGFENCE_ERROR_DEAD : RINGFENCE_ERROR_BUSY;
}

static void release(const struct ringfence_sandbox *sandbox)
{
    __atomic_store_n(&sandbox->state->phase, RF_READY, __ATOMIC_RELEASE);
}

enum ringfence_status ringfence_reset(const struct ringfence_sandbox *sandbox)
{
    struct ringfence_state *state = sandbox->state;
    enum ringfence_status status;

    if (!may_switch_stacks())
        return RINGFENCE_ERROR_CONTEXT;
    if (!change_phase(state, RF_DEAD, RF_HELD) && !change_phase(state, RF_READY, RF_HELD) &&
        !change_phase(state, RF_UNUSED, RF_HELD))
        return RINGFENCE_ERROR_BUSY;
    status = initialise(sandbox);
    if (status == RINGFENCE_OK)
        release(sandbox);
    return status;
}

enum ringfence_status ringfence_init_all(void)
{
    enum ringfence_status first = RINGFENCE_OK;

    for (const struct ringfence_sandbox *const *each = ringfence_sandboxes; *each; each++) {
        enum ringfence_status status = ringfence_take(*each);

        if (status == RINGFENCE_OK)
            release(*each);
        else if (first == RINGFENCE_OK)
            first = status;
    }
    return first;
}

const char *ringfence_name(const struct ringfence_sandbox *sandbox)
{
    return sandbox->name;
}

enum ringfence_status ringfence_last_status(const struct ringfence_sandbox *sandbox)
{
    return (enum ringfence_status)sandbox->state->status;
}

/* In the window, and not in what is stack at or above `free_below`: what lies below that is nobody's. */
static int in_window(const struct ringfence_sandbox *sandbox, uint32_t address, uint32_t size, uint32_t free_below)
{
    return within(address, size, sandbox->window_base, sandbox->stack_low) ||
           within(address, size, free_below, sandbox->window_end);
}

int ringfence_in_window(const struct ringfence_sandbox *sandbox, const void *pointer, size_t size)
{
    return in_window(sandbox, (uint32_t)pointer, size, sandbox->stack_high);
}

/* ---- Exports that take buffers ---- */

void ringfence_begin(struct ringfence_call *call, const struct ringfence_sandbox *sandbox)
{
    call->sandbox = sandbox;
    call->status = ringfence_take(sandbox);
    call->copies = NULL;
    call->held = call->status == RINGFENCE_OK;
    call->top = sandbox->heap_end - sizeof(struct ringfence_heap_top);
    zero((uint32_t)&call->words, sizeof call->words);
}

static void fail(struct ringfence_call *call, enum ringfence_status status)
{
    if (call->status == RINGFENCE_OK)
        call->status = status;
}

/* Whether the buffer overlaps the window: then it is not copied but passed on, if all of it may be. */
static int overlaps_window(const struct ringfence_sandbox *sandbox, uint32_t address, uint32_t size)
{
    if (address >= sandbox->window_base)
        return address < sandbox->window_end;
    return size > sandbox->window_base - address;
}

/* The sandbox's address of `size` bytes below the copies made so far; 0 if there is no room. What the sandbox says it
 * has in use can only make it fail. */
static uint32_t allocate(struct ringfence_call *call, uint32_t size)
{
    const struct ringfence_sandbox *sandbox = call->sandbox;
    struct ringfence_heap_top *top = heap_top(sandbox);
    uint32_t address = (call->top - size) & ~7u;

    if (!top || size > call->top - sandbox->heap_start || address < sandbox->heap_start || address < top->in_use) {
        fail(call, RINGFENCE_ERROR_ROOM);
        return 0;
    }
    call->top = address;
    top->limit = address;
    return address;
}

/* The address that stands for the buffer inside the sandbox. NULL stays NULL, for buffers that may be left out. */
static uint32_t place(struct ringfence_call *call, uint32_t host, uint32_t size)
{
    if (call->status != RINGFENCE_OK || host == 0)
        return 0;
    if (!overlaps_window(call->sandbox, host, size))
        return allocate(call, size);
    if (!in_window(call->sandbox, host, size, call->sandbox->stack_high))
        fail(call, RINGFENCE_ERROR_POINTER);
    return host;
}

/* Where [host, host + size) is for the sandbox, copied there unless it is in the window. */
uint32_t ringfence_copy_in(struct ringfence_call *call, const void *host, uint32_t size)
{
    uint32_t address = place(call, (uint32_t)host, size);

    if (call->status == RINGFENCE_OK && address != (uint32_t)host)
        copy(address, (uint32_t)host, size);
    return address;
}

static void copy_back(struct ringfence_call *call, void *host, uint32_t address, uint32_t size, struct ringfence_copy *back)
{
    if (call->status != RINGFENCE_OK || address == (uint32_t)host)
        return;
    back->next = call->copies, back->host = host, back->address = address, back->size = size;
    call->copies = back;
}

/* The same, and what the sandbox writes to its copy comes back after the call. */
uint32_t ringfence_copy_both(struct ringfence_call *call, void *host, uint32_t size, struct ringfence_copy *back)
{
    uint32_t address = ringfence_copy_in(call, host, size);

    copy_back(call, host, address, size, back);
    return address;
}

/* The same for a buffer that is only written: zeros go in. */
uint32_t ringfence_make_room(struct ringfence_call *call, void *host, uint32_t size, struct ringfence_copy *back)
{
    uint32_t address = place(call, (uint32_t)host, size);

    if (call->status == RINGFENCE_OK && address != (uint32_t)host)
        zero(address, size);
    copy_back(call, host, address, size, back);
    return address;
}

/* An argument word that travels on the stack (AAPCS 6.4.2). The callee finds it at SP; SP at entry is stack_high, so
 * that is above the stack, in the part of the window that the layout keeps free for it. */
void ringfence_stack_argument(struct ringfence_call *call, uint32_t index, uint32_t word)
{
    if (call->status == RINGFENCE_OK)
        ((uint32_t *)call->sandbox->stack_high)[index] = word;
}

/* Back on the host's stack: bring back what the sandbox wrote, unless it faulted; then it is DEAD, and not ours. */
static void ended(struct ringfence_call *call, uint32_t status)
{
    call->status = (enum ringfence_status)status;
    call->held = call->status == RINGFENCE_OK;
    for (const struct ringfence_copy *each = call->copies; call->held && each; each = each->next)
        copy((uint32_t)each->host, each->address, each->size);
}

void ringfence_run(struct ringfence_call *call, const struct ringfence_entry *entry)
{
    if (call->status == RINGFENCE_OK)
        ended(call, ringfence_switch(call->sandbox, entry, &call->words));
}

/* Whether it is the address of a function as sandboxed code has it: a slot, Thumb bit set, that holds a branch (B.W,
 * ARMv7-M ARM A7.7.12, encoding T4); unused slots hold traps. */
static int is_function(const struct ringfence_sandbox *sandbox, uint32_t address)
{
    uint32_t offset = address - 1 - sandbox->slots_start;
    const uint16_t *slot = (const uint16_t *)(address - 1);

    return (offset & 3) == 0 && offset < sandbox->slots_end - sandbox->slots_start && (slot[0] & 0xF800u) == 0xF000u &&
           (slot[1] & 0xD000u) == 0x9000u;
}

void ringfence_run_pointer(struct ringfence_call *call, const struct ringfence_entry *entry, ringfence_function function)
{
    if (call->status == RINGFENCE_OK && !is_function(call->sandbox, (uint32_t)function))
        fail(call, RINGFENCE_ERROR_FUNCTION);
    if (call->status == RINGFENCE_OK)
        ended(call, ringfence_switch_pointer(call->sandbox, entry, &call->words, (uint32_t)function));
}

/* Give the sandbox back. The result's words are zero after an error. */
void ringfence_end(struct ringfence_call *call)
{
    struct ringfence_heap_top *top = heap_top(call->sandbox);

    call->sandbox->state->status = call->status;
    if (call->status != RINGFENCE_OK)
        zero((uint32_t)&call->words, sizeof call->words);
    if (!call->held)
        return;
    if (top)
        top->limit = (uint32_t)top;
    release(call->sandbox);
}

/* The same, and the result as a number; `error` if the call could not be completed. */
uint32_t ringfence_end_word(struct ringfence_call *call, uint32_t error)
{
    ringfence_end(call);
    return call->status == RINGFENCE_OK ? call->words.core[0] : error;
}

uint64_t ringfence_end_words(struct ringfence_call *call, uint64_t error)
{
    ringfence_end(call);
    return call->status == RINGFENCE_OK ? (uint64_t)call->words.core[1] << 32 | call->words.core[0] : error;
}

/* As an address in the sandbox's window or constants, or NULL; anything else is an error. */
void *ringfence_end_pointer(struct ringfence_call *call, uint32_t error)
{
    uint32_t address = call->words.core[0];

    if (address != 0 && !in_window(call->sandbox, address, 1, call->sandbox->stack_high) &&
        !within(address, 1, call->sandbox->const_start, call->sandbox->const_end))
        fail(call, RINGFENCE_ERROR_POINTER);
    return (void *)ringfence_end_word(call, error);
}

/* As the address of a function that the host may hand back or call through its gate, or NULL. */
ringfence_function ringfence_end_function(struct ringfence_call *call, uint32_t error)
{
    uint32_t address = call->words.core[0];

    if (address != 0 && !is_function(call->sandbox, address))
        fail(call, RINGFENCE_ERROR_FUNCTION);
    return (ringfence_function)ringfence_end_word(call, error);
}

/* A structure that is in the host's memory already; zeros after an error. */
void ringfence_end_memory(struct ringfence_call *call, void *host, uint32_t size)
{
    ringfence_end(call);
    if (call->status != RINGFENCE_OK)
        zero((uint32_t)host, size);
}

/* a * b, or the largest size where that does not fit; no buffer is that large. */
uint32_t ringfence_times(uint32_t a, uint32_t b)
{
    uint64_t product = (uint64_t)a * b;

    return product > UINT32_MAX ? UINT32_MAX : (uint32_t)product;
}

/* ---- Imports ---- */

/* End the export that the sandbox is serving: host code called on its behalf cannot go on. */
void ringfence_reject(const struct ringfence_sandbox *sandbox, enum ringfence_fault_kind kind, uint32_t address)
{
    ringfence_note_fault(sandbox, kind, sandbox->state->sandbox_lr & ~1u, 0, address);
    ringfence_recover(sandbox);
}

/* A buffer that the sandbox hands to the host: in its window, in the part of its stack that is in use, or (to be read
 * only) in its constants. An empty buffer may be NULL. */
void *ringfence_check(const struct ringfence_sandbox *sandbox, uint32_t address, uint32_t size, int access)
{
    uint32_t in_use = sandbox->state->sandbox_sp;

    if (!in_window(sandbox, address, size, in_use) && !(address == 0 && size == 0) &&
        !(access == RF_READ && within(address, size, sandbox->const_start, sandbox->const_end)))
        ringfence_reject(sandbox, RINGFENCE_FAULT_POINTER, address);
    return (void *)address;
}

/* An import's structure result (AAPCS 6.5), to where the sandbox wants it, which has been checked. The host's function
 * does not write there itself: it may do so with stores that fault unless they are aligned. */
void ringfence_give_result(void *sandboxs, const void *hosts, uint32_t size)
{
    copy((uint32_t)sandboxs, (uint32_t)hosts, size);
}

/* A function that the sandbox hands to the host, or NULL. */
ringfence_function ringfence_check_function(const struct ringfence_sandbox *sandbox, uint32_t address)
{
    if (address != 0 && !is_function(sandbox, address))
        ringfence_reject(sandbox, RINGFENCE_FAULT_FUNCTION, address);
    return (ringfence_function)address;
}

/* The argument of an import that was passed on the stack (AAPCS 6.4.2), `index` 0 being the first. */
uint32_t ringfence_stack_word(const struct ringfence_sandbox *sandbox, uint32_t index)
{
    uint32_t address = sandbox->state->sandbox_sp + 4 * index;

    return *(const uint32_t *)ringfence_check(sandbox, address, 4, RF_READ);
}

/* Last step of an import's thunk: do not go back to a sandbox that is to be aborted. */
void ringfence_import_done(const struct ringfence_sandbox *sandbox)
{
    sandbox->state->phase = RF_HELD; /* first: an abort that comes now is refused, not noted and then overlooked */
    if (sandbox->state->abort)
        ringfence_reject(sandbox, RINGFENCE_FAULT_ABORTED, 0);
}
