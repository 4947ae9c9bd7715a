@ The way into a sandbox and out of it: the same bytes for every sandbox, which a descriptor describes.
@ ARMv7-M ARM: CONTROL B1.4.4, MSR/MRS B5.2, exclusive access A3.4.
@
@ The caller of an export keeps its callee-saved registers in one frame {r3-r11, pc} on its own stack (r3 only keeps SP
@ 8-aligned); RF_HOST_SP points at it, and both the normal exit and the recovery from a fault pop it.
@ Whatever happens inside, nothing is read from memory that the sandbox can write.

#include "gate.h"

        .syntax unified
        .thumb

@ Called export with the frame pushed: r0-r3 arguments, r4 descriptor, r5 entry.
@ Leaves r0:r1 result, r2 status.
        .section .text.ringfence_enter, "ax", %progbits
        .global ringfence_enter
        .type   ringfence_enter, %function
        .thumb_func
ringfence_enter:
        mrs     r6, CONTROL
        mrs     r7, IPSR
        mrs     lr, FAULTMASK           @ in Handler mode, or with FAULTMASK, a fault of S would lock up or
        orr     r7, r7, lr              @ SPSEL could not be written; unprivileged code can do neither
        and     lr, r6, #RF_CONTROL_NPRIV
        orrs    r7, r7, lr
        bne     .Lcontext
        ldr     r7, [r4, #RF_STATE]
.Ltake: ldrex   lr, [r7]                @ RF_PHASE is at offset 0
        cmp     lr, #RF_READY
        bne     .Lslow
        mov     lr, #RF_HELD
        strex   ip, lr, [r7]
        cmp     ip, #0
        bne     .Ltake
.Ltaken:
        mov     ip, #RF_READY
.Lheld: @ r0-r3 arguments, r4 descriptor, r5 entry, r6 CONTROL, r7 state, ip phase to leave behind; the phase is HELD
        str     ip, [r7, #RF_RELEASE]
        str     r6, [r7, #RF_HOST_CONTROL]
        str     sp, [r7, #RF_HOST_SP]
        str     r5, [r7, #RF_ENTRY]
        ldr     ip, [r4, #RF_STACK_HIGH]
        orr     r6, r6, #RF_CONTROL_SPSEL
        msr     PSP, ip                 @ on PSP already: this is the switch; on MSP: PSP must be good before it
        msr     CONTROL, r6
        isb
        mrs     r6, CONTROL
        lsls    r6, r6, #30             @ SPSEL to the sign
        bpl     .Lnot_switched
        mov     r6, #0
        str     r6, [r7, #RF_ABORT]
        mov     ip, #RF_RUNNING
        str     ip, [r7, #RF_PHASE]
        ldr     lr, [r4, #RF_RETURN]
        ldr     ip, [r5, #RF_ENTRY_ADDRESS]
        mov     r4, r6                  @ nothing of the host's stays in a register
        mov     r5, r6
        mov     r7, r6
        mov     r8, r6
        mov     r9, r6
        mov     r10, r6
        mov     r11, r6
        msr     APSR_nzcvq, r6
        bx      ip

.Lslow: push    {r0-r3}                 @ first use, busy or dead: C decides
        mov     r0, r4
        bl      ringfence_take
        mov     ip, r0
        pop     {r0-r3}
        cmp     ip, #RF_STATUS_OK
        beq     .Ltaken
        b       .Lrefused
.Lnot_switched:
        ldr     ip, [r7, #RF_RELEASE]
        str     ip, [r7, #RF_PHASE]
.Lcontext:
        mov     ip, #RF_STATUS_CONTEXT
.Lrefused:
        ldr     r7, [r4, #RF_STATE]
        str     ip, [r7, #RF_STATUS]
        ldrd    r0, r1, [r5, #RF_ENTRY_ERROR]
        mov     r2, ip
        pop     {r3-r11, pc}

@ uint32_t ringfence_switch(sandbox, entry, words[4]): call an export of a sandbox that this gate holds already, and
@ go on holding it. words[0..1] become the result; returns the status.
        .global ringfence_switch
        .type   ringfence_switch, %function
        .thumb_func
ringfence_switch:
        push    {r2, lr}
        bl      .Lcall
        pop     {r3, lr}
        strd    r0, r1, [r3]
        mov     r0, r2
        bx      lr
.Lcall: push    {r3-r11, lr}
        mov     r4, r0
        mov     r5, r1
        ldm     r2, {r0-r3}
        mrs     r6, CONTROL
        ldr     r7, [r4, #RF_STATE]
        mov     ip, #RF_HELD
        b       .Lheld

@ An export returned: r0:r1 result, r4 descriptor (from the generated return stub); all else is the sandbox's rubbish.
        .section .text.ringfence_exit, "ax", %progbits
        .global ringfence_exit
        .type   ringfence_exit, %function
        .thumb_func
ringfence_exit:
        dsb                             @ an imprecise bus fault of the sandbox comes now, while it is still to blame
        ldr     r4, [r4, #RF_STATE]
        mov     r5, #RF_HELD
        str     r5, [r4, #RF_PHASE]
        ldr     r5, [r4, #RF_HOST_CONTROL]
        ldr     r6, [r4, #RF_HOST_SP]
        msr     CONTROL, r5
        isb
        mov     sp, r6
        mov     r2, #RF_STATUS_OK
        str     r2, [r4, #RF_STATUS]
        ldr     r5, [r4, #RF_RELEASE]
        str     r5, [r4, #RF_PHASE]
        pop     {r3-r11, pc}

@ noreturn ringfence_recover(sandbox): the call of the export ends in its error value. Reached in Thread mode, on the
@ sandbox's stack (the fault handler redirected to here) or on the host's (an import gave up); the phase is not READY.
        .section .text.ringfence_recover, "ax", %progbits
        .global ringfence_recover
        .type   ringfence_recover, %function
        .thumb_func
ringfence_recover:
        ldr     r4, [r0, #RF_STATE]
        ldr     r5, [r4, #RF_HOST_CONTROL]
        ldr     r6, [r4, #RF_HOST_SP]
        msr     CONTROL, r5
        isb
        mov     sp, r6
        ldr     r5, [r4, #RF_ENTRY]
        mov     r2, #RF_STATUS_FAULT
        str     r2, [r4, #RF_STATUS]
        ldrd    r0, r1, [r5, #RF_ENTRY_ERROR]
        mov     r5, #RF_DEAD            @ last: from here on another thread may reset it
        str     r5, [r4, #RF_PHASE]
        pop     {r3-r11, pc}

@ The sandbox called an import: r0-r3 arguments, ip state, r4 thunk (the sandbox's r4 is saved), lr return address.
@ Uses none of the sandbox's stack. r4-r11 are kept by the thunk, which is C.
        .section .text.ringfence_import, "ax", %progbits
        .global ringfence_import
        .type   ringfence_import, %function
        .thumb_func
ringfence_import:
        dsb
        str     lr, [ip, #RF_SANDBOX_LR]
        str     sp, [ip, #RF_SANDBOX_SP]
        mov     lr, #RF_IMPORT
        str     lr, [ip, #RF_PHASE]
        ldr     lr, [ip, #RF_HOST_CONTROL]
        msr     CONTROL, lr
        isb
        ldr     lr, [ip, #RF_HOST_SP]
        mov     sp, lr
        push    {ip, lr}
        blx     r4
        pop     {ip, lr}
        ldr     lr, [ip, #RF_HOST_CONTROL]
        orr     lr, lr, #RF_CONTROL_SPSEL
        ldr     r2, [ip, #RF_SANDBOX_SP]
        msr     PSP, r2
        msr     CONTROL, lr
        isb
        mov     r2, #RF_RUNNING
        str     r2, [ip, #RF_PHASE]
        ldr     r4, [ip, #RF_SANDBOX_R4]
        ldr     lr, [ip, #RF_SANDBOX_LR]
        mov     r2, #0                  @ nothing of the host's stays in a register but the result
        mov     r3, r2
        mov     ip, r2
        msr     APSR_nzcvq, r2
        bx      lr
