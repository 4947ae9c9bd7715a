/* The image decoder as the rest of the firmware sees it. In the sandboxed firmware these are gates. */
#ifndef CODEC_H
#define CODEC_H

#include <stddef.h>
#include <stdint.h>

/*
 * Decodes a PNG, JPEG or BMP file of `size` bytes into RGB, 3 bytes a pixel, rows from top to bottom.
 * Returns the number of bytes written to `pixels`, or a negative number: the file is not understood,
 * it does not fit into `capacity` bytes, or the decoder failed.
 */
int decode(const uint8_t *data, size_t size, uint8_t *pixels, size_t capacity);

/* Width, height and channels of the file into shape[0..2]. Returns 0, or a negative number. */
int picture_shape(const uint8_t *data, size_t size, uint32_t shape[3]);

/* Provided by the host: one line of text, not terminated by a zero. */
void log_line(const char *text, size_t length);

#endif
