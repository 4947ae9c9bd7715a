/*
 * Hostile code, one function for each attack. `target` is the address of what the attack goes for, in the host.
 * Each returns 0 if it gets that far. SConstruct reads the sandbox's exports from these declarations.
 */
#ifndef ATTACKS_H
#define ATTACKS_H

#include <stdint.h>

/* sandbox/memory.c */
int attack_wild_store(uint32_t target);
int attack_memset_overrun(uint32_t target);
int attack_negative_index(uint32_t target);
int attack_integer_overflow(uint32_t target);
int attack_use_after_free(uint32_t target);
int attack_list_unlink(uint32_t target);
int attack_bitband_store(uint32_t target);
int attack_mirror_store(uint32_t target);

/* sandbox/control.c */
int attack_return_address(uint32_t target);
int attack_function_pointer(uint32_t target);
int attack_fake_vtable(uint32_t target);
int attack_shellcode(uint32_t target);

/* sandbox/stack.c */
int attack_recursion(uint32_t target);
int attack_indirect_recursion(uint32_t target);
int attack_stack_upward(uint32_t target);
int attack_return_hunt(uint32_t target);

/* sandbox/abuse.c: abuse of the functions at the border, and of what the sandbox is given */
int attack_deputy_pointer(uint32_t target);
int attack_deputy_length(uint32_t target);
int attack_reentry(uint32_t target);
int attack_heap_exhaustion(uint32_t target);
int attack_exit(uint32_t target);
int attack_null_call(uint32_t target);
int attack_bus_error(uint32_t target);
int attack_endless_loop(uint32_t target);
int attack_endless_import(uint32_t target);
int attack_device_wait(uint32_t target);

/* sandbox/interrupts.c: each stores to a register of the System Control Space */
int attack_nvic_disable(uint32_t target);
int attack_priority_drop(uint32_t target);
int attack_nmi_pend(uint32_t target);
int attack_irq_trigger(uint32_t target);
int attack_systick_off(uint32_t target);
int attack_vector_table_move(uint32_t target);

/* sandbox/attacks_asm.S: one for each way in which the instruction set can store or jump */
int attack_asm_str_writeback(uint32_t target);
int attack_asm_str_register(uint32_t target);
int attack_asm_str_unaligned(uint32_t target);
int attack_asm_str_far(uint32_t target);
int attack_asm_strb(uint32_t target);
int attack_asm_strh(uint32_t target);
int attack_asm_strd(uint32_t target);
int attack_asm_stm(uint32_t target);
int attack_asm_stm_straddle(uint32_t target);
int attack_asm_stmdb(uint32_t target);
int attack_asm_strex(uint32_t target);
int attack_asm_in_it_block(uint32_t target);
int attack_asm_return_address(uint32_t target);
int attack_asm_call(uint32_t target);
int attack_asm_jump(uint32_t target);
int attack_asm_link_register(uint32_t target);
int attack_asm_rop(uint32_t target);
int attack_asm_jump_table(uint32_t target);
int attack_asm_exc_return(uint32_t target);
int attack_asm_callee_saved(uint32_t target);
int attack_asm_unaligned_load(uint32_t target);
int attack_asm_undefined(uint32_t target);

/* Exports that lie with their result, for the host to trip over (sandbox/abuse.c, attacks_asm.S). */
void *give_buffer(uint32_t target);
uint8_t give_level(uint32_t target);

/* sandbox/neighbour.c: another tenant's code, the victim of one attack */
unsigned neighbour_address(void);
unsigned neighbour_state(void);

/* What the host offers to its tenants (host/services.c). */
int fill(void *to, uint32_t size, int value);
int notify(uint32_t target, int call_back);

#endif
