=== pushed_above_the_entry_value_before_a_call
@ reject stack at bad
function f
  push {r4, lr}
  str.w lr, [sp, #SLOT+8]
bad: add sp, #16
  bl g
  sub sp, #16
  pop.w {r4, lr}
  ldr.w pc, [sp, #SLOT]
function g
  bx lr
=== at_the_entry_value_before_a_call
@ reject tail-call at bad
@ the callee's slot is this function's
function f
  push {r4, lr}
  str.w lr, [sp, #SLOT+8]
  add sp, #8
  bl g
  sub sp, #8
  pop.w {r4, lr}
bad: ldr.w pc, [sp, #SLOT]
function g
  bx lr
=== one_word_below_the_entry_value_before_a_call
@ accept
function f
  push {r4, lr}
  str.w lr, [sp, #SLOT+8]
  add sp, #4
  bl g
  sub sp, #4
  pop.w {r4, lr}
  ldr.w pc, [sp, #SLOT]
function g
  bx lr
=== limit_check_of_a_difference
@ accept
function f
  ldr.w ip, =0x2002f200 + 40
  sub.w r3, sp, #8
  cmp r3, ip
  blo 1f
  push {r4, lr}
  str.w lr, [sp, #SLOT+8]
  bl f
  pop.w {r4, lr}
  ldr.w pc, [sp, #SLOT]
1: udf #0xf1
  .ltorg
=== limit_check_of_a_difference_that_wraps
@ reject stack at bad
@ SP - 0x30000000 is a large number, however little stack is left
function f
  ldr.w ip, =0x2002f200 + 40
  sub.w r3, sp, #0x30000000
  cmp r3, ip
  blo 1f
  push {r4, lr}
  str.w lr, [sp, #SLOT+8]
bad: bl f
  pop.w {r4, lr}
  ldr.w pc, [sp, #SLOT]
1: udf #0xf1
  .ltorg
=== limit_check_of_another_register
@ reject stack at bad
function f
  ldr.w ip, =0x2002f200 + 40 + 8
  cmp r7, ip
  blo 1f
  push {r4, lr}
  str.w lr, [sp, #SLOT+8]
bad: bl f
  pop.w {r4, lr}
  ldr.w pc, [sp, #SLOT]
1: udf #0xf1
  .ltorg
=== limit_check_forgotten_on_one_path
@ reject stack at bad
function f
  ldr.w ip, =0x2002f200 + 40 + 8
  cbz r0, 2f
  cmp sp, ip
  blo 1f
2: push {r4, lr}
  str.w lr, [sp, #SLOT+8]
bad: bl f
  pop.w {r4, lr}
  ldr.w pc, [sp, #SLOT]
1: udf #0xf1
  .ltorg
=== load_of_sp_with_writeback
@ reject instruction at bad
function f
bad: .hword 0xf850, 0xdb04 @ ldr sp, [r0], #4
  bx lr
=== load_of_sp_from_the_stack
@ reject instruction at bad
function f
bad: .hword 0xf8dd, 0xd004 @ ldr.w sp, [sp, #4]
  bx lr
=== load_of_sp_by_pop
@ reject instruction at bad
function f
bad: .hword 0xf85d, 0xdb04 @ pop {sp}
  bx lr
=== load_of_sp_from_a_literal
@ reject instruction at bad
function f
bad: .hword 0xf8df, 0xd000 @ ldr.w sp, [pc]
  bx lr
=== load_of_sp_with_index
@ reject instruction at bad
function f
bad: .hword 0xf850, 0xd001 @ ldr.w sp, [r0, r1]
  bx lr
=== load_of_two_into_sp
@ reject instruction at bad
function f
bad: .hword 0xe9d0, 0xd100 @ ldrd sp, r1, [r0]
  bx lr
=== load_of_half_into_sp
@ reject instruction at bad
function f
bad: .hword 0xf8b0, 0xd000 @ ldrh.w sp, [r0]
  bx lr
=== exclusive_load_of_sp
@ reject instruction at bad
function f
bad: .hword 0xe850, 0xdf00 @ ldrex sp, [r0]
  bx lr
=== multiply_into_sp
@ reject instruction at bad
function f
bad: .hword 0xfb00, 0xfd01 @ mul sp, r0, r1
  bx lr
=== load_of_lr_is_harmless
@ accept
function f
  push {r4, lr}
  str.w lr, [sp, #SLOT+8]
  ldr.w lr, [r0]
  pop.w {r4, ip}
  ldr.w pc, [sp, #SLOT]
=== lr_kept_in_a_register
@ accept
function f
  mov ip, lr
  mov lr, r0
  mov lr, ip
  b.w g
function g
  bx lr
=== lr_kept_in_a_register_over_a_call
@ reject tail-call at bad
function f
  push {r4, lr}
  mov r4, lr
  bl g
  mov lr, r4
  add sp, #8
  b.w g
function g
movs r4, #0
bad: bx lr
=== lr_changed_before_a_tail_call
@ reject tail-call at bad
function f
  add.w lr, lr, #2
  b.w g
function g
bad: bx lr
=== lr_added_to_nothing_before_a_tail_call
@ accept
function f
  add.w lr, lr, #0
  b.w g
function g
  bx lr
=== lr_changed_under_a_condition
@ reject tail-call at bad
function f
  cmp r0, #0
  it eq
  moveq lr, r1
  b.w g
function g
bad: bx lr
=== slot_read_one_word_off
@ reject tail-call at bad
function f
  push {r4, lr}
  str.w lr, [sp, #SLOT+8]
  pop.w {r4, lr}
  ldr.w lr, [sp, #SLOT+4]
bad: bx lr
=== slot_stored_after_an_import
@ reject return-slot at bad
function f
  push {r4, lr}
  bl imported
bad: str.w lr, [sp, #SLOT+8]
  pop.w {r4, lr}
  ldr.w pc, [sp, #SLOT]
=== slot_stored_after_an_internal_call
@ reject return-slot at bad
function f
  push {r4, lr}
  bl 1f
1: 
bad: str.w lr, [sp, #SLOT+8]
  pop.w {r4, lr}
  ldr.w pc, [sp, #SLOT]
=== slot_address_by_another_way
@ accept
function f
  push {r4, lr}
  add.w ip, sp, #0xf00
  str.w lr, [ip, #SLOT+8-0xf00]
  bl g
  pop.w {r4, lr}
  add.w ip, sp, #0xf00
  ldr.w pc, [ip, #SLOT-0xf00]
function g
  bx lr
=== index_checked_and_used
@ accept
function f
  movw r1, #0
  movt r1, #0x2002
  cmp r0, #64
  bhs 1f
  str.w r2, [r1, r0, lsl #2]
1: bx lr
=== index_checked_then_spilled
@ reject store at bad
function f
  movw r1, #0
  movt r1, #0x2002
  cmp r0, #64
  bhs 1f
  push {r0, r3}
  pop {r0, r3}
bad: str.w r2, [r1, r0, lsl #2]
1: bx lr
=== base_spilled_by_a_store_of_two
@ reject store at bad
function f
  guard r1
  sub sp, #8
  strd r0, r1, [sp]
  ldrd r0, r1, [sp]
  add sp, #8
bad: str r0, [r1]
  bx lr
=== base_kept_in_a_callee_saved_register
@ reject store at bad
function f
  push {r4, lr}
  str.w lr, [sp, #SLOT+8]
  movw r4, #0
  movt r4, #0x2002
  bl g
bad: str r0, [r4]
  pop.w {r4, lr}
  ldr.w pc, [sp, #SLOT]
function g
  movs r4, #0
  bx lr
=== into_the_literal_pool
@ reject store at bad
function f
  adr r1, 1f
bad: str r0, [r1]
  ldr r2, 1f
  str r0, [r2]
  bx lr
  .balign 4
1: .word 0x20020000
=== into_the_jump_table
@ reject store at bad
function f
  cmp r0, #1
  bhi 9f
  adr r1, 0f
bad: strb r2, [r1]
  tbb [pc, r0]
  .balign 4
0: .byte 2, 2
9: bx lr
=== jump_table_that_is_code_as_well
@ accept
@ the table's bytes 01 01 are `lsls r1, r0, #4` to whoever comes from the front
function f
  cmp r0, #1
  bhi 1f
  tbb [pc, r0]
1: .byte 1, 1
2: bx lr
=== pointer_to_the_second_half_of_a_slot
@ reject call at bad
function f
  push {r4, lr}
  str.w lr, [sp, #SLOT+8]
  movw r3, #0xf03
  movt r3, #1
bad: blx r3
  pop.w {r4, lr}
  ldr.w pc, [sp, #SLOT]
=== pointer_to_a_slot
@ accept
function f
  push {r4, lr}
  str.w lr, [sp, #SLOT+8]
  movw r3, #0xf01
  movt r3, #1
  blx r3
  pop.w {r4, lr}
  ldr.w pc, [sp, #SLOT]
=== jump_mask_leaves_bit_1
@ reject jump at bad
function f
  and r3, r3, #0x3f
  orr r3, r3, #0xf00
  orr r3, r3, #0x10000
bad: bx r3
=== store_far_above_sp_wraps
@ reject store at bad
function f
  add.w r1, sp, #0xf0000000
bad: str r0, [r1]
  bx lr
=== store_far_above_sp_and_back
@ accept
function f
  add.w r1, sp, #0xf0000000
  add.w r1, r1, #0x10000000
  str r0, [r1, #-4]
  bx lr
=== offset_that_wraps_around_the_address_space
@ reject store at bad
@ 0x7fffff00 shifted left once is -512, twice the slack
function f
  guard r1
  mvn r2, #0xff
  lsl r2, r2, #1
  lsr r2, r2, #1
bad: str.w r0, [r1, r2, lsl #1]
  bx lr
=== offset_of_minus_two_in_disguise
@ accept
@ 0x7fffffff shifted left once is -2
function f
  movw r1, #0x100
  movt r1, #0x2002
  mvn r2, #0
  lsr r2, r2, #1
  strb.w r0, [r1, r2, lsl #1]
  bx lr
