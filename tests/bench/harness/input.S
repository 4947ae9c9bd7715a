/* The benchmark's input, in flash. */
    .section .rodata.input, "a"
    .balign 4
    .global input_start, input_end
input_start:
    .incbin INPUT
input_end:
    .byte 0
