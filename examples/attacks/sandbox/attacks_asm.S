@ Hostile sandbox code in assembly: one function for each way to store or to jump. r0 is the target.
        .syntax unified
        .thumb

        .macro attack name
        .section .text.attack_\name, "ax", %progbits
        .balign 4
        .global attack_\name
        .type   attack_\name, %function
        .thumb_func
attack_\name:
        movw    r1, #0x4141
        movt    r1, #0x4141
        mov     r2, r1
        .endm

        .macro finish name
        movs    r0, #0
        bx      lr
        .size   attack_\name, . - attack_\name
        .endm

        attack  asm_str_writeback
        subs    r0, #8
        str     r1, [r0, #8]!
        finish  asm_str_writeback

        attack  asm_str_register
        mvn     r3, #3                  @ base + 16 + (-4 << 2)
        adds    r0, #16
        str     r1, [r0, r3, lsl #2]
        finish  asm_str_register

        attack  asm_str_unaligned
        str     r1, [r0, #1]            @ the target's last three bytes and one more
        finish  asm_str_unaligned

        attack  asm_str_far
        sub     r0, r0, #4064
        str     r1, [r0, #4064]
        finish  asm_str_far

        attack  asm_strb
        strb    r1, [r0], #1
        strb    r1, [r0, #-1]
        finish  asm_strb

        attack  asm_strh
        movs    r3, #2
        subs    r0, #2
        strh    r1, [r0, r3]
        finish  asm_strh

        attack  asm_strd
        strd    r1, r2, [r0]
        finish  asm_strd

        attack  asm_stm
        stm     r0!, {r1, r2}
        finish  asm_stm

        attack  asm_stm_straddle        @ begins below the target and ends above it
        subs    r0, #8
        mov     r3, r1
        stm     r0, {r1, r2, r3}
        finish  asm_stm_straddle

        attack  asm_stmdb
        adds    r0, #8
        stmdb   r0!, {r1, r2}
        finish  asm_stmdb

        attack  asm_strex
        ldrex   r3, [r0]
        strex   r3, r1, [r0]
        finish  asm_strex

        attack  asm_in_it_block
        cmp     r1, r2
        itte    eq
        streq   r1, [r0]
        streq   r1, [r0, #4]
        movne   r1, #0
        finish  asm_in_it_block

        attack  asm_return_address
        push    {r4, lr}
        str     r0, [sp, #4]
        movs    r0, #0
        pop     {r4, pc}
        .size   attack_asm_return_address, . - attack_asm_return_address

        attack  asm_call
        push    {r4, lr}
        blx     r0
        movs    r0, #0
        pop     {r4, pc}
        .size   attack_asm_call, . - attack_asm_call

        attack  asm_jump
        bx      r0
        .size   attack_asm_jump, . - attack_asm_jump

        attack  asm_link_register
        mov     lr, r0
        movs    r0, #0
        bx      lr
        .size   attack_asm_link_register, . - attack_asm_link_register

        attack  asm_rop                 @ returns into the middle of a function, which pops the next address
        push    {r4, lr}
        ldr     r3, =gadget
        adds    r3, #4                  @ past its first two instructions
        str     r3, [sp, #4]
        str     r0, [sp, #12]           @ in the caller's frame: what the gadget takes for its return address
        movs    r0, #0
        pop     {r4, pc}
        .ltorg
        .size   attack_asm_rop, . - attack_asm_rop

        .section .text.gadget, "ax", %progbits
        .balign 4
        .type   gadget, %function
        .thumb_func
gadget:
        push    {r4, lr}
        mov     r4, r0
        pop     {r4, pc}
        .size   gadget, . - gadget

        attack  asm_jump_table          @ a switch without a bound: the index reaches a word of the attacker's
        ldr     r2, =table_word
        str     r0, [r2]
        adr     r3, .Ltable
        subs    r2, r3
        lsrs    r2, #2
        ldr     pc, [r3, r2, lsl #2]
        .balign 4
.Ltable:
        .word   .Lfirst + 1
.Lfirst:
        movs    r0, #0
        bx      lr
        .ltorg
        .size   attack_asm_jump_table, . - attack_asm_jump_table

        .section .bss.table_word, "aw", %nobits
        .balign 4
        .type   table_word, %object
table_word:
        .space  4
        .size   table_word, 4

        attack  asm_exc_return          @ a branch to EXC_RETURN, with a frame of the attacker's where SP points
        push    {r4, lr}
        mvn     r3, #6                  @ 0xFFFFFFF9
        blx     r3
        movs    r0, #0
        pop     {r4, pc}
        .size   attack_asm_exc_return, . - attack_asm_exc_return

        attack  asm_callee_saved        @ the host's registers come back as the attacker likes them
        mov     r4, r0
        mov     r5, r0
        mov     r6, r0
        mov     r7, r0
        mov     r8, r0
        mov     r9, r0
        mov     r10, r0
        mov     r11, r0
        finish  asm_callee_saved

        attack  asm_unaligned_load
        adds    r0, #1
        ldm     r0, {r1, r2}
        finish  asm_unaligned_load

        attack  asm_undefined
        udf     #16
        finish  asm_undefined

@ uint8_t give_level(uint32_t target): AAPCS 6.5 lets the caller rely on a result below 256. This one is not.
        .section .text.give_level, "ax", %progbits
        .balign 4
        .global give_level
        .type   give_level, %function
        .thumb_func
give_level:
        bx      lr
        .size   give_level, . - give_level
