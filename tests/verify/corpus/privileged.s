=== barriers_and_hints
@ accept
function f
  dmb sy
  dsb sy
  isb sy
  nop
  yield
  sev
  clrex
  pld [r0]
  mrs r0, apsr
  msr apsr_nzcvq, r0
  bx lr
=== svc
@ reject instruction at bad
function f
bad: svc 0
  bx lr
=== bkpt
@ reject instruction at bad
function f
bad: bkpt 0
  bx lr
=== cpsid
@ reject instruction at bad
function f
bad: cpsid i
  bx lr
=== msr_control
@ reject instruction at bad
function f
bad: msr control, r0
  bx lr
=== msr_psp
@ reject instruction at bad
function f
bad: msr psp, r0
  bx lr
=== msr_primask
@ reject instruction at bad
function f
bad: msr primask, r0
  bx lr
=== mrs_control
@ reject instruction at bad
function f
bad: mrs r0, control
  bx lr
=== wfi
@ reject instruction at bad
function f
bad: wfi
  bx lr
=== wfe
@ reject instruction at bad
function f
bad: wfe
  bx lr
=== exception_return
@ reject target at bad
function f
  mvn lr, #2
bad: bx lr
=== coprocessor
@ reject instruction at bad
function f
bad: mcr p15, 0, r0, c0, c0, 0
  bx lr
=== ldm_with_base_and_writeback
@ reject instruction at bad
function f
bad: .hword 0xe8b1, 0x0006 @ ldmia.w r1!, {r1, r2}
  bx lr
=== undefined
@ reject instruction at bad
function f
bad: .hword 0xf7ff, 0x8fff
  bx lr
=== trap
@ accept
function f
  udf #1
