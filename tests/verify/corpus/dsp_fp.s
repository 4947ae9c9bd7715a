=== dsp
@ accept
@ set arch = "armv7e-m"
.arch armv7e-m
function f
  pkhbt r0, r1, r2, lsl #8
  uadd8 r0, r0, r1
  sel r0, r1, r2
  smlad r0, r1, r2, r3
  smlalbb r0, r1, r2, r3
  umaal r0, r1, r2, r3
  qadd r0, r1, r2
  ssat16 r0, #8, r1
  uxtab r0, r1, r2
  bx lr
=== dsp_on_a_processor_without
@ reject instruction at bad
.arch armv7e-m
function f
bad: uadd8 r0, r0, r1
  bx lr
=== dsp_extension_of_a_base_instruction
@ reject instruction at bad
.arch armv7e-m
function f
  uxtb r0, r1
bad: uxtab r0, r1, r2
  bx lr
=== dsp_result_in_the_guarded_register
@ reject store at bad
@ set arch = "armv7e-m"
.arch armv7e-m
function f
  guard r0
  uxtah r0, r0, r1
bad: str r1, [r0]
  bx lr
=== dsp_result_then_the_guard
@ accept
@ set arch = "armv7e-m"
.arch armv7e-m
function f
  uxtah r0, r0, r1
  guard r0
  str r1, [r0]
  bx lr
=== second_destination_of_umaal
@ reject store at bad
@ set arch = "armv7e-m"
.arch armv7e-m
function f
  guard r2
  umaal r0, r2, r1, r3
bad: str r1, [r2]
  bx lr
=== second_destination_of_smlald
@ reject store at bad
@ set arch = "armv7e-m"
.arch armv7e-m
function f
  guard r2
  smlald r0, r2, r1, r3
bad: str r1, [r2]
  bx lr
=== dsp_leaves_other_registers_alone
@ accept
@ set arch = "armv7e-m"
.arch armv7e-m
function f
  guard r2
  smlald r0, r1, r1, r3
  uadd8 r3, r0, r1
  str r1, [r2]
  bx lr
=== dsp_result_in_lr
@ reject tail-call at bad
@ set arch = "armv7e-m"
.arch armv7e-m
function f
  qadd lr, lr, r1
bad: bx lr
=== dsp_result_in_sp
@ reject instruction at bad
@ set arch = "armv7e-m"
.arch armv7e-m
function f
bad: .inst.w 0xfa82fd43  @ uadd8 sp, r2, r3
  bx lr
=== msr_of_ge
@ accept
@ set arch = "armv7e-m"
.arch armv7e-m
function f
  msr apsr_g, r0
  bx lr
=== msr_of_all_flags_between_compare_and_branch
@ reject store at bad
@ set arch = "armv7e-m"
.arch armv7e-m
function f
  ldr r3, =0x20020000
  subs r2, r0, r3
  movw ip, #0xfff0
  cmp r2, ip
  msr apsr_nzcvqg, r1
  bhi 1f
bad: str r1, [r0]
  bx lr
1: udf #0xf2
  .ltorg
=== msr_of_ge_between_compare_and_branch
@ accept
@ set arch = "armv7e-m"
.arch armv7e-m
function f
  ldr r3, =0x20020000
  subs r2, r0, r3
  movw ip, #0xfff0
  cmp r2, ip
  msr apsr_g, r1
  bhi 1f
  str r1, [r0]
  bx lr
1: udf #0xf2
  .ltorg
=== fp
@ accept
@ set fpu = true
@ set sandboxes.0.stack.room = 112
.fpu fpv5-d16
function f
  vadd.f32 s0, s1, s2
  vfma.f64 d0, d1, d2
  vcvt.s32.f32 s0, s0
  vmaxnm.f32 s0, s0, s1
  vrinta.f64 d1, d2
  vmov r0, s0
  vmov r0, r1, d0
  vmsr fpscr, r0
  vmrs r0, fpscr
  cmp r0, #0
  it eq
  vaddeq.f32 s0, s0, s0
  bx lr
=== fp_on_a_processor_without
@ reject instruction at bad
.fpu fpv5-d16
function f
bad: vadd.f32 s0, s1, s2
  bx lr
=== fp_load_on_a_processor_without
@ reject instruction at bad
.fpu fpv5-d16
function f
bad: vldr s0, [r0]
  bx lr
=== single_precision_with_double_registers
@ accept
@ set fpu = "fpv4-sp-d16"
@ set sandboxes.0.stack.room = 112
.fpu fpv5-d16
function f
  vpush {d8, d9}
  vldr d8, [r0]
  vmov r2, r3, d8
  vadd.f32 s0, s1, s2
  vpop {d8, d9}
  bx lr
=== double_precision_on_a_single_precision_fpu
@ reject instruction at bad
@ set fpu = "fpv4-sp-d16"
@ set sandboxes.0.stack.room = 112
.fpu fpv5-d16
function f
bad: vadd.f64 d0, d1, d2
  bx lr
=== conversion_to_double_on_a_single_precision_fpu
@ reject instruction at bad
@ set fpu = "fpv5-sp-d16"
@ set sandboxes.0.stack.room = 112
.fpu fpv5-d16
function f
bad: vcvt.f64.f32 d0, s1
  bx lr
=== fpv5_on_fpv4
@ reject instruction at bad
@ set fpu = "fpv4-sp-d16"
@ set sandboxes.0.stack.room = 112
.fpu fpv5-d16
function f
bad: vmaxnm.f32 s0, s0, s1
  bx lr
=== fpv5_on_fpv5
@ accept
@ set fpu = "fpv5-sp-d16"
@ set sandboxes.0.stack.room = 112
.fpu fpv5-d16
function f
  vmaxnm.f32 s0, s0, s1
  bx lr
=== vsel_in_an_it_block
@ reject it-block at bad
@ set fpu = true
@ set sandboxes.0.stack.room = 112
.fpu fpv5-d16
function f
  it eq
bad: .inst.w 0xfe000a20
  bx lr
=== vstr_guarded
@ accept
@ set fpu = true
@ set sandboxes.0.stack.room = 112
.fpu fpv5-d16
function f
  guard r0
  vstr s0, [r0, #260]
  vstr d0, [r0, #256]
  vstr d0, [r0, #-256]
  bx lr
=== vstr_unguarded
@ reject store at bad
@ set fpu = true
@ set sandboxes.0.stack.room = 112
.fpu fpv5-d16
function f
bad: vstr s0, [r0]
  bx lr
=== vstr_of_a_double_past_the_slack
@ reject store at bad
@ set fpu = true
@ set sandboxes.0.stack.room = 112
.fpu fpv5-d16
function f
  guard r0
bad: vstr d0, [r0, #260]
  bx lr
=== vstr_of_a_single_past_the_slack
@ reject store at bad
@ set fpu = true
@ set sandboxes.0.stack.room = 112
.fpu fpv5-d16
function f
  guard r0
bad: vstr s0, [r0, #264]
  bx lr
=== vstr_below_the_slack
@ reject store at bad
@ set fpu = true
@ set sandboxes.0.stack.room = 112
.fpu fpv5-d16
function f
  guard r0
bad: vstr s0, [r0, #-260]
  bx lr
=== vstr_to_code
@ reject instruction at bad
@ set fpu = true
@ set sandboxes.0.stack.room = 112
.fpu fpv5-d16
function f
bad: .inst.w 0xed8f0a02  @ vstr s0, [pc, #8]
  bx lr
=== vstm_guarded
@ accept
@ set fpu = true
@ set sandboxes.0.stack.room = 112
.fpu fpv5-d16
function f
  guard r0
  vstmia r0, {s0-s31}
  vstmdb r0!, {d0-d15}
  vstmdb r0!, {d0-d15}
  bx lr
=== vstm_moves_the_base_out_of_reach
@ reject store at bad
@ set fpu = true
@ set sandboxes.0.stack.room = 112
.fpu fpv5-d16
function f
  guard r0
  vstmia r0!, {d0-d15}
  vstmia r0!, {d0-d15}
  vstr s0, [r0, #4]
bad: vstr s0, [r0, #8]
  bx lr
=== vldm_moves_the_base_out_of_reach
@ reject store at bad
@ set fpu = true
@ set sandboxes.0.stack.room = 112
.fpu fpv5-d16
function f
  guard r0
  vldmia r0!, {d0-d15}
  vldmia r0!, {d0-d15}
bad: vstmia r0, {s0-s2}
  bx lr
=== vstmdb_below_the_slack
@ reject store at bad
@ set fpu = true
@ set sandboxes.0.stack.room = 112
.fpu fpv5-d16
function f
  guard r0
  vstmdb r0!, {d0-d15}
  vstmdb r0!, {d0-d15}
bad: vstmdb r0!, {s0}
  bx lr
=== registers_from_the_fpu_are_unknown
@ reject store at bad
@ set fpu = true
@ set sandboxes.0.stack.room = 112
.fpu fpv5-d16
function f
  guard r0
  vmov s0, r0
  vmov r0, s0
bad: str r1, [r0]
  bx lr
=== registers_from_the_fpu_are_guarded_again
@ accept
@ set fpu = true
@ set sandboxes.0.stack.room = 112
.fpu fpv5-d16
function f
  vmov r0, s0
  guard r0
  str r1, [r0]
  bx lr
=== second_destination_of_vmov
@ reject store at bad
@ set fpu = true
@ set sandboxes.0.stack.room = 112
.fpu fpv5-d16
function f
  guard r0
  vmov r2, r0, d0
bad: str r1, [r0]
  bx lr
=== vmov_to_the_fpu_leaves_the_registers_alone
@ accept
@ set fpu = true
@ set sandboxes.0.stack.room = 112
.fpu fpv5-d16
function f
  guard r0
  vmov d0, r2, r0
  vmov s3, r0
  vmov.32 d1[1], r0
  str r1, [r0]
  bx lr
=== vmrs_in_the_guarded_register
@ reject store at bad
@ set fpu = true
@ set sandboxes.0.stack.room = 112
.fpu fpv5-d16
function f
  guard r0
  vmrs r0, fpscr
bad: str r1, [r0]
  bx lr
=== return_address_through_the_fpu
@ reject tail-call at bad
@ set fpu = true
@ set sandboxes.0.stack.room = 112
.fpu fpv5-d16
function f
  vmov s0, lr
  vmov lr, s0
bad: bx lr
=== flags_from_the_fpu_between_compare_and_branch
@ reject store at bad
@ set fpu = true
@ set sandboxes.0.stack.room = 112
.fpu fpv5-d16
function f
  ldr r3, =0x20020000
  subs r2, r0, r3
  movw ip, #0xfff0
  cmp r2, ip
  vmrs apsr_nzcv, fpscr
  bhi 1f
bad: str r1, [r0]
  bx lr
1: udf #0xf2
  .ltorg
=== comparison_in_the_fpu_between_compare_and_branch
@ accept
@ set fpu = true
@ set sandboxes.0.stack.room = 112
.fpu fpv5-d16
function f
  ldr r3, =0x20020000
  subs r2, r0, r3
  movw ip, #0xfff0
  cmp r2, ip
  vcmp.f32 s0, s1
  bhi 1f
  str r1, [r0]
  bx lr
1: udf #0xf2
  .ltorg
=== vpush_and_vpop
@ accept
@ set fpu = true
@ set sandboxes.0.stack.room = 112
.fpu fpv5-d16
function f
  vpush {d8-d15}
  vpush {s0}
  vstmdb sp!, {s1, s2}
  vldmia sp!, {s1, s2}
  vpop {s0}
  vpop {d8-d15}
  bx lr
=== vpush_to_the_end_of_the_stack
@ accept
@ set fpu = true
@ set sandboxes.0.stack.room = 112
.fpu fpv5-d16
function f
  sub.w sp, sp, #0xc40
  sub sp, #16
  vpush {d8-d15}
  vpop {d8-d15}
  add.w sp, sp, #0xc40
  add sp, #16
  bx lr
=== vpush_below_the_stack
@ reject stack at bad
@ set fpu = true
@ set sandboxes.0.stack.room = 112
.fpu fpv5-d16
function f
  sub.w sp, sp, #0xc40
  sub sp, #20
bad: vpush {d8-d15}
  vpop {d8-d15}
  add.w sp, sp, #0xc40
  add sp, #20
  bx lr
=== vpush_under_a_condition
@ reject stack at bad
@ set fpu = true
@ set sandboxes.0.stack.room = 112
.fpu fpv5-d16
function f
  cmp r0, #0
  it eq
bad: vpusheq {d8}
  bx lr
=== vpop_above_the_entry_value
@ reject stack at bad
@ set fpu = true
@ set sandboxes.0.stack.room = 112
.fpu fpv5-d16
function f
bad: vpop {s0}
  bx lr
=== vpush_without_vpop
@ reject return at bad
@ set fpu = true
@ set sandboxes.0.stack.room = 112
.fpu fpv5-d16
function f
  vpush {d8}
bad: bx lr
=== vstm_with_writeback_moves_sp_up
@ reject stack at bad
@ set fpu = true
@ set sandboxes.0.stack.room = 112
.fpu fpv5-d16
function f
  sub sp, #8
bad: vstmia sp!, {s0-s3}
  sub sp, #8
  bx lr
=== vstm_above_the_stack
@ reject store at bad
@ set fpu = true
@ set sandboxes.0.stack.room = 112
.fpu fpv5-d16
function f
  vstmia sp, {s0-s31}
  add.w r0, sp, #1024
bad: vstmia r0, {s0-s31}
  bx lr
=== vstr_to_the_return_slot
@ reject return-slot at bad
@ set fpu = true
@ set sandboxes.0.stack.room = 112
.fpu fpv5-d16
function f
  vmov s0, lr
  addw r0, sp, #SLOT
bad: vstr s0, [r0]
  bx lr
=== vstr_over_the_return_slot
@ reject store at bad
@ set fpu = true
@ set sandboxes.0.stack.room = 112
.fpu fpv5-d16
function f
  addw r0, sp, #SLOT
bad: vstr d0, [r0, #-4]
  bx lr
=== literal_outside_the_code_is_only_read
@ accept
@ set fpu = true
@ set sandboxes.0.stack.room = 112
.fpu fpv5-d16
function f
  vldr d0, [pc, #-1020]
  vldr s0, [r0, #1020]
  vldmia r0, {d0-d15}
  bx lr
=== vmrs_to_sp
@ reject instruction at bad
@ set fpu = true
@ set sandboxes.0.stack.room = 112
.fpu fpv5-d16
function f
bad: .inst.w 0xeef1da10
  bx lr
=== vmov_to_sp
@ reject instruction at bad
@ set fpu = true
@ set sandboxes.0.stack.room = 112
.fpu fpv5-d16
function f
bad: .inst.w 0xee10da10
  bx lr
=== vmov_to_pc
@ reject instruction at bad
@ set fpu = true
@ set sandboxes.0.stack.room = 112
.fpu fpv5-d16
function f
bad: .inst.w 0xee10fa10
=== vmrs_of_another_register
@ reject instruction at bad
@ set fpu = true
@ set sandboxes.0.stack.room = 112
.fpu fpv5-d16
function f
bad: vmrs r0, mvfr0
  bx lr
=== empty_register_list
@ reject instruction at bad
@ set fpu = true
@ set sandboxes.0.stack.room = 112
.fpu fpv5-d16
function f
  guard r0
bad: .inst.w 0xec800a00
  bx lr
=== register_list_beyond_s31
@ reject instruction at bad
@ set fpu = true
@ set sandboxes.0.stack.room = 112
.fpu fpv5-d16
function f
  guard r0
bad: .inst.w 0xecc0fa02
  bx lr
=== register_list_beyond_d15
@ reject instruction at bad
@ set fpu = true
@ set sandboxes.0.stack.room = 112
.fpu fpv5-d16
function f
  guard r0
bad: .inst.w 0xec80fb04
  bx lr
=== fstmx
@ reject instruction at bad
@ set fpu = true
@ set sandboxes.0.stack.room = 112
.fpu fpv5-d16
function f
  guard r0
bad: .inst.w 0xec800b03
  bx lr
=== lazy_store_of_armv8_m
@ reject instruction at bad
@ set fpu = true
@ set sandboxes.0.stack.room = 112
.fpu fpv5-d16
function f
  guard r0
bad: .inst.w 0xec200a00
  bx lr
=== coprocessor_instruction_on_a_part_with_an_fpu
@ reject instruction at bad
@ set fpu = true
@ set sandboxes.0.stack.room = 112
.fpu fpv5-d16
function f
bad: mcr p15, 0, r1, c1, c0, 0
  bx lr
