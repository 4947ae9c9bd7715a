@ refused: attack.*mcr
        .syntax unified
        .thumb
        .section .text.attack, "ax", %progbits
        .global attack
        .type   attack, %function
        .thumb_func
attack:
        mcr     p15, 0, r0, c7, c5, 0
        bx      lr
        .size   attack, . - attack
