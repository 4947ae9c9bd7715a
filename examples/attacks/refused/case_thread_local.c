/* refused: thread-local storage */
#include <stdint.h>

static __thread uint32_t mine;

int attack(uint32_t target);
int attack(uint32_t target)
{
    mine += target;
    return (int)mine;
}
