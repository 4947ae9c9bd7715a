/* The host of the calling standard's tests: abi.h from its side, pointers to functions, floating-point registers. */
#include <string.h>

#include "abi.h"
#include "ringfence.h"
#include "ringfence_abi.h"
#include "start.h"

#define SYST_CSR (*(volatile uint32_t *)0xE000E010u)
#define SYST_RVR (*(volatile uint32_t *)0xE000E014u)
#define SYST_CVR (*(volatile uint32_t *)0xE000E018u)

static uint8_t process_stack[4096] __attribute__((aligned(8)));
static ringfence_function kept;

FUNCTIONS(DECLARE, HOSTS)
FUNCTIONS(DEFINE, HOSTS)

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

static uint32_t status(void) { return ringfence_last_status(&ringfence_abi); }

int host_keeps(ringfence_function f)
{
    kept = f;
    return 1;
}

void SVC_Handler(void) {}
void PendSV_Handler(void) {}

static void values(void)
{
    uint32_t different = 0, index = 0;
    const float samples[3] = {1.5f, 2.5f, -0.25f};
    union {
        double value;
        uint64_t bits;
    } sum;

    FUNCTIONS(COMPARE, OWN)
    show("exports", different);
    show("compared", index);
    show("imports", imports_differ());
    show("status", status());
    sum.value = scaled(samples, sizeof samples, 2.0f, 0.5);
    show("scaled", sum.bits == 0x4020000000000000); /* 8.0 */
}

/* Every result of a call that cannot be completed is the error value. */
static void errors(void)
{
    const struct point p = points((struct point){1, 2}, (struct point){3, 4});
    const struct vector v = vectors((struct vector){1, 2, 3}, 4);
    static const uint8_t zeros[sizeof(struct pair)];
    struct pair c;

    (void)p, (void)v;
    stop();
    show("stop", status());
    c = complex_((struct pair){1, 2}, (struct pair){3, 4});
    show("complex", (uint32_t)same_bytes(&c, zeros, sizeof c));
    show("points", (uint32_t)(points((struct point){1, 2}, (struct point){3, 4}).x == 0));
    show("vectors", (uint32_t)(vectors((struct vector){1, 2, 3}, 4).x == 0.0f));
    show("floats", (uint32_t)(floats(1, 2, 3, 4) == 0.0f));
    show("doubles", (uint32_t)(doubles(1, 2, 3) == 0.0));
    show("single", (uint32_t)(single((struct single){1}).x == 0.0f));
    show("stacked", (uint32_t)stacked(1, 2, 3, 4, 5, 6, 7));
    show("dead", status());
    show("reset", ringfence_reset(&ringfence_abi));
    show("again", (uint32_t)(floats(1, 2, 3, 4) == host_floats(1, 2, 3, 4)));
}

static void pointers(void)
{
    const ringfence_function forged[] = {
        NULL, (ringfence_function)0x20000001, (ringfence_function)((uintptr_t)give(0) - 1),
        (ringfence_function)((uintptr_t)give(0) + 2), (ringfence_function)((uintptr_t)give(0) - 4),
        (ringfence_function)((uintptr_t)give(0) + 16), (ringfence_function)((uintptr_t)give(0) + 12),
        (ringfence_function)0xFFFFFFFF,
    };

    show("triple", (uint32_t)calculate(give(0), 5, 7));
    show("negate", (uint32_t)calculate(give(1), 5, 7));
    show("reads", (uint32_t)look_at(give(2), "abc", 3));
    show("status", status());
    for (uint32_t i = 0; i < sizeof forged / sizeof forged[0]; i++) {
        show_at("forged", i, (uint32_t)calculate(forged[i], 5, 7));
        show_at("forged.status", i, status());
    }
    for (uint32_t i = 0; i < 9; i++) {
        show_at("function", i, give(i) != NULL);
        show_at("function.status", i, status());
        kept = NULL;
        show_at("offer", i, (uint32_t)offer(i));
        show_at("offer.kind", i, status() == RINGFENCE_ERROR_FAULT ? ringfence_last_fault()->kind : 0);
        show_at("offer.kept", i, kept == give(i) && kept != NULL);
        ringfence_reset(&ringfence_abi);
    }
    show("offered", (uint32_t)(offer(1) && calculate(kept, 1, 2) == -3));
}

#ifdef __ARM_FP

#define JUNK 0x7fabcdefu

/* Called by the sandbox: what FPSCR the host gets, then rubbish in every register that it may change. */
uint32_t seen_fpscr __attribute__((used));
__attribute__((naked)) void host_use(uint32_t which __attribute__((unused)))
{
    __asm__ volatile(
        "vmrs r1, FPSCR\n ldr r2, =seen_fpscr\n str r1, [r2]\n cbz r0, 1f\n udf #0xF1\n"
        "1: ldr r0, =0x7fabcdef\n mov r1, r0\n vmov d0, r0, r1\n vmov d1, r0, r1\n vmov d2, r0, r1\n vmov d3, r0, r1\n"
        "vmov d4, r0, r1\n vmov d5, r0, r1\n vmov d6, r0, r1\n vmov d7, r0, r1\n ldr r1, =0xf7c0009f\n vmsr FPSCR, r1\n bx lr\n .ltorg");
}

/* Calls f(argument) with rubbish in s0-s15 (the arguments apart), known values in s16-s31 and all of FPSCR set.
 * Returns 0 if s16-s31 and FPSCR are as before; *result is what f returned. */
__attribute__((naked)) static uint32_t keeps_fp(uint32_t (*f)(uint32_t) __attribute__((unused)),
                                                uint32_t argument __attribute__((unused)),
                                                uint32_t *result __attribute__((unused)))
{
    __asm__ volatile(
        "push {r2, r4-r7, lr}\n vpush {d8-d15}\n mov r4, r0\n mov r5, r1\n ldr r0, =0x7fabcdef\n mov r1, r0\n"
        "vmov d0, r0, r1\n vmov d1, r0, r1\n vmov d2, r0, r1\n vmov d3, r0, r1\n vmov d4, r0, r1\n vmov d5, r0, r1\n vmov d6, r0, r1\n"
        "vmov d7, r0, r1\n add r1, r0, #1\n vmov d8, r0, r1\n vmov d9, r0, r1\n vmov d10, r0, r1\n vmov d11, r0, r1\n vmov d12, r0, r1\n"
        "vmov d13, r0, r1\n vmov d14, r0, r1\n vmov d15, r0, r1\n ldr r7, =0xf7c0009f\n vmsr FPSCR, r7\n mov r0, r5\n blx r4\n"
        "ldr r2, [sp, #64]\n str r0, [r2]\n vmrs r0, FPSCR\n eors r0, r7\n movs r1, #0\n vmsr FPSCR, r1\n"
        "sub sp, #64\n vstm sp, {s16-s31}\n mov r2, sp\n ldr r3, =0x7fabcdef\n movs r6, #8\n"
        "1: ldr r1, [r2], #4\n eors r1, r3\n orrs r0, r1\n ldr r1, [r2], #4\n subs r1, #1\n eors r1, r3\n orrs r0, r1\n"
        "subs r6, #1\n bne 1b\n add sp, #64\n vpop {d8-d15}\n pop {r2, r4-r7, pc}\n .ltorg");
}

static uint32_t none(uint32_t unused) { (void)unused; return (uint32_t)no_registers(); }
static uint32_t some(uint32_t unused) { (void)unused; return (uint32_t)fp_registers(1.0f, 2.0, 77); }
static uint32_t import_once(uint32_t which) { return import_fp(which); }
static uint32_t clobber(uint32_t trap) { return (uint32_t)clobber_fp((int)trap); }

static void show_registers(const char *key, uint32_t address)
{
    for (uint32_t i = 0; i < 37; i++)
        show_at(key, i, ((const uint32_t *)address)[i]);
}

static void registers(void)
{
    uint32_t result, fpscr;

    show("keeps.none", keeps_fp(none, 0, &result));
    show_registers("none", result);
    show("keeps.some", keeps_fp(some, 0, &result));
    show_registers("some", result);
    show("keeps.clobber", keeps_fp(clobber, 0, &result));
    show("keeps.trap", keeps_fp(clobber, 1, &result));
    show("trap.status", status());
    show("keeps.dead", keeps_fp(clobber, 1, &result));
    show("dead.status", status());
    ringfence_reset(&ringfence_abi);
    __asm__ volatile("vmrs %0, FPSCR" : "=r"(fpscr));
    show("keeps.import", keeps_fp(import_once, 0, &result));
    show("import", result);
    show("import.fpscr", seen_fpscr);
}

static volatile uint32_t ticks, tick_action, acted;
static volatile float handlers_sum;

void SysTick_Handler(void)
{
    ticks++;
    handlers_sum += 1.25f;
    if (tick_action && ringfence_abort(&ringfence_abi))
        acted++;
}

static void start_ticks(uint32_t action)
{
    ticks = 0, acted = 0, tick_action = action;
    SYST_RVR = 1500;
    SYST_CVR = 0;
    SYST_CSR = 7;
}

static uint32_t spin(uint32_t unused)
{
    const float sum = spin_fp(20000), expected = 10000;

    (void)unused;
    return (uint32_t)same_bytes(&sum, &expected, 4); /* == would change FPSCR's flags */
}
static uint32_t endless(uint32_t unused) { (void)unused; endless_fp(); return 0; }

static void interrupts(void)
{
    uint32_t result;

    start_ticks(0);
    show("keeps.spin", keeps_fp(spin, 0, &result));
    SYST_CSR = 0;
    show("spin", result);
    show("ticks", ticks);
    start_ticks(1);
    show("keeps.abort", keeps_fp(endless, 0, &result));
    SYST_CSR = 0;
    show("acted", acted);
    show("abort.status", status());
    show("abort.reset", ringfence_reset(&ringfence_abi));
    show("abort.again", (uint32_t)(floats(1, 2, 3, 4) == host_floats(1, 2, 3, 4)));
}

#define TIMER_CTRL (*(volatile uint32_t *)0x40000000u)
#define TIMER_VALUE (*(volatile uint32_t *)0x40000004u)
#define TIMER_RELOAD (*(volatile uint32_t *)0x40000008u)

__attribute__((noinline)) static float plain(float x) { __asm__ volatile("" : "+t"(x)); return x + x; }

static uint32_t thousand(float (*f)(float))
{
    uint32_t before;

    f(1);
    TIMER_RELOAD = 0xFFFFFFFF;
    TIMER_VALUE = 0xFFFFFFFF;
    TIMER_CTRL = 1;
    before = TIMER_VALUE;
    for (int i = 0; i < 1000; i++)
        f(1);
    return (before - TIMER_VALUE) * 40 / 64;
}

static void cost(void)
{
    show("cost.gate", thousand(twice_fp));
    show("cost.host", thousand(plain));
}
#else
void SysTick_Handler(void) {}
void host_use(uint32_t which) { (void)which; }
static void registers(void) {}
static void interrupts(void) {}
static void cost(void) {}
#endif

int host_main(void)
{
    const char *line = scenario();

    if (strstr(line, "psp"))
        __asm__ volatile("msr PSP, %0\n mrs r0, CONTROL\n orr r0, #2\n msr CONTROL, r0\n isb"
                         ::"r"(process_stack + sizeof process_stack) : "r0");
    if (strstr(line, "values"))
        values();
    if (strstr(line, "errors"))
        errors();
    if (strstr(line, "pointers"))
        pointers();
    if (strstr(line, "registers"))
        registers();
    if (strstr(line, "interrupts"))
        interrupts();
    if (strstr(line, "cost"))
        cost();
    print("done\n");
    finish(0);
}
