@ refused: attack.*stack switching
        .syntax unified
        .thumb
        .section .text.attack, "ax", %progbits
        .global attack
        .type   attack, %function
        .thumb_func
attack:
        ldr     sp, [r0]
        bx      lr
        .size   attack, . - attack
