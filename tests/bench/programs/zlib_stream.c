/* zlib: deflate with a small window, inflate in pieces, CRC and Adler sums. */
#include "bench.h"
#include "zlib.h"

static unsigned char packed[4096];

unsigned bench(const unsigned char *input, unsigned size, unsigned char *output, unsigned capacity)
{
    z_stream s;
    memset(&s, 0, sizeof s);
    if (deflateInit2(&s, 6, Z_DEFLATED, 10, 4, Z_DEFAULT_STRATEGY) != Z_OK) {
        return 1;
    }
    s.next_in = (unsigned char *)input;
    s.avail_in = size;
    s.next_out = packed;
    s.avail_out = sizeof packed;
    if (deflate(&s, Z_FINISH) != Z_STREAM_END) {
        return 2;
    }
    const unsigned length = (unsigned)s.total_out;
    deflateEnd(&s);

    memset(&s, 0, sizeof s);
    if (inflateInit2(&s, 10) != Z_OK) {
        return 3;
    }
    s.next_in = packed;
    s.avail_in = length;
    int status = Z_OK;
    while (status == Z_OK) {
        s.next_out = output;
        s.avail_out = capacity;
        status = inflate(&s, Z_NO_FLUSH);
    }
    inflateEnd(&s);
    return length + (unsigned)s.total_out * 10007 + (unsigned)crc32(adler32(1, packed, length), input, size);
}
