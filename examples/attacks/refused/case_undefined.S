@ refused: attack.*(undefined|not supported)
        .syntax unified
        .thumb
        .section .text.attack, "ax", %progbits
        .global attack
        .type   attack, %function
        .thumb_func
attack:
        .inst.w 0xf7f0a001      @ permanently undefined
        bx      lr
        .size   attack, . - attack
