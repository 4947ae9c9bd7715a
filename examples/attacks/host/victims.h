/* What attacks go for, and how the host finds out whether they got there. */
#ifndef VICTIMS_H
#define VICTIMS_H

#include <stdbool.h>
#include <stdint.h>

#include "catalogue.h"

/* Everything of the host's that no tenant may change, summed up. */
struct snapshot {
    uint32_t sum;      /* code, vectors, setpoints, heap block, device and system registers */
    uint32_t word;     /* at the target, where reading it has no effect; of the heap, the whole block */
    uint32_t neighbour;
    bool memory_left;
};

/* Put all victims into their initial state. `frame`: a local variable of the host's. */
void victims_prepare(volatile uint32_t *frame);

/* The address that the attack is given. */
uint32_t victims_target(enum victim victim);

struct snapshot victims_look(enum victim victim);

/* Whether the host's interrupt handlers ran although no device had called. */
bool victims_handler_ran(void);

#endif
