@ refused: attack.*msr
        .syntax unified
        .thumb
        .section .text.attack, "ax", %progbits
        .global attack
        .type   attack, %function
        .thumb_func
attack:
        msr     control, r0
        bx      lr
        .size   attack, . - attack
