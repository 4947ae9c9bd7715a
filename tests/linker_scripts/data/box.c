/* A sandbox with something in every kind of section: 20 -> 2*20 + 1 (constructor) + 1 (constant) + 1000 (data, heap). */
#include <stdlib.h>
#include <string.h>

extern int twice(int);
extern char __ringfence_heap_start[], __ringfence_heap_end[];

static long long wide[4] __attribute__((aligned(32)));
static int constructed;
static int initial = 600;
static const char text[] = "abc";
static char *break_at = __ringfence_heap_start;
const char *const names[] = {text, "x"};

__attribute__((constructor)) static void construct(void) { constructed++; }

void *_sbrk(int increment) {
    char *old = break_at;
    if (increment > __ringfence_heap_end - break_at)
        return (void *)-1;
    break_at += increment;
    return old;
}

int work(int x) {
    char *block = malloc(400);
    if (block == NULL || wide[3] != 0 || ((unsigned)wide & 31) != 0)
        return -1;
    memset(block, 1, 400);
    int sum = 0;
    for (int i = 0; i < 400; i++)
        sum += block[i];
    wide[0] = (long long)x * 3 / (x + 1); /* pulls 64-bit division and its unwind table out of libgcc */
    return twice(x) + constructed + (int)strlen(names[1]) + initial + sum + (wide[0] != 2);
}
