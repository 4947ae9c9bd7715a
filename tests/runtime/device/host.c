/* The host of the gate tests: calls the sandbox in every way and prints "key=value" lines, which test_gate.py judges. */
#include <string.h>

#include "ringfence.h"
#include "ringfence_box.h"
#include "ringfence_supervise.h"
#include "ringfence_second.h"
#include "start.h"

#define ENABLE_FAULTS (*(volatile uint32_t *)0xE000ED24u) /* SHCSR */
#define CCR (*(volatile uint32_t *)0xE000ED14u)
#define ICSR (*(volatile uint32_t *)0xE000ED04u)
#define SYST_CSR (*(volatile uint32_t *)0xE000E010u)
#define SYST_RVR (*(volatile uint32_t *)0xE000E014u)
#define SYST_CVR (*(volatile uint32_t *)0xE000E018u)

#define TIMER_CTRL (*(volatile uint32_t *)0x40000000u)
#define TIMER_VALUE (*(volatile uint32_t *)0x40000004u)
#define TIMER_RELOAD (*(volatile uint32_t *)0x40000008u)

static volatile uint32_t ticks, tick_action, acted, in_handler, inner_status, host_faults;
static uint8_t process_stack[2048] __attribute__((aligned(8)));

static void show(const char *key, uint32_t value)
{
    print(key);
    print("=");
    print_hex(value);
    print("\n");
}

static void show_at(const char *key, uint32_t index, uint32_t value)
{
    print(key);
    print(".");
    print_hex(index);
    print("=");
    print_hex(value);
    print("\n");
}

static uint32_t status(void) { return ringfence_last_status(&ringfence_box); }
static uint32_t kind(void) { return ringfence_last_fault() ? ringfence_last_fault()->kind : 0; }
static void again(void) { ringfence_reset(&ringfence_box); }

/* ---- what the host does for the sandbox ---- */

int report(const void *text, unsigned length)
{
    uint32_t hash = length;

    for (unsigned i = 0; i < length; i++)
        hash = hash * 31 + ((const uint8_t *)text)[i];
    return (int)(hash & 0x7FFFFFFF);
}

uint64_t sum8(int a, int b, int c, int d, int e, int f, int8_t g, void *result)
{
    *(uint32_t *)result = 1000;
    return ((uint64_t)1 << 32) + (uint64_t)(a + b + c + d + e + f + g);
}

void fill(void *to, unsigned count) { memset(to, 3, 4 * count); }
void leave(int code) { show("leave", (uint32_t)code); }

__attribute__((naked)) unsigned look(void)
{
    __asm__ volatile("push {r4-r11, lr}\n ldr r1, =0xfdec4e70\n msr APSR_nzcvq, r1\n mov r2, r1\n mov r3, r1\n mov r4, r1\n mov r5, r1\n mov r6, r1\n"
                     "mov r7, r1\n mov r8, r1\n mov r9, r1\n mov r10, r1\n mov r11, r1\n mov r12, r1\n mov r0, #0\n"
                     "pop {r4-r11, pc}\n .ltorg");
}

static void start_ticks(uint32_t action);
static void stop_ticks(void);

static int wait_for_abort(void)
{
    start_ticks(1);
    while (!acted)
        ;
    stop_ticks();
    return 42;
}

int call_back(int what)
{
    int result = 42;

    if (what == 1)
        result = add(1, 2, 3, 4);
    else if (what == 2)
        result = second_add(20, 3);
    else if (what == 3)
        second_trap();
    else if (what == 4)
        result = (int)ringfence_reset(&ringfence_box);
    else if (what == 5)
        result = upper("x", 1, NULL, 1);
    else if (what == 6)
        result = wait_for_abort();
    else if (what == 7)
        __asm__ volatile("udf #0xF1");
    else if (what == 8)
        result = ringfence_abort(&ringfence_box);
    inner_status = what == 3 ? ringfence_last_status(&ringfence_second) : status();
    return result;
}

/* ---- handlers ---- */

void SVC_Handler(void) { __asm__ volatile("mrs r0, CONTROL\n bic r0, #1\n msr CONTROL, r0\n isb" ::: "r0"); }

void PendSV_Handler(void)
{
    char to[4];

    in_handler = (uint32_t)add(1, 2, 3, 4);
    show("handler.status", status());
    show("handler.copy", (uint32_t)upper("abcd", 4, to, 4));
    show("handler.reset", ringfence_reset(&ringfence_box));
}

void SysTick_Handler(void)
{
    ticks++;
    if (tick_action == 1 && ringfence_abort(&ringfence_box))
        acted++;
    if (tick_action == 3)
        __asm__ volatile("udf #0xF1");
}

void ringfence_host_fault(void)
{
    show("host_fault", 1);
    show("host_fault.kind", kind());
    finish(0);
}

#ifdef OWN_HARDFAULT
void HardFault_Handler(void)
{
    RINGFENCE_FAULT_ENTRY;
    print("own=0x1\n");
    ringfence_host_fault();
}
#endif

static void start_ticks(uint32_t action)
{
    ticks = 0, acted = 0, tick_action = action;
    SYST_RVR = 2000;
    SYST_CVR = 0;
    SYST_CSR = 7;
}

static void stop_ticks(void) { SYST_CSR = 0; }

/* ---- scenarios ---- */

/* Calls f() with r4-r11 = 4..11; returns 0 if they are still so. */
__attribute__((naked)) static uint32_t keeps_registers(int (*f)(void) __attribute__((unused)))
{
    __asm__ volatile(
        "push {r4-r11, lr}\n sub sp, #4\n"
        "movs r4, #4\n movs r5, #5\n movs r6, #6\n movs r7, #7\n mov r8, #8\n mov r9, #9\n mov r10, #10\n mov r11, #11\n"
        "str sp, [sp]\n blx r0\n ldr r0, [sp]\n mov r1, sp\n subs r0, r1\n"
        "subs r4, #4\n orrs r0, r4\n subs r5, #5\n orrs r0, r5\n subs r6, #6\n orrs r0, r6\n subs r7, #7\n orrs r0, r7\n"
        "sub r8, #8\n orr r0, r8\n sub r9, #9\n orr r0, r9\n sub r10, #10\n orr r0, r10\n sub r11, #11\n orr r0, r11\n"
        "add sp, #4\n pop {r4-r11, pc}");
}

static uint32_t seen_registers;
static int enter_once(void) { seen_registers = entry_registers(77); return 0; }
static int trap_once(void) { trap(4); return 0; }
static int trap_in_it(void) { trap(11); return 0; }

static void values(void)
{
    show("add", (uint32_t)add(1, 2, 3, 4));
    show("add.status", status());
    show("wide.high", (uint32_t)(wide(9) >> 32));
    show("wide.low", (uint32_t)wide(9));
    nothing();
    show("narrow", narrow(0x1FE));
    show("dirty", dirty());
    show("state", (uint32_t)state());
    show("state.again", (uint32_t)state());
    show("reset", ringfence_reset(&ringfence_box));
    show("state.reset", (uint32_t)state());
    show("missing", (uint32_t)missing());
    show("name", (uint32_t)strcmp(ringfence_name(&ringfence_box), "box"));
}

static void buffers(void)
{
    char to[24] = "????????????????????";
    uint16_t words[3] = {1, 2, 3};
    static char odd[8] = "xabcd";
    uint16_t dirt[32];

    memset(dirt, 0x55, sizeof dirt);
    twice(dirt, 32);
    show("upper", (uint32_t)upper("hello, world", 13, to, 16));
    show("upper.text", (uint32_t)memcmp(to, "HELLO, WORLD", 13));
    show("upper.rest", (uint32_t)(to[13] == 0 && to[15] == 0 && to[16] == '?'));
    show("upper.unaligned", (uint32_t)(upper(odd + 1, 4, to + 1, 4) == 4 && !memcmp(to + 1, "ABCD", 4)));
    twice(words, 3);
    show("twice", (uint32_t)(words[0] == 2 && words[1] == 4 && words[2] == 6));
    show("null", place(NULL, 0));
    show("null.sized", place(NULL, 4));
    memcpy(to, "keep", 4);
    fail_after_write(to);
    show("fault.copies_nothing", (uint32_t)memcmp(to, "keep", 4));
    show("fault.dead", (uint32_t)upper("abcd", 4, to, 4));
    show("fault.dead.status", status());
    again();
    show("too_big", place(to, 0x10000));
    show("too_big.status", status());
    show("huge", (uint32_t)upper(to, 0xFFFFFFF0u, to, 4));
    show("huge.status", status());
    show("elsewhere", (uint32_t)upper((const char *)0x60000000, 0x9FFFFFFFu, to, 4));
    show("elsewhere.status", status());
    twice(words, 0x80000001u);
    show("wrap.status", status());
    show("window", place((char *)0x20100100, 4));
    show("straddle", (uint32_t)upper("abcd", 4, (char *)0x200FFFFE, 4));
    show("straddle.status", status());
    show("in_stack", (uint32_t)upper("abcd", 4, (char *)0x20107000, 4));
    show("in_stack.status", status());
    show("after", (uint32_t)add(1, 1, 1, 1));
}

static void heap(void)
{
    char to[256];

    memset(to, 's', sizeof to);
    show("squeeze", (uint32_t)squeeze(to, sizeof to));
    again();
    show("stale", stale());
    show("breaks", (uint32_t)breaks());
    show("no_heap", (uint32_t)second_grab());
    again();
    show("grab", grab(0x1000));
    show("grab.too_much", grab(0x8000));
    show("copy.beside_heap", place(to, 256) > 0x20101000);
    while (grab(64))
        ;
    show("full", place(to, 256));
    show("full.status", status());
    again();
    show("full.reset", place(to, 256) != 0);
    show("grab.reset", grab(0x1000));
}

static void pointers(void)
{
    for (uint32_t i = 0; i < 5; i++) {
        show_at("pointer", i, (uint32_t)give_pointer(i));
        show_at("pointer.status", i, status());
    }
    show("in_window", (uint32_t)ringfence_in_window(&ringfence_box, (void *)0x20100000, 16));
    show("in_window.end", (uint32_t)ringfence_in_window(&ringfence_box, (void *)0x20107FF0, 17));
    show("in_window.wrap", (uint32_t)ringfence_in_window(&ringfence_box, (void *)0x20100000, 0xFFFFFFFF));
}

static void imports(void)
{
    for (uint32_t i = 0; i <= 16; i++) {
        show_at("say", i, (uint32_t)say(i));
        show_at("say.status", i, status());
        if (status() == RINGFENCE_ERROR_FAULT) {
            show_at("say.kind", i, kind());
            show_at("say.address", i, ringfence_last_fault()->address);
            again();
        }
    }
    show("say.0.expected", (uint32_t)report("stack", 5));
    show("say.1.expected", (uint32_t)report("data", 4));
    show("say.2.expected", (uint32_t)report("constant", 8));
    show("say.3.expected", (uint32_t)report("heap", 4));
    show("many.high", (uint32_t)(many() >> 32));
    show("many.low", (uint32_t)many());
    show("import_registers", (uint32_t)import_registers());
    show("below_sp", below_sp());
    quit();
    show("quit.kind", kind());
    again();
    quit_c();
    show("quit_c.kind", kind());
    again();
}

static void nesting(void)
{
    show("reenter", (uint32_t)recurse(1));
    show("reenter.status", inner_status);
    show("reenter.copy", (uint32_t)recurse(5));
    show("reenter.outer", status());
    show("reset.inside", (uint32_t)recurse(4));
    show("other", (uint32_t)recurse(2));
    show("other.fault", (uint32_t)recurse(3));
    show("other.status", inner_status);
    show("other.sandbox", ringfence_last_fault()->sandbox == &ringfence_second);
    show("outer.status", status());
    show("other.dead", (uint32_t)second_add(1, 1));
    show("other.dead.status", ringfence_last_status(&ringfence_second));
    ringfence_reset(&ringfence_second);
    show("other.reset", (uint32_t)second_add(1, 1));
}

static void contexts(void)
{
    uint32_t faultmask, mask;

    in_handler = 0;
    ICSR = 1u << 28;
    __asm__ volatile("dsb\n isb");
    show("handler", in_handler);
    __asm__ volatile("msr FAULTMASK, %0" ::"r"(1));
    faultmask = (uint32_t)add(1, 2, 3, 4);
    __asm__ volatile("msr FAULTMASK, %0" ::"r"(0));
    show("faultmask", faultmask);
    show("faultmask.status", status());
    __asm__ volatile("mrs r0, CONTROL\n orr r0, #1\n msr CONTROL, r0\n isb" ::: "r0");
    faultmask = (uint32_t)add(1, 2, 3, 4);
    __asm__ volatile("svc #0");
    show("unprivileged", faultmask);
    show("unprivileged.status", status());
    __asm__ volatile("cpsid i");
    faultmask = (uint32_t)add(1, 2, 3, 4);
    trap(1);
    __asm__ volatile("mrs %0, PRIMASK\n cpsie i" : "=r"(mask));
    show("primask", faultmask);
    show("primask.kind", kind());
    show("primask.kept", mask);
    again();
    ringfence_enable_faults(0x80);
    __asm__ volatile("msr BASEPRI, %0" ::"r"(0x40)); /* more urgent than the faults' handlers */
    faultmask = (uint32_t)add(1, 2, 3, 4);
    trap(1);
    __asm__ volatile("mrs %0, BASEPRI\n msr BASEPRI, %1" : "=&r"(mask) : "r"(0));
    show("basepri", faultmask);
    show("basepri.kind", kind());
    show("basepri.kept", mask);
    again();
}

static void registers(void)
{
    const uint32_t *seen;

    keeps_registers(enter_once);
    seen = (const uint32_t *)seen_registers;
    for (uint32_t i = 0; i < 14; i++)
        show_at("register", i, seen[i]);
    show("clobber", keeps_registers(clobber));
    show("clobber.trap", keeps_registers(trap_once));
    again();
    show("clobber.it", keeps_registers(trap_in_it));
    again();
}

static void traps(void)
{
    for (uint32_t i = 0; i <= 13; i++) {
        uint32_t before, after;

        __asm__ volatile("mov %0, sp" : "=r"(before));
        trap(i);
        __asm__ volatile("mov %0, sp" : "=r"(after));
        show_at("trap.status", i, status());
        show_at("trap.kind", i, kind());
        show_at("trap.address", i, ringfence_last_fault()->address);
        show_at("trap.cfsr", i, ringfence_last_fault()->cfsr);
        show_at("trap.sticky", i, *(volatile uint32_t *)0xE000ED28u | *(volatile uint32_t *)0xE000ED2Cu);
        show_at("trap.sp", i, before - after);
        show_at("trap.dead", i, (uint32_t)add(1, 1, 1, 1));
        show_at("trap.dead.status", i, status());
        show_at("trap.reset", i, ringfence_reset(&ringfence_box));
        show_at("trap.again", i, (uint32_t)add(1, 1, 1, 1));
    }
}

static void interrupts(void)
{
    start_ticks(0);
    show("spin", spin(20000));
    stop_ticks();
    show("ticks", ticks);
    start_ticks(1);
    endless();
    stop_ticks();
    show("endless.acted", acted);
    show("endless.status", status());
    show("endless.kind", kind());
    again();
    for (int i = 0; i < 8; i++) {
        start_ticks(1);
        endless_import();
        stop_ticks();
        show_at("endless_import.kind", (uint32_t)i, kind());
        again();
    }
    show("abort.forgotten", (uint32_t)recurse(0));
    show("abort.in_import", (uint32_t)recurse(6));
    show("abort.in_import.kind", kind());
    again();
    show("abort.by_import", (uint32_t)recurse(8));
    show("abort.by_import.status", status());
    again();
    start_ticks(1);
    for (volatile int i = 0; i < 20000; i++)
        ;
    stop_ticks();
    show("idle.ticks", ticks);
    show("idle.acted", acted);
    show("idle.add", (uint32_t)add(1, 1, 1, 1));
    show("abort.thread", (uint32_t)ringfence_abort(&ringfence_box));
}

__attribute__((noinline)) static int host_add(int a, int b, int c, int d)
{
    __asm__ volatile("" : "+r"(a));
    return a + 10 * b + 100 * c + 1000 * d;
}

/* Instructions of 1000 calls: the CMSDK timer runs at 25 MHz, an instruction takes 64 ns under -icount shift=6. */
static uint32_t thousand(int (*f)(int, int, int, int))
{
    uint32_t before;

    f(1, 2, 3, 4);
    TIMER_RELOAD = 0xFFFFFFFF;
    TIMER_VALUE = 0xFFFFFFFF;
    TIMER_CTRL = 1;
    before = TIMER_VALUE;
    for (int i = 0; i < 1000; i++)
        f(1, 2, 3, 4);
    return (before - TIMER_VALUE) * 40 / 64;
}

static void cost(void)
{
    show("cost.gate", thousand(add));
    show("cost.host", thousand(host_add));
}

static void fault_of_host(void)
{
    add(1, 2, 3, 4);
    __asm__ volatile("udf #0xF1");
}

static void fault_of_import(void) { recurse(7); }

static void fault_of_handler(void)
{
    add(1, 2, 3, 4); /* so that no tick comes during initialisation */
    start_ticks(3);
    endless();
}

static uint32_t control(void)
{
    uint32_t value;

    __asm__ volatile("mrs %0, CONTROL" : "=r"(value));
    return value;
}

/* Scenario names may be followed by words that change the surroundings: "traps psp enabled". */
static void run(void)
{
    static const struct {
        const char *name;
        void (*function)(void);
    } table[] = {
        {"values", values}, {"buffers", buffers}, {"heap", heap}, {"pointers", pointers}, {"imports", imports},
        {"nesting", nesting}, {"contexts", contexts}, {"registers", registers}, {"traps", traps},
        {"interrupts", interrupts}, {"cost", cost}, {"fault_of_host", fault_of_host}, {"fault_of_handler", fault_of_handler},
        {"fault_of_import", fault_of_import},
    };
    const char *line = scenario();
    uint32_t before = control();

    CCR |= 1u << 4; /* division by zero traps */
    if (strstr(line, "enabled"))
        ENABLE_FAULTS |= 7u << 16;
    if (strstr(line, "init"))
        show("init", ringfence_init_all());
    for (unsigned i = 0; i < sizeof table / sizeof table[0]; i++)
        if (strstr(line, table[i].name))
            table[i].function();
    show("control", control() - before);
    print("done\n");
}

int host_main(void)
{
    if (strstr(scenario(), "psp"))
        __asm__ volatile("msr PSP, %0\n mrs r0, CONTROL\n orr r0, #2\n msr CONTROL, r0\n isb"
                         ::"r"(process_stack + sizeof process_stack) : "r0");
    run(); /* never returns to a frame of the other stack: start() ends the program */
    finish(0);
}
