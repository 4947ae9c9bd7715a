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
