/* stb_image (Debian: libstb-dev) decodes a PNG. */
#include "bench.h"

#define STB_IMAGE_IMPLEMENTATION
#define STBI_NO_STDIO
#define STBI_NO_THREAD_LOCALS
#define STBI_ONLY_PNG
#define STBI_NO_LINEAR
#define STBI_ASSERT(x) ((void)0)
#include <stb_image.h>

unsigned bench(const unsigned char *input, unsigned size, unsigned char *output, unsigned capacity)
{
    int width = 0, height = 0, channels = 0;
    unsigned char *pixels = stbi_load_from_memory(input, (int)size, &width, &height, &channels, 3);
    if (pixels == NULL) {
        return 0;
    }
    const unsigned bytes = (unsigned)(width * height * 3);
    memcpy(output, pixels, bytes < capacity ? bytes : capacity);
    unsigned sum = bytes;
    for (unsigned n = 0; n < bytes; n++) {
        sum = sum * 31 + pixels[n];
    }
    stbi_image_free(pixels);
    return sum;
}
