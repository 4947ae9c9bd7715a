/* Start-up of the test firmware for QEMU's mps2-an385: vectors, semihosting, memory. */
#include "start.h"

extern uint32_t data_load[], data_low[], data_high[], bss_low[], bss_high[], stack_top[];

static uint32_t semihost(uint32_t operation, const void *argument)
{
    register uint32_t r0 __asm__("r0") = operation;
    register const void *r1 __asm__("r1") = argument;

    __asm__ volatile("bkpt #0xAB" : "+r"(r0) : "r"(r1) : "memory");
    return r0;
}

void print(const char *text)
{
    semihost(4, text);
}

void print_hex(uint32_t value)
{
    static char text[11];

    text[0] = '0', text[1] = 'x';
    for (int i = 0; i < 8; i++)
        text[2 + i] = "0123456789abcdef"[(value >> (28 - 4 * i)) & 15];
    print(text);
}

void finish(int code)
{
    const uint32_t block[2] = {0x20026, (uint32_t)code};

    semihost(0x20, block);
    for (;;)
        ;
}

/* The scenario's name, from the command line of QEMU. */
const char *scenario(void)
{
    static char line[64];
    uint32_t block[2] = {(uint32_t)line, sizeof line};

    return semihost(0x15, block) == 0 ? line : "";
}

static void start(void)
{
#ifdef __ARM_FP
    *(volatile uint32_t *)0xE000ED88u |= 0xFu << 20; /* CPACR: the FPU may be used */
    __asm__ volatile("dsb\n isb");
#endif
    for (uint32_t *to = data_low, *from = data_load; to < data_high;)
        *to++ = *from++;
    for (uint32_t *to = bss_low; to < bss_high;)
        *to++ = 0;
    finish(host_main());
}

__attribute__((weak)) void HardFault_Handler(void) { finish(70); }
__attribute__((weak)) void MemManage_Handler(void) { finish(71); }
__attribute__((weak)) void BusFault_Handler(void) { finish(72); }
__attribute__((weak)) void UsageFault_Handler(void) { finish(73); }

__attribute__((section(".vectors"), used)) static void *const vectors[16] = {
    stack_top, start, 0, HardFault_Handler, MemManage_Handler, BusFault_Handler, UsageFault_Handler,
    0, 0, 0, 0, SVC_Handler, 0, 0, PendSV_Handler, SysTick_Handler,
};
