/* Private to the runtime and the generated gates: the structures that C and assembly share. */
#ifndef RINGFENCE_GATE_H
#define RINGFENCE_GATE_H

#include "ringfence.h"

#if !defined(__ARM_ARCH_7M__) && !defined(__ARM_ARCH_7EM__)
#error "Ringfence's gates are for ARMv7-M so far: compile for a Cortex-M3, M4 or M7"
#endif
#ifdef __ARM_FP
#error "Ringfence's gates do not switch floating-point registers yet: compile the host with -mfloat-abi=soft"
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

/* Offsets in struct ringfence_state, checked in gate.c. */
#define RF_PHASE 0
#define RF_RELEASE 4
#define RF_HOST_CONTROL 8
#define RF_HOST_SP 12
#define RF_ENTRY 16
#define RF_SANDBOX_SP 20
#define RF_SANDBOX_LR 24
#define RF_SANDBOX_R4 28
#define RF_ABORT 32
#define RF_STATUS 36
/* struct ringfence_sandbox */
#define RF_STATE 0
#define RF_STACK_HIGH 4
#define RF_RETURN 8
/* struct ringfence_entry */
#define RF_ENTRY_ADDRESS 0
#define RF_ENTRY_ERROR 4

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
    uint32_t host_control;               /* CONTROL of the caller */
    uint32_t host_sp;                    /* points at the caller's saved r3-r11, pc */
    const struct ringfence_entry *entry; /* being called */
    uint32_t sandbox_sp;                 /* during an import */
    uint32_t sandbox_lr;                 /* return address of the import */
    uint32_t sandbox_r4;
    volatile uint32_t abort;             /* asked for during an import */
    volatile uint32_t status;            /* enum ringfence_status */
    struct ringfence_fault fault;
};

/* A sandbox's constants; all addresses come from the linker script. */
struct ringfence_sandbox {
    struct ringfence_state *state;
    uint32_t stack_high;
    uint32_t return_address; /* where its exports return to, with Thumb bit */
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

/* One call of an export that takes buffers. `status` is sticky: after an error the later steps do nothing. */
struct ringfence_call {
    const struct ringfence_sandbox *sandbox;
    enum ringfence_status status;
    int held;         /* the sandbox is ours until ringfence_end() */
    uint32_t top;     /* copies so far lie in [top, heap_end - sizeof(struct ringfence_heap_top)) */
    uint32_t result[2];
};

/* All sandboxes of the firmware, NULL at the end (generated). */
extern const struct ringfence_sandbox *const ringfence_sandboxes[];

/* switch.S */
uint32_t ringfence_switch(const struct ringfence_sandbox *sandbox, const struct ringfence_entry *entry,
                          uint32_t words[4]);
void ringfence_recover(const struct ringfence_sandbox *sandbox) __attribute__((noreturn));

/* gate.c: steps of a marshalling gate, and of an import's checks */
enum ringfence_status ringfence_take(const struct ringfence_sandbox *sandbox);
void ringfence_begin(struct ringfence_call *call, const struct ringfence_sandbox *sandbox);
uint32_t ringfence_copy_in(struct ringfence_call *call, const void *host, uint32_t size);
uint32_t ringfence_make_room(struct ringfence_call *call, const void *host, uint32_t size);
void ringfence_run(struct ringfence_call *call, const struct ringfence_entry *entry, uint32_t r0, uint32_t r1,
                   uint32_t r2, uint32_t r3);
void ringfence_copy_out(const struct ringfence_call *call, void *host, uint32_t address, uint32_t size);
void *ringfence_pointer(struct ringfence_call *call);
void ringfence_end(struct ringfence_call *call);
uint32_t ringfence_times(uint32_t a, uint32_t b);

#define RF_READ 0
#define RF_WRITE 1
void *ringfence_check(const struct ringfence_sandbox *sandbox, uint32_t address, uint32_t size, int access);
uint32_t ringfence_stack_word(const struct ringfence_sandbox *sandbox, uint32_t index);
void ringfence_import_done(const struct ringfence_sandbox *sandbox);
void ringfence_reject(const struct ringfence_sandbox *sandbox, enum ringfence_fault_kind kind, uint32_t address)
    __attribute__((noreturn));

/* faults.c */
void ringfence_note_fault(const struct ringfence_sandbox *sandbox, enum ringfence_fault_kind kind, uint32_t pc,
                          uint32_t cfsr, uint32_t address);

#endif /* __ASSEMBLER__ */
#endif /* RINGFENCE_GATE_H */
