/* refused: (longjmp|setjmp) */
#include <setjmp.h>
#include <stdint.h>

static jmp_buf place;

int attack(uint32_t target);
int attack(uint32_t target)
{
    if (setjmp(place) == 0) {
        longjmp(place, (int)target);
    }
    return 0;
}
