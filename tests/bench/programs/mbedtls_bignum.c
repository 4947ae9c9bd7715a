/* mbedtls: modular exponentiation, inverse and greatest common divisor of 512-bit numbers. */
#include "bench.h"
#include "mbedtls/bignum.h"

enum { BYTES = 64 };

unsigned bench(const unsigned char *input, unsigned size, unsigned char *output, unsigned capacity)
{
    mbedtls_mpi base, exponent, modulus, result, divisor;
    int failed = 0;
    (void)size, (void)capacity;
    mbedtls_mpi_init(&base), mbedtls_mpi_init(&exponent), mbedtls_mpi_init(&modulus);
    mbedtls_mpi_init(&result), mbedtls_mpi_init(&divisor);
    failed |= mbedtls_mpi_read_binary(&base, input, BYTES);
    failed |= mbedtls_mpi_read_binary(&exponent, input + 100, 12);
    failed |= mbedtls_mpi_read_binary(&modulus, input + 200, BYTES);
    failed |= mbedtls_mpi_set_bit(&modulus, 0, 1);
    failed |= mbedtls_mpi_exp_mod(&result, &base, &exponent, &modulus, NULL);
    failed |= mbedtls_mpi_write_binary(&result, output, BYTES);
    failed |= mbedtls_mpi_gcd(&divisor, &base, &modulus);
    failed |= mbedtls_mpi_write_binary(&divisor, output + BYTES, BYTES);
    if (mbedtls_mpi_inv_mod(&result, &exponent, &modulus) == 0) {
        failed |= mbedtls_mpi_write_binary(&result, output + 2 * BYTES, BYTES);
    }
    mbedtls_mpi_free(&base), mbedtls_mpi_free(&exponent), mbedtls_mpi_free(&modulus);
    mbedtls_mpi_free(&result), mbedtls_mpi_free(&divisor);
    return failed ? 0 : 1;
}
