/* refused: refused_computed_goto.*computed goto is not supported */
#include <stdint.h>

int attack(uint32_t target);
int attack(uint32_t target)
{
    static const void *const labels[] = {&&first, &&second};
    goto *labels[target & 1];
first:
    return 1;
second:
    return 2;
}
