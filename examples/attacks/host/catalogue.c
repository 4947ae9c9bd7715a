#include "catalogue.h"

#include "attacks.h"
#include "services.h"

#define ATTACK(name, category, victim, what) {#name, category, attack_##name, victim, what}

const struct attack attacks[] = {
    ATTACK(wild_store, "memory", VARIABLE, "store through a wild pointer to a variable of the host"),
    {"peripheral_store", "memory", attack_wild_store, DEVICE, "store to a device register of the host"},
    {"code_store", "memory", attack_wild_store, CODE, "overwrite an instruction of the host"},
    {"vector_store", "memory", attack_wild_store, VECTOR, "overwrite an entry of the vector table"},
    {"neighbour_store", "memory", attack_wild_store, NEIGHBOUR, "store to another tenant's variable"},
    {"host_stack_store", "memory", attack_wild_store, STACK_FRAME, "store to a local variable of the host"},
    ATTACK(memset_overrun, "memory", HEAP, "memset with a length from a message"),
    ATTACK(negative_index, "memory", VARIABLE, "a signed index checked on one side only"),
    ATTACK(integer_overflow, "memory", VARIABLE, "a size that wraps, and a bound that every index satisfies"),
    ATTACK(use_after_free, "memory", VARIABLE, "a dangling pointer whose object became a message"),
    ATTACK(list_unlink, "memory", VARIABLE, "unlinking a list node that the attacker wrote"),
    ATTACK(bitband_store, "memory", VARIABLE, "through the bit-band alias of RAM"),
    ATTACK(mirror_store, "memory", VARIABLE, "through the second address of RAM"),
    ATTACK(asm_str_writeback, "memory", VARIABLE, "store with writeback"),
    ATTACK(asm_str_register, "memory", VARIABLE, "store with a shifted register offset"),
    ATTACK(asm_str_unaligned, "memory", VARIABLE, "unaligned store"),
    ATTACK(asm_str_far, "memory", VARIABLE, "store with a large offset"),
    ATTACK(asm_strb, "memory", VARIABLE, "byte stores, post-indexed and with a negative offset"),
    ATTACK(asm_strh, "memory", VARIABLE, "halfword store with a register offset"),
    ATTACK(asm_strd, "memory", VARIABLE, "doubleword store"),
    ATTACK(asm_stm, "memory", VARIABLE, "store of several registers"),
    ATTACK(asm_stm_straddle, "memory", VARIABLE, "store of several registers that begins below the victim"),
    ATTACK(asm_stmdb, "memory", VARIABLE, "store of several registers, downwards"),
    ATTACK(asm_strex, "memory", VARIABLE, "exclusive store"),
    ATTACK(asm_in_it_block, "memory", VARIABLE, "conditional stores in an IT block"),

    ATTACK(return_address, "control flow", TAKEOVER, "overflow of a local buffer onto the return address"),
    ATTACK(function_pointer, "control flow", TAKEOVER, "overflow of a buffer onto a callback"),
    ATTACK(fake_vtable, "control flow", TAKEOVER, "overflow onto the pointer to a table of functions"),
    ATTACK(shellcode, "control flow", TAKEOVER, "run a message as code"),
    ATTACK(asm_return_address, "control flow", TAKEOVER, "return to an address of the attacker's"),
    ATTACK(asm_call, "control flow", TAKEOVER, "call through a register"),
    ATTACK(asm_jump, "control flow", TAKEOVER, "jump through a register"),
    ATTACK(asm_link_register, "control flow", TAKEOVER, "return through an overwritten LR"),
    ATTACK(asm_rop, "control flow", TAKEOVER, "return-oriented: into the middle of a function, and on"),
    ATTACK(asm_jump_table, "control flow", TAKEOVER, "a switch whose index has no bound"),

    ATTACK(recursion, "stack", HEAP, "recursion until the stack meets the heap"),
    ATTACK(indirect_recursion, "stack", HEAP, "the same through function pointers"),
    ATTACK(stack_upward, "stack", TAKEOVER, "overflow through all the callers' frames"),
    ATTACK(return_hunt, "stack", TAKEOVER, "replace whatever looks like a return address"),

    ATTACK(deputy_pointer, "gates", VARIABLE, "ask the host to fill a buffer of the host's"),
    ATTACK(deputy_length, "gates", HEAP, "ask the host to fill a buffer that ends in the host"),
    {"result_pointer", "gates", write_through_result, VARIABLE, "give the host a pointer into its own memory"},
    {"result_range", "gates", index_by_result, VARIABLE, "give an 8-bit result that is larger than 255"},
    ATTACK(reentry, "gates", HEAP, "make the host call back without end"),
    {"callee_saved", "gates", rely_on_registers, VARIABLE, "come back with other callee-saved registers"},

    ATTACK(nvic_disable, "interrupts", NVIC, "disable the host's interrupts"),
    ATTACK(priority_drop, "interrupts", PRIORITIES, "change the priorities of the host's handlers"),
    ATTACK(nmi_pend, "interrupts", PENDING_NMI, "pend the NMI, an emergency stop"),
    ATTACK(irq_trigger, "interrupts", TRIGGER, "trigger a device's interrupt by software"),
    ATTACK(vector_table_move, "interrupts", VECTOR_BASE, "move the vector table into the attacker's memory"),
    ATTACK(asm_exc_return, "interrupts", LIFE, "branch to EXC_RETURN"),

    {"systick_store", "timing", attack_wild_store, SYSTICK, "change the period of the host's tick"},
    ATTACK(systick_off, "timing", TICK_CONTROL, "stop the host's tick"),
    ATTACK(endless_loop, "timing", TIME, "never come back"),
    ATTACK(endless_import, "timing", TIME, "call the host for ever"),
    ATTACK(device_wait, "timing", TIME, "wait for a device that never answers"),

    ATTACK(heap_exhaustion, "resources", MEMORY_LEFT, "take all memory that malloc gives"),
    ATTACK(exit, "resources", LIFE, "call exit()"),
    ATTACK(null_call, "resources", LIFE, "call through a null pointer"),
    ATTACK(bus_error, "resources", LIFE, "read where nothing answers"),
    ATTACK(asm_unaligned_load, "resources", LIFE, "unaligned load of several registers"),
    ATTACK(asm_undefined, "resources", LIFE, "execute an undefined instruction"),
};

const size_t attack_count = sizeof attacks / sizeof attacks[0];
