/* Another tenant, with a state that is nobody else's business. */
#include "attacks.h"

static volatile unsigned state = 0x600D;

unsigned neighbour_address(void)
{
    return (unsigned)&state;
}

unsigned neighbour_state(void)
{
    return state;
}
