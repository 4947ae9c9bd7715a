/* The trusted program of the link tests: start-up code in the vendor's style, then one call into each sandbox. */
#include <stdint.h>

#ifdef CMSIS_STYLE
extern uint32_t __etext[], __data_start__[], __data_end__[], __bss_start__[], __bss_end__[], __StackTop[];
#define DATA_LOAD __etext
#define DATA_START __data_start__
#define DATA_END __data_end__
#define BSS_START __bss_start__
#define BSS_END __bss_end__
#define STACK_TOP __StackTop
#define VECTORS ".vectors"
#else
extern uint32_t _sidata[], _sdata[], _edata[], _sbss[], _ebss[], _estack[];
#define DATA_LOAD _sidata
#define DATA_START _sdata
#define DATA_END _edata
#define BSS_START _sbss
#define BSS_END _ebss
#define STACK_TOP _estack
#define VECTORS ".isr_vector"
#endif

void Reset_Handler(void);

__attribute__((section(VECTORS), used)) void *const vectors[] = {STACK_TOP, (void *)Reset_Handler};

volatile int host_data = 0x5a5a;
#ifndef HOST_ALIGN
#define HOST_ALIGN 4
#endif
static char host_bss[4096] __attribute__((aligned(HOST_ALIGN)));

static void fill(uint32_t *to, uint32_t *end, const uint32_t *from) {
    while (to < end)
        *to++ = from ? *from++ : 0;
}

static void leave(unsigned reason) { /* semihosting SYS_EXIT */
    register unsigned r0 __asm__("r0") = 0x18;
    register unsigned r1 __asm__("r1") = reason;
    __asm__ volatile("bkpt 0xab" : : "r"(r0), "r"(r1) : "memory");
    for (;;)
        ;
}

#define SANDBOX(name)                                                                                   \
    extern uint32_t __rf_##name##_data_load[], __rf_##name##_data_start[], __rf_##name##_data_end[],    \
        __rf_##name##_bss_start[], __rf_##name##_bss_end[], __rf_##name##_heap_end[];                   \
    extern void (*const __rf_##name##_init_array_start[])(void), (*const __rf_##name##_init_array_end[])(void); \
    extern int __rf_##name##_export_work(int);                                                          \
    int __rf_##name##_import_twice(int x) { return 2 * x; }                                             \
    static int enter_##name(int x) {                                                                    \
        fill(__rf_##name##_data_start, __rf_##name##_data_end, __rf_##name##_data_load);                \
        for (char *p = (char *)__rf_##name##_data_end; p < (char *)__rf_##name##_heap_end; p++)         \
            *p = (char)0xee; /* what RAM holds at power-up */                                           \
        fill(__rf_##name##_bss_start, __rf_##name##_bss_end, 0);                                        \
        for (void (*const *f)(void) = __rf_##name##_init_array_start; f < __rf_##name##_init_array_end; f++) \
            (*f)();                                                                                     \
        return __rf_##name##_export_work(x);                                                            \
    }

SANDBOX(codec)
#ifdef TWO
SANDBOX(filter)
#else
#define enter_filter enter_codec
#endif

void Reset_Handler(void) {
    fill(DATA_START, DATA_END, DATA_LOAD);
    fill(BSS_START, BSS_END, 0);
    host_bss[7] = 1;
    int ok = enter_codec(20) == 1042 && enter_filter(20) == 1042;
    for (unsigned i = 0; i < sizeof host_bss; i++)
        ok &= host_bss[i] == (i == 7);
    leave(ok && host_data == 0x5a5a ? 0x20026 : 0x20023); /* ADP_Stopped_ApplicationExit, or a run-time error */
}
