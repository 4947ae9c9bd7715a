=== one_call
@ accept
@ set sandboxes.0.shadow = {"words": {"start": "0x20030800", "end": "0x20030810"}}
function f
  push {r4, lr}
  word ip, 1
  str.w lr, [ip]
  bl g
  bl g
  pop {r4, lr}
  word lr, 1
  ldr.w pc, [lr]
function g
  adds r0, #1
  bx lr
=== three_levels_and_an_import
@ accept
@ set sandboxes.0.shadow = {"words": {"start": "0x20030800", "end": "0x20030810"}}
function f
  word ip, 4
  str.w lr, [ip]
  push {r4, lr}
  bl g
  bl imported
  bl h
  pop {r4, ip}
  word lr, 4
  ldr.w pc, [lr]
function g
  push {r4, lr}
  word ip, 3
  str.w lr, [ip]
  bl h
  pop {r4, ip}
  word ip, 3
  ldr.w lr, [ip]
  bx lr
function h
  push {r4, lr}
  word ip, 1
  str.w lr, [ip]
  bl imported
  pop {r4, ip}
  word ip, 1
  ldr.w pc, [ip]
=== one_word_for_two_that_are_never_active_together
@ accept
@ set sandboxes.0.shadow = {"words": {"start": "0x20030800", "end": "0x20030810"}}
function f
  push {r4, lr}
  word ip, 2
  str.w lr, [ip]
  bl g
  bl h
  pop {r4, ip}
  word lr, 2
  ldr.w pc, [lr]
function g
  push {r4, lr}
  word ip, 1
  str.w lr, [ip]
  bl imported
  pop {r4, ip}
  word lr, 1
  ldr.w pc, [lr]
function h
  push {r4, lr}
  word ip, 1
  str.w lr, [ip]
  bl imported
  pop {r4, ip}
  word lr, 1
  ldr.w pc, [lr]
=== tail_calls_within_a_rank
@ accept
@ set sandboxes.0.shadow = {"words": {"start": "0x20030800", "end": "0x20030810"}}
function f
  push {r4, lr}
  word ip, 1
  str.w lr, [ip]
  bl imported
  pop {r4, ip}
  word ip, 1
  ldr.w lr, [ip]
  b.w g
function g
  push {r4, lr}
  word ip, 1
  str.w lr, [ip]
  bl imported
  pop {r4, ip}
  word ip, 1
  ldr.w lr, [ip]
  cmp r0, #0
  bne.w f
  bx lr
=== calls_itself
@ reject invariant at out
@ set sandboxes.0.shadow = {"words": {"start": "0x20030800", "end": "0x20030810"}}
function f
  ldr.w ip, =0x2002f200 + 40 + 64
  cmp sp, ip
  bhs enough
  udf #0xf1
enough:
  push {r4, lr}
  word ip, 1
  str.w lr, [ip]
  cbz r0, out
  bl f
out:
  pop {r4, ip}
  word lr, 1
  ldr.w pc, [lr]
=== calls_one_with_the_same_word
@ reject tail-call at bad
@ set sandboxes.0.shadow = {"words": {"start": "0x20030800", "end": "0x20030810"}}
function f
  push {r4, lr}
  word ip, 1
  str.w lr, [ip]
  bl g
  pop {r4, ip}
  word lr, 1
bad: ldr.w pc, [lr]
function g
  push {r4, lr}
  word ip, 1
  str.w lr, [ip]
  bl imported
  pop {r4, ip}
  word lr, 1
  ldr.w pc, [lr]
=== calls_one_that_goes_on_in_one_with_the_same_word
@ reject tail-call at bad
@ set sandboxes.0.shadow = {"words": {"start": "0x20030800", "end": "0x20030810"}}
function f
  push {r4, lr}
  word ip, 1
  str.w lr, [ip]
  bl g
  pop {r4, ip}
  word lr, 1
bad: ldr.w pc, [lr]
function g
  adds r0, #1
  b.w h
function h
  push {r4, lr}
  word ip, 1
  str.w lr, [ip]
  bl imported
  pop {r4, ip}
  word lr, 1
  ldr.w pc, [lr]
=== calls_one_of_a_higher_rank
@ reject rank at bad
@ set sandboxes.0.shadow = {"words": {"start": "0x20030800", "end": "0x20030810"}}
function f
  push {r4, lr}
  word ip, 1
  str.w lr, [ip]
bad: bl g
  pop {r4, ip}
  word lr, 1
  ldr.w pc, [lr]
function g
  push {r4, lr}
  word ip, 2
  str.w lr, [ip]
  bl imported
  pop {r4, ip}
  word lr, 2
  ldr.w pc, [lr]
=== goes_on_in_one_of_a_higher_rank
@ reject rank at bad
@ set sandboxes.0.shadow = {"words": {"start": "0x20030800", "end": "0x20030810"}}
function f
  push {r4, lr}
  word ip, 1
  str.w lr, [ip]
  bl imported
  pop {r4, ip}
  word ip, 1
  ldr.w lr, [ip]
bad: b.w g
function g
  push {r4, lr}
  word ip, 2
  str.w lr, [ip]
  bl imported
  pop {r4, ip}
  word lr, 2
  ldr.w pc, [lr]
=== calls_through_pointers_what_has_a_lower_rank
@ accept
@ set sandboxes.0.shadow = {"words": {"start": "0x20030800", "end": "0x20030810"}}
function f
  push {r4, lr}
  word ip, 2
  str.w lr, [ip]
  movw r3, #0x0f01
  movt r3, #1
  blx r3
  pop {r4, ip}
  word lr, 2
  ldr.w pc, [lr]
function g
  push {r4, lr}
  word ip, 1
  str.w lr, [ip]
  bl imported
  pop {r4, ip}
  word lr, 1
  ldr.w pc, [lr]
.section .slots, "ax"
.type slots, %function
slots:
  b.w g
.rept 15
  udf #0xf3
  udf #0xf3
.endr
=== calls_through_pointers_what_has_its_word
@ reject tail-call at bad
@ set sandboxes.0.shadow = {"words": {"start": "0x20030800", "end": "0x20030810"}}
function f
  push {r4, lr}
  word ip, 1
  str.w lr, [ip]
  and r0, r0, #0x3c
  orr r0, r0, #0x10000
  orr r0, r0, #0xf00
  orr r0, r0, #1
  blx r0
  pop {r4, ip}
  word lr, 1
bad: ldr.w pc, [lr]
function g
  push {r4, lr}
  word ip, 1
  str.w lr, [ip]
  bl imported
  pop {r4, ip}
  word lr, 1
  ldr.w pc, [lr]
.section .slots, "ax"
.rept 15
  udf #0xf3
  udf #0xf3
.endr
  b.w g
=== calls_through_pointers_what_has_a_higher_rank
@ reject rank at bad
@ set sandboxes.0.shadow = {"words": {"start": "0x20030800", "end": "0x20030810"}}
function f
  push {r4, lr}
  word ip, 1
  str.w lr, [ip]
  and r0, r0, #0x3c
  orr r0, r0, #0x10000
  orr r0, r0, #0xf00
  orr r0, r0, #1
bad: blx r0
  pop {r4, ip}
  word lr, 1
  ldr.w pc, [lr]
function g
  push {r4, lr}
  word ip, 2
  str.w lr, [ip]
  bl imported
  pop {r4, ip}
  word lr, 2
  ldr.w pc, [lr]
.section .slots, "ax"
.rept 15
  udf #0xf3
  udf #0xf3
.endr
  b.w g
=== goes_on_through_a_pointer_in_what_has_a_higher_rank
@ reject rank at bad
@ set sandboxes.0.shadow = {"words": {"start": "0x20030800", "end": "0x20030810"}}
function f
  push {r4, lr}
  word ip, 1
  str.w lr, [ip]
  bl imported
  pop {r4, ip}
  word ip, 1
  ldr.w lr, [ip]
  and r0, r0, #0x3c
  orr r0, r0, #0x10000
  orr r0, r0, #0xf00
  orr r0, r0, #1
bad: bx r0
function g
  push {r4, lr}
  word ip, 2
  str.w lr, [ip]
  bl imported
  pop {r4, ip}
  word lr, 2
  ldr.w pc, [lr]
.section .slots, "ax"
.rept 15
  udf #0xf3
  udf #0xf3
.endr
  b.w g
=== something_else_in_its_word
@ reject return-slot at bad
@ set sandboxes.0.shadow = {"words": {"start": "0x20030800", "end": "0x20030810"}}
function f
  push {r4, lr}
  word ip, 1
  str.w lr, [ip]
bad: str.w r0, [ip]
  bl imported
  pop {r4, ip}
  word lr, 1
  ldr.w pc, [lr]
=== a_byte_of_its_word
@ reject return-slot at bad
@ set sandboxes.0.shadow = {"words": {"start": "0x20030800", "end": "0x20030810"}}
function f
  push {r4, lr}
  word ip, 1
  str.w lr, [ip]
bad: strb.w lr, [ip]
  bl imported
  pop {r4, ip}
  word lr, 1
  ldr.w pc, [lr]
=== the_upper_half_of_its_word
@ reject store at bad
@ set sandboxes.0.shadow = {"words": {"start": "0x20030800", "end": "0x20030810"}}
function f
  push {r4, lr}
  word ip, 1
  str.w lr, [ip]
bad: strh.w lr, [ip, #2]
  bl imported
  pop {r4, ip}
  word lr, 1
  ldr.w pc, [lr]
=== two_words_at_once
@ reject store at bad
@ set sandboxes.0.shadow = {"words": {"start": "0x20030800", "end": "0x20030810"}}
function f
  push {r4, lr}
  word ip, 1
  str.w lr, [ip]
bad: strd lr, r0, [ip]
  bl imported
  pop {r4, ip}
  word lr, 1
  ldr.w pc, [lr]
=== by_strex_it_may_fail
@ reject return-slot at bad
@ set sandboxes.0.shadow = {"words": {"start": "0x20030800", "end": "0x20030810"}}
function f
  push {r4, lr}
  word ip, 1
  str.w lr, [ip]
bad: strex r1, lr, [ip]
  bl imported
  pop {r4, ip}
  word lr, 1
  ldr.w pc, [lr]
=== the_word_of_another_rank
@ reject store at bad
@ set sandboxes.0.shadow = {"words": {"start": "0x20030800", "end": "0x20030810"}}
function f
  push {r4, lr}
  word ip, 2
  str.w lr, [ip]
  word ip, 3
bad: str.w lr, [ip]
  bl imported
  pop {r4, ip}
  word lr, 2
  ldr.w pc, [lr]
=== the_word_of_a_frame_where_there_is_none
@ reject store at bad
@ set sandboxes.0.shadow = {"words": {"start": "0x20030800", "end": "0x20030810"}}
function f
  push {r4, lr}
  word ip, 2
  str.w lr, [ip]
  word ip, 1
  mov r3, sp
bad: str.w r3, [ip]
  bl imported
  pop {r4, ip}
  word lr, 2
  ldr.w pc, [lr]
=== a_word_by_an_unknown_rank
@ reject store at bad
@ set sandboxes.0.shadow = {"words": {"start": "0x20030800", "end": "0x20030810"}}
function f
  push {r4, lr}
  word ip, 1
  str.w lr, [ip]
  and r0, r0, #12
  add ip, r0
bad: str.w lr, [ip]
  bl imported
  pop {r4, ip}
  word lr, 1
  ldr.w pc, [lr]
=== behind_the_last_word
@ reject store at bad
@ reject tail-call at worse
@ set sandboxes.0.shadow = {"words": {"start": "0x20030800", "end": "0x20030810"}}
function f
  push {r4, lr}
  word ip, 5
bad: str.w lr, [ip]
  bl imported
  pop {r4, ip}
  word lr, 5
worse: ldr.w pc, [lr]
=== before_the_first_word
@ reject store at bad
@ reject tail-call at worse
@ set sandboxes.0.shadow = {"words": {"start": "0x20030800", "end": "0x20030810"}}
function f
  push {r4, lr}
  word ip, 0
bad: str.w lr, [ip]
  bl imported
  pop {r4, ip}
  word lr, 0
worse: ldr.w pc, [lr]
=== saved_on_one_path_only
@ reject tail-call at bad
@ set sandboxes.0.shadow = {"words": {"start": "0x20030800", "end": "0x20030810"}}
function f
  push {r4, lr}
  word ip, 1
  cbz r0, over
  str.w lr, [ip]
over:
  bl imported
  pop {r4, ip}
  word lr, 1
bad: ldr.w pc, [lr]
=== saved_under_a_condition
@ reject tail-call at bad
@ set sandboxes.0.shadow = {"words": {"start": "0x20030800", "end": "0x20030810"}}
function f
  push {r4, lr}
  word ip, 1
  cmp r0, #0
  it ne
  strne.w lr, [ip]
  bl imported
  pop {r4, ip}
  word lr, 1
bad: ldr.w pc, [lr]
=== saved_too_late
@ reject store at bad
@ reject tail-call at worse
@ set sandboxes.0.shadow = {"words": {"start": "0x20030800", "end": "0x20030810"}}
function f
  push {r4, lr}
  bl imported
  word ip, 1
bad: str.w lr, [ip]
  pop {r4, ip}
  word lr, 1
worse: ldr.w pc, [lr]
=== returns_by_the_stack
@ reject tail-call at bad
@ set sandboxes.0.shadow = {"words": {"start": "0x20030800", "end": "0x20030810"}}
function f
  push {r4, lr}
  word ip, 1
  str.w lr, [ip]
  bl imported
bad: pop {r4, pc}
=== no_shadow_stack_beside_the_words
@ reject store at bad
@ reject tail-call at worse
@ set sandboxes.0.shadow = {"words": {"start": "0x20030800", "end": "0x20030810"}}
function f
  push {r4, lr}
bad: str.w lr, [sp, #SLOT+8]
  bl imported
  pop {r4, ip}
worse: ldr.w pc, [sp, #SLOT]
=== no_words_beside_the_shadow_stack
@ reject store at bad
@ reject tail-call at worse
function f
  push {r4, lr}
  word ip, 1
bad: str.w lr, [ip]
  bl imported
  pop {r4, ip}
  word lr, 1
worse: ldr.w pc, [lr]
=== with_sp_above_its_place
@ reject return at bad
@ set sandboxes.0.shadow = {"words": {"start": "0x20030800", "end": "0x20030810"}}
function f
  push {r4, lr}
  word ip, 1
  str.w lr, [ip]
  bl imported
  word lr, 1
bad: ldr.w pc, [lr]
=== guards_reach_no_word
@ accept
@ set sandboxes.0.shadow = {"words": {"start": "0x20030800", "end": "0x20030810"}}
function f
  push {r4, lr}
  word ip, 1
  str.w lr, [ip]
  guard r0
  str.w r1, [r0, #260]
  bl imported
  pop {r4, ip}
  word lr, 1
  ldr.w pc, [lr]
=== a_dynamic_frame
@ accept
@ set sandboxes.0.shadow = {"words": {"start": "0x20030800", "end": "0x20030810"}}
function f
  push {r4, lr}
  word ip, 3
  str.w lr, [ip]
  sub.w r3, sp, r0
  bic r3, r3, #3
  at_most r3, sp
  leaves 64, r3
  mov r1, sp
  mov sp, r3
  word ip, 2
  str.w r1, [ip]
  bl g
  word ip, 2
  ldr.w r3, [ip]
  mov sp, r3
  pop {r4, ip}
  word lr, 3
  ldr.w pc, [lr]
function g
  push {r4, lr}
  word ip, 1
  str.w lr, [ip]
  bl imported
  pop {r4, ip}
  word lr, 1
  ldr.w pc, [lr]
=== a_dynamic_frame_whose_word_a_callee_takes
@ reject stack at bad
@ set sandboxes.0.shadow = {"words": {"start": "0x20030800", "end": "0x20030810"}}
function f
  push {r4, lr}
  word ip, 2
  str.w lr, [ip]
  sub.w r3, sp, r0
  bic r3, r3, #3
  at_most r3, sp
  leaves 64, r3
  mov r1, sp
  mov sp, r3
  word ip, 1
  str.w r1, [ip]
  bl g
  word ip, 1
  ldr.w r3, [ip]
bad: mov sp, r3
  pop {r4, ip}
  word lr, 2
  ldr.w pc, [lr]
function g
  push {r4, lr}
  word ip, 1
  str.w lr, [ip]
  bl imported
  pop {r4, ip}
  word lr, 1
  ldr.w pc, [lr]
=== a_dynamic_frame_of_rank_1_has_no_word
@ reject store at bad
@ reject stack at worse
@ set sandboxes.0.shadow = {"words": {"start": "0x20030800", "end": "0x20030810"}}
function f
  push {r4, lr}
  word ip, 1
  str.w lr, [ip]
  sub.w r3, sp, r0
  bic r3, r3, #3
  at_most r3, sp
  leaves 64, r3
  mov r1, sp
  mov sp, r3
  word ip, 0
bad: str.w r1, [ip]
  word ip, 0
  ldr.w r3, [ip]
worse: mov sp, r3
  pop {r4, ip}
  word lr, 1
  ldr.w pc, [lr]
=== something_else_in_the_word_of_a_frame
@ reject frame at bad
@ set sandboxes.0.shadow = {"words": {"start": "0x20030800", "end": "0x20030810"}}
function f
  push {r4, lr}
  word ip, 2
  str.w lr, [ip]
  sub.w r3, sp, r0
  bic r3, r3, #3
  at_most r3, sp
  leaves 64, r3
  mov sp, r3
  word ip, 1
bad: str.w r0, [ip]
  ldr.w r3, [ip]
  mov sp, r3
  pop {r4, ip}
  word lr, 2
  ldr.w pc, [lr]
=== its_word_may_be_read
@ accept
@ set sandboxes.0.shadow = {"words": {"start": "0x20030800", "end": "0x20030810"}}
@ set sandboxes.0.confine = "reads"
function f
  push {r4, lr}
  word ip, 1
  str.w lr, [ip]
  bl imported
  pop {r4, ip}
  word lr, 1
  ldr.w pc, [lr]
=== another_word_may_not_be_read
@ reject load at bad
@ set sandboxes.0.shadow = {"words": {"start": "0x20030800", "end": "0x20030810"}}
@ set sandboxes.0.confine = "reads"
function f
  push {r4, lr}
  word ip, 1
  str.w lr, [ip]
  bl imported
  word ip, 2
bad: ldr.w r0, [ip]
  pop {r4, ip}
  word lr, 1
  ldr.w pc, [lr]
=== its_word_may_not_be_read_before_it_is_written
@ reject load at bad
@ set sandboxes.0.shadow = {"words": {"start": "0x20030800", "end": "0x20030810"}}
@ set sandboxes.0.confine = "reads"
function f
  push {r4, lr}
  word ip, 1
bad: ldr.w r0, [ip]
  str.w lr, [ip]
  bl imported
  pop {r4, ip}
  word lr, 1
  ldr.w pc, [lr]
