=== address_from_declared_constants
@ accept
function f
  ldr r1, =table
  ldr r1, [r1]
  str r0, [r1]
  bx lr
  .ltorg
.section .const
table: .word 0x20020040
=== address_from_undeclared_flash
@ reject store at bad
@ set sandboxes.0.constants = []
function f
  ldr r1, =table
  ldr r1, [r1]
bad: str r0, [r1]
  bx lr
  .ltorg
.section .const
table: .word 0x20020040
