@ refused: attack.*wfi
        .syntax unified
        .thumb
        .section .text.attack, "ax", %progbits
        .global attack
        .type   attack, %function
        .thumb_func
attack:
        wfi
        bx      lr
        .size   attack, . - attack
