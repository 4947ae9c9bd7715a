=== called_through_its_gate
@ accept
.section .host
  push {lr}
  bl call
  pop {pc}
.text
function f
  bx lr
=== bl_past_the_gate
@ reject host at past
.section .host
  push {lr}
past: bl f
  pop {pc}
.text
function f
  bx lr
=== jump_past_the_gate
@ reject host at past
.section .host
past: b.w f
.text
function f
  bx lr
=== conditional_jump_past_the_gate
@ reject host at past
.section .host
past: beq.w f
  bx lr
.text
function f
  bx lr
=== jump_into_the_middle_of_a_function
@ reject host at past
.section .host
past: b.w f + 4
.text
function f
  nop
  nop
  bx lr
=== jump_to_the_pointer_table
@ reject host at past
.section .host
past: bl 0x10f00
  bx lr
.text
function f
  bx lr
=== jump_into_the_constants
@ reject host at past
.section .host
past: b.w 0x11080
.text
function f
  bx lr
=== call_of_host_code_behind_the_sandbox
@ accept
.section .host
  bl 0x12000
  bx lr
.text
function f
  bx lr
=== pointer_in_a_literal
@ reject host at past
.section .host
  ldr r0, past
  bx r0
  .balign 4
past: .word f
.text
function f
  bx lr
=== pointer_without_thumb_bit
@ reject host at past
.section .host
  .balign 4
past: .word 0x10000
.text
function f
  bx lr
=== pointer_to_the_last_byte_of_the_code
@ reject host at past
.section .host
  .balign 4
past: .word 0x10fff
.text
function f
  bx lr
=== address_just_behind_the_code
@ accept
.section .host
  .balign 4
  .word 0x11000, 0xffff
.text
function f
  bx lr
=== pointer_that_is_not_aligned_is_not_seen
@ accept
.section .host
  .balign 4
  .byte 0xff
  .4byte 0x10001
  .byte 0xff, 0xff, 0xff
.text
function f
  bx lr
=== number_that_the_policy_does_not_list
@ reject host at past
.section .host
  .org 0x100
past: .word 0x10020
.text
function f
  bx lr
=== number_that_the_policy_lists
@ accept
@ set coincidences = [{"address": "0x00000500", "kind": "word", "target": "0x00010020", "why": "a number"}]
.section .host
  .org 0x100
  .word 0x10020
.text
function f
  bx lr
=== number_listed_as_a_branch
@ reject host at past
@ set coincidences = [{"address": "0x00000500", "kind": "branch", "target": "0x00010020", "why": "a number"}]
.section .host
  .org 0x100
past: .word 0x10020
.text
function f
  bx lr
=== another_number_than_the_policy_lists
@ reject host at past
@ set coincidences = [{"address": "0x00000500", "kind": "word", "target": "0x00010020", "why": "a number"}]
.section .host
  .org 0x100
past: .word 0x10024
.text
function f
  bx lr
=== listed_number_that_is_not_there
@ reject host at past
@ set coincidences = [{"address": "0x00000500", "kind": "word", "target": "0x00010020", "why": "a number"}]
.section .host
  .org 0x100
past: .word 0
.text
function f
  bx lr
