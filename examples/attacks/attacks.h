/*
 * Hostile code, one function for each attack. `target` is the address of what the attack goes for, in the host.
 * Each returns 0 if it gets that far.
 */
#ifndef ATTACKS_H
#define ATTACKS_H

#include <stdint.h>

/* attacks.c */
int attack_wild_store(uint32_t target);
int attack_return_address(uint32_t target);
int attack_function_pointer(uint32_t target);
int attack_recursion(uint32_t target);
int attack_memset_overrun(uint32_t target);
int attack_endless_loop(uint32_t target);

/* attacks_asm.S: one for each way in which the instruction set can store or jump */
int attack_asm_str_writeback(uint32_t target);
int attack_asm_str_register(uint32_t target);
int attack_asm_strb(uint32_t target);
int attack_asm_strh(uint32_t target);
int attack_asm_strd(uint32_t target);
int attack_asm_stm(uint32_t target);
int attack_asm_stmdb(uint32_t target);
int attack_asm_strex(uint32_t target);
int attack_asm_in_it_block(uint32_t target);
int attack_asm_return_address(uint32_t target);
int attack_asm_call(uint32_t target);
int attack_asm_jump(uint32_t target);
int attack_asm_link_register(uint32_t target);

#endif
