@ What the tenants are sent: files, with a label at their start and one at their end.
        .section .rodata.messages, "a", %progbits

        .macro message name file
        .balign 4
        .global \name\()_start
        .global \name\()_end
\name\()_start:
        .incbin "\file"
\name\()_end:
        .endm

        message route   messages/route.json
        message logo    messages/logo.gif
        message letter  messages/letter.txt
        message deep    messages/deep.gif
        message slow    messages/slow.gif
