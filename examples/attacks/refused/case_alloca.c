/* refused: attack.*stack frame */
#include <stdint.h>

void fill(volatile uint8_t *buffer, uint32_t size);
__attribute__((noipa)) void fill(volatile uint8_t *buffer, uint32_t size)
{
    for (uint32_t i = 0; i < size; i++) {
        buffer[i] = (uint8_t)i;
    }
}

int attack(uint32_t target);
int attack(uint32_t target)
{
    uint8_t buffer[target];
    fill(buffer, target);
    return buffer[target / 2];
}
