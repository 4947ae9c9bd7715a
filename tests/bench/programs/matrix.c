/* Integer matrices: product, transposition, Gaussian elimination modulo a prime. */
#include "bench.h"

enum { N = 24, PRIME = 32749 };

static int32_t a[N][N], b[N][N], c[N][N];

static void fill(int32_t (*m)[N], uint32_t seed)
{
    for (int i = 0; i < N; i++) {
        for (int j = 0; j < N; j++) {
            m[i][j] = (int32_t)(next_random(&seed) % PRIME);
        }
    }
}

static void multiply(int32_t (*restrict out)[N], int32_t (*x)[N], int32_t (*y)[N])
{
    for (int i = 0; i < N; i++) {
        for (int j = 0; j < N; j++) {
            uint32_t sum = 0;
            for (int k = 0; k < N; k++) {
                sum += (uint32_t)(x[i][k] * y[k][j]) % PRIME;
            }
            out[i][j] = (int32_t)(sum % PRIME);
        }
    }
}

static void transpose(int32_t (*m)[N])
{
    for (int i = 0; i < N; i++) {
        for (int j = 0; j < i; j++) {
            int32_t t = m[i][j];
            m[i][j] = m[j][i];
            m[j][i] = t;
        }
    }
}

static int32_t inverse(int32_t x)
{
    int32_t result = 1;
    for (int e = PRIME - 2; e; e >>= 1) {
        if (e & 1) {
            result = result * x % PRIME;
        }
        x = x * x % PRIME;
    }
    return result;
}

static int32_t determinant(int32_t (*m)[N])
{
    int32_t product = 1;
    for (int k = 0; k < N; k++) {
        int pivot = k;
        while (pivot < N && m[pivot][k] == 0) {
            pivot++;
        }
        if (pivot == N) {
            return 0;
        }
        for (int j = 0; j < N; j++) {
            int32_t t = m[k][j];
            m[k][j] = m[pivot][j];
            m[pivot][j] = t;
        }
        product = product * m[k][k] % PRIME;
        const int32_t factor = inverse(m[k][k]);
        for (int i = k + 1; i < N; i++) {
            const int32_t by = m[i][k] * factor % PRIME;
            for (int j = k; j < N; j++) {
                m[i][j] = (m[i][j] + (PRIME - by) * m[k][j]) % PRIME;
            }
        }
    }
    return product;
}

unsigned bench(const unsigned char *input, unsigned size, unsigned char *output, unsigned capacity)
{
    uint32_t sum = 0;
    (void)input, (void)size, (void)capacity;
    fill(a, 1);
    fill(b, 2);
    for (int round = 0; round < 3; round++) {
        multiply(c, a, b);
        transpose(c);
        multiply(a, c, b);
    }
    sum = (uint32_t)determinant(a);
    memcpy(output, c, 1024);
    return sum;
}
