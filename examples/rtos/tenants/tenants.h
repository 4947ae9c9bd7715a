/* What the three tenants offer. */
#ifndef TENANTS_H
#define TENANTS_H

#include <stdint.h>

/* tenants/median.c: sorts its copy of the samples. At least 0. */
int median(const void *samples, uint32_t size);

/* tenants/cipher.c: XTEA on blocks of 8 bytes; 0. */
int encipher(void *blocks, uint32_t size, const void *key);

/* tenants/rogue.c: well-behaved for a while, then it hangs (`hang` = 1) or faults (2). Returns 7 (0). */
int rogue(int hang);

#endif
