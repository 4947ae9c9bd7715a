/* The controls: what the car must not be without. Run by the SysTick interrupt. */
#ifndef CONTROL_H
#define CONTROL_H

#include <stdbool.h>
#include <stdint.h>

struct control_report {
    uint32_t steps, due;  /* control steps made, and periods that have passed */
    uint32_t latest;      /* timer ticks from when a step was due to its first instruction, at worst */
    uint32_t latest_end;  /* ... to when its output was set, at worst */
    bool as_computed;     /* the plant's state is what so many undisturbed steps lead to */
};

/* Control once in `period` timer ticks; after each step `then` is called, still in the interrupt. */
void control_start(uint32_t period, void (*then)(void));

struct control_report control_stop(void);

#endif
