=== forced_before_a_loop
@ accept
function f
  push {r4, r5, r6, lr}
  str.w lr, [sp, #SLOT+16]
  mov r6, r1
  mov r4, r0
  and r6, r6, #0x3c
  orr r6, r6, #0xf00
  orr r6, r6, #0x10000
  orr r6, r6, #1
1: mov r0, r4
  blx r6
  subs r4, #1
  bne 1b
  pop {r4, r5, r6}
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
=== not_forced
@ reject call at bad
function f
  push {r4, r5, r6, lr}
  str.w lr, [sp, #SLOT+16]
  mov r6, r1
  mov r4, r0
1: mov r0, r4
bad: blx r6
  subs r4, #1
  bne 1b
  pop {r4, r5, r6}
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
=== forced_on_one_way_only
@ reject call at bad
function f
  push {r4, r5, r6, lr}
  str.w lr, [sp, #SLOT+16]
  mov r6, r1
  mov r4, r0
  cbz r0, 1f
  and r6, r6, #0x3c
  orr r6, r6, #0xf00
  orr r6, r6, #0x10000
  orr r6, r6, #1
1: mov r0, r4
bad: blx r6
  subs r4, #1
  bne 1b
  pop {r4, r5, r6}
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
=== forced_with_a_bit_too_few
@ reject call at bad
function f
  push {r4, r5, r6, lr}
  str.w lr, [sp, #SLOT+16]
  mov r6, r1
  mov r4, r0
  and r6, r6, #0x3e
  orr r6, r6, #0xf00
  orr r6, r6, #0x10000
  orr r6, r6, #1
1: mov r0, r4
bad: blx r6
  subs r4, #1
  bne 1b
  pop {r4, r5, r6}
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
=== forced_with_a_bit_too_many
@ reject call at bad
function f
  push {r4, r5, r6, lr}
  str.w lr, [sp, #SLOT+16]
  mov r6, r1
  mov r4, r0
  and r6, r6, #0x7c
  orr r6, r6, #0xf00
  orr r6, r6, #0x10000
  orr r6, r6, #1
1: mov r0, r4
bad: blx r6
  subs r4, #1
  bne 1b
  pop {r4, r5, r6}
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
=== forced_past_the_table
@ reject call at bad
function f
  push {r4, r5, r6, lr}
  str.w lr, [sp, #SLOT+16]
  mov r6, r1
  mov r4, r0
  and r6, r6, #0x3c
  orr r6, r6, #0xf00
  orr r6, r6, #0x10000
  orr r6, r6, #1
  adds r6, #4
1: mov r0, r4
bad: blx r6
  subs r4, #1
  bne 1b
  pop {r4, r5, r6}
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
=== moved_in_the_loop
@ reject call at bad
function f
  push {r4, r5, r6, lr}
  str.w lr, [sp, #SLOT+16]
  mov r6, r1
  mov r4, r0
  and r6, r6, #0x3c
  orr r6, r6, #0xf00
  orr r6, r6, #0x10000
  orr r6, r6, #1
1: mov r0, r4
bad: blx r6
  adds r6, #4
  subs r4, #1
  bne 1b
  pop {r4, r5, r6}
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
=== moved_by_a_halfword
@ reject call at bad
function f
  push {r4, r5, r6, lr}
  str.w lr, [sp, #SLOT+16]
  mov r6, r1
  mov r4, r0
  and r6, r6, #0x3c
  orr r6, r6, #0xf00
  orr r6, r6, #0x10000
  orr r6, r6, #1
  adds r6, #2
1: mov r0, r4
bad: blx r6
  subs r4, #1
  bne 1b
  pop {r4, r5, r6}
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
=== written_by_a_function_of_the_table
@ reject call at bad
function f
  push {r4, r5, r6, lr}
  str.w lr, [sp, #SLOT+16]
  mov r6, r1
  mov r4, r0
  and r6, r6, #0x3c
  orr r6, r6, #0xf00
  orr r6, r6, #0x10000
  orr r6, r6, #1
1: mov r0, r4
bad: blx r6
  subs r4, #1
  bne 1b
  pop {r4, r5, r6}
  add sp, #4
  ldr.w pc, [sp, #SLOT]
function g
  adds r0, #1
  bx lr
function h
  movs r6, #1
  bx lr
.section .slots, "ax"
  b.w g
  b.w h
.rept 14
  udf #0xf3
  udf #0xf3
.endr
=== an_import_in_the_table
@ reject call at bad
function f
  push {r4, r5, r6, lr}
  str.w lr, [sp, #SLOT+16]
  mov r6, r1
  mov r4, r0
  and r6, r6, #0x3c
  orr r6, r6, #0xf00
  orr r6, r6, #0x10000
  orr r6, r6, #1
1: mov r0, r4
bad: blx r6
  subs r4, #1
  bne 1b
  pop {r4, r5, r6}
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
  b.w imported
.rept 14
  udf #0xf3
  udf #0xf3
.endr
=== an_import_called_between
@ reject call at bad
function f
  push {r4, r5, r6, lr}
  str.w lr, [sp, #SLOT+16]
  mov r6, r1
  mov r4, r0
  and r6, r6, #0x3c
  orr r6, r6, #0xf00
  orr r6, r6, #0x10000
  orr r6, r6, #1
1: mov r0, r4
bad: blx r6
  bl imported
  subs r4, #1
  bne 1b
  pop {r4, r5, r6}
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
=== in_a_register_that_calls_lose
@ reject call at bad
function f
  push {r4, r5, r6, lr}
  str.w lr, [sp, #SLOT+16]
  mov r6, r1
  mov r4, r0
  mov r3, r6
  and r3, r3, #0x3c
  orr r3, r3, #0xf00
  orr r3, r3, #0x10000
  orr r3, r3, #1
1: mov r0, r4
bad: blx r3
  subs r4, #1
  bne 1b
  pop {r4, r5, r6}
  add sp, #4
  ldr.w pc, [sp, #SLOT]
function g
  adds r0, #1
  bx lr
function h
  movs r3, #1
  bx lr
.section .slots, "ax"
  b.w g
  b.w h
.rept 14
  udf #0xf3
  udf #0xf3
.endr
=== in_a_register_that_no_function_of_the_table_writes
@ accept
function f
  push {r4, r5, r6, lr}
  str.w lr, [sp, #SLOT+16]
  mov r6, r1
  mov r4, r0
  mov r3, r6
  and r3, r3, #0x3c
  orr r3, r3, #0xf00
  orr r3, r3, #0x10000
  orr r3, r3, #1
1: mov r0, r4
  blx r3
  subs r4, #1
  bne 1b
  pop {r4, r5, r6}
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
=== kept_on_the_stack_over_the_call
@ reject call at bad
function f
  push {r4, r5, r6, lr}
  str.w lr, [sp, #SLOT+16]
  mov r6, r1
  mov r4, r0
  and r6, r6, #0x3c
  orr r6, r6, #0xf00
  orr r6, r6, #0x10000
  orr r6, r6, #1
1: mov r0, r4
  push {r6, r7}
bad: blx r6
  pop {r6, r7}
  subs r4, #1
  bne 1b
  pop {r4, r5, r6}
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
=== compared_and_called
@ accept
function f
  push {r4, r5, r6, lr}
  str.w lr, [sp, #SLOT+16]
  mov r6, r1
  mov r4, r0
  and r6, r6, #0x3c
  orr r6, r6, #0xf00
  orr r6, r6, #0x10000
  orr r6, r6, #1
  cmp r6, r4
  beq 2f
1: mov r0, r4
  blx r6
  subs r4, #1
  bne 1b
2:
  pop {r4, r5, r6}
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
=== jumped_to_behind_the_loop
@ accept
function f
  push {r4, r5, r6, lr}
  str.w lr, [sp, #SLOT+16]
  mov r6, r1
  mov r4, r0
  and r6, r6, #0x3c
  orr r6, r6, #0xf00
  orr r6, r6, #0x10000
  orr r6, r6, #1
1: mov r0, r4
  blx r6
  subs r4, #1
  bne 1b
  mov r3, r6
  pop {r4, r5, r6}
  add sp, #4
  ldr.w lr, [sp, #SLOT]
  bx r3
  pop {r4, r5, r6}
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
=== a_table_of_functions_in_the_constants
@ reject call at bad
function f
  push {r4, r5, r6, lr}
  str.w lr, [sp, #SLOT+16]
  mov r6, r1
  mov r4, r0
  ldr r6, =0x11000
  ldr r6, [r6, r4, lsl #2]
bad: blx r6
  pop {r4, r5, r6}
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
