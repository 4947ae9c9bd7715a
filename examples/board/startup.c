/*
 * Start-up code in the manner of a silicon vendor: the vector table, weak handlers that wait for the debugger,
 * and Reset_Handler, which initialises .data and .bss and calls main.
 */
#include <stdint.h>

extern uint32_t _estack, _sidata, _sdata, _edata, _sbss, _ebss;

int main(void);
void __libc_init_array(void);
_Noreturn void _exit(int status);
void _init(void);
void _fini(void);

/* newlib calls these; without crti.o they are the board's. */
void _init(void) {}
void _fini(void) {}

/* Coprocessor Access Control Register (ARMv7-M Architecture Reference Manual, B3.2.20): full access to the FPU. */
#define CPACR (*(volatile uint32_t *)0xE000ED88u)
#define CPACR_FPU (0xFu << 20)

_Noreturn void Reset_Handler(void)
{
#ifdef __ARM_FP
    CPACR |= CPACR_FPU;
    __asm__ volatile("dsb\n isb" ::: "memory");
#endif
    const uint32_t *source = &_sidata;
    for (uint32_t *word = &_sdata; word < &_edata;) {
        *word++ = *source++;
    }
    for (uint32_t *word = &_sbss; word < &_ebss;) {
        *word++ = 0;
    }
    __libc_init_array();
    _exit(main());
}

/* An exception that nobody handles ends the program with this status, so that a test sees it. */
#define STATUS_UNHANDLED_EXCEPTION 99

void Default_Handler(void)
{
    _exit(STATUS_UNHANDLED_EXCEPTION);
}

#define WEAK_HANDLER(name) void name(void) __attribute__((weak, alias("Default_Handler")))

WEAK_HANDLER(NMI_Handler);
WEAK_HANDLER(HardFault_Handler);
WEAK_HANDLER(MemManage_Handler);
WEAK_HANDLER(BusFault_Handler);
WEAK_HANDLER(UsageFault_Handler);
WEAK_HANDLER(SVC_Handler);
WEAK_HANDLER(DebugMon_Handler);
WEAK_HANDLER(PendSV_Handler);
WEAK_HANDLER(SysTick_Handler);
WEAK_HANDLER(UARTRX0_Handler);
WEAK_HANDLER(UARTTX0_Handler);
WEAK_HANDLER(TIMER0_Handler);
WEAK_HANDLER(TIMER1_Handler);

typedef void (*handler)(void);

/* ARMv7-M Architecture Reference Manual, B1.5.3: the initial SP, then one handler for each exception number. */
__attribute__((section(".isr_vector"), used)) static const handler vectors[] = {
    (handler)&_estack,
    (handler)Reset_Handler,
    NMI_Handler,
    HardFault_Handler,
    MemManage_Handler,
    BusFault_Handler,
    UsageFault_Handler,
    0,
    0,
    0,
    0,
    SVC_Handler,
    DebugMon_Handler,
    0,
    PendSV_Handler,
    SysTick_Handler,
    UARTRX0_Handler,
    UARTTX0_Handler,
    Default_Handler,
    Default_Handler,
    Default_Handler,
    Default_Handler,
    Default_Handler,
    Default_Handler,
    TIMER0_Handler,
    TIMER1_Handler,
};
