=== guard_and_store_under_one_condition
@ accept
function f
  cmp r0, #0
  itt ne
  movtne r1, #0x2002
  strne r0, [r1]
  bx lr
=== guard_under_another_condition
@ reject store at bad
function f
  cmp r0, #0
  ite eq
  movteq r1, #0x2002
bad: strne r0, [r1]
  bx lr
=== guard_conditional_store_not
@ reject store at bad
function f
  cmp r0, #0
  it eq
  movteq r1, #0x2002
bad: str r0, [r1]
  bx lr
=== flags_change_and_the_condition_only_narrows
@ accept
function f
  cmp r0, #0
  ittt ne
  movtne r1, #0x2002
  cmpne r2, #5
  strne r0, [r1]
  bx lr
=== flags_change_between_guard_and_store
@ reject store at bad
function f
  cmp r0, #0
  itte ne
  movtne r1, #0x2002
  cmpne r2, #5
bad: streq r0, [r1]
  bx lr
=== entered_sideways
@ reject store at bad
function f
  cbz r2, 1f
  cmp r0, #0
  itt ne
  movtne r1, #0x2002
1:
bad: strne r0, [r1]
  bx lr
=== conditional_call
@ accept
function f
  push {r4, lr}
  str.w lr, [sp, #SLOT+8]
  cmp r0, #0
  it ne
  blne g
  pop.w {r4, lr}
  ldr.w pc, [sp, #SLOT]
function g
  bx lr
=== facts_lost_by_a_conditional_call
@ reject store at bad
function f
  push {r4, lr}
  str.w lr, [sp, #SLOT+8]
  guard r4
  cmp r0, #0
  it ne
  blne g
bad: str r0, [r4]
  pop.w {r4, lr}
  ldr.w pc, [sp, #SLOT]
function g
  movs r4, #0
  bx lr
=== branch_before_the_end
@ reject it-block at bad
function f
  cmp r0, #0
  .hword 0xbf04 @ itt eq
bad: .hword 0x4770 @ bxeq lr
  nop
  bx lr
=== conditional_stack_pointer
@ reject stack at bad
function f
  cmp r0, #0
  it eq
bad: subeq sp, #8
  bx lr
=== all_conditions
@ accept
function f
  cmp r0, r1
  itt eq
  movteq r2, #0x2002
  streq r0, [r2]
  itt cs
  movtcs r2, #0x2002
  strcs r0, [r2]
  itt mi
  movtmi r2, #0x2002
  strmi r0, [r2]
  itt vs
  movtvs r2, #0x2002
  strvs r0, [r2]
  itt hi
  movthi r2, #0x2002
  strhi r0, [r2]
  itt ge
  movtge r2, #0x2002
  strge r0, [r2]
  itt gt
  movtgt r2, #0x2002
  strgt r0, [r2]
  bx lr
=== condition_ends_with_the_block
@ accept
function f
  cmp r1, #16
  it lo
  addlo r2, #1
1: guard r3
  str r0, [r3]
  subs r4, #1
  bne 1b
  bx lr
=== condition_of_the_last_instruction_taken_for_a_fact_after_it
@ reject store at bad
function f
  movw r3, #0
  movt r3, #0x2002
  cmp r1, #16
  it lo
  addlo r2, #1
1: @ a block: reached whether r1 < 16 or not
bad: str r0, [r3, r1, lsl #2]
  subs r4, #1
  bne 2f
  bx lr
2: cmp r1, #16
  blo 1b
  bx lr
=== limit_check_by_condition_does_not_hold_after_it
@ reject stack at bad
function f
  push {r4, lr}
  str.w lr, [sp, #SLOT+8]
  ldr r3, =0x2002f200+40+256
  cmp sp, r3
  it hs
  addhs r4, #1
1: cbz r4, 2f
bad: bl f
  sub.w r4, #1
  b 1b
2: pop.w {r4, lr}
  ldr.w pc, [sp, #SLOT]
