/* The n-body simulation in double precision: libgcc's soft-float and newlib's sqrt. */
#include <math.h>

#include "bench.h"

enum { BODIES = 5, STEPS = 12 };

struct body {
    double position[3], velocity[3], mass;
};

static struct body bodies[BODIES];

static void advance(double dt)
{
    for (int i = 0; i < BODIES; i++) {
        for (int j = i + 1; j < BODIES; j++) {
            double d[3], square = 0;
            for (int k = 0; k < 3; k++) {
                d[k] = bodies[i].position[k] - bodies[j].position[k];
                square += d[k] * d[k];
            }
            const double magnitude = dt / (square * sqrt(square));
            for (int k = 0; k < 3; k++) {
                bodies[i].velocity[k] -= d[k] * bodies[j].mass * magnitude;
                bodies[j].velocity[k] += d[k] * bodies[i].mass * magnitude;
            }
        }
    }
    for (int i = 0; i < BODIES; i++) {
        for (int k = 0; k < 3; k++) {
            bodies[i].position[k] += dt * bodies[i].velocity[k];
        }
    }
}

unsigned bench(const unsigned char *input, unsigned size, unsigned char *output, unsigned capacity)
{
    uint32_t seed = 17;
    (void)input, (void)size, (void)capacity;
    for (int i = 0; i < BODIES; i++) {
        for (int k = 0; k < 3; k++) {
            bodies[i].position[k] = (double)(int32_t)next_random(&seed) / 1e8;
            bodies[i].velocity[k] = (double)(int32_t)next_random(&seed) / 1e10;
        }
        bodies[i].mass = 1.0 / (i + 1);
    }
    for (int step = 0; step < STEPS; step++) {
        advance(0.01);
    }
    memcpy(output, bodies, sizeof bodies);
    return (unsigned)(int)(bodies[0].position[0] * 1e6);
}
