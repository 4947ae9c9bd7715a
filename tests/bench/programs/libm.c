/* newlib's libm: trigonometric, exponential and other functions in double and single precision. */
#include <math.h>

#include "bench.h"

enum { STEPS = 8 };

static double values[2 * STEPS];

unsigned bench(const unsigned char *input, unsigned size, unsigned char *output, unsigned capacity)
{
    (void)input, (void)size, (void)capacity;
    for (int n = 0; n < STEPS; n++) {
        const double x = 0.37 * n - 1.2;
        const float f = (float)x;
        values[n] = sin(x) * exp(x) + atan2(x, 2) - log(x * x + 1) + pow(x * x + 0.5, 1.7) + fmod(x, 0.3) + cbrt(x);
        values[STEPS + n] = sinf(f) + cosf(f) * tanhf(f) + sqrtf(f * f + 1) + expf(f) + floor(x * 10) + tan(x);
    }
    memcpy(output, values, sizeof values);
    return (unsigned)(int)(values[3] * 1e6);
}
