@ refused: attack.*depth is not the same on all paths
        .syntax unified
        .thumb
        .section .text.attack, "ax", %progbits
        .global attack
        .type   attack, %function
        .thumb_func
attack:
        mov     r1, r0
1:      push    {r0}                    @ down through everything
        subs    r1, #1
        bne     1b
        bx      lr
        .size   attack, . - attack
