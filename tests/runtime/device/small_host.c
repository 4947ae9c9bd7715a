/* The smallest host: calls one export whose arguments are numbers. */
#include "ringfence_small.h"
#include "start.h"

void SVC_Handler(void) {}
void PendSV_Handler(void) {}
void SysTick_Handler(void) {}

int host_main(void)
{
    print(add(1, 2, 3, 4) == 4321 ? "add=1\n" : "add=0\n");
    print("done\n");
    return 0;
}
