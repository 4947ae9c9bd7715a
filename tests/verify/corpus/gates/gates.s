=== reviewed_gates
@ accept
.text
function f
  bx lr
=== stack_pointer_from_an_argument
@ reject gate at changed
@ replace msr PSP, r8 => changed: msr PSP, r0
.text
function f
  bx lr
=== stays_on_the_host_stack
@ reject gate at changed
@ replace orr r11, r11, #2 => changed: orr r11, r11, #0
.text
function f
  bx lr
=== no_check_that_the_stack_was_switched
@ reject gate at changed
@ replace bne .Lnot_switched => changed: nop
.text
function f
  bx lr
=== another_return_address
@ reject gate at changed
@ replace ldm r4, {r7, r8, lr} => changed: ldm r4, {r7, r8, ip}
.text
function f
  bx lr
=== enters_what_the_caller_says
@ reject gate at changed
@ replace bx ip => changed: bx r0
.text
function f
  bx lr
=== enters_what_another_word_says
@ reject gate at changed
@ replace ldr ip, [r5, #0] => changed: ldr ip, [r5, #4]
.text
function f
  bx lr
=== leaves_a_host_value_in_a_register
@ reject gate at changed
@ replace mov r9, r6 => changed: mov r9, r9
.text
function f
  bx lr
=== leaves_a_host_value_in_an_argument
@ reject gate at changed
@ replace movs r1, #0 => changed: movs r1, r1
.text
function f
  bx lr
=== the_other_stack_pointer
@ reject gate at changed
@ replace msr PSP, r8 => changed: msr MSP, r8
.text
function f
  bx lr
=== exit_to_another_stack
@ reject gate at changed
@ replace mov sp, r6 => changed: mov sp, r5
.text
function f
  bx lr
=== returns_to_recovery
@ reject gate at changed
@ replace b.w ringfence_exit => changed: b.w ringfence_recover
.text
function f
  bx lr
=== import_into_the_host_itself
@ reject gate at changed
@ replace b.w ringfence_import => changed: b.w __rf_box_thunk_aborting
.text
function f
  bx lr
=== import_on_the_sandbox_stack
@ reject gate at changed
@ replace msr CONTROL, lr => changed: msr CONTROL, r0
.text
function f
  bx lr
=== stub_jumps_into_the_sandbox
@ reject gate at changed
@ reject host at changed
@ replace b.w ringfence_enter => changed: b.w f
.text
function f
  bx lr
=== gate_calls_into_the_sandbox
@ reject gate at changed
@ reject host at changed
@ replace bl ringfence_take => changed: bl f
.text
function f
  bx lr
=== pointer_enters_beside_the_slots
@ reject gate at changed
@ replace orr ip, ip, #1 => changed: orr ip, ip, #3
.text
function f
  bx lr
=== stack_of_the_descriptor_too_high
@ reject gate at changed
@ replace .word __rf_box_stack_high => changed: .word __rf_box_stack_high + 8
.text
function f
  bx lr
=== return_of_the_descriptor_to_an_import
@ reject gate at changed
@ replace .word __rf_box_return => changed: .word __rf_box_import_imported
.text
function f
  bx lr
=== window_of_the_descriptor_too_large
@ reject gate at changed
@ replace .word __rf_box_window_end => changed: .word __rf_box_window_end + 4
.text
function f
  bx lr
=== slots_of_the_descriptor_elsewhere
@ reject gate at changed
@ reject host at changed
@ replace .word __rf_box_slots_start => changed: .word __rf_box_slots_start - 64
.text
function f
  bx lr
=== entry_in_the_middle_of_a_function
@ reject gate at changed
@ reject host at changed
@ replace .word __rf_box_export_call => changed: .word f + 2
.text
function f
  bx lr
