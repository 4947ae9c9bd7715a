/*
 * Runs the same decoder on the build machine and prints, as a C header, what the firmware has to arrive at.
 *
 * usage: reference NAME FILE [NAME FILE ...]
 */
#include <stdio.h>
#include <stdlib.h>

#include "codec.h"
#include "fnv.h"

enum { MAXIMUM_FILE = 1 << 16, MAXIMUM_PIXELS = 1 << 20 };

void log_line(const char *text, size_t length)
{
    fprintf(stderr, "decoder: %.*s\n", (int)length, text);
}

static size_t read_file(const char *path, uint8_t *buffer, size_t capacity)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        perror(path);
        exit(1);
    }
    const size_t size = fread(buffer, 1, capacity, file);
    fclose(file);
    return size;
}

static void describe(const char *name, const char *path)
{
    static uint8_t data[MAXIMUM_FILE], pixels[MAXIMUM_PIXELS];
    const int bytes = decode(data, read_file(path, data, sizeof data), pixels, sizeof pixels);
    if (bytes <= 0) {
        fprintf(stderr, "%s: the reference decoder returned %d\n", path, bytes);
        exit(1);
    }
    printf("#define EXPECTED_%s_BYTES %d\n", name, bytes);
    printf("#define EXPECTED_%s_FNV 0x%08xu\n", name, (unsigned)fnv1a(pixels, (size_t)bytes));
}

int main(int count, char **arguments)
{
    for (int i = 1; i + 1 < count; i += 2) {
        describe(arguments[i], arguments[i + 1]);
    }
    return 0;
}
