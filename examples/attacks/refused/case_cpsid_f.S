@ refused: attack.*'cpsid f' is not supported
        .syntax unified
        .thumb
        .section .text.attack, "ax", %progbits
        .global attack
        .type   attack, %function
        .thumb_func
attack:
        cpsid   f
        bx      lr
        .size   attack, . - attack
