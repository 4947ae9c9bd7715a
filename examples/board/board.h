/* The few things of the MPS2 AN385 board that the examples use. */
#ifndef BOARD_H
#define BOARD_H

#include <stddef.h>
#include <stdint.h>

/* The processor and both timers run at this frequency. */
#define BOARD_HZ 25000000u

/* One register of memory-mapped hardware. */
#define REGISTER(address) (*(volatile uint32_t *)(address))

/* SysTick (ARMv7-M Architecture Reference Manual, B3.3). */
#define SYSTICK_CONTROL REGISTER(0xE000E010u)
#define SYSTICK_RELOAD REGISTER(0xE000E014u)
#define SYSTICK_CURRENT REGISTER(0xE000E018u)
#define SYSTICK_ENABLE_WITH_INTERRUPT 7u /* processor clock, interrupt, enable */

/* Free-running 32-bit stopwatch on CMSDK timer 0; one tick is 40 ns. */
void stopwatch_start(void);

/* Ticks since stopwatch_start, modulo 2^32 (171 seconds). */
uint32_t stopwatch_ticks(void);

/* Instructions executed in that many ticks, exact under `qemu -icount shift=6` (64 ns an instruction). */
static inline uint32_t instructions_of_ticks(uint32_t ticks)
{
    return (uint32_t)((uint64_t)ticks * 40u / 64u);
}

/* Semihosting, answered by QEMU or by a debug probe. */
void console_write(const char *text, size_t length);
size_t console_command_line(char *text, size_t capacity);
_Noreturn void console_exit(int status);

#endif
