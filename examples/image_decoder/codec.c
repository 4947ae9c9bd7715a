/*
 * The sandbox: the image decoder of stb_image.h (Debian: libstb-dev), which the firmware needs but does not trust.
 * Its malloc, memcpy and the rest come from newlib-nano; all of it is closed into the sandbox.
 */
#include "codec.h"

#include <stdlib.h>
#include <string.h>

#define STB_IMAGE_IMPLEMENTATION
#define STBI_NO_STDIO
#define STBI_NO_THREAD_LOCALS
#define STBI_NO_SIMD /* one code path on the microcontroller and on the build machine */
#define STBI_NO_LINEAR
#define STBI_ONLY_PNG
#define STBI_ONLY_JPEG
#define STBI_ONLY_BMP
#define STBI_ASSERT(condition) ((condition) ? (void)0 : abort())
#include <stb_image.h>

enum { CHANNELS = 3, ERROR_NOT_UNDERSTOOD = -2, ERROR_TOO_LARGE = -3 };

static int refuse(const char *reason, int error)
{
    log_line(reason, strlen(reason));
    return error;
}

int decode(const uint8_t *data, size_t size, uint8_t *pixels, size_t capacity)
{
    int width, height, channels_in_file;
    uint8_t *decoded =
        stbi_load_from_memory(data, (int)size, &width, &height, &channels_in_file, CHANNELS);
    if (decoded == NULL) {
        return refuse(stbi_failure_reason(), ERROR_NOT_UNDERSTOOD);
    }
    const size_t bytes = (size_t)width * (size_t)height * CHANNELS;
    const int fits = bytes <= capacity;
    if (fits) {
        memcpy(pixels, decoded, bytes);
    }
    stbi_image_free(decoded);
    return fits ? (int)bytes : refuse("picture larger than the buffer", ERROR_TOO_LARGE);
}

int picture_shape(const uint8_t *data, size_t size, uint32_t shape[3])
{
    int width, height, channels;
    if (!stbi_info_from_memory(data, (int)size, &width, &height, &channels)) {
        return refuse(stbi_failure_reason(), ERROR_NOT_UNDERSTOOD);
    }
    shape[0] = (uint32_t)width;
    shape[1] = (uint32_t)height;
    shape[2] = (uint32_t)channels;
    return 0;
}
