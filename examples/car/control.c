#include "control.h"

#include "board.h"

/* Brake pressure by wire: a first-order hydraulic plant under an integrating controller with a limit on its output.
 * Fixed point, 1/256 bar. */
struct brake {
    int32_t pressure, output, wanted;
};

enum { LIMIT = 180 * 256, GAIN_SHIFT = 4, PLANT_SHIFT = 5, RAMP = 64 };

static volatile struct brake brake;
static volatile uint32_t steps, latest, latest_end;
static uint32_t step_period, started;
static void (*after_step)(void);

static int32_t limited(int32_t value)
{
    return value < 0 ? 0 : value > LIMIT ? LIMIT : value;
}

static struct brake next(struct brake now)
{
    const int32_t wanted = now.wanted >= LIMIT ? 0 : now.wanted + RAMP;
    const int32_t output = limited(now.output + ((wanted - now.pressure) >> GAIN_SHIFT));
    return (struct brake){now.pressure + ((output - now.pressure) >> PLANT_SHIFT), output, wanted};
}

static void step(void)
{
    const struct brake now = next((struct brake){brake.pressure, brake.output, brake.wanted});
    brake.pressure = now.pressure;
    brake.output = now.output;
    brake.wanted = now.wanted;
}

void SysTick_Handler(void);
void SysTick_Handler(void)
{
    const uint32_t due = started + (steps + 1) * step_period;
    const uint32_t begin = stopwatch_ticks() - due;
    step();
    const uint32_t end = stopwatch_ticks() - due;
    latest = begin > latest ? begin : latest;
    latest_end = end > latest_end ? end : latest_end;
    steps = steps + 1;
    after_step();
}

void control_start(uint32_t period, void (*then)(void))
{
    brake = (struct brake){0, 0, 0};
    steps = latest = latest_end = 0;
    after_step = then;
    step_period = period;
    SYSTICK_RELOAD = period - 1;
    SYSTICK_CURRENT = 0;
    started = stopwatch_ticks();
    SYSTICK_CONTROL = SYSTICK_ENABLE_WITH_INTERRUPT;
}

static bool brake_is_after(uint32_t count)
{
    struct brake expected = {0, 0, 0};
    for (uint32_t i = 0; i < count; i++) {
        expected = next(expected);
    }
    return expected.pressure == brake.pressure && expected.output == brake.output && expected.wanted == brake.wanted;
}

struct control_report control_stop(void)
{
    const uint32_t elapsed = stopwatch_ticks() - started;
    SYSTICK_CONTROL = 0;
    return (struct control_report){steps, elapsed / step_period, latest, latest_end, brake_is_after(steps)};
}
