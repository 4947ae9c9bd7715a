/* A second sandbox, without constructors, data or heap. */
#include <errno.h>
#include <stdlib.h>

int second_add(int a, int b) { return a + b; }
void second_trap(void) { __asm__ volatile("udf #0xF1"); }

int second_grab(void) { return malloc(8) ? 0 : errno; }
