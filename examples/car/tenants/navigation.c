/*
 * The navigation tenant. Messages come as JSON and are read with jsmn (Debian: libjsmn-dev), which is closed into the
 * sandbox with everything else that this file uses.
 *
 *     {"fix": [5251630, 1337770], "heading": [3, 4], "route": [[5251900, 1337900], ...]}
 *
 * Coordinates are degrees * 10^5 (latitude, longitude); the heading is a direction in the same axes.
 */
#include <stdlib.h>
#include <string.h>

#include "tenants.h"

#define JSMN_STATIC
#include "jsmn.h"

enum { MOST_TOKENS = 96, CENTIMETRES = 111, LONGITUDE_SHARE = 61, REACHED_METRES = 30 };
enum { ERROR_SYNTAX = -2, ERROR_MEANING = -3 };

struct point {
    int32_t north, east;
};

static int understood;

static struct point vector(struct point from, struct point to)
{
    /* 10^-5 degrees are 1.11 m; of longitude, 0.61 of that at 52 degrees north */
    return (struct point){(to.north - from.north) * CENTIMETRES / 100,
                          (to.east - from.east) * CENTIMETRES / 100 * LONGITUDE_SHARE / 100};
}

static int32_t square_root(uint64_t value)
{
    uint64_t root = 0;
    for (uint64_t bit = 1ull << 31; bit != 0; bit >>= 1) {
        if ((root + bit) * (root + bit) <= value) {
            root += bit;
        }
    }
    return (int32_t)root;
}

static int32_t length(struct point v)
{
    return square_root((uint64_t)((int64_t)v.north * v.north + (int64_t)v.east * v.east));
}

static int is_key(const char *text, const jsmntok_t *token, const char *name)
{
    const size_t size = (size_t)(token->end - token->start);
    return token->type == JSMN_STRING && size == strlen(name) && memcmp(text + token->start, name, size) == 0;
}

/* A token and everything inside it. */
static int skip(const jsmntok_t *tokens, int count, int at)
{
    const int end = tokens[at].end;
    while (at < count && tokens[at].start < end) {
        at++;
    }
    return at;
}

static int read_point(const char *text, const jsmntok_t *tokens, int count, int at, struct point *point)
{
    if (at + 2 >= count || tokens[at].type != JSMN_ARRAY || tokens[at].size != 2) {
        return 0;
    }
    point->north = (int32_t)strtol(text + tokens[at + 1].start, NULL, 10);
    point->east = (int32_t)strtol(text + tokens[at + 2].start, NULL, 10);
    return 1;
}

static void advise(const struct advice *found, struct point heading, struct point way, struct advice *advice)
{
    *advice = *found;
    const int64_t cross = (int64_t)heading.north * way.east - (int64_t)heading.east * way.north;
    advice->turn = (cross > 0) - (cross < 0);
}

/* The first waypoint of the route that is not reached yet. */
static int plan(const char *text, const jsmntok_t *tokens, int count, int route, const struct point *fix,
                struct point heading, struct advice *advice)
{
    int at = route + 1;
    for (int i = 0; i < tokens[route].size; i++, at = skip(tokens, count, at)) {
        struct point waypoint;
        if (!read_point(text, tokens, count, at, &waypoint)) {
            return ERROR_MEANING;
        }
        const struct point way = vector(*fix, waypoint);
        if (length(way) > REACHED_METRES) {
            const struct advice found = {i, length(way), 0};
            advise(&found, heading, way, advice);
            return 0;
        }
    }
    *advice = (struct advice){-1, 0, 0};
    return 0;
}

int navigate(const void *message, uint32_t size, void *advice)
{
    static jsmntok_t tokens[MOST_TOKENS];
    jsmn_parser parser;
    jsmn_init(&parser);
    const int count = jsmn_parse(&parser, message, size, tokens, MOST_TOKENS);
    if (count < 1 || tokens[0].type != JSMN_OBJECT) {
        return ERROR_SYNTAX;
    }
    struct point fix = {0, 0}, heading = {0, 0};
    int route = 0, known = 0;
    for (int at = 1; at + 1 < count; at = skip(tokens, count, at + 1)) {
        if (is_key(message, &tokens[at], "fix")) {
            known += read_point(message, tokens, count, at + 1, &fix);
        } else if (is_key(message, &tokens[at], "heading")) {
            known += read_point(message, tokens, count, at + 1, &heading);
        } else if (is_key(message, &tokens[at], "route")) {
            route = at + 1;
        }
    }
    if (known != 2 || route == 0 || tokens[route].type != JSMN_ARRAY) {
        return ERROR_MEANING;
    }
    struct advice result = {-1, 0, 0};
    const int error = plan(message, tokens, count, route, &fix, heading, &result);
    if (error == 0) {
        memcpy(advice, &result, sizeof result);
        understood++;
    }
    return error;
}

int navigations(void)
{
    return understood;
}
