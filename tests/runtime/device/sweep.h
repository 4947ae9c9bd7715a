/* What the files of the interrupt sweep share. */
#ifndef SWEEP_H
#define SWEEP_H

#include <stdbool.h>
#include <stdint.h>

/* Of one call: as it must be; ended early, with its error value; anything else. */
enum outcome { RIGHT, GAVE_UP, WRONG };

static inline enum outcome judge(bool right, bool error)
{
    return right ? RIGHT : error ? GAVE_UP : WRONG;
}

struct probe {
    const char *name;
    enum outcome (*function)(void);
    bool ends_dead, begins_dead;
};

extern const struct probe probes[], abi_probes[]; /* each ends with a name of NULL */

/* Calls f with r4-r11 = 4..11; *kept: 0 if they, and SP, are so afterwards. */
enum outcome keeping_registers(enum outcome (*f)(void), uint32_t *kept);

/* sweep_fp.c: the same with known values in s16-s31 and FPSCR, if there is an FPU; fp_kept() says whether they are there
 * still. The other two fill registers with rubbish: those that a handler may change (s0-s15, FPSCR), and all. */
enum outcome keeping_fp(enum outcome (*f)(void), uint32_t *kept);
bool fp_kept(void);
void spoil_caller_saved_fp(void);
void spoil_all_fp(void);

#endif
