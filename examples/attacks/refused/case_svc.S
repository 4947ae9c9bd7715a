@ refused: attack.*svc
        .syntax unified
        .thumb
        .section .text.attack, "ax", %progbits
        .global attack
        .type   attack, %function
        .thumb_func
attack:
        svc     #0
        bx      lr
        .size   attack, . - attack
