@ The way into a sandbox and out of it: the same bytes for every sandbox, which a descriptor describes.
@ ARMv7-M ARM: CONTROL B1.4.4, MSR/MRS B5.2, exclusive access A3.4, FP context B1.5.7.
@
@ The caller of an export keeps its callee-saved registers in one frame on its own stack; RF_HOST_SP points at it, and
@ the normal exit and the recovery from a fault pop it:
@     {r3-r11, pc}                               r3 only keeps SP 8-aligned
@     {FPSCR, r7}, {s16-s31}, {r3-r11, pc}       where there is an FPU; r7 only keeps SP 8-aligned
@ Whatever happens inside, nothing is read from memory that the sandbox can write.
@
@ These bytes and those of the generated stubs are compared with templates by the verifier's kernel. What they
@ establish for its theorem is written in README.md, "At entry".

#include "gate.h"

        .syntax unified
        .thumb

#ifdef __ARM_FP
#define SAVE_FP(scratch)     vpush {s16-s31}; vmrs scratch, FPSCR; push {scratch, r7}
#define RESTORE_FP(scratch)  pop {scratch, r7}; vmsr FPSCR, scratch; vpop {s16-s31}
#define FPSCR_MODES 0x07C00000          /* AHP, DN, FZ, RMode: what a called function inherits (AAPCS 6.1.2.1) */
#define APSR_FLAGS APSR_nzcvqg          /* every core with an FPU has GE */
#else
#define SAVE_FP(scratch)
#define RESTORE_FP(scratch)
#define APSR_FLAGS APSR_nzcvq
#endif

@ Called export with {r3-r11, lr} pushed: r0-r3 (s0-s15) arguments, zeros where there is none; r4 descriptor, r5 entry.
@ Leaves r0:r1 result, r2 status.
        .section .text.ringfence_enter, "ax", %progbits
        .global ringfence_enter
        .type   ringfence_enter, %function
        .thumb_func
ringfence_enter:
        SAVE_FP(r6)
        mrs     r11, CONTROL
        mrs     r6, IPSR
        mrs     r7, FAULTMASK           @ in Handler mode, or with FAULTMASK, a fault of S would lock up or
        orr     r6, r6, r7              @ SPSEL could not be written; unprivileged code can do neither
        orrs    r6, r6, r11, lsl #31    @ RF_CONTROL_NPRIV is bit 0
        bne     .Lcontext
        ldm     r4, {r7, r8, lr}        @ RF_STATE, RF_STACK_HIGH, RF_RETURN
        mov     r10, #RF_HELD
.Ltake: ldrex   r6, [r7]                @ RF_PHASE is at offset 0
        cmp     r6, #RF_READY
        bne     .Lslow
        strex   r6, r10, [r7]
        cbnz    r6, .Lagain
.Ltaken:
        mov     r9, #RF_READY
        ldr     ip, [r5, #RF_ENTRY_ADDRESS]
.Lheld: @ the phase is HELD; r0-r3 arguments, r5 entry, r7 state, r8 stack high, r9 phase to leave behind, r11 CONTROL,
        @ ip address to enter, lr return stub
        movs    r6, #0
        strd    r9, r6, [r7, #RF_RELEASE]       @ and RF_ABORT
        strd    r5, r11, [r7, #RF_ENTRY]        @ and RF_HOST_CONTROL
        str     sp, [r7, #RF_HOST_SP]
        orr     r11, r11, #RF_CONTROL_SPSEL
        msr     PSP, r8                 @ on PSP already: this is the switch; on MSP: PSP must be good before it
        msr     CONTROL, r11
        isb
        cmp     sp, r8
        bne     .Lnot_switched
        mov     r11, #RF_RUNNING
        str     r11, [r7, #RF_PHASE]
#ifdef __ARM_FP
        adr     r4, ringfence_zeros
        vldm    r4, {s16-s31}
        vmrs    r4, FPSCR
        and     r4, r4, #FPSCR_MODES
        vmsr    FPSCR, r4
#endif
        mov     r4, r6                  @ nothing of the host's stays in a register
        mov     r5, r6
        mov     r7, r6
        mov     r8, r6
        mov     r9, r6
        mov     r10, r6
        mov     r11, r6
        msr     APSR_FLAGS, r6
        bx      ip

.Lagain:
        b       .Ltake
.Lslow: push    {r0-r3}                 @ first use, busy or dead: C decides
#ifdef __ARM_FP
        vpush   {s0-s15}
#endif
        mov     r0, r4
        bl      ringfence_take
        mov     ip, r0
#ifdef __ARM_FP
        vpop    {s0-s15}
#endif
        pop     {r0-r3}
        ldr     lr, [r4, #RF_RETURN]
        cmp     ip, #RF_STATUS_OK
        beq     .Ltaken
        b       .Lrefused
.Lnot_switched:
        str     r9, [r7, #RF_PHASE]
.Lcontext:
        mov     ip, #RF_STATUS_CONTEXT
.Lrefused:
        ldr     r7, [r4, #RF_STATE]
        str     ip, [r7, #RF_STATUS]
        ldrd    r0, r1, [r5, #RF_ENTRY_ERROR]
        mov     r2, ip
#ifdef __ARM_FP
        vmov    s0, s1, r0, r1
        RESTORE_FP(r4)
#endif
        pop     {r3-r11, pc}
#ifdef __ARM_FP
        .balign 4
        .global ringfence_zeros
ringfence_zeros:                        @ what the generated stubs load into unused s0-s15, too
        .space  64
#endif
        .size   ringfence_enter, . - ringfence_enter

@ uint32_t ringfence_switch(sandbox, entry, words): call an export of a sandbox that this gate holds already, and go on
@ holding it. words are struct ringfence_words: the arguments, then the result; returns the status.
        .section .text.ringfence_switch, "ax", %progbits
        .global ringfence_switch
        .type   ringfence_switch, %function
        .thumb_func
ringfence_switch:
        push    {r2, lr}
        ldr     ip, [r1, #RF_ENTRY_ADDRESS]
ringfence_switch_at:
        bl      .Lcall
        pop     {r3, lr}
        strd    r0, r1, [r3]
#ifdef __ARM_FP
        adds    r3, #RF_WORDS_FP
        vstm    r3, {s0-s7}
#endif
        mov     r0, r2
        bx      lr
.Lcall: push    {r3-r11, lr}
        SAVE_FP(r6)
        mov     r4, r0
        mov     r5, r1
#ifdef __ARM_FP
        add     r6, r2, #RF_WORDS_FP
        vldm    r6, {s0-s15}
#endif
        ldm     r2, {r0-r3}
        mrs     r11, CONTROL
        ldm     r4, {r7, r8, lr}
        mov     r9, #RF_HELD
        b.w     .Lheld
        .size   ringfence_switch, . - ringfence_switch

@ uint32_t ringfence_switch_pointer(sandbox, entry, words, pointer): the same for a function whose address came from the
@ sandbox. Whatever `pointer` is, a slot of the sandbox's table of functions is entered; `entry` is for errors only.
        .section .text.ringfence_switch_pointer, "ax", %progbits
        .global ringfence_switch_pointer
        .type   ringfence_switch_pointer, %function
        .thumb_func
ringfence_switch_pointer:
        push    {r2, lr}
        ldr     lr, [r0, #RF_SLOTS_START]
        ldr     ip, [r0, #RF_SLOTS_END]
        sub     ip, ip, lr              @ a power of two, and the table is aligned to it
        sub     ip, ip, #4
        and     ip, ip, r3
        orr     ip, ip, lr
        orr     ip, ip, #1
        b.w     ringfence_switch_at
        .size   ringfence_switch_pointer, . - ringfence_switch_pointer

@ An export returned: r0:r1 (s0-s7) result, r4 state (from the generated return stub); all else is the sandbox's rubbish.
        .section .text.ringfence_exit, "ax", %progbits
        .global ringfence_exit
        .type   ringfence_exit, %function
        .thumb_func
ringfence_exit:
        dsb                             @ an imprecise bus fault of the sandbox comes now, while it is still to blame
        mov     r5, #RF_HELD
        str     r5, [r4, #RF_PHASE]
        ldrd    r5, r6, [r4, #RF_HOST_CONTROL]  @ and RF_HOST_SP
        msr     CONTROL, r5
        isb
        mov     sp, r6
        mov     r2, #RF_STATUS_OK
        str     r2, [r4, #RF_STATUS]
        ldr     r5, [r4, #RF_RELEASE]
        str     r5, [r4, #RF_PHASE]     @ last: from here on another thread may take it
        RESTORE_FP(r5)
        pop     {r3-r11, pc}
        .size   ringfence_exit, . - ringfence_exit

@ noreturn ringfence_recover(sandbox): the call of the export ends in its error value. Reached in Thread mode, on the
@ sandbox's stack (the fault handler redirected to here) or on the host's (an import gave up); the phase is not READY.
        .section .text.ringfence_recover, "ax", %progbits
        .global ringfence_recover
        .type   ringfence_recover, %function
        .thumb_func
ringfence_recover:
        ldr     r4, [r0, #RF_STATE]
        ldrd    r5, r6, [r4, #RF_HOST_CONTROL]  @ and RF_HOST_SP
        msr     CONTROL, r5
        isb
        mov     sp, r6
        ldr     r5, [r4, #RF_ENTRY]
        mov     r2, #RF_STATUS_FAULT
        str     r2, [r4, #RF_STATUS]
        ldrd    r0, r1, [r5, #RF_ENTRY_ERROR]
        mov     r5, #RF_DEAD            @ last: from here on another thread may reset it
        str     r5, [r4, #RF_PHASE]
#ifdef __ARM_FP
        vmov    s0, s1, r0, r1
        RESTORE_FP(r5)
#endif
        pop     {r3-r11, pc}
        .size   ringfence_recover, . - ringfence_recover

@ The sandbox called an import: r0-r3 (s0-s15) arguments, ip state, r4 thunk (the sandbox's r4 is saved), lr return
@ address. Uses none of the sandbox's stack. r4-r11 (s16-s31) are kept by the thunk, which is C.
        .section .text.ringfence_import, "ax", %progbits
        .global ringfence_import
        .type   ringfence_import, %function
        .thumb_func
ringfence_import:
        dsb
        str     lr, [ip, #RF_SANDBOX_LR]
        str     sp, [ip, #RF_SANDBOX_SP]
#ifdef __ARM_FP
        vmrs    lr, FPSCR
        str     lr, [ip, #RF_SANDBOX_FPSCR]
#endif
        mov     lr, #RF_IMPORT
        str     lr, [ip, #RF_PHASE]
        ldr     lr, [ip, #RF_HOST_CONTROL]
        msr     CONTROL, lr
        isb
        ldr     lr, [ip, #RF_HOST_SP]
        mov     sp, lr
#ifdef __ARM_FP
        ldr     lr, [sp]                @ the host's FPSCR
        vmsr    FPSCR, lr
#endif
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
#ifdef __ARM_FP
        ldr     r2, [ip, #RF_SANDBOX_FPSCR]
        vmsr    FPSCR, r2
        add     r2, ip, #RF_FP_RESULT   @ the result; or an older one, which the sandbox has seen already
        vldm    r2, {s0-s7}
        ldr     r2, =ringfence_zeros
        vldm    r2, {s8-s15}
#endif
        ldr     r4, [ip, #RF_SANDBOX_R4]
        ldr     lr, [ip, #RF_SANDBOX_LR]
        mov     r2, #0                  @ nothing of the host's stays in a register but the result
        mov     r3, r2
        mov     ip, r2
        msr     APSR_FLAGS, r2
        bx      lr
        .size   ringfence_import, . - ringfence_import
        .ltorg
