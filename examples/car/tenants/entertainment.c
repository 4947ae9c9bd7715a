/*
 * The entertainment tenant: shows animations with stb_image (Debian: libstb-dev), as it is distributed. It is used as
 * its header suggests, and has a known weakness: when stbi_load_gif_from_memory() is given something that is not a GIF
 * and rows are to be flipped, it flips the rows of a null pointer, with the size of the picture before
 * (CVE-2023-45667). On a Cortex-M address 0 is where the vector table is.
 */
#include <stdlib.h>
#include <string.h>

#include "tenants.h"

#define STB_IMAGE_IMPLEMENTATION
#define STBI_NO_STDIO
#define STBI_NO_THREAD_LOCALS
#define STBI_NO_SIMD
#define STBI_NO_LINEAR
#define STBI_ONLY_GIF
#define STBI_ASSERT(condition) ((condition) ? (void)0 : abort())
#include <stb_image.h>

enum { CHANNELS = 4, ERROR_NOT_UNDERSTOOD = -2, ERROR_TOO_LARGE = -3 };

/* The animation on the display. */
static struct {
    int width, height, frames, channels;
} shown;

int show(const void *data, uint32_t size, void *picture, uint32_t capacity)
{
    stbi_set_flip_vertically_on_load(1); /* the display begins with its lowest row */
    int *delays = NULL;
    uint8_t *frames = stbi_load_gif_from_memory(data, (int)size, &delays, &shown.width, &shown.height, &shown.frames,
                                                &shown.channels, CHANNELS);
    if (frames == NULL) {
        return ERROR_NOT_UNDERSTOOD;
    }
    const size_t bytes = (size_t)shown.width * (size_t)shown.height * CHANNELS;
    const int fits = bytes <= capacity;
    if (fits) {
        memcpy(picture, frames, bytes);
    }
    free(delays);
    stbi_image_free(frames);
    return fits ? shown.frames : ERROR_TOO_LARGE;
}
