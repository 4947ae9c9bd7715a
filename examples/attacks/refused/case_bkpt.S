@ refused: attack.*bkpt
        .syntax unified
        .thumb
        .section .text.attack, "ax", %progbits
        .global attack
        .type   attack, %function
        .thumb_func
attack:
        bkpt    #0xab           @ semihosting: the debugger would do what it asks for
        bx      lr
        .size   attack, . - attack
