@ refused: attack.*cps
        .syntax unified
        .thumb
        .section .text.attack, "ax", %progbits
        .global attack
        .type   attack, %function
        .thumb_func
attack:
        cpsid   i
        bx      lr
        .size   attack, . - attack
