/* The host of the programs that must be refused. Nothing of it ever runs. */
#include <stdint.h>

int attack(uint32_t target);
int host_secret(uint32_t value);

int host_secret(uint32_t value)
{
    return (int)value ^ 42;
}

int main(void)
{
    return attack(0x20000000u) + host_secret(1);
}
