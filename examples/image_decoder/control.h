/* A control loop in the SysTick interrupt: what must go on, on time, whatever the decoder does. */
#ifndef CONTROL_H
#define CONTROL_H

#include <stdbool.h>
#include <stdint.h>

/* What happened between control_start and control_stop. Times are stopwatch ticks (40 ns). */
struct control_report {
    uint32_t steps;       /* how often the handler ran */
    uint32_t steps_due;   /* how often it had to: elapsed / period, rounded down */
    uint32_t latest;      /* the largest delay between the time a step was due and the handler's first line */
    bool plant_as_computed; /* the plant's state equals that of the same number of undisturbed steps */
};

/* Start stepping every `period` ticks, from the initial state. */
void control_start(uint32_t period);

/* Stop, and say what happened. */
struct control_report control_stop(void);

#endif
