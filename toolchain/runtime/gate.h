/* Private to the runtime and the generated gates: the structures that C and assembly share. */
#ifndef RINGFENCE_GATE_H
#define RINGFENCE_GATE_H

#include "ringfence.h"

#if !defined(__ARM_ARCH_7M__) && !defined(__ARM_ARCH_7EM__)
#error "Ringfence's gates are for ARMv7-M so far: compile for a Cortex-M3, M4 or M7"
#endif
#if defined(__ARM_PCS_VFP) && !defined(__ARM_FP)
#error "-mfloat-abi=hard needs an FPU: give its -mfpu= or the core's -mcpu="
#endif

/* Phases of a sandbox. RUNNING means exactly: the owner thread is on the sandbox's stack, through PSP. */
#define RF_UNUSED 0  /* never initialised; what .bss makes of the state */
#define RF_READY 1   /* idle */
#define RF_HELD 2    /* a gate owns it, on the host's stack or about to leave it */
#define RF_RUNNING 3 /* between entry and exit, and not in an import */
#define RF_IMPORT 4  /* host code runs on its behalf */
#define RF_DEAD 5

/* enum ringfence_status for assembly */
#define RF_STATUS_OK 0
#define RF_STATUS_CONTEXT 1
#define RF_STATUS_FAULT 6

/* Offsets in struct ringfence_state, checked in gate.c. switch.S stores RELEASE with ABORT and ENTRY with HOST_CONTROL,
 * and loads HOST_CONTROL with HOST_SP, as pairs. */
#define RF_PHASE 0
#define RF_RELEASE 4
#define RF_ABORT 8
#define RF_ENTRY 12
#define RF_HOST_CONTROL 16
#define RF_HOST_SP 20
#define RF_SANDBOX_SP 24
#define RF_SANDBOX_LR 28
#define RF_SANDBOX_R4 32
#define RF_STATUS 36
#define RF_SANDBOX_FPSCR 40
#define RF_FP_RESULT 44
/* struct ringfence_sandbox; switch.S loads the first three at once */
#define RF_STATE 0
#define RF_STACK_HIGH 4
#define RF_RETURN 8
#define RF_SLOTS_START 12
#define RF_SLOTS_END 16
/* struct ringfence_entry */
#define RF_ENTRY_ADDRESS 0
#define RF_ENTRY_ERROR 4
/* struct ringfence_words */
#define RF_WORDS_FP 16

#define RF_CORE_ARGUMENTS 4
#define RF_FP_ARGUMENTS 16
#define RF_FP_RESULTS 8

#define RF_CONTROL_NPRIV 1
#define RF_CONTROL_SPSEL 2

#ifndef __ASSEMBLER__

/* An export as the gate sees it. The rewriter patches `address`; nothing else in the host refers to sandbox code. */
struct ringfence_entry {
    uint32_t address;  /* with Thumb bit */
    uint32_t error[2]; /* r0 and r1 of a call that could not be completed */
};

/* What the host knows about a sandbox that is in use; in host memory. */
struct ringfence_state {
    volatile uint32_t phase;
    uint32_t release;                    /* the phase to leave behind on a normal exit */
    volatile uint32_t abort;             /* asked for during an import */
    const struct ringfence_entry *entry; /* being called */
    uint32_t host_control;               /* CONTROL of the caller */
    uint32_t host_sp;                    /* points at the caller's saved registers (switch.S) */
    uint32_t sandbox_sp;                 /* during an import */
    uint32_t sandbox_lr;                 /* return address of the import; LR of a fault until it is recorded */
    uint32_t sandbox_r4;
    volatile uint32_t status; /* enum ringfence_status */
#ifdef __ARM_FP
    uint32_t sandbox_fpscr;             /* during an import */
    uint32_t fp_result[RF_FP_RESULTS]; /* s0-s7 of the last import that returned floating-point values */
#endif
    struct ringfence_fault fault;
};

/* A sandbox's constants; all addresses come from the linker script. */
struct ringfence_sandbox {
    struct ringfence_state *state;
    uint32_t stack_high;
    uint32_t return_address; /* where its exports return to, with Thumb bit */
    uint32_t slots_start, slots_end; /* branches to its functions whose addresses are taken; a power of two in size */
    const struct ringfence_entry *init;
    const char *name;
    uint32_t code_start, code_end;
    uint32_t const_start, const_end;
    uint32_t window_base, window_end;
    uint32_t data_start, data_end, data_load;
    uint32_t bss_start, bss_end;
    uint32_t heap_start, heap_end;
    uint32_t stack_low;
};

/* The last two words of a sandbox's heap, shared with its _sbrk. The host trusts neither. */
struct ringfence_heap_top {
    uint32_t in_use; /* end of what _sbrk has given out */
    uint32_t limit;  /* _sbrk gives out nothing at or above this: copies of buffers live there */
};

/* Arguments of an export, then its result in the same places. Those on the stack are not here. */
struct ringfence_words {
    uint32_t core[RF_CORE_ARGUMENTS];
#ifdef __ARM_FP
    uint32_t fp[RF_FP_ARGUMENTS];
#endif
};

/* A copy in the sandbox of a buffer that its function writes: copied back after the call. */
struct ringfence_copy {
    struct ringfence_copy *next;
    void *host;
    uint32_t address, size;
};

/* One call of an export by a generated C gate. `status` is sticky: after an error the later steps do nothing. */
struct ringfence_call {
    const struct ringfence_sandbox *sandbox;
    enum ringfence_status status;
    int held;     /* the sandbox is ours until ringfence_end() */
    uint32_t top; /* copies so far lie in [top, heap_end - sizeof(struct ringfence_heap_top)) */
    struct ringfence_copy *copies;
    struct ringfence_words words;
};

/* All sandboxes of the firmware, NULL at the end (generated). */
extern const struct ringfence_sandbox *const ringfence_sandboxes[];

/* switch.S */
uint32_t ringfence_switch(const struct ringfence_sandbox *sandbox, const struct ringfence_entry *entry,
                          struct ringfence_words *words);
uint32_t ringfence_switch_pointer(const struct ringfence_sandbox *sandbox, const struct ringfence_entry *entry,
                                  struct ringfence_words *words, uint32_t pointer);
void ringfence_recover(const struct ringfence_sandbox *sandbox) __attribute__((noreturn));

/* gate.c: steps of an export's C gate */
enum ringfence_status ringfence_take(const struct ringfence_sandbox *sandbox);
void ringfence_begin(struct ringfence_call *call, const struct ringfence_sandbox *sandbox);
uint32_t ringfence_copy_in(struct ringfence_call *call, const void *host, uint32_t size);
uint32_t ringfence_copy_both(struct ringfence_call *call, void *host, uint32_t size, struct ringfence_copy *back);
uint32_t ringfence_make_room(struct ringfence_call *call, void *host, uint32_t size, struct ringfence_copy *back);
void ringfence_stack_argument(struct ringfence_call *call, uint32_t index, uint32_t word);
void ringfence_run(struct ringfence_call *call, const struct ringfence_entry *entry);
void ringfence_run_pointer(struct ringfence_call *call, const struct ringfence_entry *entry, ringfence_function function);
void ringfence_end(struct ringfence_call *call);
uint32_t ringfence_end_word(struct ringfence_call *call, uint32_t error);
uint64_t ringfence_end_words(struct ringfence_call *call, uint64_t error);
void *ringfence_end_pointer(struct ringfence_call *call, uint32_t error);
ringfence_function ringfence_end_function(struct ringfence_call *call, uint32_t error);
void ringfence_end_memory(struct ringfence_call *call, void *host, uint32_t size);
uint32_t ringfence_times(uint32_t a, uint32_t b);

/* gate.c: steps of an import's C half */
#define RF_READ 0
#define RF_WRITE 1
void *ringfence_check(const struct ringfence_sandbox *sandbox, uint32_t address, uint32_t size, int access);
void ringfence_give_result(void *sandboxs, const void *hosts, uint32_t size);
ringfence_function ringfence_check_function(const struct ringfence_sandbox *sandbox, uint32_t address);
uint32_t ringfence_stack_word(const struct ringfence_sandbox *sandbox, uint32_t index);
void ringfence_import_done(const struct ringfence_sandbox *sandbox);
void ringfence_reject(const struct ringfence_sandbox *sandbox, enum ringfence_fault_kind kind, uint32_t address)
    __attribute__((noreturn));

/* The words of a floating-point value and back, without conversion. */
static inline uint32_t ringfence_float_word(float value)
{
    union {
        float value;
        uint32_t word;
    } both = {value};

    return both.word;
}

static inline float ringfence_word_float(uint32_t word)
{
    union {
        uint32_t word;
        float value;
    } both = {word};

    return both.value;
}

static inline uint64_t ringfence_double_words(double value)
{
    union {
        double value;
        uint64_t words;
    } both = {value};

    return both.words;
}

static inline double ringfence_words_double(uint64_t words)
{
    union {
        uint64_t words;
        double value;
    } both = {words};

    return both.value;
}

/* faults.c */
void ringfence_note_fault(const struct ringfence_sandbox *sandbox, enum ringfence_fault_kind kind, uint32_t pc,
                          uint32_t cfsr, uint32_t address);

#endif /* __ASSEMBLER__ */
#endif /* RINGFENCE_GATE_H */
