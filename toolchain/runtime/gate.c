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
OFFSET_IS(ringfence_sandbox, state, RF_STATE);
OFFSET_IS(ringfence_sandbox, stack_high, RF_STACK_HIGH);
OFFSET_IS(ringfence_sandbox, return_address, RF_RETURN);
OFFSET_IS(ringfence_entry, address, RF_ENTRY_ADDRESS);
OFFSET_IS(ringfence_entry, error, RF_ENTRY_ERROR);
_Static_assert(RF_PHASE == 0, "switch.S takes the state's address for that of the phase");
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
    uint32_t words[4];
    struct ringfence_heap_top *top = heap_top(sandbox);

    copy(sandbox->data_start, sandbox->data_load, sandbox->data_end - sandbox->data_start);
    zero(sandbox->bss_start, sandbox->bss_end - sandbox->bss_start);
    zero(sandbox->heap_start, sandbox->heap_end - sandbox->heap_start);
    if (top) {
        top->in_use = sandbox->heap_start;
        top->limit = (uint32_t)top;
    }
    words[0] = words[1] = words[2] = words[3] = 0;
    return (enum ringfence_status)ringfence_switch(sandbox, sandbox->init, words);
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
    call->held = call->status == RINGFENCE_OK;
    call->top = sandbox->heap_end - sizeof(struct ringfence_heap_top);
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

/* The same for a buffer that is only written: zeros instead of a copy. */
uint32_t ringfence_make_room(struct ringfence_call *call, const void *host, uint32_t size)
{
    uint32_t address = place(call, (uint32_t)host, size);

    if (call->status == RINGFENCE_OK && address != (uint32_t)host)
        zero(address, size);
    return address;
}

void ringfence_run(struct ringfence_call *call, const struct ringfence_entry *entry, uint32_t r0, uint32_t r1,
                   uint32_t r2, uint32_t r3)
{
    uint32_t words[4];

    if (call->status != RINGFENCE_OK)
        return;
    words[0] = r0, words[1] = r1, words[2] = r2, words[3] = r3;
    call->status = (enum ringfence_status)ringfence_switch(call->sandbox, entry, words);
    call->result[0] = words[0];
    call->result[1] = words[1];
    call->held = call->status == RINGFENCE_OK; /* a sandbox that faulted is DEAD, not ours */
}

/* Bring back what the sandbox wrote to its copy at `address`. */
void ringfence_copy_out(const struct ringfence_call *call, void *host, uint32_t address, uint32_t size)
{
    if (call->status == RINGFENCE_OK && address != (uint32_t)host)
        copy((uint32_t)host, address, size);
}

/* The result as an address in the sandbox's window or constants; anything else but NULL is an error. */
void *ringfence_pointer(struct ringfence_call *call)
{
    uint32_t address = call->result[0];

    if (call->status == RINGFENCE_OK && address != 0 &&
        !in_window(call->sandbox, address, 1, call->sandbox->stack_high) &&
        !within(address, 1, call->sandbox->const_start, call->sandbox->const_end))
        fail(call, RINGFENCE_ERROR_POINTER);
    return call->status == RINGFENCE_OK ? (void *)address : NULL;
}

void ringfence_end(struct ringfence_call *call)
{
    struct ringfence_heap_top *top = heap_top(call->sandbox);

    call->sandbox->state->status = call->status;
    if (!call->held)
        return;
    if (top)
        top->limit = (uint32_t)top;
    release(call->sandbox);
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

/* The argument of an import that was passed on the stack (AAPCS 6.4.2), `index` 0 being the first. */
uint32_t ringfence_stack_word(const struct ringfence_sandbox *sandbox, uint32_t index)
{
    uint32_t address = sandbox->state->sandbox_sp + 4 * index;

    return *(const uint32_t *)ringfence_check(sandbox, address, 4, RF_READ);
}

/* Last step of an import's thunk: do not go back to a sandbox that is to be aborted. */
void ringfence_import_done(const struct ringfence_sandbox *sandbox)
{
    if (sandbox->state->abort)
        ringfence_reject(sandbox, RINGFENCE_FAULT_ABORTED, 0);
}
