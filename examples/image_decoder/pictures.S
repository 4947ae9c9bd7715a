/* The two files that the firmware decodes, as they are on disk. */
    .syntax unified
    .section .rodata.pictures, "a"

    .macro picture name, file
    .balign 4
    .global \name\()_start, \name\()_end
\name\()_start:
    .incbin "\file"
\name\()_end:
    .endm

    picture png, "pictures/pattern.png"
    picture jpeg, "pictures/pattern.jpg"
