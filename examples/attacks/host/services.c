/* What the host offers to tenants, and what it does with their results. All of it is innocent code: whether it does
 * harm depends on what it is given. */
#include "services.h"

#include <string.h>

#include "attacks.h"

enum { MEASURED = 0x55555555 };

int fill(void *to, uint32_t size, int value)
{
    memset(to, value, size);
    return 0;
}

int notify(uint32_t target, int call_back)
{
    return call_back ? attack_reentry(target) : 0;
}

/* "Where shall I put the measurement?" */
int write_through_result(uint32_t target)
{
    volatile uint32_t *buffer = give_buffer(target);
    if (buffer == NULL) {
        return -1;
    }
    *buffer = MEASURED;
    return 0;
}

/* A table with an entry for every value of an uint8_t, so that no bound needs to be checked. */
int index_by_result(uint32_t target)
{
    static volatile uint8_t seen[256];
    seen[give_level(target - (uint32_t)seen)] = 0x55;
    return 0;
}

/* Host code between whose instructions a tenant is called: it keeps a pointer in r5, as compilers do. */
__attribute__((naked)) int rely_on_registers(uint32_t target __attribute__((unused)))
{
    __asm__ volatile("push {r4-r11, lr}\n sub sp, #12\n"
                     "mov r5, sp\n movs r6, #0x55\n"
                     "bl attack_asm_callee_saved\n"
                     "str r6, [r5]\n"
                     "movs r0, #0\n add sp, #12\n pop {r4-r11, pc}");
}
