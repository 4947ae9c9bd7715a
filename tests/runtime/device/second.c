/* A second sandbox, without constructors, data or heap. */
int second_add(int a, int b) { return a + b; }
void second_trap(void) { __asm__ volatile("udf #0xF1"); }
