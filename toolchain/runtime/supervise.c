/* Time budgets, watchdog, stack check, priority of faults, log line: layers over ringfence_abort() and the gates'
 * bookkeeping. ARMv7-M ARM: SHPR1 B3.2.10, SHCSR B3.2.13. */
#include "gate.h"
#include "ringfence_supervise.h"

void ringfence_budget_start(struct ringfence_budget *budget, uint32_t ticks)
{
    budget->left = ticks;
}

static int is_serving(const struct ringfence_sandbox *sandbox)
{
    uint32_t phase = sandbox->state->phase;

    return phase == RF_HELD || phase == RF_RUNNING || phase == RF_IMPORT;
}

int ringfence_budget_tick(struct ringfence_budget *budget)
{
    uint32_t left = budget->left;

    if (left == 0 || !is_serving(budget->sandbox))
        return 0;
    if (left > 1) {
        budget->left = left - 1;
        return 0;
    }
    if (!ringfence_abort(budget->sandbox))
        return 0;
    budget->left = 0;
    return 1;
}

int ringfence_watchdog(void)
{
    for (const struct ringfence_sandbox *const *each = ringfence_sandboxes; *each; each++) {
        uint32_t phase = (*each)->state->phase, asked = (*each)->state->abort;

        if (!is_serving(*each))
            continue;
        if ((ringfence_abort(*each) && phase == RF_RUNNING) || !asked)
            return 1;
    }
    return 0;
}

uint32_t ringfence_task_sp(uint32_t psp)
{
    for (const struct ringfence_sandbox *const *each = ringfence_sandboxes; *each; each++) {
        /* Also while a gate or an import is being entered or left: HOST_SP is stored before PSP is switched, and read
         * after it has been switched back. */
        if (psp >= (*each)->stack_low && psp <= (*each)->stack_high && is_serving(*each))
            return (*each)->state->host_sp;
    }
    return psp;
}

#define SHPR1 (*(volatile uint32_t *)0xE000ED18u) /* MemManage, BusFault, UsageFault; the fourth byte is reserved */
#define SHCSR (*(volatile uint32_t *)0xE000ED24u)
#define SHPR1_EACH 0x00010101u
#define SHPR1_ALL 0x00FFFFFFu
#define SHCSR_FAULTS_ENABLED (7u << 16)

void ringfence_enable_faults(uint8_t priority)
{
    SHPR1 = (SHPR1 & ~SHPR1_ALL) | priority * SHPR1_EACH;
    SHCSR |= SHCSR_FAULTS_ENABLED;
    __asm__ volatile("dsb\n isb" ::: "memory");
}

static char *append(char *to, const char *text)
{
    while (*text)
        *to++ = *text++;
    return to;
}

static char *append_hex(char *to, uint32_t value)
{
    *to++ = ' ';
    for (int shift = 28; shift >= 0; shift -= 4)
        *to++ = "0123456789abcdef"[value >> shift & 15];
    return to;
}

size_t ringfence_fault_line(const struct ringfence_fault *fault, char line[RINGFENCE_FAULT_LINE])
{
    char *end = append(line, "ringfence-fault:");

    end = append_hex(end, (uint32_t)fault->sandbox);
    end = append_hex(end, (uint32_t)fault->kind);
    end = append_hex(end, fault->pc);
    end = append_hex(end, fault->cfsr);
    end = append_hex(end, fault->address);
    *end = 0;
    return (size_t)(end - line);
}
