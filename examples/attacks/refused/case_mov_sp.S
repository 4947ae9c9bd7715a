@ refused: attack.*stack frame
        .syntax unified
        .thumb
        .section .text.attack, "ax", %progbits
        .global attack
        .type   attack, %function
        .thumb_func
attack:
        mov     sp, r0
        bx      lr
        .size   attack, . - attack
