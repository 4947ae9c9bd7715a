=== frame
@ accept
function f
  sub sp, #64
  str r0, [sp, #60]
  add sp, #64
  bx lr
=== frame_larger_than_the_stack
@ reject stack at bad
function f
bad: sub.w sp, sp, #0xe00
  add.w sp, sp, #0xe00
  bx lr
=== above_the_entry_value
@ reject stack at bad
function f
bad: add sp, #8
  sub sp, #8
  bx lr
=== known_constant_from_the_literal_pool
@ accept
function f
  ldr r3, =-1000
  add sp, r3
  ldr r3, =1000
  add sp, r3
  bx lr
  .ltorg
=== unknown_amount
@ reject stack at bad
function f
bad: sub sp, sp, r3
  bx lr
=== frame_pointer_restored
@ accept
function f
  push {r7}
  sub sp, #16
  mov r7, sp
  str r0, [r7, #4]
  adds r7, #16
  mov sp, r7
  pop {r7}
  bx lr
=== frame_pointer_from_memory
@ reject stack at bad
function f
  push {r7}
  pop {r7}
bad: mov sp, r7
  bx lr
=== loaded
@ reject instruction at bad
function f
bad: ldr.w sp, [r0]
  bx lr
=== recursion_without_a_check
@ reject stack at bad
function f
  push {r4, lr}
  str.w lr, [sp, #SLOT+8]
bad: bl f
  pop.w {r4, lr}
  ldr.w pc, [sp, #SLOT]
=== recursion_with_a_check
@ accept
function f
  ldr.w ip, =0x2002f200 + 40 + 8
  cmp sp, ip
  blo 1f
  push {r4, lr}
  str.w lr, [sp, #SLOT+8]
  bl f
  pop.w {r4, lr}
  ldr.w pc, [sp, #SLOT]
1: udf #0xf1
  .ltorg
=== recursion_with_a_check_too_weak
@ reject stack at bad
function f
  ldr.w ip, =0x2002f200 + 40 + 4
  cmp sp, ip
  blo 1f
bad: push {r4, lr}
  str.w lr, [sp, #SLOT+8]
  bl f
  pop.w {r4, lr}
  ldr.w pc, [sp, #SLOT]
1: udf #0xf1
  .ltorg
=== recursion_with_a_signed_check
@ reject stack at bad
function f
  ldr.w ip, =0x2002f200 + 40 + 8
  cmp sp, ip
  blt 1f
  push {r4, lr}
  str.w lr, [sp, #SLOT+8]
bad: bl f
  pop.w {r4, lr}
  ldr.w pc, [sp, #SLOT]
1: udf #0xf1
  .ltorg
=== check_after_the_stack_pointer_moved
@ reject stack at bad
function f
  push {r4, lr}
  str.w lr, [sp, #SLOT+8]
  ldr.w ip, =0x2002f200 + 40
  cmp sp, ip
  blo 1f
bad: bl f
  pop.w {r4, lr}
  ldr.w pc, [sp, #SLOT]
1: udf #0xf1
  .ltorg
=== mutual_recursion_with_one_check
@ accept
function f
  push {r4, lr}
  str.w lr, [sp, #SLOT+8]
  bl g
  pop.w {r4, lr}
  ldr.w pc, [sp, #SLOT]
function g
  ldr.w ip, =0x2002f200 + 40 + 16
  cmp sp, ip
  blo 1f
  push {r4, lr}
  str.w lr, [sp, #SLOT+8]
  bl f
  pop.w {r4, lr}
  ldr.w pc, [sp, #SLOT]
1: udf #0xf1
  .ltorg
=== depth_differs_at_a_join
@ reject invariant at bad
@ reject stack at bad
function f
  cbz r0, bad
  push {r4}
bad: pop {r4}
  bx lr
=== store_relative_to_sp
@ accept
function f
  push {r0, r1, r2, r3}
  str r0, [sp, #12]
  strd r0, r1, [sp, #4]
  add r2, sp, #8
  str r0, [r2]
  add sp, #16
  bx lr
=== store_above_the_stack_and_the_slack
@ reject store at bad
function f
bad: str.w r0, [sp, #0x210]
  bx lr
