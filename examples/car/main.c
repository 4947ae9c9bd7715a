/*
 * The car: brake control in the SysTick interrupt, with a hard deadline; a navigation tenant; and an entertainment
 * tenant that is sent hostile messages, fails in three ways, is reset and comes back. Everything is checked, and the
 * last line says whether all of it held.
 *
 * Without -DSANDBOXED the same code runs without sandboxes, for comparison.
 */
#include <stdbool.h>
#include <stdio.h>

#include "board.h"
#include "control.h"
#include "expected.h"
#include "fnv.h"
#include "tenants.h"

#ifdef SANDBOXED
#define RINGFENCE_NO_PROTOTYPES /* tenants.h has them */
#include "ringfence_entertainment.h"
#include "ringfence_navigation.h"
#include "ringfence_supervise.h"
#endif

enum {
    CONTROL_PERIOD = 10000,   /* timer ticks: 400 us, 6250 instructions */
    LATEST_START = 32,        /* instructions after a step is due */
    LATEST_END = 120,         /* the hard deadline: the brake's new output is set */
    NAVIGATION_BUDGET = 40,   /* periods */
    ENTERTAINMENT_BUDGET = 200,
    FAULT_PRIORITY = 0x80,
    STATUS_FAILED = 1,
    STATUS_HOST_FAULT = 3,
};

#define MESSAGE(name) extern const uint8_t name##_start[], name##_end[]
MESSAGE(route);
MESSAGE(logo);
MESSAGE(letter);
MESSAGE(deep);
MESSAGE(slow);

static uint8_t picture[PICTURE_BYTES];
static bool all_ok = true;
static int navigations_expected;

static bool check(bool holds, const char *what)
{
    if (!holds) {
        printf("car: FAILED: %s\n", what);
        all_ok = false;
    }
    return holds;
}

/* ---- supervision ---- */

#ifdef SANDBOXED
static struct ringfence_budget entertainment_budget = {&ringfence_entertainment, 0};
static struct ringfence_budget navigation_budget = {&ringfence_navigation, 0};

static void after_control_step(void)
{
    ringfence_budget_tick(&entertainment_budget);
    ringfence_budget_tick(&navigation_budget);
}

static void allow_time(void)
{
    ringfence_budget_start(&entertainment_budget, ENTERTAINMENT_BUDGET);
    ringfence_budget_start(&navigation_budget, NAVIGATION_BUDGET);
}

/* Below the control interrupt, which has priority 0. By default a tenant's fault escalates to HardFault, whose handler
 * nothing interrupts. */
static void supervise_faults(void)
{
    ringfence_enable_faults(FAULT_PRIORITY);
}

void ringfence_host_fault(void)
{
    static const char message[] = "car: FAILED: host fault\n";
    console_write(message, sizeof message - 1);
    console_exit(STATUS_HOST_FAULT);
}

/* The tenant is dead: say why, and start it again. */
static void restart_entertainment(const char *kind)
{
    const struct ringfence_fault *fault = ringfence_last_fault();
    char line[RINGFENCE_FAULT_LINE];
    if (!check(ringfence_last_status(&ringfence_entertainment) == RINGFENCE_ERROR_FAULT && fault != NULL,
               "the hostile message did no harm")) {
        return;
    }
    ringfence_fault_line(fault, line);
    printf("%s: %s\n%s\n", kind, ringfence_fault_name(fault->kind), line);
    check(fault->sandbox == &ringfence_entertainment, "the fault is another sandbox's");
    check(ringfence_reset(&ringfence_entertainment) == RINGFENCE_OK, "reset");
}
#else
static void after_control_step(void) {}
static void allow_time(void) {}
static void supervise_faults(void) {}
static void restart_entertainment(const char *kind)
{
    printf("%s: nobody noticed\n", kind);
}
#endif

/* ---- the tenants at work ---- */

static void drive(void)
{
    struct advice advice = {0, 0, 0};
    allow_time();
    const int answer = navigate(route_start, (uint32_t)(route_end - route_start), &advice);
    check(answer == 0 && advice.waypoint == EXPECTED_WAYPOINT && advice.metres == EXPECTED_METRES &&
              advice.turn == EXPECTED_TURN,
          "navigation");
    navigations_expected++;
    check(navigations() == navigations_expected, "the navigation tenant lost its state");
}

static int play(const uint8_t *start, const uint8_t *end)
{
    for (size_t i = 0; i < sizeof picture; i++) {
        picture[i] = 0;
    }
    allow_time();
    return show(start, (uint32_t)(end - start), picture, sizeof picture);
}

static void entertain(void)
{
    check(play(logo_start, logo_end) == EXPECTED_FRAMES && fnv1a(picture, sizeof picture) == EXPECTED_PICTURE,
          "the animation's first picture");
}

static void attack(const char *kind, const uint8_t *start, const uint8_t *end)
{
    entertain();
    play(start, end);
    restart_entertainment(kind);
    drive();
    entertain();
}

static void report(const struct control_report *seen)
{
    const uint32_t latest = instructions_of_ticks(seen->latest), end = instructions_of_ticks(seen->latest_end);
    printf("control: steps=%lu due=%lu latest_start=%lu latest_end=%lu deadline=%d\n", (unsigned long)seen->steps,
           (unsigned long)seen->due, (unsigned long)latest, (unsigned long)end, LATEST_END);
    check(seen->steps == seen->due, "control steps missed");
    check(latest <= LATEST_START, "a control step began late");
    check(end <= LATEST_END, "a control step missed its deadline");
    check(seen->as_computed, "the controller's state was disturbed");
}

int main(void)
{
    supervise_faults();
    stopwatch_start();
    control_start(CONTROL_PERIOD, after_control_step);
    drive();
    entertain();
    attack("letter", letter_start, letter_end);
    attack("deep", deep_start, deep_end);
    attack("slow", slow_start, slow_end);
    const struct control_report seen = control_stop();
    report(&seen);
    printf("car: %s\n", all_ok ? "ok" : "FAILED");
    return all_ok ? 0 : STATUS_FAILED;
}
