/* The sandbox of the calling standard's tests: abi.h, and functions that look at registers. */
#include "abi.h"

FUNCTIONS(DECLARE, HOSTS)
FUNCTIONS(DEFINE, OWN)

void host_use(uint32_t which);

uint32_t imports_differ(void)
{
    uint32_t different = 0, index = 0;

    FUNCTIONS(COMPARE, OWN)
    return different;
}

double scaled(const float *samples, unsigned bytes, float gain, double offset)
{
    double sum = offset;

    for (unsigned i = 0; i < bytes / 4; i++)
        sum += (double)(samples[i] * gain);
    return sum;
}

/* Results and arguments that are functions of the sandbox. */
static int triple(int x, int64_t y) { return 3 * x + (int)y; }
static int negate(int x, int64_t y) { return -x - (int)y; }

static int reads(const char *text, unsigned size) { return (int)size + text[0]; }

/* The rewriter redirects addresses of functions to slots; this bench does not rewrite, so here they are by hand. */
__asm__(".section .slots, \"ax\", %progbits\n .thumb\n .syntax unified\n"
        "slots: b.w triple\n b.w negate\n b.w reads\n .short 0xde00, 0xde00\n .text\n");
extern const char slots[];
int (*const keep[])(int, int64_t) __attribute__((used)) = {triple, negate};
int (*const keep_more)(const char *, unsigned) __attribute__((used)) = reads;

void *give(unsigned which)
{
    static const uint32_t odd[] = {0, 1, 2, 3, 4, 0x20100001, 0xFFFFFFFF, 17, 0};

    return (void *)(which < 4 ? (uintptr_t)slots + 4 * which + 1 : which == 4 ? (uintptr_t)slots : odd[which]);
}

int host_keeps(void *f);
int offer(unsigned which) { return host_keeps(give(which)); }

void stop(void) { __asm__ volatile("udf #0xF4"); }

#ifdef __ARM_FP
float twice_fp(float x) { return x + x; }

/* s0-s31, FPSCR and r0-r3 on entry. */
uint32_t registers[37] __attribute__((used));

#define SAVE                                                                                                  \
    "push {r4, lr}\n push {r0-r3}\n ldr r4, =registers\n mov r1, r4\n vstm r1!, {s0-s31}\n vmrs r2, FPSCR\n"  \
    "stm r1!, {r2}\n pop {r0, r2, r3, lr}\n stm r1, {r0, r2, r3, lr}\n"
__attribute__((naked)) void *fp_registers(float a, double b, int c)
{
    (void)a, (void)b, (void)c;
    __asm__ volatile(SAVE "mov r0, r4\n pop {r4, pc}\n .ltorg");
}

__attribute__((naked)) void *no_registers(void)
{
    __asm__ volatile(SAVE "mov r0, r4\n pop {r4, pc}\n .ltorg");
}

#define FILL                                                                                                      \
    "mov r0, #0x41000000\n mov r1, r0\n vmov d0, r0, r1\n vmov d1, r0, r1\n vmov d2, r0, r1\n vmov d3, r0, r1\n vmov d4, r0, r1\n" \
    "vmov d5, r0, r1\n vmov d6, r0, r1\n vmov d7, r0, r1\n vmov d8, r0, r1\n vmov d9, r0, r1\n vmov d10, r0, r1\n vmov d11, r0, r1\n"         \
    "vmov d12, r0, r1\n vmov d13, r0, r1\n vmov d14, r0, r1\n vmov d15, r0, r1\n ldr r1, =0xf3c0009f\n vmsr FPSCR, r1\n"
__attribute__((naked)) int clobber_fp(int then_trap __attribute__((unused)))
{
    __asm__ volatile("mov r2, r0\n" FILL "cbz r2, 1f\n udf #0xF1\n 1: movs r0, #1\n bx lr\n .ltorg");
}

/* What an import leaves in the floating-point registers, which FPSCR it gives back, and s16-s31: 0 if all is well. */
__attribute__((naked)) static uint32_t around_import(uint32_t which __attribute__((unused)))
{
    __asm__ volatile(
        "push {r4-r6, lr}\n vpush {d8-d15}\n ldr r4, =0x00c00000\n vmsr FPSCR, r4\n mov r5, r0\n mov r0, #0x42000000\n"
        "mov r1, r0\n vmov d8, r0, r1\n vmov d15, r0, r1\n mov r0, r5\n bl host_use\n"
        "vmrs r0, FPSCR\n eors r0, r4\n vmov r1, s16\n eor r1, #0x42000000\n orrs r0, r1\n vmov r1, s31\n"
        "eor r1, #0x42000000\n orrs r0, r1\n ldr r4, =registers\n vstm r4, {s0-s15}\n movs r1, #16\n"
        "1: ldr r2, [r4], #4\n orrs r0, r2\n subs r1, #1\n bne 1b\n"
        "vpop {d8-d15}\n movs r1, #0\n vmsr FPSCR, r1\n pop {r4-r6, pc}\n .ltorg");
}

uint32_t import_fp(uint32_t which) { return around_import(which); }

float spin_fp(unsigned rounds)
{
    volatile float sum = 0;

    for (unsigned i = 0; i < rounds; i++)
        sum += 0.5f;
    return sum;
}

void endless_fp(void)
{
    volatile float sum = 0;

    for (;;)
        sum += 0.5f;
}
#endif
