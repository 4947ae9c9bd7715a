/* A tenant that computes: XTEA (Needham and Wheeler, 1997), 32 rounds. */
#include <string.h>

#include "tenants.h"

enum { ROUNDS = 32, BLOCK = 8 };

static void encipher_block(uint32_t v[2], const uint32_t key[4])
{
    uint32_t sum = 0;
    for (int i = 0; i < ROUNDS; i++) {
        v[0] += ((v[1] << 4 ^ v[1] >> 5) + v[1]) ^ (sum + key[sum & 3]);
        sum += 0x9E3779B9u;
        v[1] += ((v[0] << 4 ^ v[0] >> 5) + v[0]) ^ (sum + key[sum >> 11 & 3]);
    }
}

int encipher(void *blocks, uint32_t size, const void *key)
{
    uint32_t words[4];
    memcpy(words, key, sizeof words);
    for (uint32_t at = 0; at + BLOCK <= size; at += BLOCK) {
        uint32_t v[2];
        memcpy(v, (uint8_t *)blocks + at, BLOCK);
        encipher_block(v, words);
        memcpy((uint8_t *)blocks + at, v, BLOCK);
    }
    return 0;
}
