/* Floating-point registers in the interrupt sweep. Without an FPU there are none. */
#include "sweep.h"

#ifdef __ARM_FP
#include <string.h>

#define HOST_FPSCR 0xF700009Fu /* flush to zero, default NaN, and all flags, so that arithmetic adds none. Rounding is to
                                  nearest, as the compiler does it where it computes a result */
#define RUBBISH 0x7FABCDEFu
#define FOUR(x) x, x, x, x
#define CALLER_SAVED "s0", "s1", "s2", "s3", "s4", "s5", "s6", "s7", "s8", "s9", "s10", "s11", "s12", "s13", "s14", "s15"
#define CALLEE_SAVED \
    "s16", "s17", "s18", "s19", "s20", "s21", "s22", "s23", "s24", "s25", "s26", "s27", "s28", "s29", "s30", "s31"

/* s16-s31, FPSCR */
const uint32_t fp_given[17] __attribute__((used)) = {
    0x41000010, 0x41000011, 0x41000012, 0x41000013, 0x41000014, 0x41000015, 0x41000016, 0x41000017, 0x41000018,
    0x41000019, 0x4100001A, 0x4100001B, 0x4100001C, 0x4100001D, 0x4100001E, 0x4100001F, HOST_FPSCR,
};
uint32_t fp_found[17] __attribute__((used));
static const uint32_t rubbish[32] = {
    FOUR(RUBBISH), FOUR(RUBBISH), FOUR(RUBBISH), FOUR(RUBBISH), FOUR(RUBBISH), FOUR(RUBBISH), FOUR(RUBBISH), FOUR(RUBBISH),
};

__attribute__((naked, noinline)) enum outcome keeping_fp(enum outcome (*f)(void) __attribute__((unused)),
                                                         uint32_t *kept __attribute__((unused)))
{
    __asm__ volatile(
        "push {r4, lr}\n vpush {s16-s31}\n ldr r4, =fp_given\n vldm r4!, {s16-s31}\n ldr r4, [r4]\n vmsr FPSCR, r4\n"
        "bl keeping_registers\n ldr r4, =fp_found\n vstm r4!, {s16-s31}\n vmrs r1, FPSCR\n str r1, [r4]\n movs r1, #0\n"
        "vmsr FPSCR, r1\n vpop {s16-s31}\n pop {r4, pc}\n .ltorg");
}

bool fp_kept(void)
{
    return memcmp(fp_given, fp_found, sizeof fp_given) == 0;
}

void spoil_caller_saved_fp(void)
{
    __asm__ volatile("vldm %0, {s0-s15}\n vmsr FPSCR, %1" ::"r"(rubbish), "r"(0) : CALLER_SAVED);
}

void spoil_all_fp(void)
{
    __asm__ volatile("vldm %0, {s0-s31}\n vmsr FPSCR, %1" ::"r"(rubbish), "r"(0) : CALLER_SAVED, CALLEE_SAVED);
}
#else
enum outcome keeping_fp(enum outcome (*f)(void), uint32_t *kept)
{
    return keeping_registers(f, kept);
}

bool fp_kept(void) { return true; }
void spoil_caller_saved_fp(void) {}
void spoil_all_fp(void) {}
#endif
