/* lz4: compresses and decompresses blocks, with the smaller hash table meant for small devices. */
#include "bench.h"
#include "lz4.h"

static char packed[LZ4_COMPRESSBOUND(4096)];
static LZ4_stream_t state;

unsigned bench(const unsigned char *input, unsigned size, unsigned char *output, unsigned capacity)
{
    unsigned total = 0;
    for (int round = 0; round < 3; round++) {
        const int length = LZ4_compress_fast_extState(&state, (const char *)input + round, packed, (int)size - round,
                                                      (int)sizeof packed, 1 + round);
        const int whole = LZ4_decompress_safe_partial(packed, (char *)output, length, (int)capacity, (int)capacity);
        total = total * 10007 + (unsigned)length + (unsigned)whole + (memcmp(output, input + round, capacity) == 0);
    }
    return total;
}
