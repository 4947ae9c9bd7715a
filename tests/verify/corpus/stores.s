=== masked
@ accept
function f
  guard r1
  str r0, [r1, #4]
  bx lr
=== mask_dropped
@ reject store at bad
function f
bad: str r0, [r1, #4]
  bx lr
=== mask_of_another_register
@ reject store at bad
function f
  guard r2
bad: str r0, [r1, #4]
  bx lr
=== mask_after_the_store
@ reject store at bad
function f
bad: str r0, [r1, #4]
  guard r1
  bx lr
=== mask_overwritten
@ reject store at bad
function f
  guard r1
  add r1, r2
bad: str r0, [r1, #4]
  bx lr
=== mask_lost_over_a_call
@ reject store at bad
function f
  push {r4, lr}
  str.w lr, [sp, #SLOT+8]
  guard r4
  bl imported
bad: str r0, [r4]
  pop.w {r4, lr}
  ldr.w pc, [sp, #SLOT]
=== mask_lost_over_a_spill
@ reject store at bad
function f
  push {r0, r1, r2, lr}
  str.w lr, [sp, #SLOT+16]
  guard r1
  str r1, [sp]
  ldr r1, [sp]
bad: str r0, [r1]
  add sp, #12
  pop.w {ip}
  ldr.w pc, [sp, #SLOT]
=== mask_wrong_window
@ reject store at bad
function f
  movt r1, #0x2001
bad: str r0, [r1]
  bx lr
=== last_byte_of_the_slack
@ accept
function f
  guard r1
  str.w r0, [r1, #261]
  bx lr
=== one_byte_past_the_slack
@ reject store at bad
function f
  guard r1
bad: str.w r0, [r1, #262]
  bx lr
=== strb_last_byte_of_the_slack
@ accept
function f
  guard r1
  strb.w r0, [r1, #264]
  bx lr
=== strb_one_past_the_slack
@ reject store at bad
function f
  guard r1
bad: strb.w r0, [r1, #265]
  bx lr
=== first_byte_of_the_slack_below
@ accept
@ set sandboxes.0.window = {"base": "0x20020000", "size": 65536, "slack_below": 64, "slack_above": 264}
function f
  guard r1
  str r0, [r1, #-64]
  bx lr
=== one_before_the_slack_below
@ reject store at bad
@ set sandboxes.0.window = {"base": "0x20020000", "size": 65536, "slack_below": 64, "slack_above": 264}
function f
  guard r1
bad: str r0, [r1, #-65]
  bx lr
=== writeback_moves_the_base
@ accept
function f
  guard r1
  str r0, [r1], #4
  str r0, [r1], #4
  str r0, [r1, #8]!
  bx lr
=== writeback_out_of_reach
@ reject store at bad
function f
  guard r1
  str r0, [r1], #255
bad: str r0, [r1, #8]!
  bx lr
=== load_writeback_moves_the_base
@ reject store at bad
function f
  guard r1
  ldr r2, [r1], #255
  ldr r2, [r1], #255
bad: str r0, [r1]
  bx lr
=== strd_second_word
@ reject store at bad
function f
  guard r1
bad: strd r2, r3, [r1, #260]
  bx lr
=== strd_in_reach
@ accept
function f
  guard r1
  strd r2, r3, [r1, #256]
  bx lr
=== stm_in_reach
@ accept
function f
  guard r0
  stmia r0!, {r1, r2, r3, r4, r5, r6, r7}
  bx lr
=== stm_unguarded
@ reject store at bad
function f
bad: stmia r0!, {r1, r2}
  bx lr
=== register_offset_masked_sum
@ accept
function f
  add.w ip, r1, r2, lsl #2
  guard ip
  str.w r0, [ip]
  bx lr
=== register_offset_after_mask_of_base
@ reject store at bad
function f
  guard r1
bad: str.w r0, [r1, r2, lsl #2]
  bx lr
=== constant_in_window
@ accept
function f
  ldr r1, =0x20020100
  str r0, [r1]
  bx lr
  .ltorg
=== constant_outside
@ reject store at bad
function f
  ldr r1, =0x20000100
bad: str r0, [r1]
  bx lr
  .ltorg
=== constant_from_memory_is_not_a_constant
@ reject store at bad
function f
  ldr r1, =0x20020100
  ldr r1, [r1]
bad: str r0, [r1]
  bx lr
  .ltorg
=== other_guard_bfc_orr
@ accept
function f
  bfc r1, #16, #16
  orr r1, r1, #0x20000000
  orr r1, r1, #0x00020000
  str r0, [r1]
  bx lr
=== other_guard_incomplete
@ reject store at bad
function f
  bfc r1, #17, #15
  orr r1, r1, #0x20000000
bad: str r0, [r1]
  bx lr
=== shift_by_register_is_not_modulo_32
@ reject store at bad
function f
  movw r1, #0
  movt r1, #0x2002
  mov r2, #1
  and r3, r3, #255
  lsl r2, r2, r3
  lsr r2, r2, r3
  and r2, r2, #1
  eor r2, r2, #1
  lsl r2, r2, #28
  add r1, r1, r2
bad: str r0, [r1]
  bx lr
=== shift_by_register_small
@ accept
function f
  movw r1, #0
  movt r1, #0x2002
  and r3, r3, #3
  mov r2, #1
  lsl r2, r2, r3
  add r1, r1, r2
  strb r0, [r1]
  bx lr
=== trap_mode
@ accept
function f
  lsr.w ip, r1, #16
  movw r3, #0x2002
  cmp ip, r3
  bne 1f
  str r0, [r1]
  bx lr
1: udf #0xf2
=== trap_mode_wrong_branch
@ reject store at bad
function f
  lsr.w ip, r1, #16
  movw r3, #0x2002
  cmp ip, r3
  beq 1f
bad: str r0, [r1]
  bx lr
1: udf #0xf2
=== strex_guarded
@ accept
function f
  guard r1
1: ldrex r2, [r1]
  guard r1
  strex r3, r0, [r1]
  cmp r3, #0
  bne 1b
  bx lr
=== strex_unguarded
@ reject store at bad
function f
  ldrex r2, [r1]
bad: strex r3, r0, [r1]
  bx lr
=== device_register_declared
@ accept
@ set sandboxes.0.mmio = [{"start": "0x40004000", "end": "0x40004010", "why": "UART0"}]
function f
  ldr r1, =0x40004000
  str r0, [r1, #12]
  bx lr
  .ltorg
=== device_register_undeclared
@ reject store at bad
@ set sandboxes.0.mmio = [{"start": "0x40004000", "end": "0x40004010", "why": "UART0"}]
function f
  ldr r1, =0x40004000
bad: str r0, [r1, #16]
  bx lr
  .ltorg
=== into_the_shadow_stack
@ reject store at bad
function f
  ldr r1, =0x20030120
bad: str r0, [r1]
  bx lr
  .ltorg
=== into_the_code
@ reject store at bad
function f
  adr r1, f
bad: str r0, [r1]
  bx lr
