/* BearSSL: ChaCha20 with Poly1305, AES-GCM with constant-time AES. */
#include "bench.h"
#include "bearssl.h"

static unsigned char data[1024];

unsigned bench(const unsigned char *input, unsigned size, unsigned char *output, unsigned capacity)
{
    br_aes_ct_ctr_keys keys;
    br_gcm_context gcm;
    (void)size, (void)capacity;
    memcpy(data, input, sizeof data);
    br_poly1305_ctmul32_run(input + 1024, input + 1100, data, sizeof data, input + 1200, 21, output, br_chacha20_ct_run, 1);
    br_aes_ct_ctr_init(&keys, input + 1300, 16);
    br_gcm_init(&gcm, &keys.vtable, br_ghash_ctmul32);
    br_gcm_reset(&gcm, input + 1400, 12);
    br_gcm_aad_inject(&gcm, input + 1500, 30);
    br_gcm_flip(&gcm);
    br_gcm_run(&gcm, 1, data, 512);
    br_gcm_get_tag(&gcm, output + 16);
    memcpy(output + 32, data, sizeof data);
    return output[0] + output[16] * 256u;
}
