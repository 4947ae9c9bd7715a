#include "control.h"

#include "board.h"

/* A heater and its proportional-integral controller, in fixed point (units of 1/256 degree). */
struct plant {
    int32_t temperature;
    int32_t integral;
};

enum { SET_POINT = 80 * 256, PROPORTIONAL_SHIFT = 3, INTEGRAL_SHIFT = 9, LOSS_SHIFT = 6 };

static volatile struct plant heater;
static volatile uint32_t steps, latest, step_period, started;

static struct plant step(struct plant now)
{
    const int32_t error = SET_POINT - now.temperature;
    const int32_t integral = now.integral + error;
    const int32_t power = (error >> PROPORTIONAL_SHIFT) + (integral >> INTEGRAL_SHIFT);
    return (struct plant){now.temperature + power - (now.temperature >> LOSS_SHIFT), integral};
}

void SysTick_Handler(void);
void SysTick_Handler(void)
{
    const uint32_t now = stopwatch_ticks();
    const uint32_t count = steps + 1;
    const uint32_t late = now - (started + count * step_period);
    if (late > latest) {
        latest = late;
    }
    const struct plant next = step((struct plant){heater.temperature, heater.integral});
    heater.temperature = next.temperature;
    heater.integral = next.integral;
    steps = count;
}

void control_start(uint32_t period)
{
    heater = (struct plant){0, 0};
    steps = latest = 0;
    step_period = period;
    SYSTICK_RELOAD = period - 1;
    SYSTICK_CURRENT = 0;
    started = stopwatch_ticks();
    SYSTICK_CONTROL = SYSTICK_ENABLE_WITH_INTERRUPT;
}

static bool plant_is_after(uint32_t count)
{
    struct plant expected = {0, 0};
    for (uint32_t i = 0; i < count; i++) {
        expected = step(expected);
    }
    return expected.temperature == heater.temperature && expected.integral == heater.integral;
}

struct control_report control_stop(void)
{
    const uint32_t elapsed = stopwatch_ticks() - started;
    SYSTICK_CONTROL = 0;
    return (struct control_report){steps, elapsed / step_period, latest, plant_is_after(steps)};
}
