@ refused: attack.*return
        .syntax unified
        .thumb
        .section .text.attack, "ax", %progbits
        .global attack
        .type   attack, %function
        .thumb_func
attack:
        mov     lr, r0
        bx      lr
        .size   attack, . - attack
