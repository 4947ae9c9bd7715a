@ refused: attack|control
        .syntax unified
        .thumb
        .section .text.attack, "ax", %progbits
        .global attack
        .type   attack, %function
        .thumb_func
attack:
        adds    r0, #1
        .size   attack, . - attack
