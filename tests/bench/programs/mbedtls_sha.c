/* mbedtls: SHA-256 and SHA-512 of a message in pieces. */
#include "bench.h"
#include "mbedtls/sha256.h"
#include "mbedtls/sha512.h"

unsigned bench(const unsigned char *input, unsigned size, unsigned char *output, unsigned capacity)
{
    mbedtls_sha256_context small;
    mbedtls_sha512_context large;
    (void)capacity;
    mbedtls_sha256_init(&small);
    mbedtls_sha512_init(&large);
    mbedtls_sha256_starts_ret(&small, 0);
    mbedtls_sha512_starts_ret(&large, 0);
    for (unsigned at = 0, piece = 1; at < size; at += piece, piece = piece * 2 % 509) {
        const unsigned length = piece < size - at ? piece : size - at;
        mbedtls_sha256_update_ret(&small, input + at, length);
        mbedtls_sha512_update_ret(&large, input + at, length);
    }
    mbedtls_sha256_finish_ret(&small, output);
    mbedtls_sha512_finish_ret(&large, output + 32);
    return output[0];
}
