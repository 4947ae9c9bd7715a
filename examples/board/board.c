/* Stopwatch and semihosting for the MPS2 AN385 board. */
#include "board.h"

#define TIMER0_CONTROL REGISTER(0x40000000u)
#define TIMER0_VALUE REGISTER(0x40000004u)
#define TIMER0_RELOAD REGISTER(0x40000008u)
#define TIMER_ENABLE 1u

#define SYS_WRITE 0x05
#define SYS_GET_CMDLINE 0x15
#define SYS_EXIT_EXTENDED 0x20
#define SYS_OPEN 0x01
#define ADP_STOPPED_APPLICATION_EXIT 0x20026u
#define OPEN_MODE_WRITE 4u

void stopwatch_start(void)
{
    TIMER0_CONTROL = 0;
    TIMER0_RELOAD = 0xFFFFFFFFu;
    TIMER0_VALUE = 0xFFFFFFFFu;
    TIMER0_CONTROL = TIMER_ENABLE;
}

uint32_t stopwatch_ticks(void)
{
    return 0xFFFFFFFFu - TIMER0_VALUE; /* it counts down */
}

/* Semihosting for Arm and AArch64, chapter 3: operation in r0, parameter block in r1, BKPT 0xAB. */
static int semihosting_call(int operation, const void *parameters)
{
    register int r0 __asm__("r0") = operation;
    register const void *r1 __asm__("r1") = parameters;
    __asm__ volatile("bkpt 0xAB" : "+r"(r0) : "r"(r1) : "memory");
    return r0;
}

/* The handle of the semihosting console; opened at the first use, it stays open. */
static uint32_t console_handle(void)
{
    static uint32_t handle;
    static int opened;
    if (!opened) {
        static const char name[] = ":tt";
        const uint32_t block[3] = {(uint32_t)name, OPEN_MODE_WRITE, sizeof name - 1};
        handle = (uint32_t)semihosting_call(SYS_OPEN, block);
        opened = 1;
    }
    return handle;
}

void console_write(const char *text, size_t length)
{
    const uint32_t block[3] = {console_handle(), (uint32_t)text, length};
    semihosting_call(SYS_WRITE, block);
}

size_t console_command_line(char *text, size_t capacity)
{
    uint32_t block[2] = {(uint32_t)text, capacity};
    if (semihosting_call(SYS_GET_CMDLINE, block) != 0) {
        return 0;
    }
    return block[1];
}

void console_exit(int status)
{
    const uint32_t block[2] = {ADP_STOPPED_APPLICATION_EXIT, (uint32_t)status};
    for (;;) {
        semihosting_call(SYS_EXIT_EXTENDED, block);
    }
}
