/* mbedtls: AES-128 and AES-256 in CBC and CTR mode. */
#include "bench.h"
#include "mbedtls/aes.h"

static unsigned char cipher[1024];

unsigned bench(const unsigned char *input, unsigned size, unsigned char *output, unsigned capacity)
{
    mbedtls_aes_context aes;
    unsigned char iv[16], stream[16];
    size_t offset = 0;
    (void)size, (void)capacity;
    mbedtls_aes_init(&aes);
    memset(iv, 1, sizeof iv);
    mbedtls_aes_setkey_enc(&aes, input + 1024, 128);
    mbedtls_aes_crypt_cbc(&aes, MBEDTLS_AES_ENCRYPT, sizeof cipher, iv, input, cipher);
    memset(iv, 1, sizeof iv);
    mbedtls_aes_setkey_dec(&aes, input + 1024, 128);
    mbedtls_aes_crypt_cbc(&aes, MBEDTLS_AES_DECRYPT, sizeof cipher, iv, cipher, output);
    const unsigned same = memcmp(output, input, sizeof cipher) == 0;
    mbedtls_aes_setkey_enc(&aes, input + 1040, 256);
    mbedtls_aes_crypt_ctr(&aes, sizeof cipher - 5, &offset, iv, stream, cipher, output);
    mbedtls_aes_free(&aes);
    return same + (unsigned)offset * 2;
}
