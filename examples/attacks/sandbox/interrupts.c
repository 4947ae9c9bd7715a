/* The machinery of interrupts (ARMv7-M ARM B3.2, B3.4): a tenant that reaches it decides what runs when. */
#include <stddef.h>

#include "attacks.h"

enum { NMI_PEND = (int)0x80000000u, TIMER1_IRQ = 9, VECTORS = 32 };

static void store(uint32_t address, uint32_t value)
{
    *(volatile uint32_t *)address = value;
    __asm__ volatile("dsb\n isb" ::: "memory");
}

/* Interrupt Clear-Enable Register: no interrupt of the host is served any more. */
int attack_nvic_disable(uint32_t target)
{
    store(target, 0xFFFFFFFFu);
    return 0;
}

/* System Handler Priority Register 3: the host's tick comes last. */
int attack_priority_drop(uint32_t target)
{
    store(target, 0xFFFFFFFFu);
    return 0;
}

/* Interrupt Control and State Register: the host's emergency stop, at the tenant's pleasure. */
int attack_nmi_pend(uint32_t target)
{
    store(target, (uint32_t)NMI_PEND);
    return 0;
}

/* Software Triggered Interrupt Register: a device seems to call. */
int attack_irq_trigger(uint32_t target)
{
    store(target, TIMER1_IRQ);
    return 0;
}

int attack_systick_off(uint32_t target)
{
    store(target, 0);
    return 0;
}

static volatile uint32_t interrupts_stolen;

static void steal(void)
{
    interrupts_stolen++;
}

/* Vector Table Offset Register: a table in the tenant's memory. */
int attack_vector_table_move(uint32_t target)
{
    static uint32_t table[VECTORS] __attribute__((aligned(256)));
    for (size_t i = 0; i < VECTORS; i++) {
        table[i] = (uint32_t)steal;
    }
    store(target, (uint32_t)table);
    return 0;
}
