/*
 * The host of the interrupt sweep. For one kind of call (the probe) a timer interrupt comes after 1, 2, 3 ... timer
 * ticks, until the call is over before it comes. What the interrupt does is the action. Every result is compared.
 *
 *     fw sweep PROBE ACTION [task] [low] [first|last]     fw once PROBE
 *
 * The last prints nothing of interest: its instructions are traced from outside. With "first" or "last" the interrupt's
 * handler uses floating-point registers, before or after its action; otherwise it does not, and the hardware need not
 * save those of the code that it interrupted (lazy stacking).
 */
#include <stdio.h>
#include <string.h>

#include "board.h"
#include "gate.h" /* private to the runtime: where the sandbox's code and stack are */
#include "ringfence_box.h"
#include "ringfence_second.h"
#include "ringfence_supervise.h"
#include "scheduler.h"
#include "sweep.h"

#define SHCSR REGISTER(0xE000ED24u)
#define SHCSR_BUSFAULTPENDED (1u << 14)
#define SHCSR_BUSFAULTENA (1u << 17)
#define ICSR REGISTER(0xE000ED04u)
#define ICSR_PENDSTCLR (1u << 25)
#define LOWEST_PRIORITY 0xFF /* as that of PendSV */

#define FPCCR REGISTER(0xE000EF34u)
#define FPCCR_LSPACT 1u /* a frame's floating-point part is still to be filled */

#define EXC_RETURN_PSP (1u << 2)
#define EXC_RETURN_BASIC (1u << 4) /* a frame without floating-point registers */

enum { CODE_BYTES = 0x20000, STACK = 4096, MOST_TICKS = 20000, GUARD = 0x5AFE57ED, EXTENDED_FRAME = 104 };

/* What the interrupt does besides being one. */
enum action { NOTHING, ABORT, SWITCH, FAULT, FAULT_AND_SWITCH, CALL, ACTIONS };
static const char *const action_names[ACTIONS] = {"nothing", "abort", "switch", "fault", "both", "call"};

static uint32_t hits[CODE_BYTES / 2 / 32]; /* a bit for each halfword of code that was interrupted */
static volatile enum action action;
static volatile uint32_t fired, acted, handler_calls_refused, bad_context, armed_at, armed_for, earliest = ~0u, latest;
static volatile uint32_t faults_of_host, extended_frames, lazy_frames;
static bool fp_first, fp_last;
static uint32_t wrong;

static void complain(const char *what, uint32_t delay, uint32_t value)
{
    if (wrong++ < 10)
        printf("wrong: %s after %lu ticks: %08lx\n", what, (unsigned long)delay, (unsigned long)value);
}

/* ---- interrupts ---- */

struct frame {
    uint32_t r0, r1, r2, r3, r12, lr, pc, xpsr;
};

static bool in_box(uint32_t pc)
{
    return pc >= ringfence_box.code_start && pc < ringfence_box.code_end;
}

/* While the sandbox's code runs, the frame lies in its stack, and PSP is what was interrupted. */
static void note_place(const struct frame *frame, uint32_t exc_return)
{
    const uint32_t sp = (uint32_t)frame;
    const bool extended = (exc_return & EXC_RETURN_BASIC) == 0;
    const uint32_t size = extended ? EXTENDED_FRAME : sizeof *frame;

    extended_frames += extended;
    lazy_frames += extended && (FPCCR & FPCCR_LSPACT);
    if (frame->pc < CODE_BYTES)
        hits[frame->pc / 2 / 32] |= 1u << (frame->pc / 2 % 32);
    if (in_box(frame->pc) && ((exc_return & EXC_RETURN_PSP) == 0 || sp < ringfence_box.stack_low ||
                              sp + size > ringfence_box.stack_high))
        bad_context++;
}

static void call_from_handler(void)
{
    if (add(1, 2, 3, 4) == -1 && ringfence_last_status(&ringfence_box) == RINGFENCE_ERROR_CONTEXT &&
        ringfence_reset(&ringfence_box) == RINGFENCE_ERROR_CONTEXT)
        handler_calls_refused++;
}

__attribute__((used)) void on_tick(const struct frame *frame, uint32_t exc_return)
{
    const uint32_t late = stopwatch_ticks() - armed_at - armed_for;

    SYSTICK_CONTROL = 0;
    ICSR = ICSR_PENDSTCLR; /* with a short period it may be due again */
    fired++;
    earliest = late < earliest ? late : earliest;
    latest = late > latest ? late : latest;
    note_place(frame, exc_return);
    if (fp_first)
        spoil_caller_saved_fp();
    switch (action) {
    case ABORT: acted += (uint32_t)ringfence_abort(&ringfence_box); break;
    case SWITCH: scheduler_tick(); break;
    case FAULT: SHCSR |= SHCSR_BUSFAULTPENDED; break;
    case FAULT_AND_SWITCH:
        SHCSR |= SHCSR_BUSFAULTPENDED;
        scheduler_tick();
        break;
    case CALL: call_from_handler(); break;
    default: break;
    }
    if (fp_last)
        spoil_caller_saved_fp();
}

void SysTick_Handler(void);
__attribute__((naked)) void SysTick_Handler(void)
{
    __asm__ volatile("tst lr, #4\n ite eq\n mrseq r0, MSP\n mrsne r0, PSP\n mov r1, lr\n b on_tick");
}

/* A BusFault that nothing raised: the sandbox's if its code was interrupted, nobody's otherwise. */
void BusFault_Handler(void);
void BusFault_Handler(void)
{
    if (ringfence_fault())
        acted++;
    else
        faults_of_host++;
}

void ringfence_host_fault(void)
{
    printf("host fault\n");
    console_exit(3);
}

__attribute__((naked, noinline)) enum outcome keeping_registers(enum outcome (*f)(void) __attribute__((unused)),
                                                                uint32_t *kept __attribute__((unused)))
{
    __asm__ volatile(
        "push {r1, r4-r11, lr}\n sub sp, #8\n"
        "movs r4, #4\n movs r5, #5\n movs r6, #6\n movs r7, #7\n mov r8, #8\n mov r9, #9\n mov r10, #10\n mov r11, #11\n"
        "str sp, [sp]\n blx r0\n ldr r1, [sp]\n mov r2, sp\n subs r1, r2\n"
        "subs r4, #4\n orrs r1, r4\n subs r5, #5\n orrs r1, r5\n subs r6, #6\n orrs r1, r6\n subs r7, #7\n orrs r1, r7\n"
        "sub r8, #8\n orr r1, r8\n sub r9, #9\n orr r1, r9\n sub r10, #10\n orr r1, r10\n sub r11, #11\n orr r1, r11\n"
        "add sp, #8\n pop {r2, r4-r11}\n str r1, [r2]\n pop {pc}");
}

/* ---- one call with an interrupt somewhere ---- */

static uint32_t control(void)
{
    uint32_t value;

    __asm__ volatile("mrs %0, CONTROL" : "=r"(value));
    return value;
}

static void arm(uint32_t ticks)
{
    SYSTICK_RELOAD = ticks;
    SYSTICK_CURRENT = 0;
    armed_for = ticks;
    armed_at = stopwatch_ticks();
    SYSTICK_CONTROL = SYSTICK_ENABLE_WITH_INTERRUPT;
}

static void settle(const struct probe *probe)
{
    ringfence_reset(&ringfence_second);
    if (!probe->begins_dead)
        ringfence_reset(&ringfence_box);
    else if (trap(0) != -5)
        complain("preparation", 0, 0);
}

/* Whether the interrupt came before the call was over. */
static bool attempt(const struct probe *probe, uint32_t delay)
{
    uint32_t kept = 1;
    const uint32_t before = control(), fired_before = fired, acted_before = acted;
    volatile uint32_t guard[2] = {GUARD, GUARD};

    arm(delay);
    const enum outcome outcome = keeping_fp(probe->function, &kept);
    const bool came = fired != fired_before;
    while (fired == fired_before) {
    }
    if (kept != 0)
        complain("registers", delay, kept);
    if (!fp_kept())
        complain("floating-point registers", delay, 0);
    if (control() != before)
        complain("CONTROL", delay, control());
    if (guard[0] != GUARD || guard[1] != GUARD)
        complain("guard", delay, guard[0]);
    if (outcome == WRONG || (outcome == GAVE_UP && acted == acted_before && !(action == ABORT && came)))
        complain("result", delay, outcome);
    if (outcome == RIGHT && acted != acted_before && !probe->ends_dead && came)
        complain("the call went on although it had been ended", delay, acted);
    if (outcome == GAVE_UP || acted != acted_before || probe->ends_dead) {
        settle(probe);
        if (!probe->begins_dead && add(1, 1, 1, 1) != 1111)
            complain("after the reset", delay, 0);
    }
    return came;
}

static void sweep(const struct probe *probe)
{
    uint32_t delay = 1;

    while (delay < MOST_TICKS && attempt(probe, delay))
        delay++;
    printf("steps=%lu\nfired=%lu\nacted=%lu\nrefused=%lu\nfaults_of_host=%lu\nbad_context=%lu\nwrong=%lu\n",
           (unsigned long)delay, (unsigned long)fired, (unsigned long)acted, (unsigned long)handler_calls_refused,
           (unsigned long)faults_of_host, (unsigned long)bad_context, (unsigned long)wrong);
    printf("extended=%lu\nlazy=%lu\n", (unsigned long)extended_frames, (unsigned long)lazy_frames);
    printf("spread=%lu\n", (unsigned long)instructions_of_ticks(latest - earliest + 1));
    for (uint32_t i = 0; i < CODE_BYTES / 2 / 32; i++)
        if (hits[i])
            printf("hits %08lx %08lx\n", (unsigned long)(i * 64), (unsigned long)hits[i]);
}

/* ---- the other task ---- */

static uint32_t other_calls, other_refused;
static struct task tasks[2];
static uint8_t stacks[2][STACK] __attribute__((aligned(8)));

/* Whenever it gets the processor: calls its own sandbox, tries the one that may be in use, and spoils all registers. */
static void disturb(void)
{
    for (;;) {
        const int mine = second_add(3, 4);
        const int shared = add(4, 3, 2, 1);
        if (mine != 7 && mine != -7)
            complain("the other task's sandbox", 0, (uint32_t)mine);
        if (shared == 1234)
            other_calls++;
        else if (shared == -1)
            other_refused++;
        else
            complain("the other task's call", 0, (uint32_t)shared);
        __asm__ volatile("mov r4, #-1\n mov r5, r4\n mov r6, r4\n mov r8, r4\n mov r9, r4\n mov r10, r4\n mov r11, r4\n"
                         "mov r0, r4\n mov r1, r4\n mov r2, r4\n mov r3, r4\n mov r12, r4\n msr APSR_nzcvq, r4" ::
                             : "r0", "r1", "r2", "r3", "r4", "r5", "r6", "r8", "r9", "r10", "r11", "r12", "cc");
        spoil_all_fp();
        task_yield();
    }
}

/* ---- main ---- */

static const struct probe *chosen;
static bool once;

static void run(void)
{
    ringfence_init_all();
    second_add(1, 1);
    settle(chosen);
    if (chosen->begins_dead == false)
        chosen->function(); /* warm */
    if (chosen->ends_dead)
        settle(chosen);
    if (once)
        chosen->function();
    else
        sweep(chosen);
}

static void run_as_task(void)
{
    run();
    scheduler_stop();
}

static void run_tasks(void)
{
    task_create(&tasks[0], "main", 1, run_as_task, stacks[0], STACK);
    task_create(&tasks[1], "other", 1, disturb, stacks[1], STACK);
    scheduler_run();
    const struct scheduler_report seen = scheduler_report();
    printf("switches=%lu\ninside=%lu\nstack_errors=%lu\nother_calls=%lu\nother_refused=%lu\nwrong_in_all=%lu\n",
           (unsigned long)seen.switches, (unsigned long)seen.inside, (unsigned long)seen.stack_errors,
           (unsigned long)other_calls, (unsigned long)other_refused, (unsigned long)wrong);
}

static bool said(const char *line, const char *word)
{
    const size_t length = strlen(word);

    for (const char *at = line; (at = strstr(at, word)) != NULL; at += length)
        if ((at == line || at[-1] == ' ') && (at[length] == 0 || at[length] == ' '))
            return true;
    return false;
}

static void choose(const struct probe *from, const char *line)
{
    for (; from->name != NULL; from++)
        if (said(line, from->name))
            chosen = from;
}

int main(void)
{
    static char line[96];

    console_command_line(line, sizeof line - 1);
    choose(probes, line);
    choose(abi_probes, line);
    for (int i = 0; i < ACTIONS; i++)
        if (said(line, action_names[i]))
            action = (enum action)i;
    once = said(line, "once");
    fp_first = said(line, "first");
    fp_last = said(line, "last");
    if (chosen == NULL)
        return 2;
    stopwatch_start();
    if (said(line, "low")) { /* fault handlers may be interrupted by the tick */
        ringfence_enable_faults(LOWEST_PRIORITY);
    } else {
        SHCSR |= SHCSR_BUSFAULTENA;
    }
    if (said(line, "task"))
        run_tasks();
    else
        run();
    printf("done\n");
    return 0;
}
