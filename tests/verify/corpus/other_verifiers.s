=== two_destinations_neither_used
@ accept
function f
  umull r2, r3, r4, r5
  guard r1
  str r0, [r1]
  bx lr
=== long_multiply_overwrites_the_guarded_register_low
@ reject store at bad
function f
  guard r1
  umull r1, r3, r4, r5
bad: str r0, [r1]
  bx lr
=== long_multiply_overwrites_the_guarded_register_high
@ reject store at bad
function f
  guard r1
  smlal r3, r1, r4, r5
bad: str r0, [r1]
  bx lr
=== load_of_two_overwrites_the_guarded_register_first
@ reject store at bad
function f
  guard r1
  ldrd r1, r2, [r3]
bad: str r0, [r1]
  bx lr
=== load_of_two_overwrites_the_guarded_register_second
@ reject store at bad
function f
  guard r1
  ldrd r2, r1, [r3]
bad: str r0, [r1]
  bx lr
=== load_of_many_overwrites_the_guarded_register
@ reject store at bad
function f
  guard r1
  ldm r3, {r0, r1, r2}
bad: str r0, [r1]
  bx lr
=== pop_overwrites_the_guarded_register
@ reject store at bad
function f
  push {r0, r1}
  guard r1
  pop {r0, r1}
bad: str r0, [r1]
  bx lr
=== status_of_a_store_exclusive_overwrites_the_guarded_register
@ reject store at bad
function f
  guard r1
  guard r2
  strex r1, r3, [r2]
bad: str r0, [r1]
  bx lr
=== load_writeback_and_destination
@ reject store at bad
function f
  guard r1
  ldr r2, [r1], #255
  ldr r2, [r1], #255
  ldr r2, [r1], #255
bad: str r0, [r1]
  bx lr
=== load_of_two_writeback_moves_the_base
@ reject store at bad
function f
  guard r1
  ldrd r2, r3, [r1, #1020]!
bad: str r0, [r1]
  bx lr
=== load_of_many_writeback_moves_the_base
@ reject store at bad
function f
  guard r1
  add.w r1, #0x100
  ldmia r1!, {r2-r7}
bad: str r0, [r1]
  bx lr
=== store_of_two_writeback_to_a_transferred_register
@ reject instruction at bad
function f
  guard r1
bad: .hword 0xe9e1, 0x1201 @ strd r1, r2, [r1, #4]!
  bx lr
=== load_of_two_with_one_destination
@ reject instruction at bad
function f
bad: .hword 0xe9d1, 0x2200 @ ldrd r2, r2, [r1]
  bx lr
=== load_of_two_with_base_and_writeback
@ reject instruction at bad
function f
bad: .hword 0xe9f1, 0x1201 @ ldrd r1, r2, [r1, #4]!
  bx lr
=== load_of_two_with_the_base_in_the_list
@ reject store at bad
@ interrupted, it is repeated with a wrong base (Cortex-M3 erratum 602117): its result is not a fact
function f
  adr r1, 1f
  ldrd r1, r2, [r1]
bad: str r0, [r1]
  bx lr
  .balign 4
1: .word 0x20020000, 0x20020000
=== load_of_two_with_another_base
@ accept
function f
  adr r3, 1f
  ldrd r1, r2, [r3]
  str r0, [r1]
  bx lr
  .balign 4
1: .word 0x20020000, 0x20020000
=== load_of_two_into_pc
@ reject instruction at bad
function f
bad: .hword 0xe9d1, 0x2f00 @ ldrd r2, pc, [r1]
  bx lr
=== load_of_many_into_pc
@ reject jump at bad
function f
bad: .hword 0xe891, 0x8004 @ ldm r1, {r2, pc}
=== load_of_many_into_lr_and_pc
@ reject instruction at bad
function f
bad: .hword 0xe891, 0xc000 @ ldm r1, {lr, pc}
=== load_of_many_into_sp
@ reject instruction at bad
function f
bad: .hword 0xe891, 0x2004 @ ldm r1, {r2, sp}
  bx lr
=== load_into_pc
@ reject jump at bad
function f
bad: ldr.w pc, [r1]
=== load_into_pc_with_index
@ reject table at bad
function f
bad: ldr.w pc, [r1, r2, lsl #2]
=== add_to_pc
@ reject instruction at bad
function f
bad: .hword 0x4487 @ add pc, r0
=== guard_of_the_stack_pointer
@ reject instruction at bad
function f
bad: .hword 0xf2c2, 0x0d02 @ movt sp, #0x2002
  bx lr
=== stack_pointer_plus_register
@ reject stack at bad
function f
bad: add sp, r0
  bx lr
=== stack_pointer_moved
@ reject stack at bad
function f
bad: mov sp, r0
  bx lr
=== stack_pointer_moved_by_writeback
@ reject stack at bad
function f
bad: ldr r0, [sp], #4
  bx lr
=== stack_pointer_moved_by_an_odd_amount
@ reject stack at bad
function f
bad: subw sp, sp, #2
  addw sp, sp, #2
  bx lr
=== base_of_a_store_of_many_not_its_lowest_register
@ reject instruction at bad
function f
  guard r1
bad: .hword 0xc103 @ stm r1!, {r0, r1}
  bx lr
=== table_entry_leads_into_the_table
@ reject instruction at bad
function f
  cmp r0, #4
  bhs 1f
  tbb [pc, r0]
bad: .byte 0, 0xe8, 2, 2
1: bx lr
=== table_base_not_known
@ reject table at bad
function f
  cmp r0, #2
  bhs 1f
bad: tbb [r1, r0]
  .byte 1, 1
1: bx lr
=== last_instruction_cut_off
@ reject code at bad
function f
  b.w last
.section .tail, "ax"
  .org 0xbc
last: nop
  nop
bad:
