/* Functions whose arguments and results travel in every way that the procedure call standard knows. They are compiled
 * twice: in the sandbox as F, which the host calls, and in the host as host_F, which the sandbox calls. So each side can
 * compare what comes through the gates with what its own copy says. */
#ifndef ABI_H
#define ABI_H

#include <stdint.h>

struct point {
    int x, y;
};
struct block {
    int v[5];
};
struct colour {
    uint8_t r, g, b;
};
struct date {
    int64_t seconds;
    int zone, place; /* no padding: results are compared byte by byte */
};
struct vector {
    float x, y, z;
};
struct pair {
    double a, b;
};
struct single {
    float x;
};

#define FUNCTIONS(define, NAME)                                                                                       \
    define(NAME, int, stacked, (int a, int b, int c, int d, int e, int16_t f, uint8_t g),                            \
           (1, 2, 3, 4, -5, -600, 250), a + 2 * b + 3 * c + 5 * d + 7 * e + 11 * f + 13 * g)                         \
    define(NAME, int64_t, stacked64, (int a, int64_t b, int c, uint64_t d, int e),                                   \
           (1, -0x123456789abLL, 3, 0xfedcba9876543210ULL, 5), a + 2 * b + 3 * c + 5 * (int64_t)(d >> 7) + 7 * e)    \
    define(NAME, uint64_t, hole, (int a, int64_t b), (-9, -0x123456789abLL), (uint64_t)(a + 3 * b))                  \
    define(NAME, struct point, points, (struct point p, struct point q), (((struct point){1, 2}), ((struct point){30, 40})), \
           (struct point){p.x - q.y, p.y + q.x})                                                                     \
    define(NAME, int, split, (int a, int b, int c, struct block v, int d),                                           \
           (1, 2, 3, ((struct block){{4, 5, 6, 7, 8}}), 9),                                                          \
           a + 2 * b + 3 * c + 5 * v.v[0] + 7 * v.v[1] + 11 * v.v[2] + 13 * v.v[3] + 17 * v.v[4] + 19 * d)           \
    define(NAME, struct colour, colour, (struct colour c, int n), (((struct colour){1, 2, 3}), 4),                   \
           (struct colour){(uint8_t)(c.b + n), c.r, c.g})                                                            \
    define(NAME, struct date, when, (int a, struct date d), (7, ((struct date){-0x123456789abLL, 3, 5})),            \
           (struct date){d.seconds * a, d.zone + a, d.place - a})                                                    \
    define(NAME, float, floats, (float a, double b, float c, int n), (1.5f, 2.25, -3.5f, 7),                         \
           a + 2 * (float)b + 4 * c + (float)n)                                                                      \
    define(NAME, double, doubles, (double a, double b, double c), (1.5, -2.25, 1e300), a * 2 + b * 4 + c)            \
    define(NAME, double, spilled, (double a, double b, double c, double d, double e, double f, double g, float h,    \
                                   struct vector i, double j, float k, int l),                                       \
           (1, 2, 3, 4, 5, 6, 7, 8.5f, ((struct vector){9, 10, 11}), 12.25, 13.5f, 14),                              \
           a + 2 * b + 3 * c + 5 * d + 7 * e + 11 * f + 13 * g + 17 * (double)h +                                    \
               (double)(19 * i.x + 23 * i.y + 29 * i.z) + 31 * j + 37 * (double)k + 41 * l)                          \
    define(NAME, struct vector, vectors, (struct vector v, float k), (((struct vector){1, 2, 3}), 2.5f),             \
           (struct vector){v.y * k, v.z * k, v.x * k})                                                               \
    define(NAME, struct pair, complex_, (struct pair p, struct pair q),                                              \
           (((struct pair){1.5, 2.5}), ((struct pair){-3.5, 4.5})),                                                  \
           (struct pair){p.a * q.a - p.b * q.b, p.a * q.b + p.b * q.a})                                              \
    define(NAME, struct single, single, (struct single s), (((struct single){2.5f})), (struct single){s.x * 3})

#define DEFINE(NAME, result, name, parameters, arguments, ...) \
    result NAME(name) parameters                                 \
    {                                                            \
        return __VA_ARGS__;                                        \
    }
#define DECLARE(NAME, result, name, parameters, arguments, ...) result NAME(name) parameters;

static inline int same_bytes(const void *a, const void *b, unsigned size)
{
    for (unsigned i = 0; i < size; i++)
        if (((const uint8_t *)a)[i] != ((const uint8_t *)b)[i])
            return 0;
    return 1;
}

/* Bit n: the n-th function gives another result on the other side. */
#define COMPARE(NAME, result, name, parameters, arguments, ...)               \
    {                                                                           \
        const result one = name arguments, two = host_##name arguments;         \
        different |= (uint32_t)!same_bytes(&one, &two, sizeof one) << index++; \
    }

#define OWN(name) name
#define HOSTS(name) host_##name

#endif
