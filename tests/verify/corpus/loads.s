=== writes_only
@ accept
function f
  ldr r0, [r1, #4]
  bx lr
=== masked
@ accept
@ set sandboxes.0.confine = "reads"
function f
  guard r1
  ldr r0, [r1, #4]
  bx lr
=== mask_dropped
@ reject load at bad
@ set sandboxes.0.confine = "reads"
function f
bad: ldr r0, [r1, #4]
  bx lr
=== mask_of_another_register
@ reject load at bad
@ set sandboxes.0.confine = "reads"
function f
  guard r2
bad: ldr r0, [r1, #4]
  bx lr
=== mask_after_the_load
@ reject load at bad
@ set sandboxes.0.confine = "reads"
function f
bad: ldr r0, [r1, #4]
  guard r1
  bx lr
=== mask_overwritten
@ reject load at bad
@ set sandboxes.0.confine = "reads"
function f
  guard r1
  ldr r1, [r1]
bad: ldr r0, [r1]
  bx lr
=== loaded_pointer_masked_again
@ accept
@ set sandboxes.0.confine = "reads"
function f
  guard r1
  ldr r1, [r1]
  guard r1
  ldr r0, [r1]
  bx lr
=== last_byte_of_the_slack
@ accept
@ set sandboxes.0.confine = "reads"
function f
  guard r1
  ldr.w r0, [r1, #261]
  bx lr
=== one_byte_past_the_slack
@ reject load at bad
@ set sandboxes.0.confine = "reads"
function f
  guard r1
bad: ldr.w r0, [r1, #262]
  bx lr
=== ldrb_last_byte_of_the_slack
@ accept
@ set sandboxes.0.confine = "reads"
function f
  guard r1
  ldrb.w r0, [r1, #264]
  bx lr
=== ldrb_one_past_the_slack
@ reject load at bad
@ set sandboxes.0.confine = "reads"
function f
  guard r1
bad: ldrb.w r0, [r1, #265]
  bx lr
=== ldrsh_last_byte_of_the_slack
@ accept
@ set sandboxes.0.confine = "reads"
function f
  guard r1
  ldrsh.w r0, [r1, #263]
  bx lr
=== ldrsh_second_byte_past_the_slack
@ reject load at bad
@ set sandboxes.0.confine = "reads"
function f
  guard r1
bad: ldrsh.w r0, [r1, #264]
  bx lr
=== first_byte_of_the_slack_below
@ accept
@ set sandboxes.0.confine = "reads"
@ set sandboxes.0.window = {"base": "0x20020000", "size": 65536, "slack_below": 64, "slack_above": 264}
function f
  guard r1
  ldr r0, [r1, #-64]
  bx lr
=== one_before_the_slack_below
@ reject load at bad
@ set sandboxes.0.confine = "reads"
@ set sandboxes.0.window = {"base": "0x20020000", "size": 65536, "slack_below": 64, "slack_above": 264}
function f
  guard r1
bad: ldr r0, [r1, #-65]
  bx lr
=== writeback_moves_the_base
@ accept
@ set sandboxes.0.confine = "reads"
function f
  guard r1
  ldr r0, [r1], #4
  ldr r0, [r1], #4
  ldrb r0, [r1, #8]!
  bx lr
=== writeback_out_of_reach
@ reject load at bad
@ set sandboxes.0.confine = "reads"
function f
  guard r1
  ldr r0, [r1], #255
bad: ldr r0, [r1, #8]!
  bx lr
=== store_writeback_out_of_reach
@ reject load at bad
@ set sandboxes.0.confine = "reads"
function f
  guard r1
  str r0, [r1], #255
bad: ldrsb r0, [r1, #12]!
  bx lr
=== ldrd_in_reach
@ accept
@ set sandboxes.0.confine = "reads"
function f
  guard r1
  ldrd r2, r3, [r1, #256]
  bx lr
=== ldrd_second_word
@ reject load at bad
@ set sandboxes.0.confine = "reads"
function f
  guard r1
bad: ldrd r2, r3, [r1, #260]
  bx lr
=== ldrd_that_loads_its_base
@ reject load at bad
@ set sandboxes.0.confine = "reads"
function f
bad: ldrd r1, r2, [r1]
  bx lr
=== ldm_in_reach
@ accept
@ set sandboxes.0.confine = "reads"
function f
  guard r0
  add.w r0, r0, #248
  ldmia r0!, {r1, r2, r3, ip}
  bx lr
=== ldm_last_word
@ reject load at bad
@ set sandboxes.0.confine = "reads"
function f
  guard r0
  add.w r0, r0, #252
bad: ldmia r0!, {r1, r2, r3, ip}
  bx lr
=== ldm_that_loads_its_base
@ reject load at bad
@ set sandboxes.0.confine = "reads"
function f
bad: ldmia r0, {r0, r1}
  bx lr
=== ldmdb_first_word
@ reject load at bad
@ set sandboxes.0.confine = "reads"
@ set sandboxes.0.window = {"base": "0x20020000", "size": 65536, "slack_below": 4, "slack_above": 264}
function f
  guard r0
bad: ldmdb r0, {r1, r2}
  bx lr
=== ldmdb_in_reach
@ accept
@ set sandboxes.0.confine = "reads"
@ set sandboxes.0.window = {"base": "0x20020000", "size": 65536, "slack_below": 8, "slack_above": 264}
function f
  guard r0
  ldmdb r0, {r1, r2}
  bx lr
=== register_offset_masked_sum
@ accept
@ set sandboxes.0.confine = "reads"
function f
  add.w r0, r1, r2, lsl #2
  guard r0
  ldr r0, [r0]
  bx lr
=== register_offset_after_mask_of_base
@ reject load at bad
@ set sandboxes.0.confine = "reads"
function f
  guard r1
bad: ldr.w r0, [r1, r2, lsl #2]
  bx lr
=== register_offset_bounded
@ accept
@ set sandboxes.0.confine = "reads"
function f
  ldr r1, =0x20020100
  and r2, r2, #63
  ldrb r0, [r1, r2]
  bx lr
.ltorg
=== constant_in_window
@ accept
@ set sandboxes.0.confine = "reads"
function f
  ldr r1, =0x20020100
  ldr r0, [r1]
  bx lr
.ltorg
=== constant_in_host_ram
@ reject load at bad
@ set sandboxes.0.confine = "reads"
function f
  ldr r1, =0x20000100
bad: ldr r0, [r1]
  bx lr
.ltorg
=== constant_in_host_flash
@ reject load at bad
@ set sandboxes.0.confine = "reads"
function f
  ldr r1, =hostcode
  bic r1, #1
bad: ldr r0, [r1]
  bx lr
.ltorg
=== the_vector_table
@ reject load at bad
@ set sandboxes.0.confine = "reads"
function f
  mov r1, #0
bad: ldr r0, [r1, #4]
  bx lr
=== ldrex_guarded
@ accept
@ set sandboxes.0.confine = "reads"
function f
  guard r1
  ldrex r2, [r1, #4]
  ldrexb r2, [r1]
  ldrexh r2, [r1]
  clrex
  bx lr
=== ldrex_unguarded
@ reject load at bad
@ reject load at worse
@ reject load at worst
@ set sandboxes.0.confine = "reads"
function f
bad: ldrex r2, [r1, #4]
worse: ldrexb r2, [r1]
worst: ldrexh r2, [r1]
  bx lr
=== device_register_declared
@ accept
@ set sandboxes.0.confine = "reads"
@ set sandboxes.0.mmio = [{"start": "0x40004000", "end": "0x40004010", "why": "UART0"}]
function f
  ldr r1, =0x40004000
  ldr r0, [r1, #12]
  bx lr
.ltorg
=== device_register_undeclared
@ reject load at bad
@ set sandboxes.0.confine = "reads"
@ set sandboxes.0.mmio = [{"start": "0x40004000", "end": "0x40004010", "why": "UART0"}]
function f
  ldr r1, =0x40004000
bad: ldr r0, [r1, #16]
  bx lr
.ltorg
=== private_peripherals
@ reject load at bad
@ set sandboxes.0.confine = "reads"
function f
  ldr r1, =0xe000ed08
bad: ldr r0, [r1]
  bx lr
.ltorg
=== literals_and_code
@ accept
@ set sandboxes.0.confine = "reads"
function f
  ldr.w r0, 1f
  ldrd r2, r3, 1f
  adr r1, 1f
  ldr r0, [r1, #4]
  ldrb.w r0, 1f
  bx lr
.balign 4
1: .word 1, 2
=== past_the_code
@ reject load at bad
@ set sandboxes.0.confine = "reads"
function f
  adr r1, f
bad: ldr.w r0, [r1, #-4]
  bx lr
=== literal_before_the_code
@ reject load at bad
@ set sandboxes.0.confine = "reads"
function f
bad: ldr.w r0, [pc, #-64]
  bx lr
=== bounded_index_into_the_code
@ accept
@ set sandboxes.0.confine = "reads"
function f
  adr r1, 1f
  and r0, r0, #7
  ldrb r0, [r1, r0]
  bx lr
.balign 4
1: .word 1, 2
=== index_into_the_code
@ reject load at bad
@ set sandboxes.0.confine = "reads"
function f
  adr r1, 1f
bad: ldrb r0, [r1, r0]
  bx lr
.balign 4
1: .word 1, 2
=== declared_constants
@ accept
@ set sandboxes.0.confine = "reads"
function f
  ldr r1, =table
  and r0, r0, #252
  ldr r0, [r1, r0]
  bx lr
.ltorg
.section .const
.balign 4
table: .rept 64
.word 1
.endr
=== undeclared_flash
@ reject load at bad
@ set sandboxes.0.confine = "reads"
@ set sandboxes.0.constants = []
function f
  ldr r1, =table
  and r0, r0, #252
bad: ldr r0, [r1, r0]
  bx lr
.ltorg
.section .const
.balign 4
table: .rept 64
.word 1
.endr
=== past_the_constants
@ reject load at bad
@ set sandboxes.0.confine = "reads"
function f
  ldr r1, =table
  and r0, r0, #255
bad: ldr r0, [r1, r0]
  bx lr
.ltorg
.section .const
.balign 4
table: .rept 64
.word 1
.endr
=== last_word_of_the_code
@ accept
@ set sandboxes.0.confine = "reads"
function f
  ldr r1, =0x10ffc
  ldr r0, [r1]
  bx lr
.ltorg
=== half_code_half_constants
@ reject load at bad
@ set sandboxes.0.confine = "reads"
function f
  ldr r1, =0x10ffe
bad: ldr r0, [r1]
  bx lr
.ltorg
=== jump_table
@ accept
@ set sandboxes.0.confine = "reads"
function f
  cmp r0, #1
  bhi 9f
  tbb [pc, r0]
.byte 1, 2
  mov r1, #1
9: bx lr
=== return_word
@ accept
@ set sandboxes.0.confine = "reads"
function f
  push {r4, lr}
  str.w lr, [sp, #SLOT+8]
  pop.w {r4, lr}
  ldr.w pc, [sp, #SLOT]
=== return_word_of_the_caller
@ reject load at bad
@ set sandboxes.0.confine = "reads"
function f
  push {r4, lr}
  str.w lr, [sp, #SLOT+8]
bad: ldr.w r0, [sp, #SLOT+12]
  pop.w {r4, lr}
  ldr.w pc, [sp, #SLOT]
=== word_below_the_return_word
@ reject load at bad
@ set sandboxes.0.confine = "reads"
function f
  push {r4, lr}
  str.w lr, [sp, #SLOT+8]
bad: ldr.w r0, [sp, #SLOT+4]
  pop.w {r4, lr}
  ldr.w pc, [sp, #SLOT]
=== part_of_the_return_word
@ reject load at bad
@ set sandboxes.0.confine = "reads"
function f
  push {r4, lr}
  str.w lr, [sp, #SLOT+8]
bad: ldrh.w r0, [sp, #SLOT+8]
  pop.w {r4, lr}
  ldr.w pc, [sp, #SLOT]
=== return_word_before_it_is_there
@ reject load at bad
@ set sandboxes.0.confine = "reads"
function f
  sub sp, #8
bad: ldr.w r0, [sp, #SLOT+8]
  add sp, #8
  bx lr
=== shadow_stack_through_a_pointer
@ reject load at bad
@ set sandboxes.0.confine = "reads"
function f
  ldr r1, =0x20030120
bad: ldr r0, [r1]
  bx lr
.ltorg
=== stack
@ accept
@ set sandboxes.0.confine = "reads"
function f
  push {r0, r4}
  ldr r0, [sp]
  ldrb.w r1, [sp, #7]
  ldrd r2, r3, [sp]
  pop {r0, r4}
  bx lr
=== arguments_above_the_stack
@ accept
@ set sandboxes.0.confine = "reads"
function f
  ldr r0, [sp, #16]
  ldr.w r0, [sp, #0x204]
  bx lr
=== past_the_slack_above_the_stack
@ reject load at bad
@ set sandboxes.0.confine = "reads"
function f
bad: ldr.w r0, [sp, #0x208]
  bx lr
=== stack_pointer_and_register
@ reject load at bad
@ set sandboxes.0.confine = "reads"
function f
bad: ldr.w r0, [sp, r1]
  bx lr
=== guard_and_load_under_one_condition
@ accept
@ set sandboxes.0.confine = "reads"
function f
  cmp r0, #0
  itt ne
  movtne r1, #0x2002
  ldrne r0, [r1]
  bx lr
=== guard_under_another_condition
@ reject load at bad
@ set sandboxes.0.confine = "reads"
function f
  cmp r0, #0
  ite eq
  movteq r1, #0x2002
bad: ldrne r0, [r1]
  bx lr
=== guard_conditional_load_not
@ reject load at bad
@ set sandboxes.0.confine = "reads"
function f
  cmp r0, #0
  it eq
  movteq r1, #0x2002
bad: ldr r0, [r1]
  bx lr
=== result_not_used
@ reject load at bad
@ set sandboxes.0.confine = "reads"
function f
bad: ldr r0, [r1]
  mov r0, #0
  bx lr
=== one_guard_for_store_and_load
@ accept
@ set sandboxes.0.confine = "reads"
function f
  guard r1
  str r0, [r1]
  ldr r2, [r1, #8]
  bx lr
=== checked
@ accept
@ set sandboxes.0.confine = "reads"
function f
  lsr.w ip, r1, #16
  movw r3, #0x2002
  cmp ip, r3
  bne 1f
  ldr r0, [r1]
  bx lr
1: udf #0xf2
=== checked_wrong_branch
@ reject load at bad
@ set sandboxes.0.confine = "reads"
function f
  lsr.w ip, r1, #16
  movw r3, #0x2002
  cmp ip, r3
  beq 1f
bad: ldr r0, [r1]
  bx lr
1: udf #0xf2
=== mask_lost_over_a_call
@ reject load at bad
@ set sandboxes.0.confine = "reads"
function f
  push {r4, lr}
  str.w lr, [sp, #SLOT+8]
  guard r4
  bl imported
bad: ldr r0, [r4]
  pop.w {r4, lr}
  ldr.w pc, [sp, #SLOT]
=== vector_loads_in_reach
@ accept
@ set sandboxes.0.confine = "reads"
@ set fpu = "fpv5-d16"
@ set sandboxes.0.stack = {"low": "0x2002f200", "high": "0x2002ff00", "room": 112}
.fpu fpv5-d16
function f
  guard r0
  vldr d0, [r0, #256]
  vldr s0, [r0, #260]
  vldmia r0!, {d0-d15}
  vldmia r0!, {s0-s31}
  bx lr
=== vldr_second_word
@ reject load at bad
@ set sandboxes.0.confine = "reads"
@ set fpu = "fpv5-d16"
@ set sandboxes.0.stack = {"low": "0x2002f200", "high": "0x2002ff00", "room": 112}
.fpu fpv5-d16
function f
  guard r0
bad: vldr d0, [r0, #260]
  bx lr
=== vldr_unguarded
@ reject load at bad
@ set sandboxes.0.confine = "reads"
@ set fpu = "fpv5-d16"
@ set sandboxes.0.stack = {"low": "0x2002f200", "high": "0x2002ff00", "room": 112}
.fpu fpv5-d16
function f
bad: vldr s0, [r0]
  bx lr
=== vldm_last_word
@ reject load at bad
@ set sandboxes.0.confine = "reads"
@ set fpu = "fpv5-d16"
@ set sandboxes.0.stack = {"low": "0x2002f200", "high": "0x2002ff00", "room": 112}
.fpu fpv5-d16
function f
  guard r0
  add.w r0, r0, #252
bad: vldmia r0, {s0-s3}
  bx lr
=== vldr_literal
@ accept
@ set sandboxes.0.confine = "reads"
@ set fpu = "fpv5-d16"
@ set sandboxes.0.stack = {"low": "0x2002f200", "high": "0x2002ff00", "room": 112}
.fpu fpv5-d16
function f
  vldr d0, 1f
  bx lr
.balign 4
1: .word 1, 2
=== vpop
@ accept
@ set sandboxes.0.confine = "reads"
@ set fpu = "fpv5-d16"
@ set sandboxes.0.stack = {"low": "0x2002f200", "high": "0x2002ff00", "room": 112}
.fpu fpv5-d16
function f
  vpush {d8}
  vpop {d8}
  bx lr
=== word_of_a_dynamic_frame
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
  ldr r0, [sp]
  ldr.w ip, [sp, #FRAME]
  mov sp, ip
  pop.w {r7, lr}
  ldr.w pc, [sp, #SLOT]
  .ltorg
=== word_beside_that_of_a_dynamic_frame
@ reject load at bad
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
bad: ldr.w r0, [sp, #FRAME-4]
  ldr.w ip, [sp, #FRAME]
  mov sp, ip
  pop.w {r7, lr}
  ldr.w pc, [sp, #SLOT]
  .ltorg
