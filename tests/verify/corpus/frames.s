=== alloca
@ accept
function f
  push {r7, lr}
  str.w lr, [sp, #SLOT+8]
  sub.w r3, sp, r0
  bic r3, r3, #3
  at_most r3, sp
  leaves 8, r3
  mov ip, sp
  mov sp, r3
  str.w ip, [sp, #FRAME]
  str r0, [sp]
  bl g
  ldr.w ip, [sp, #FRAME]
  mov sp, ip
  pop.w {r7, lr}
  ldr.w pc, [sp, #SLOT]
  .ltorg
function g
  push {r4, lr}
  pop {r4}
  add sp, #4
  bx lr
=== no_limit_check
@ reject stack at bad
function f
  push {r7, lr}
  str.w lr, [sp, #SLOT+8]
  sub.w r3, sp, r0
  bic r3, r3, #3
  at_most r3, sp
  mov ip, sp
bad: mov sp, r3
  str.w ip, [sp, #FRAME]
  bl g
  ldr.w ip, [sp, #FRAME]
  mov sp, ip
  pop.w {r7, lr}
  ldr.w pc, [sp, #SLOT]
  .ltorg
function g
  push {r4, lr}
  pop {r4}
  add sp, #4
  bx lr
=== limit_check_after_the_move
@ reject stack at bad
function f
  push {r7, lr}
  str.w lr, [sp, #SLOT+8]
  sub.w r3, sp, r0
  bic r3, r3, #3
  at_most r3, sp
  mov r2, sp
bad: mov sp, r3
  leaves 8, r3
  str.w r2, [sp, #FRAME]
  bl g
  ldr.w ip, [sp, #FRAME]
  mov sp, ip
  pop.w {r7, lr}
  ldr.w pc, [sp, #SLOT]
  .ltorg
function g
  push {r4, lr}
  pop {r4}
  add sp, #4
  bx lr
=== limit_check_signed
@ reject stack at bad
function f
  push {r7, lr}
  str.w lr, [sp, #SLOT+8]
  sub.w r3, sp, r0
  bic r3, r3, #3
  at_most r3, sp
  ldr.w ip, =0x2002f200 + 40 + 8
  cmp r3, ip
  it lt
  udflt #0xf1
  mov ip, sp
bad: mov sp, r3
  str.w ip, [sp, #FRAME]
  bl g
  ldr.w ip, [sp, #FRAME]
  mov sp, ip
  pop.w {r7, lr}
  ldr.w pc, [sp, #SLOT]
  .ltorg
function g
  push {r4, lr}
  pop {r4}
  add sp, #4
  bx lr
=== limit_check_of_another_register
@ reject stack at bad
function f
  push {r7, lr}
  str.w lr, [sp, #SLOT+8]
  sub.w r3, sp, r0
  bic r3, r3, #3
  at_most r3, sp
  leaves 8, r2
  mov ip, sp
bad: mov sp, r3
  str.w ip, [sp, #FRAME]
  bl g
  ldr.w ip, [sp, #FRAME]
  mov sp, ip
  pop.w {r7, lr}
  ldr.w pc, [sp, #SLOT]
  .ltorg
function g
  push {r4, lr}
  pop {r4}
  add sp, #4
  bx lr
=== limit_below_the_stack
@ reject stack at bad
function f
  push {r7, lr}
  str.w lr, [sp, #SLOT+8]
  sub.w r3, sp, r0
  bic r3, r3, #3
  at_most r3, sp
  leaves -4, r3
  mov ip, sp
bad: mov sp, r3
  str.w ip, [sp, #FRAME]
  ldr.w ip, [sp, #FRAME]
  mov sp, ip
  pop.w {r7, lr}
  ldr.w pc, [sp, #SLOT]
  .ltorg
function g
  push {r4, lr}
  pop {r4}
  add sp, #4
  bx lr
=== no_check_that_the_amount_did_not_wrap
@ reject stack at bad
function f
  push {r7, lr}
  str.w lr, [sp, #SLOT+8]
  sub.w r3, sp, r0
  bic r3, r3, #3
  leaves 8, r3
  mov ip, sp
bad: mov sp, r3
  str.w ip, [sp, #FRAME]
  bl g
  ldr.w ip, [sp, #FRAME]
  mov sp, ip
  pop.w {r7, lr}
  ldr.w pc, [sp, #SLOT]
  .ltorg
function g
  push {r4, lr}
  pop {r4}
  add sp, #4
  bx lr
=== wrapping_checked_signed
@ reject stack at bad
function f
  push {r7, lr}
  str.w lr, [sp, #SLOT+8]
  sub.w r3, sp, r0
  bic r3, r3, #3
  cmp sp, r3
  it lt
  udflt #0xf1
  leaves 8, r3
  mov ip, sp
bad: mov sp, r3
  str.w ip, [sp, #FRAME]
  bl g
  ldr.w ip, [sp, #FRAME]
  mov sp, ip
  pop.w {r7, lr}
  ldr.w pc, [sp, #SLOT]
  .ltorg
function g
  push {r4, lr}
  pop {r4}
  add sp, #4
  bx lr
=== amount_bounded_instead
@ accept
function f
  push {r7, lr}
  str.w lr, [sp, #SLOT+8]
  bic r0, r0, #3
  cmp r0, #1024
  it hi
  udfhi #0xf1
  sub.w r3, sp, r0
  leaves 8, r3
  mov ip, sp
  mov sp, r3
  str.w ip, [sp, #FRAME]
  bl g
  ldr.w ip, [sp, #FRAME]
  mov sp, ip
  pop.w {r7, lr}
  ldr.w pc, [sp, #SLOT]
  .ltorg
function g
  push {r4, lr}
  pop {r4}
  add sp, #4
  bx lr
=== not_aligned
@ reject stack at bad
function f
  push {r7, lr}
  str.w lr, [sp, #SLOT+8]
  sub.w r3, sp, r0
  bic r3, r3, #1
  at_most r3, sp
  leaves 8, r3
  mov ip, sp
bad: mov sp, r3
  str.w ip, [sp, #FRAME]
  bl g
  ldr.w ip, [sp, #FRAME]
  mov sp, ip
  pop.w {r7, lr}
  ldr.w pc, [sp, #SLOT]
  .ltorg
function g
  push {r4, lr}
  pop {r4}
  add sp, #4
  bx lr
=== amount_aligned_as_gcc_does
@ accept
function f
  push {r7, lr}
  str.w lr, [sp, #SLOT+8]
  adds r3, r0, #7
  lsrs r3, r3, #3
  lsls r3, r3, #3
  sub.w r2, sp, r3
  at_most r2, sp
  leaves 8, r2
  mov ip, sp
  sub.w sp, sp, r3
  str.w ip, [sp, #FRAME]
  bl g
  ldr.w ip, [sp, #FRAME]
  mov sp, ip
  pop.w {r7, lr}
  ldr.w pc, [sp, #SLOT]
  .ltorg
function g
  push {r4, lr}
  pop {r4}
  add sp, #4
  bx lr
=== amount_changed_after_the_check
@ reject stack at bad
function f
  push {r7, lr}
  str.w lr, [sp, #SLOT+8]
  bic r3, r0, #7
  sub.w r2, sp, r3
  at_most r2, sp
  leaves 8, r2
  mov ip, sp
  lsls r3, r3, #1
bad: sub.w sp, sp, r3
  str.w ip, [sp, #FRAME]
  bl g
  ldr.w ip, [sp, #FRAME]
  mov sp, ip
  pop.w {r7, lr}
  ldr.w pc, [sp, #SLOT]
  .ltorg
function g
  push {r4, lr}
  pop {r4}
  add sp, #4
  bx lr
=== call_needs_more_than_was_checked
@ reject stack at bad
function f
  push {r7, lr}
  str.w lr, [sp, #SLOT+8]
  sub.w r3, sp, r0
  bic r3, r3, #3
  at_most r3, sp
  leaves 4, r3
  mov ip, sp
  mov sp, r3
  str.w ip, [sp, #FRAME]
bad: bl g
  ldr.w ip, [sp, #FRAME]
  mov sp, ip
  pop.w {r7, lr}
  ldr.w pc, [sp, #SLOT]
  .ltorg
function g
  push {r4, lr}
  pop {r4}
  add sp, #4
  bx lr
=== call_from_deep_in_the_frame
@ accept
function f
  push {r7, lr}
  str.w lr, [sp, #SLOT+8]
  sub.w r3, sp, r0
  bic r3, r3, #3
  at_most r3, sp
  leaves 24, r3
  mov ip, sp
  mov sp, r3
  str.w ip, [sp, #FRAME]
  sub sp, #16
  bl g
  add sp, #16
  ldr.w ip, [sp, #FRAME]
  mov sp, ip
  pop.w {r7, lr}
  ldr.w pc, [sp, #SLOT]
  .ltorg
function g
  push {r4, lr}
  pop {r4}
  add sp, #4
  bx lr
=== call_from_too_deep_in_the_frame
@ reject stack at bad
function f
  push {r7, lr}
  str.w lr, [sp, #SLOT+8]
  sub.w r3, sp, r0
  bic r3, r3, #3
  at_most r3, sp
  leaves 24, r3
  mov ip, sp
  mov sp, r3
  str.w ip, [sp, #FRAME]
  sub sp, #20
bad: bl g
  add sp, #20
  ldr.w ip, [sp, #FRAME]
  mov sp, ip
  pop.w {r7, lr}
  ldr.w pc, [sp, #SLOT]
  .ltorg
function g
  push {r4, lr}
  pop {r4}
  add sp, #4
  bx lr
=== push_below_what_was_checked
@ reject stack at bad
function f
  push {r7, lr}
  str.w lr, [sp, #SLOT+8]
  sub.w r3, sp, r0
  bic r3, r3, #3
  at_most r3, sp
  leaves 8, r3
  mov ip, sp
  mov sp, r3
  str.w ip, [sp, #FRAME]
bad: push {r0, r1, r2}
  pop.w {r7, lr}
  ldr.w pc, [sp, #SLOT]
  .ltorg
function g
  push {r4, lr}
  pop {r4}
  add sp, #4
  bx lr
=== pointer_call_from_the_frame
@ accept
function f
  push {r7, lr}
  str.w lr, [sp, #SLOT+8]
  mov r4, r1
  sub.w r3, sp, r0
  bic r3, r3, #3
  at_most r3, sp
  leaves 8, r3
  mov ip, sp
  mov sp, r3
  str.w ip, [sp, #FRAME]
  bfc r4, #1, #1
  bic r4, r4, #0xff0
  movw r5, #0xf00
  movt r5, #1
  and r4, r4, #0x3d
  orrs r4, r5
  blx r4
  ldr.w ip, [sp, #FRAME]
  mov sp, ip
  pop.w {r7, lr}
  ldr.w pc, [sp, #SLOT]
  .ltorg
function g
  push {r4, lr}
  pop {r4}
  add sp, #4
  bx lr
=== moved_up_past_where_it_began
@ reject stack at bad
function f
  push {r7, lr}
  str.w lr, [sp, #SLOT+8]
  sub.w r3, sp, r0
  bic r3, r3, #3
  at_most r3, sp
  leaves 8, r3
  mov ip, sp
  mov sp, r3
  str.w ip, [sp, #FRAME]
bad: add sp, #4
  bl g
  sub sp, #4
  ldr.w ip, [sp, #FRAME]
  mov sp, ip
  pop.w {r7, lr}
  ldr.w pc, [sp, #SLOT]
  .ltorg
function g
  push {r4, lr}
  pop {r4}
  add sp, #4
  bx lr
=== popped_past_where_it_began
@ reject stack at bad
function f
  push {r7, lr}
  str.w lr, [sp, #SLOT+8]
  sub.w r3, sp, r0
  bic r3, r3, #3
  at_most r3, sp
  leaves 8, r3
  mov ip, sp
  mov sp, r3
  str.w ip, [sp, #FRAME]
bad: pop {r4}
  ldr.w ip, [sp, #FRAME]
  mov sp, ip
  pop.w {r7, lr}
  ldr.w pc, [sp, #SLOT]
  .ltorg
function g
  push {r4, lr}
  pop {r4}
  add sp, #4
  bx lr
=== moved_under_a_condition
@ reject stack at bad
function f
  push {r7, lr}
  str.w lr, [sp, #SLOT+8]
  sub.w r3, sp, r0
  bic r3, r3, #3
  at_most r3, sp
  leaves 8, r3
  mov ip, sp
  cmp r0, #0
  it ne
bad: movne sp, r3
  str.w ip, [sp, #FRAME]
  bl g
  ldr.w ip, [sp, #FRAME]
  mov sp, ip
  pop.w {r7, lr}
  ldr.w pc, [sp, #SLOT]
  .ltorg
function g
  push {r4, lr}
  pop {r4}
  add sp, #4
  bx lr
=== begins_at_the_return_slot
@ reject stack at bad
function f
  push {r7}
  sub.w r3, sp, r0
  bic r3, r3, #3
  at_most r3, sp
  leaves 8, r3
  mov ip, sp
bad: mov sp, r3
  str.w ip, [sp, #FRAME]
  ldr.w ip, [sp, #FRAME]
  mov sp, ip
  pop {r7}
  bx lr
  .ltorg
=== begins_a_word_lower
@ accept
function f
  push {r7}
  sub sp, #4
  sub.w r3, sp, r0
  bic r3, r3, #3
  at_most r3, sp
  leaves 8, r3
  mov ip, sp
  mov sp, r3
  str.w ip, [sp, #FRAME]
  ldr.w ip, [sp, #FRAME]
  mov sp, ip
  add sp, #4
  pop {r7}
  bx lr
  .ltorg
=== nothing_is_saved
@ accept
function f
  push {r7, lr}
  str.w lr, [sp, #SLOT+8]
  sub.w r3, sp, r0
  bic r3, r3, #3
  at_most r3, sp
  leaves 8, r3
  mov sp, r3
  bl g
  udf #0xf0
  .ltorg
function g
  push {r4, lr}
  pop {r4}
  add sp, #4
  bx lr
=== another_value_in_the_frame_word
@ reject frame at bad
function f
  push {r7, lr}
  str.w lr, [sp, #SLOT+8]
  sub.w r3, sp, r0
  bic r3, r3, #3
  at_most r3, sp
  leaves 8, r3
  mov ip, sp
  mov sp, r3
bad: str.w r0, [sp, #FRAME]
  bl g
  ldr.w ip, [sp, #FRAME]
  mov sp, ip
  pop.w {r7, lr}
  ldr.w pc, [sp, #SLOT]
  .ltorg
function g
  push {r4, lr}
  pop {r4}
  add sp, #4
  bx lr
=== return_address_in_the_frame_word
@ reject frame at bad
function f
  push {r7, lr}
  str.w lr, [sp, #SLOT+8]
  sub.w r3, sp, r0
  bic r3, r3, #3
  at_most r3, sp
  leaves 8, r3
  mov ip, sp
  mov sp, r3
bad: str.w lr, [sp, #FRAME]
  bl g
  ldr.w ip, [sp, #FRAME]
  mov sp, ip
  pop.w {r7, lr}
  ldr.w pc, [sp, #SLOT]
  .ltorg
function g
  push {r4, lr}
  pop {r4}
  add sp, #4
  bx lr
=== frame_word_overwritten
@ reject frame at bad
function f
  push {r7, lr}
  str.w lr, [sp, #SLOT+8]
  sub.w r3, sp, r0
  bic r3, r3, #3
  at_most r3, sp
  leaves 8, r3
  mov ip, sp
  mov sp, r3
  str.w ip, [sp, #FRAME]
bad: str.w r3, [sp, #FRAME]
  ldr.w ip, [sp, #FRAME]
  mov sp, ip
  pop.w {r7, lr}
  ldr.w pc, [sp, #SLOT]
  .ltorg
function g
  push {r4, lr}
  pop {r4}
  add sp, #4
  bx lr
=== byte_of_the_frame_word
@ reject frame at bad
function f
  push {r7, lr}
  str.w lr, [sp, #SLOT+8]
  sub.w r3, sp, r0
  bic r3, r3, #3
  at_most r3, sp
  leaves 8, r3
  mov ip, sp
  mov sp, r3
  str.w ip, [sp, #FRAME]
bad: strb.w ip, [sp, #FRAME]
  ldr.w ip, [sp, #FRAME]
  mov sp, ip
  pop.w {r7, lr}
  ldr.w pc, [sp, #SLOT]
  .ltorg
function g
  push {r4, lr}
  pop {r4}
  add sp, #4
  bx lr
=== frame_word_stored_under_a_condition
@ reject frame at bad
function f
  push {r7, lr}
  str.w lr, [sp, #SLOT+8]
  sub.w r3, sp, r0
  bic r3, r3, #3
  at_most r3, sp
  leaves 8, r3
  mov ip, sp
  mov sp, r3
  cmp r0, #0
  it ne
bad: strne.w ip, [sp, #FRAME]
  ldr.w ip, [sp, #FRAME]
  mov sp, ip
  pop.w {r7, lr}
  ldr.w pc, [sp, #SLOT]
  .ltorg
function g
  push {r4, lr}
  pop {r4}
  add sp, #4
  bx lr
=== frame_word_stored_exclusively
@ reject frame at bad
function f
  push {r7, lr}
  str.w lr, [sp, #SLOT+8]
  sub.w r3, sp, r0
  bic r3, r3, #3
  at_most r3, sp
  leaves 8, r3
  mov ip, sp
  mov sp, r3
  add.w r1, sp, #FRAME
bad: strex r2, ip, [r1]
  ldr.w ip, [sp, #FRAME]
  mov sp, ip
  pop.w {r7, lr}
  ldr.w pc, [sp, #SLOT]
  .ltorg
function g
  push {r4, lr}
  pop {r4}
  add sp, #4
  bx lr
=== word_below_the_frame_word
@ reject store at bad
@ reject stack at bad2
function f
  push {r7, lr}
  str.w lr, [sp, #SLOT+8]
  sub.w r3, sp, r0
  bic r3, r3, #3
  at_most r3, sp
  leaves 8, r3
  mov ip, sp
  mov sp, r3
bad: str.w ip, [sp, #FRAME-4]
  ldr.w ip, [sp, #FRAME-4]
bad2: mov sp, ip
  pop.w {r7, lr}
  ldr.w pc, [sp, #SLOT]
  .ltorg
function g
  push {r4, lr}
  pop {r4}
  add sp, #4
  bx lr
=== word_above_the_frame_word
@ reject store at bad
function f
  push {r7, lr}
  str.w lr, [sp, #SLOT+8]
  sub.w r3, sp, r0
  bic r3, r3, #3
  at_most r3, sp
  leaves 8, r3
  mov ip, sp
  mov sp, r3
  str.w ip, [sp, #FRAME]
bad: str.w ip, [sp, #FRAME+4]
  ldr.w ip, [sp, #FRAME]
  mov sp, ip
  pop.w {r7, lr}
  ldr.w pc, [sp, #SLOT]
  .ltorg
function g
  push {r4, lr}
  pop {r4}
  add sp, #4
  bx lr
=== base_not_saved
@ reject stack at bad
function f
  push {r7, lr}
  str.w lr, [sp, #SLOT+8]
  sub.w r3, sp, r0
  bic r3, r3, #3
  at_most r3, sp
  leaves 8, r3
  mov sp, r3
  bl g
  ldr.w ip, [sp, #FRAME]
bad: mov sp, ip
  pop.w {r7, lr}
  ldr.w pc, [sp, #SLOT]
  .ltorg
function g
  push {r4, lr}
  pop {r4}
  add sp, #4
  bx lr
=== base_in_a_register_across_a_call
@ reject stack at bad
function f
  push {r7, lr}
  str.w lr, [sp, #SLOT+8]
  sub.w r3, sp, r0
  bic r3, r3, #3
  at_most r3, sp
  leaves 8, r3
  mov r4, sp
  mov sp, r3
  bl g
bad: mov sp, r4
  pop.w {r7, lr}
  ldr.w pc, [sp, #SLOT]
  .ltorg
function g
  push {r4, lr}
  pop {r4}
  add sp, #4
  bx lr
=== base_in_a_register
@ accept
function f
  push {r7, lr}
  str.w lr, [sp, #SLOT+8]
  sub.w r3, sp, r0
  bic r3, r3, #3
  at_most r3, sp
  leaves 8, r3
  mov r4, sp
  mov sp, r3
  str r0, [sp]
  mov sp, r4
  pop.w {r7, lr}
  ldr.w pc, [sp, #SLOT]
  .ltorg
=== base_saved_in_the_frame
@ reject stack at bad
function f
  push {r7, lr}
  str.w lr, [sp, #SLOT+8]
  sub.w r3, sp, r0
  bic r3, r3, #3
  at_most r3, sp
  leaves 8, r3
  mov ip, sp
  mov sp, r3
  str.w ip, [sp, #FRAME]
  str.w ip, [sp]
  ldr.w ip, [sp]
bad: mov sp, ip
  pop.w {r7, lr}
  ldr.w pc, [sp, #SLOT]
  .ltorg
=== base_below_the_stack
@ reject stack at bad
function f
  push {r7, lr}
  str.w lr, [sp, #SLOT+8]
  sub.w r3, sp, r0
  bic r3, r3, #3
  at_most r3, sp
  leaves 8, r3
  sub.w ip, sp, #0xd00
  mov sp, r3
  str.w ip, [sp, #FRAME]
  ldr.w ip, [sp, #FRAME]
bad: mov sp, ip
  pop.w {r7, lr}
  ldr.w pc, [sp, #SLOT]
  .ltorg
=== base_above_the_entry_value
@ reject stack at bad
function f
  push {r7, lr}
  str.w lr, [sp, #SLOT+8]
  sub.w r3, sp, r0
  bic r3, r3, #3
  at_most r3, sp
  leaves 8, r3
  add.w ip, sp, #12
  mov sp, r3
  str.w ip, [sp, #FRAME]
  ldr.w ip, [sp, #FRAME]
bad: mov sp, ip
  pop.w {r7, lr}
  ldr.w pc, [sp, #SLOT]
  .ltorg
=== base_not_aligned
@ reject stack at bad
function f
  push {r7, lr}
  str.w lr, [sp, #SLOT+8]
  sub.w r3, sp, r0
  bic r3, r3, #3
  at_most r3, sp
  leaves 8, r3
  add.w ip, sp, #2
  mov sp, r3
  str.w ip, [sp, #FRAME]
  ldr.w ip, [sp, #FRAME]
bad: mov sp, ip
  pop.w {r7, lr}
  ldr.w pc, [sp, #SLOT]
  .ltorg
=== return_from_the_frame
@ reject return at bad
function f
  push {r7, lr}
  str.w lr, [sp, #SLOT+8]
  sub.w r3, sp, r0
  bic r3, r3, #3
  at_most r3, sp
  leaves 8, r3
  mov ip, sp
  mov sp, r3
  str.w ip, [sp, #FRAME]
bad: bx lr
  .ltorg
=== return_from_the_frame_through_the_slot
@ reject return at bad
function f
  push {r7, lr}
  str.w lr, [sp, #SLOT+8]
  sub.w r3, sp, r0
  bic r3, r3, #3
  at_most r3, sp
  leaves 8, r3
  mov ip, sp
  mov sp, r3
  str.w ip, [sp, #FRAME]
bad: ldr.w pc, [ip, #SLOT+8]
  .ltorg
=== tail_call_from_the_frame
@ reject tail-call at bad
function f
  push {r7, lr}
  str.w lr, [sp, #SLOT+8]
  sub.w r3, sp, r0
  bic r3, r3, #3
  at_most r3, sp
  leaves 8, r3
  mov ip, sp
  mov sp, r3
  str.w ip, [sp, #FRAME]
bad: b.w imported
  .ltorg
=== tail_call_after_the_frame
@ accept
function f
  push {r7, lr}
  str.w lr, [sp, #SLOT+8]
  sub.w r3, sp, r0
  bic r3, r3, #3
  at_most r3, sp
  leaves 8, r3
  mov ip, sp
  mov sp, r3
  str.w ip, [sp, #FRAME]
  ldr.w ip, [sp, #FRAME]
  mov sp, ip
  pop.w {r7, lr}
  ldr.w lr, [sp, #SLOT]
  b.w g
  .ltorg
function g
  push {r4, lr}
  pop {r4}
  add sp, #4
  bx lr
=== return_slot_kept_in_the_frame
@ accept
function f
  push {r7, lr}
  sub.w r3, sp, r0
  bic r3, r3, #3
  at_most r3, sp
  leaves 8, r3
  mov ip, sp
  mov sp, r3
  str.w ip, [sp, #FRAME]
  str.w lr, [ip, #SLOT+8]
  bl g
  ldr.w ip, [sp, #FRAME]
  mov sp, ip
  pop.w {r7, lr}
  ldr.w pc, [sp, #SLOT]
  .ltorg
function g
  push {r4, lr}
  pop {r4}
  add sp, #4
  bx lr
=== second_frame
@ accept
function f
  push {r7, lr}
  str.w lr, [sp, #SLOT+8]
  sub.w r3, sp, r0
  bic r3, r3, #3
  at_most r3, sp
  leaves 8, r3
  mov ip, sp
  mov sp, r3
  str.w ip, [sp, #FRAME]
  ldr.w r1, [sp, #FRAME]
  sub.w r3, sp, r0
  bic r3, r3, #3
  at_most r3, sp
  leaves 8, r3
  mov sp, r3
  str.w r1, [sp, #FRAME]
  bl g
  ldr.w ip, [sp, #FRAME]
  mov sp, ip
  pop.w {r7, lr}
  ldr.w pc, [sp, #SLOT]
  .ltorg
function g
  push {r4, lr}
  pop {r4}
  add sp, #4
  bx lr
=== second_frame_without_a_base
@ reject stack at bad
function f
  push {r7, lr}
  str.w lr, [sp, #SLOT+8]
  sub.w r3, sp, r0
  bic r3, r3, #3
  at_most r3, sp
  leaves 8, r3
  mov ip, sp
  mov sp, r3
  str.w ip, [sp, #FRAME]
  ldr.w r1, [sp, #FRAME]
  sub.w r3, sp, r0
  bic r3, r3, #3
  at_most r3, sp
  leaves 8, r3
  mov sp, r3
  bl g
  ldr.w ip, [sp, #FRAME]
bad: mov sp, ip
  pop.w {r7, lr}
  ldr.w pc, [sp, #SLOT]
  .ltorg
function g
  push {r4, lr}
  pop {r4}
  add sp, #4
  bx lr
=== second_frame_with_the_first_as_its_base
@ reject frame at bad
function f
  push {r7, lr}
  str.w lr, [sp, #SLOT+8]
  sub.w r3, sp, r0
  bic r3, r3, #3
  at_most r3, sp
  leaves 8, r3
  mov ip, sp
  mov sp, r3
  str.w ip, [sp, #FRAME]
  ldr.w r1, [sp, #FRAME]
  sub.w r3, sp, r0
  bic r3, r3, #3
  at_most r3, sp
  leaves 8, r3
  mov ip, sp
  mov sp, r3
bad: str.w ip, [sp, #FRAME]
  bl g
  ldr.w ip, [sp, #FRAME]
  mov sp, ip
  pop.w {r7, lr}
  ldr.w pc, [sp, #SLOT]
  .ltorg
function g
  push {r4, lr}
  pop {r4}
  add sp, #4
  bx lr
=== base_from_the_word_of_the_first_frame
@ reject stack at bad
function f
  push {r7, lr}
  str.w lr, [sp, #SLOT+8]
  sub.w r3, sp, r0
  bic r3, r3, #3
  at_most r3, sp
  leaves 8, r3
  mov ip, sp
  mov sp, r3
  str.w ip, [sp, #FRAME]
  add.w r4, sp, #FRAME
  ldr.w r1, [sp, #FRAME]
  sub.w r3, sp, r0
  bic r3, r3, #3
  at_most r3, sp
  leaves 8, r3
  mov sp, r3
  str.w r1, [sp, #FRAME]
  bl g
  ldr r4, [r4]
bad: mov sp, r4
  pop.w {r7, lr}
  ldr.w pc, [sp, #SLOT]
  .ltorg
function g
  push {r4, lr}
  pop {r4}
  add sp, #4
  bx lr
=== word_of_the_first_frame_is_lost
@ reject store at bad
function f
  push {r7, lr}
  str.w lr, [sp, #SLOT+8]
  sub.w r3, sp, r0
  bic r3, r3, #3
  at_most r3, sp
  leaves 8, r3
  mov ip, sp
  mov sp, r3
  str.w ip, [sp, #FRAME]
  add.w r4, sp, #FRAME
  ldr.w r1, [sp, #FRAME]
  sub.w r3, sp, r0
  bic r3, r3, #3
  at_most r3, sp
  leaves 8, r3
  mov sp, r3
bad: str r1, [r4]
  udf #0xf0
  .ltorg
=== up_again_to_what_was_saved
@ accept
function f
  push {r7, lr}
  str.w lr, [sp, #SLOT+8]
  sub.w r3, sp, r0
  bic r3, r3, #3
  at_most r3, sp
  leaves 8, r3
  mov ip, sp
  mov sp, r3
  str.w ip, [sp, #FRAME]
  ldr.w r1, [sp, #FRAME]
  bic r3, r2, #3
  at_most r3, r1
  leaves 8, r3
  mov sp, r3
  str.w r1, [sp, #FRAME]
  bl g
  ldr.w ip, [sp, #FRAME]
  mov sp, ip
  pop.w {r7, lr}
  ldr.w pc, [sp, #SLOT]
  .ltorg
function g
  push {r4, lr}
  pop {r4}
  add sp, #4
  bx lr
=== up_again_too_far
@ reject stack at bad
function f
  push {r7, lr}
  str.w lr, [sp, #SLOT+8]
  sub.w r3, sp, r0
  bic r3, r3, #3
  at_most r3, sp
  leaves 8, r3
  mov ip, sp
  mov sp, r3
  str.w ip, [sp, #FRAME]
  ldr.w r1, [sp, #FRAME]
  bic r3, r2, #3
  leaves 8, r3
bad: mov sp, r3
  str.w r1, [sp, #FRAME]
  bl g
  ldr.w ip, [sp, #FRAME]
  mov sp, ip
  pop.w {r7, lr}
  ldr.w pc, [sp, #SLOT]
  .ltorg
function g
  push {r4, lr}
  pop {r4}
  add sp, #4
  bx lr
=== loop_that_allocates
@ accept
function f
  push {r7, lr}
  str.w lr, [sp, #SLOT+8]
  sub.w r3, sp, r0
  bic r3, r3, #3
  at_most r3, sp
  leaves 8, r3
  mov ip, sp
  mov sp, r3
  str.w ip, [sp, #FRAME]
1: ldr.w r1, [sp, #FRAME]
  sub.w r3, sp, #16
  bic r3, r3, #3
  at_most r3, sp
  leaves 8, r3
  mov sp, r3
  str.w r1, [sp, #FRAME]
  bl g
  cmp r0, #0
  bne 1b
  ldr.w ip, [sp, #FRAME]
  mov sp, ip
  pop.w {r7, lr}
  ldr.w pc, [sp, #SLOT]
  .ltorg
function g
  push {r4, lr}
  pop {r4}
  add sp, #4
  bx lr
=== loop_that_allocates_without_a_check
@ reject invariant at bad
function f
  push {r7, lr}
  str.w lr, [sp, #SLOT+8]
  sub.w r3, sp, r0
  bic r3, r3, #3
  at_most r3, sp
  leaves 100, r3
  mov ip, sp
  mov sp, r3
  str.w ip, [sp, #FRAME]
1: sub sp, #16
  bl g
  cmp r0, #0
bad: bne 1b
  ldr.w ip, [sp, #FRAME]
  mov sp, ip
  pop.w {r7, lr}
  ldr.w pc, [sp, #SLOT]
  .ltorg
function g
  push {r4, lr}
  pop {r4}
  add sp, #4
  bx lr
=== loop_that_loses_the_base
@ reject stack at bad
function f
  push {r7, lr}
  str.w lr, [sp, #SLOT+8]
  sub.w r3, sp, r0
  bic r3, r3, #3
  at_most r3, sp
  leaves 8, r3
  mov ip, sp
  mov sp, r3
  str.w ip, [sp, #FRAME]
1: sub.w r3, sp, #16
  bic r3, r3, #3
  at_most r3, sp
  leaves 8, r3
  mov sp, r3
  bl g
  cmp r0, #0
  bne 1b
  ldr.w ip, [sp, #FRAME]
bad: mov sp, ip
  pop.w {r7, lr}
  ldr.w pc, [sp, #SLOT]
  .ltorg
function g
  push {r4, lr}
  pop {r4}
  add sp, #4
  bx lr
=== paths_with_and_without_a_frame
@ reject invariant at bad
function f
  push {r7, lr}
  str.w lr, [sp, #SLOT+8]
  sub.w r3, sp, r0
  bic r3, r3, #3
  cmp r0, #8
  blo 1f
  at_most r3, sp
  leaves 8, r3
  mov ip, sp
  mov sp, r3
  str.w ip, [sp, #FRAME]
bad:
1: bl g
  udf #0xf0
  .ltorg
function g
  push {r4, lr}
  pop {r4}
  add sp, #4
  bx lr
=== paths_that_both_have_a_frame
@ accept
function f
  push {r7, lr}
  str.w lr, [sp, #SLOT+8]
  sub.w r3, sp, r0
  bic r3, r3, #3
  at_most r3, sp
  leaves 8, r3
  mov ip, sp
  mov sp, r3
  str.w ip, [sp, #FRAME]
  cmp r0, #8
  blo 1f
  ldr.w r1, [sp, #FRAME]
  sub.w r3, sp, r0
  bic r3, r3, #3
  at_most r3, sp
  leaves 8, r3
  mov sp, r3
  str.w r1, [sp, #FRAME]
1: bl g
  ldr.w ip, [sp, #FRAME]
  mov sp, ip
  pop.w {r7, lr}
  ldr.w pc, [sp, #SLOT]
  .ltorg
function g
  push {r4, lr}
  pop {r4}
  add sp, #4
  bx lr
=== paths_of_which_one_has_no_base
@ reject stack at bad
function f
  push {r7, lr}
  str.w lr, [sp, #SLOT+8]
  sub.w r3, sp, r0
  bic r3, r3, #3
  at_most r3, sp
  leaves 8, r3
  mov ip, sp
  mov sp, r3
  cmp r0, #8
  blo 1f
  str.w ip, [sp, #FRAME]
1: bl g
  ldr.w ip, [sp, #FRAME]
bad: mov sp, ip
  pop.w {r7, lr}
  ldr.w pc, [sp, #SLOT]
  .ltorg
function g
  push {r4, lr}
  pop {r4}
  add sp, #4
  bx lr
=== paths_with_different_bases
@ reject stack at bad
function f
  push {r7, lr}
  str.w lr, [sp, #SLOT+8]
  sub.w r3, sp, r0
  bic r3, r3, #3
  at_most r3, sp
  leaves 8, r3
  mov ip, sp
  mov sp, r3
  str.w ip, [sp, #FRAME]
  cmp r0, #8
  blo 1f
  add ip, ip, #4
  str.w ip, [sp, #FRAME]
1: bl g
  ldr.w ip, [sp, #FRAME]
bad: mov sp, ip
  pop.w {r7, lr}
  ldr.w pc, [sp, #SLOT]
  .ltorg
function g
  push {r4, lr}
  pop {r4}
  add sp, #4
  bx lr
=== paths_of_which_one_leaves_less
@ reject stack at bad
function f
  push {r7, lr}
  str.w lr, [sp, #SLOT+8]
  sub.w r3, sp, r0
  bic r3, r3, #3
  at_most r3, sp
  leaves 8, r3
  mov ip, sp
  mov sp, r3
  str.w ip, [sp, #FRAME]
  cmp r0, #8
  blo 1f
  ldr.w r1, [sp, #FRAME]
  sub.w r3, sp, r0
  bic r3, r3, #3
  at_most r3, sp
  leaves 4, r3
  mov sp, r3
  str.w r1, [sp, #FRAME]
1:
bad: bl g
  ldr.w ip, [sp, #FRAME]
  mov sp, ip
  pop.w {r7, lr}
  ldr.w pc, [sp, #SLOT]
  .ltorg
function g
  push {r4, lr}
  pop {r4}
  add sp, #4
  bx lr
=== recursion
@ accept
function f
  push {r7, lr}
  str.w lr, [sp, #SLOT+8]
  sub.w r3, sp, r0
  bic r3, r3, #3
  at_most r3, sp
  leaves 8, r3
  mov ip, sp
  mov sp, r3
  str.w ip, [sp, #FRAME]
  bl f
  ldr.w ip, [sp, #FRAME]
  mov sp, ip
  pop.w {r7, lr}
  ldr.w pc, [sp, #SLOT]
  .ltorg
=== recursion_below_what_was_checked
@ reject stack at bad
function f
  push {r7, lr}
  str.w lr, [sp, #SLOT+8]
  sub.w r3, sp, r0
  bic r3, r3, #3
  at_most r3, sp
  leaves 8, r3
  mov ip, sp
  mov sp, r3
  str.w ip, [sp, #FRAME]
  sub sp, #4
bad: bl f
  add sp, #4
  ldr.w ip, [sp, #FRAME]
  mov sp, ip
  pop.w {r7, lr}
  ldr.w pc, [sp, #SLOT]
  .ltorg
=== store_above_the_frame
@ accept
function f
  push {r7, lr}
  str.w lr, [sp, #SLOT+8]
  sub.w r3, sp, r0
  bic r3, r3, #3
  at_most r3, sp
  leaves 8, r3
  mov ip, sp
  mov sp, r3
  str.w ip, [sp, #FRAME]
  str.w r0, [sp, #0x100]
  ldr.w ip, [sp, #FRAME]
  mov sp, ip
  pop.w {r7, lr}
  ldr.w pc, [sp, #SLOT]
  .ltorg
=== store_far_above_the_frame
@ reject store at bad
function f
  push {r7, lr}
  str.w lr, [sp, #SLOT+8]
  sub.w r3, sp, r0
  bic r3, r3, #3
  at_most r3, sp
  leaves 8, r3
  mov ip, sp
  mov sp, r3
  str.w ip, [sp, #FRAME]
bad: str.w r0, [sp, #0x400]
  ldr.w ip, [sp, #FRAME]
  mov sp, ip
  pop.w {r7, lr}
  ldr.w pc, [sp, #SLOT]
  .ltorg
=== frame_word_loaded_where_reads_are_confined
@ accept
@ set sandboxes.0.confine = "reads"
function f
  push {r7, lr}
  str.w lr, [sp, #SLOT+8]
  sub.w r3, sp, r0
  bic r3, r3, #3
  at_most r3, sp
  leaves 8, r3
  mov ip, sp
  mov sp, r3
  str.w ip, [sp, #FRAME]
  str r0, [sp]
  bl g
  ldr.w ip, [sp, #FRAME]
  mov sp, ip
  pop.w {r7, lr}
  ldr.w pc, [sp, #SLOT]
  .ltorg
function g
  push {r4, lr}
  pop {r4}
  add sp, #4
  bx lr
=== frame_word_loaded_where_reads_are_confined_and_it_is_not_set
@ reject load at bad
@ set sandboxes.0.confine = "reads"
function f
  push {r7, lr}
  str.w lr, [sp, #SLOT+8]
  sub.w r3, sp, r0
  bic r3, r3, #3
  at_most r3, sp
  leaves 8, r3
  mov sp, r3
bad: ldr.w r2, [sp, #FRAME]
  udf #0xf0
  .ltorg
