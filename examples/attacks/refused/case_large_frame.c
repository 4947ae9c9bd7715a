/* refused: needs \d+ bytes of stack.* stack= gives 4096 */
#include <stdint.h>

/* One frame that reaches far beyond the stack, and a store at its far end: no guard zone would be wide enough. */
int attack(uint32_t target);
int attack(uint32_t target)
{
    volatile uint8_t frame[200000];
    frame[0] = (uint8_t)target;
    return frame[target % sizeof frame];
}
