/* Runs on the build machine: what the tenants must answer to well-formed messages. Prints a header. */
#include <stdio.h>

#include "fnv.h"
#include "tenants.h"

static uint8_t message[65536];
static uint8_t picture[PICTURE_BYTES];

static uint32_t load(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        return 0;
    }
    const size_t size = fread(message, 1, sizeof message, file);
    fclose(file);
    return (uint32_t)size;
}

int main(int count, char **arguments)
{
    if (count != 3) {
        return 2;
    }
    struct advice advice;
    const uint32_t route = load(arguments[1]);
    const int answer = navigate(message, route, &advice);
    printf("#define EXPECTED_WAYPOINT %d\n#define EXPECTED_METRES %d\n#define EXPECTED_TURN (%d)\n", advice.waypoint,
           advice.metres, advice.turn);
    const uint32_t logo = load(arguments[2]);
    const int frames = show(message, logo, picture, sizeof picture);
    printf("#define EXPECTED_FRAMES %d\n#define EXPECTED_PICTURE 0x%08xu\n", frames,
           (unsigned)fnv1a(picture, sizeof picture));
    return answer == 0 && frames > 0 ? 0 : 1;
}
