/* A tenant that goes wrong. */
#include "tenants.h"

static int state = 7;

int rogue(int hang)
{
    if (hang == 0) {
        return state;
    }
    state = 0; /* a reset must bring it back */
    if (hang == 1) {
        for (volatile int forever = 0;; forever++) {
        }
    }
    return *(volatile int *)0xA0000000u;
}
