=== leaf
@ accept
function f
  adds r0, #1
  bx lr
=== pop_pc
@ reject jump at bad
function f
  push {r4, lr}
bad: pop {r4, pc}
=== shadow
@ accept
function f
  push {r4, lr}
  str.w lr, [sp, #SLOT+8]
  bl g
  pop.w {r4, lr}
  ldr.w pc, [sp, #SLOT]
function g
  bx lr
=== shadow_never_saved
@ reject tail-call at bad
function f
  push {r4, lr}
  bl g
  pop.w {r4, lr}
bad: ldr.w pc, [sp, #SLOT]
function g
  bx lr
=== shadow_saved_after_a_call
@ reject return-slot at bad
function f
  push {r4, lr}
  bl g
bad: str.w lr, [sp, #SLOT+8]
  pop.w {r4, lr}
  ldr.w pc, [sp, #SLOT]
function g
  bx lr
=== shadow_of_another_function
@ reject store at bad
@ reject tail-call at worse
function f
  push {r4, lr}
bad: str.w lr, [sp, #SLOT+12]
  pop.w {r4, lr}
worse: ldr.w pc, [sp, #SLOT]
=== shadow_gets_another_value
@ reject return-slot at bad
function f
  push {r4, lr}
bad: str.w r4, [sp, #SLOT+8]
  pop.w {r4, lr}
  ldr.w pc, [sp, #SLOT]
=== shadow_byte
@ reject return-slot at bad
function f
  push {r4, lr}
bad: strb.w lr, [sp, #SLOT+8]
  pop.w {r4, lr}
  bx lr
=== returns_from_the_ordinary_stack
@ reject tail-call at bad
function f
  push {r4, lr}
  str.w lr, [sp, #SLOT+8]
  bl g
bad: pop {r4, pc}
function g
  bx lr
=== returns_with_sp_not_restored
@ reject return at bad
function f
  push {r4, lr}
  str.w lr, [sp, #SLOT+8]
bad: ldr.w pc, [sp, #SLOT+8]
=== call_made_without_a_frame
@ reject tail-call at bad
function f
  str.w lr, [sp, #SLOT]
  bl g
bad: ldr.w pc, [sp, #SLOT]
function g
  bx lr
=== tail_call
@ accept
function f
  push {r4, lr}
  str.w lr, [sp, #SLOT+8]
  bl g
  pop.w {r4, lr}
  ldr.w lr, [sp, #SLOT]
  b.w g
function g
  bx lr
=== tail_call_without_lr
@ reject tail-call at bad
function f
  push {r4, lr}
  str.w lr, [sp, #SLOT+8]
  bl g
  pop.w {r4, lr}
  b.w h
function g
  bx lr
function h
bad: bx lr
=== tail_call_of_an_import
@ accept
function f
  b.w imported
=== tail_call_of_an_import_behind_a_branch
@ accept
function f
  cbz r0, 1f
  movs r0, #2
  b.w imported
1: movs r0, #1
  b.w imported
=== tail_call_of_an_import_without_lr
@ reject tail-call at bad
function f
  push {r4, lr}
  str.w lr, [sp, #SLOT+8]
  bl imported
  pop.w {r4, lr}
bad: b.w imported
=== conditional_return
@ accept
function f
  cmp r0, #0
  it eq
  bxeq lr
  adds r0, #1
  bx lr
=== return_in_it_with_conditional_pop
@ reject stack at bad
function f
  push {r4, lr}
  str.w lr, [sp, #SLOT+8]
  cmp r0, #0
  itt eq
bad: popeq.w {r4, lr}
  ldreq.w pc, [sp, #SLOT]
  pop.w {r4, lr}
  ldr.w pc, [sp, #SLOT]
=== saved_only_on_one_path
@ reject tail-call at bad
function f
  push {r4, lr}
  cmp r0, #0
  beq 1f
  str.w lr, [sp, #SLOT+8]
1: bl g
  pop.w {r4, lr}
bad: ldr.w pc, [sp, #SLOT]
function g
  bx lr
=== saved_on_both_paths
@ accept
function f
  push {r4, lr}
  cmp r0, #0
  beq 1f
  str.w lr, [sp, #SLOT+8]
  b 2f
1: str.w lr, [sp, #SLOT+8]
2: bl g
  pop.w {r4, lr}
  ldr.w pc, [sp, #SLOT]
function g
  bx lr
=== internal_call_with_constant_link
@ accept
function f
  push {r4, lr}
  str.w lr, [sp, #SLOT+8]
  bl 1f
  pop.w {r4, lr}
  ldr.w pc, [sp, #SLOT]
1: adds r0, #1
  bx lr
=== lr_made_up
@ reject target at bad
function f
  ldr r1, =hostcode
bad: bx r1
  .ltorg
=== shadow_saved_by_a_store_that_may_fail
@ reject return-slot at bad
function f
  push {r4, lr}
  add.w r3, sp, #SLOT-100
  add.w r3, #108
bad: strex r0, lr, [r3]
  bl g
  pop.w {r4, lr}
  ldr.w pc, [sp, #SLOT]
function g
  bx lr
=== shadow_saved_by_a_store_of_two
@ reject store at bad
function f
  push {r4, lr}
  add.w r3, sp, #SLOT+8
bad: strd lr, r0, [r3]
  bl g
  pop.w {r4, lr}
  ldr.w pc, [sp, #SLOT]
function g
  bx lr
=== shadow_saved_under_a_condition
@ reject tail-call at bad
function f
  push {r4, lr}
  cmp r0, #0
  it eq
  streq.w lr, [sp, #SLOT+8]
  bl g
  pop.w {r4, lr}
bad: ldr.w pc, [sp, #SLOT]
function g
  bx lr
=== shadow_half
@ reject return-slot at bad
function f
  push {r4, lr}
bad: strh.w r4, [sp, #SLOT+8]
  pop.w {r4, lr}
  bx lr
=== shadow_overlapped_from_below
@ reject store at bad
function f
  push {r4, lr}
  add.w r3, sp, #2
bad: str.w lr, [r3, #SLOT+4]
  add sp, #8
  bx lr
