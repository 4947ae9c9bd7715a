=== known_over_a_call
@ accept
function f
  push {r4, lr}
  str.w lr, [sp, #SLOT+8]
  mov r4, r1
  guard r4
  bl g
  str r0, [r4]
  pop {r4}
  add sp, #4
  ldr.w pc, [sp, #SLOT]
function g
  adds r0, #1
  bx lr
=== written_by_the_callee
@ reject store at bad
function f
  push {r4, lr}
  str.w lr, [sp, #SLOT+8]
  mov r4, r1
  guard r4
  bl g
bad: str r0, [r4]
  pop {r4}
  add sp, #4
  ldr.w pc, [sp, #SLOT]
function g
  adds r4, #1
  bx lr
=== saved_and_popped_by_the_callee
@ reject store at bad
function f
  push {r4, lr}
  str.w lr, [sp, #SLOT+8]
  mov r4, r1
  guard r4
  bl g
bad: str r0, [r4]
  pop {r4}
  add sp, #4
  ldr.w pc, [sp, #SLOT]
function g
  push {r4}
  mov r4, r0
  pop {r4}
  bx lr
=== written_under_a_condition
@ reject store at bad
function f
  push {r4, lr}
  str.w lr, [sp, #SLOT+8]
  mov r4, r1
  guard r4
  bl g
bad: str r0, [r4]
  pop {r4}
  add sp, #4
  ldr.w pc, [sp, #SLOT]
function g
  cmp r0, #0
  it eq
  moveq r4, r0
  bx lr
=== written_by_the_writeback_of_a_load
@ reject store at bad
function f
  push {r4, lr}
  str.w lr, [sp, #SLOT+8]
  mov r4, r1
  guard r4
  bl g
bad: str r0, [r4]
  pop {r4}
  add sp, #4
  ldr.w pc, [sp, #SLOT]
function g
  ldr r0, [r4], #4
  bx lr
=== written_where_the_callee_goes_on
@ reject store at bad
function f
  push {r4, lr}
  str.w lr, [sp, #SLOT+8]
  mov r4, r1
  guard r4
  bl g
bad: str r0, [r4]
  pop {r4}
  add sp, #4
  ldr.w pc, [sp, #SLOT]
function g
  b.w h
function h
  movs r4, #0
  bx lr
=== written_by_what_the_callee_calls
@ reject store at bad
function f
  push {r4, lr}
  str.w lr, [sp, #SLOT+8]
  mov r4, r1
  guard r4
  bl g
bad: str r0, [r4]
  pop {r4}
  add sp, #4
  ldr.w pc, [sp, #SLOT]
function g
  push {r3, lr}
  str.w lr, [sp, #SLOT+8]
  bl h
  add sp, #8
  ldr.w pc, [sp, #SLOT]
function h
  movs r4, #0
  bx lr
=== called_import_may_change_all
@ reject store at bad
function f
  push {r4, lr}
  str.w lr, [sp, #SLOT+8]
  mov r4, r1
  guard r4
  bl imported
bad: str r0, [r4]
  pop {r4}
  add sp, #4
  ldr.w pc, [sp, #SLOT]
=== callee_calls_an_import
@ reject store at bad
function f
  push {r4, lr}
  str.w lr, [sp, #SLOT+8]
  mov r4, r1
  guard r4
  bl g
bad: str r0, [r4]
  pop {r4}
  add sp, #4
  ldr.w pc, [sp, #SLOT]
function g
  push {r3, lr}
  str.w lr, [sp, #SLOT+8]
  bl imported
  add sp, #8
  ldr.w pc, [sp, #SLOT]
=== known_over_a_call_of_functions_that_nobody_writes_it_in
@ accept
function f
  push {r4, lr}
  str.w lr, [sp, #SLOT+8]
  mov r4, r1
  guard r4
  bl g
  str r0, [r4]
  pop {r4}
  add sp, #4
  ldr.w pc, [sp, #SLOT]
function g
1: cbz r0, 2f
  subs r0, #1
  b 1b
2: b.w h
function h
  push {r3, lr}
  str.w lr, [sp, #SLOT+8]
  bl i
  add sp, #8
  ldr.w pc, [sp, #SLOT]
function i
  muls r0, r0, r0
  bx lr
=== known_over_a_call_through_the_table
@ accept
function f
  push {r4, lr}
  str.w lr, [sp, #SLOT+8]
  mov r4, r1
  guard r4
  and r3, r3, #0x3d
  orr r3, r3, #0xf00
  orr r3, r3, #0x10000
  blx r3
  str r0, [r4]
  pop {r4}
  add sp, #4
  ldr.w pc, [sp, #SLOT]
function g
  adds r0, #1
  bx lr
function h
  movs r5, #1
  bx lr
.section .slots, "ax"
  b.w g
  b.w h
.rept 14
  udf #0xf3
  udf #0xf3
.endr
=== written_by_the_function_of_one_slot
@ reject store at bad
function f
  push {r4, lr}
  str.w lr, [sp, #SLOT+8]
  mov r4, r1
  guard r4
  and r3, r3, #0x3d
  orr r3, r3, #0xf00
  orr r3, r3, #0x10000
  blx r3
bad: str r0, [r4]
  pop {r4}
  add sp, #4
  ldr.w pc, [sp, #SLOT]
function g
  adds r0, #1
  bx lr
function h
  movs r4, #1
  bx lr
.section .slots, "ax"
  b.w g
.rept 14
  udf #0xf3
  udf #0xf3
.endr
  b.w h
=== a_slot_leads_to_an_import
@ reject store at bad
function f
  push {r4, lr}
  str.w lr, [sp, #SLOT+8]
  mov r4, r1
  guard r4
  and r3, r3, #0x3d
  orr r3, r3, #0xf00
  orr r3, r3, #0x10000
  blx r3
bad: str r0, [r4]
  pop {r4}
  add sp, #4
  ldr.w pc, [sp, #SLOT]
function g
  adds r0, #1
  bx lr
.section .slots, "ax"
  b.w g
  b.w imported
.rept 14
  udf #0xf3
  udf #0xf3
.endr
=== a_slot_writes_it_itself
@ reject store at bad
function f
  push {r4, lr}
  str.w lr, [sp, #SLOT+8]
  mov r4, r1
  guard r4
  and r3, r3, #0x3d
  orr r3, r3, #0xf00
  orr r3, r3, #0x10000
  blx r3
bad: str r0, [r4]
  pop {r4}
  add sp, #4
  ldr.w pc, [sp, #SLOT]
.section .slots, "ax"
.rept 15
  udf #0xf3
  udf #0xf3
.endr
  adds r4, #1
  bx lr
=== the_callee_goes_on_through_the_table
@ reject store at bad
function f
  push {r4, lr}
  str.w lr, [sp, #SLOT+8]
  mov r4, r1
  guard r4
  bl g
bad: str r0, [r4]
  pop {r4}
  add sp, #4
  ldr.w pc, [sp, #SLOT]
function g
  and r3, r3, #0x3d
  orr r3, r3, #0xf00
  orr r3, r3, #0x10000
  bx r3
function h
  movs r4, #1
  bx lr
.section .slots, "ax"
  b.w h
.rept 15
  udf #0xf3
  udf #0xf3
.endr
=== the_callee_goes_on_through_a_table_that_keeps_it
@ accept
function f
  push {r4, lr}
  str.w lr, [sp, #SLOT+8]
  mov r4, r1
  guard r4
  bl g
  str r0, [r4]
  pop {r4}
  add sp, #4
  ldr.w pc, [sp, #SLOT]
function g
  and r3, r3, #0x3d
  orr r3, r3, #0xf00
  orr r3, r3, #0x10000
  bx r3
function h
  movs r5, #1
  bx lr
.section .slots, "ax"
  b.w h
.rept 15
  udf #0xf3
  udf #0xf3
.endr
=== a_call_of_a_constant_that_is_no_slot
@ accept
function f
  push {r4, lr}
  str.w lr, [sp, #SLOT+8]
  bl g
  pop {r4}
  add sp, #4
  ldr.w pc, [sp, #SLOT]
function g
  push {r3, lr}
  str.w lr, [sp, #SLOT+8]
  ldr r3, =imported
  orr r3, r3, #1
  blx r3
  add sp, #8
  ldr.w pc, [sp, #SLOT]
=== what_a_constant_that_is_no_slot_writes
@ reject store at bad
function f
  push {r4, lr}
  str.w lr, [sp, #SLOT+8]
  mov r4, r1
  guard r4
  bl g
bad: str r0, [r4]
  pop {r4}
  add sp, #4
  ldr.w pc, [sp, #SLOT]
function g
  push {r3, lr}
  str.w lr, [sp, #SLOT+8]
  ldr r3, =h
  orr r3, r3, #1
  blx r3
  add sp, #8
  ldr.w pc, [sp, #SLOT]
function h
  movs r4, #1
  bx lr
