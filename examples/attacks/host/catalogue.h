/* The attacks: what each is called, what it goes for, and what it shows. */
#ifndef CATALOGUE_H
#define CATALOGUE_H

#include <stddef.h>
#include <stdint.h>

/* What attacks go for. */
enum victim {
    VARIABLE,     /* a setpoint of the controller */
    HEAP,         /* a block of the host's heap */
    STACK_FRAME,  /* a local variable of the host's */
    NEIGHBOUR,    /* another tenant's variable */
    DEVICE,       /* the reload register of a timer of the host's */
    SYSTICK,      /* the reload register of SysTick */
    TICK_CONTROL, /* SysTick's enable bits */
    CODE,         /* an instruction of the host's */
    VECTOR,       /* an entry of the vector table */
    VECTOR_BASE,  /* the register that says where the vector table is */
    NVIC,         /* the enabled interrupts */
    PRIORITIES,   /* of the system handlers */
    PENDING_NMI,  /* making the host's NMI handler run */
    TRIGGER,      /* making the host's TIMER1 handler run */
    TAKEOVER,     /* making a function of the host's run */
    MEMORY_LEFT,  /* that the host's malloc still gives some */
    LIFE,         /* that the host runs at all */
    TIME,         /* that the call comes back */
};

struct attack {
    const char *name;
    const char *category;
    int (*function)(uint32_t target);
    enum victim victim;
    const char *what;
};

extern const struct attack attacks[];
extern const size_t attack_count;

#endif
