=== loop
@ accept
function f
1: subs r0, #1
  bne 1b
  bx lr
=== jump_to_the_host
@ reject target at bad
function f
bad: b.w hostcode
=== call_of_the_host
@ reject target at bad
function f
  push {r4, lr}
bad: bl hostcode
  bx lr
=== call_of_an_import
@ accept
function f
  push {r4, lr}
  str.w lr, [sp, #SLOT+8]
  bl imported
  pop.w {r4, lr}
  ldr.w pc, [sp, #SLOT]
=== call_of_an_import_that_does_not_return
@ accept
function f
  push {r4, lr}
  bl aborting
  .word 0xffffffff
=== call_that_returns_into_data
@ reject instruction at bad
function f
  push {r4, lr}
  bl imported
bad: .word 0xffffffff
=== falls_off_the_end
@ reject code at bad
function f
  nop
  b.w last
.section .tail, "ax"
  .org 0xba
last: nop
  nop
  nop
bad:
=== does_not_fall_off
@ accept
function f
  nop
  udf #0xf0
=== middle_of_an_instruction
@ reject store at bad
function f
  cmp r0, #0
  beq bad
  .hword 0xf240 @ movw r0, #0x608
bad: .hword 0x6008 @ str r0, [r1]
  bx lr
=== middle_of_an_instruction_twin
@ reject store at bad
function f
  cmp r0, #0
  beq 1f
1: guard r1
bad: str r0, [r2]
  bx lr
=== between_guard_and_store
@ reject store at bad
function f
  cmp r0, #0
  beq bad
  guard r1
bad: str r0, [r1]
  bx lr
=== before_the_guard
@ accept
function f
  cmp r0, #0
  beq 1f
  nop
1: guard r1
  str r0, [r1]
  bx lr
=== literal_pool_executed
@ reject instruction at bad
function f
  ldr r1, bad
  nop
bad: .word 0xe8d0e8d0
=== data_with_the_look_of_code_is_checked
@ reject store at bad
function f
  nop
bad: .hword 0x6008
  bx lr
=== indirect_call
@ accept
function f
  push {r4, lr}
  str.w lr, [sp, #SLOT+8]
  and r3, r3, #0x3d
  orr r3, r3, #0xf00
  orr r3, r3, #0x10000
  blx r3
  pop.w {r4, lr}
  ldr.w pc, [sp, #SLOT]
function g
  bx lr
.section .slots, "ax"
 b.w g
.rept 15
 udf #0xf3
 udf #0xf3
.endr
=== indirect_call_unmasked
@ reject call at bad
function f
  push {r4, lr}
  str.w lr, [sp, #SLOT+8]
bad: blx r3
  pop.w {r4, lr}
  ldr.w pc, [sp, #SLOT]
=== indirect_call_mask_leaves_bit_1
@ reject call at bad
function f
  push {r4, lr}
  str.w lr, [sp, #SLOT+8]
  and r3, r3, #0x3f
  orr r3, r3, #0xf00
  orr r3, r3, #0x10000
bad: blx r3
  pop.w {r4, lr}
  ldr.w pc, [sp, #SLOT]
=== indirect_call_mask_too_wide
@ reject call at bad
function f
  push {r4, lr}
  str.w lr, [sp, #SLOT+8]
  and r3, r3, #0x7d
  orr r3, r3, #0xf00
  orr r3, r3, #0x10000
bad: blx r3
  pop.w {r4, lr}
  ldr.w pc, [sp, #SLOT]
=== indirect_jump
@ accept
function f
  and r3, r3, #0x3d
  orr r3, r3, #0xf00
  orr r3, r3, #0x10000
  bx r3
=== indirect_jump_with_a_frame
@ reject tail-call at bad
function f
  push {r4, lr}
  and r3, r3, #0x3d
  orr r3, r3, #0xf00
  orr r3, r3, #0x10000
bad: bx r3
=== slot_to_the_host
@ reject target at bad
function f
  bx lr
.section .slots, "ax"
bad: b.w hostcode
.rept 15
 udf #0xf3
 udf #0xf3
.endr
=== slot_that_is_not_a_branch
@ reject store at bad
function f
  bx lr
.section .slots, "ax"
bad: str.w r0, [r1]
.rept 15
 udf #0xf3
 udf #0xf3
.endr
=== slot_to_an_import
@ accept
function f
  bx lr
.section .slots, "ax"
 b.w imported
.rept 15
 udf #0xf3
 udf #0xf3
.endr
=== table_bounded
@ accept
function f
  cmp r0, #2
  bhi 9f
  tbb [pc, r0]
0: .byte (1f-0b)/2, (2f-0b)/2, (9f-0b)/2, 0
1: adds r1, #1
2: adds r1, #2
9: bx lr
=== table_bound_one_too_large
@ reject instruction at bad
function f
  cmp r0, #3
  bhi 9f
  tbb [pc, r0]
0: .byte (1f-0b)/2, (2f-0b)/2, (9f-0b)/2, 255
1: adds r1, #1
2: adds r1, #2
9: b 8f
8: bx lr
  .org 0x206
bad: .hword 0xffff
=== table_unbounded
@ reject table at bad
function f
bad: tbb [pc, r0]
0: .byte (1f-0b)/2, (2f-0b)/2
1: adds r1, #1
2: bx lr
=== table_signed_bound
@ reject table at bad
function f
  cmp r0, #2
  bgt 9f
bad: tbb [pc, r0]
0: .byte (1f-0b)/2, (2f-0b)/2, (9f-0b)/2, 0
1: adds r1, #1
2: adds r1, #2
9: bx lr
=== table_of_addresses
@ accept
function f
  cmp r0, #1
  bhi 9f
  adr r2, 0f
  ldr.w pc, [r2, r0, lsl #2]
  .balign 4
0: .word 1f+1, 9f+1
1: adds r1, #1
9: bx lr
=== table_in_ram
@ reject table at bad
function f
  cmp r0, #1
  bhi 9f
  ldr r2, =0x20020000
bad: ldr.w pc, [r2, r0, lsl #2]
9: bx lr
  .ltorg
=== table_of_addresses_without_thumb_bit
@ reject table at bad
function f
  cmp r0, #1
  bhi 9f
  adr r2, 0f
bad: ldr.w pc, [r2, r0, lsl #2]
  .balign 4
0: .word 9f, 9f
9: bx lr
=== cbz_and_cbnz
@ accept
function f
  cbz r0, 1f
  cbnz r1, 1f
  nop
1: bx lr
=== mov_pc
@ reject instruction at bad
function f
bad: mov pc, lr
=== loop_with_a_fact_that_does_not_hold_the_second_time
@ reject store at bad
function f
  guard r1
1:
bad: str r0, [r1]
  add r1, #4096
  subs r2, #1
  bne 1b
  bx lr
=== loop_that_masks_each_time
@ accept
function f
1: guard r1
  str r0, [r1]
  add r1, #4096
  subs r2, #1
  bne 1b
  bx lr
=== load_of_pc_from_an_unaligned_constant
@ reject instruction at bad
function f
  ldr r1, =0x20020002
bad: ldr.w pc, [r1]
  .ltorg
=== functions_that_stand_in_the_table
@ accept
function f
  push {r4, lr}
  str.w lr, [sp, #SLOT+8]
  and r3, r3, #0x3d
  orr r3, r3, #0xf00
  orr r3, r3, #0x10000
  blx r3
  pop.w {r4, lr}
  ldr.w pc, [sp, #SLOT]
.section .slots, "ax"
  ldr r2, [r0]
  ldr r3, [r1]
  cmp r2, r3
  ite hi
  movhi r0, #1
  movls r0, #0
  sbc.w r0, r0, #0
  bx lr
  nop
1: adds r2, #1
  subs r0, #1
  bne 1b
  bx lr
.rept 9
  udf #0xf3
  udf #0xf3
.endr
=== function_in_the_table_with_a_store_behind_its_guard
@ reject store at bad
function f
  bx lr
.section .slots, "ax"
  guard r0
bad: str r1, [r0]
  bx lr
.rept 14
  udf #0xf3
  udf #0xf3
.endr
=== function_in_the_table_with_an_instruction_across_two_slots
@ reject store at bad
function f
  bx lr
.section .slots, "ax"
  adds r0, #1
  .inst.n 0xf100
bad: .inst.n 0x6001
  bx lr
.rept 14
  udf #0xf3
  udf #0xf3
.endr
=== function_in_the_table_with_a_frame
@ reject stack at bad
function f
  bx lr
.section .slots, "ax"
  push {r0}
  adds r0, #1
bad: add sp, #4
  bx lr
.rept 14
  udf #0xf3
  udf #0xf3
.endr
=== function_at_the_end_of_the_table
@ accept
function f
  bx lr
.section .slots, "ax"
.rept 15
  udf #0xf3
  udf #0xf3
.endr
  adds r0, #1
  adds r0, #2
.section .tail, "ax"
  push {r4, lr}
  str.w lr, [sp, #SLOT+8]
  bl f
  pop.w {r4, lr}
  ldr.w pc, [sp, #SLOT]
