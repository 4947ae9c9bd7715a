/* What the two tenants offer to the car. */
#ifndef TENANTS_H
#define TENANTS_H

#include <stddef.h>
#include <stdint.h>

/* What the navigation says. */
struct advice {
    int32_t waypoint; /* index of the next waypoint of the route; -1 behind the last */
    int32_t metres;   /* to it */
    int32_t turn;     /* -1 left, 0 straight on, 1 right */
};

/* tenants/navigation.c: from a message in JSON to advice; 0, or below 0 if the message is not understood. */
int navigate(const void *message, uint32_t size, void *advice);

/* How many messages it has understood since its start. */
int navigations(void);

enum { PICTURE_BYTES = 4096 };

/* tenants/entertainment.c: the first frame of an animation (GIF) as RGBA; the number of frames, or below 0. */
int show(const void *data, uint32_t size, void *picture, uint32_t capacity);

#endif
