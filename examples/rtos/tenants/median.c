/* A tenant that uses the C library: qsort() of newlib, through a function pointer. */
#include <stdlib.h>
#include <string.h>

#include "tenants.h"

enum { MOST = 64 };

static int compare(const void *a, const void *b)
{
    const int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
    return (x > y) - (x < y);
}

int median(const void *samples, uint32_t size)
{
    static int32_t sorted[MOST]; /* static: a second call at the same time would be noticed */
    const uint32_t count = size / sizeof sorted[0];
    if (count == 0 || count > MOST) {
        return -2;
    }
    memcpy(sorted, samples, count * sizeof sorted[0]);
    qsort(sorted, count, sizeof sorted[0], compare);
    return sorted[count / 2];
}
