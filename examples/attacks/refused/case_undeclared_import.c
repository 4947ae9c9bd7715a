/* refused: host_secret.*attack */
#include <stdint.h>

int host_secret(uint32_t value);

int attack(uint32_t target);
int attack(uint32_t target)
{
    return host_secret(target) + 1;
}
