@ refused: rule 'return'.*returns with SP 8 bytes below
        .syntax unified
        .thumb
        .section .text.attack, "ax", %progbits
        .global attack
        .type   attack, %function
        .thumb_func
attack:
        sub     sp, #8                  @ the caller would pop what the attacker likes
        bx      lr
        .size   attack, . - attack
