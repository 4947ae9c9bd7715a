#include "victims.h"

#include <stdlib.h>
#include <string.h>

#include "attacks.h"
#include "board.h"
#include "host.h"

enum { HEAP_WORDS = 256, SETPOINTS = 8, TICK = 25000, TIMER1_IRQ = 9, TICK_ENABLES = 7 };

/* CMSDK timer 1 belongs to the host: the reload register of its watch on the motor. */
#define MOTOR_WATCH_RELOAD REGISTER(0x40001008u)

/* ARMv7-M Architecture Reference Manual, B3.2 and B3.4. */
#define VECTOR_TABLE REGISTER(0xE000ED08u)
#define SYSTEM_PRIORITIES REGISTER(0xE000ED20u) /* SHPR3: PendSV and SysTick */
#define NVIC_ENABLE REGISTER(0xE000E100u)
#define NVIC_DISABLE REGISTER(0xE000E180u)
#define ICSR_ADDRESS 0xE000ED04u
#define STIR_ADDRESS 0xE000EF00u
#define NOTHING_THERE 0xA0000000u

/* Initialised, so that all of it lies in .data, below .bss that a plain overflow tramples on. */
static uint32_t setpoints[SETPOINTS] = {1, 2, 3, 4, 5, 6, 7, 8};
static uint32_t *heap_block = setpoints;
static volatile uint32_t *stack_frame = setpoints;
static volatile bool handler_ran __attribute__((section(".data"))) = false;

/* Code that an attacker would like to replace. */
static __attribute__((noinline)) int limit(int value)
{
    __asm__ volatile("");
    return value > 100 ? 100 : value;
}

void NMI_Handler(void);
void NMI_Handler(void)
{
    handler_ran = true;
}

void TIMER1_Handler(void);
void TIMER1_Handler(void)
{
    handler_ran = true;
}

bool victims_handler_ran(void)
{
    return handler_ran;
}

void victims_prepare(volatile uint32_t *frame)
{
    stack_frame = frame;
    heap_block = malloc(HEAP_WORDS * sizeof *heap_block);
    memset(heap_block, 0x11, HEAP_WORDS * sizeof *heap_block);
    MOTOR_WATCH_RELOAD = 0x1000;
    NVIC_ENABLE = 1u << TIMER1_IRQ;
    SYSTICK_RELOAD = TICK;
    SYSTICK_CURRENT = 0;
}

uint32_t victims_target(enum victim victim)
{
    switch (victim) {
    case HEAP: return (uint32_t)(heap_block + HEAP_WORDS / 2); /* frames overlap both sides */
    case STACK_FRAME: return (uint32_t)stack_frame;
    case NEIGHBOUR: return neighbour_address();
    case DEVICE: return (uint32_t)&MOTOR_WATCH_RELOAD;
    case SYSTICK: return (uint32_t)&SYSTICK_RELOAD;
    case TICK_CONTROL: return (uint32_t)&SYSTICK_CONTROL;
    case CODE: return (uint32_t)limit & ~3u; /* without the Thumb bit, as a word */
    case VECTOR: return VECTOR_TABLE + 24 * sizeof(uint32_t); /* TIMER0_Handler */
    case VECTOR_BASE: return (uint32_t)&VECTOR_TABLE;
    case NVIC: return (uint32_t)&NVIC_DISABLE;
    case PRIORITIES: return (uint32_t)&SYSTEM_PRIORITIES;
    case PENDING_NMI: return ICSR_ADDRESS;
    case TRIGGER: return STIR_ADDRESS;
    case TAKEOVER: return (uint32_t)take_over;
    case LIFE: return NOTHING_THERE;
    default: return (uint32_t)&setpoints[2];
    }
}

extern const uint8_t _etext[];

static uint32_t checksum(uint32_t hash, const volatile void *start, const volatile void *end)
{
    for (const volatile uint8_t *byte = start; byte != end; byte++) {
        hash = (hash ^ *byte) * 16777619u;
    }
    return hash;
}

static uint32_t host_checksum(void)
{
    const uint32_t table = VECTOR_TABLE;
    const uint32_t registers[] = {MOTOR_WATCH_RELOAD, SYSTICK_RELOAD, SYSTICK_CONTROL & TICK_ENABLES,
                                  table,              NVIC_ENABLE,    SYSTEM_PRIORITIES};
    uint32_t hash = checksum(2166136261u, registers, registers + sizeof registers / sizeof registers[0]);
    if (table == 0) {
        hash = checksum(hash, (const void *)table, _etext); /* the table and all code behind it */
    }
    hash = checksum(hash, setpoints, setpoints + SETPOINTS);
    hash = checksum(hash, stack_frame, stack_frame + 1);
    return checksum(hash, heap_block, heap_block + HEAP_WORDS);
}

static uint32_t word_at_target(enum victim victim)
{
    switch (victim) {
    case PENDING_NMI:
    case TRIGGER:
    case LIFE: return 0; /* changes by itself, or cannot be read */
    case TICK_CONTROL: return SYSTICK_CONTROL & TICK_ENABLES;
    case HEAP: return checksum(0, heap_block, heap_block + HEAP_WORDS); /* frames have holes */
    default: return *(volatile uint32_t *)(victims_target(victim) & ~3u);
    }
}

static bool malloc_gives(void)
{
    void *volatile block = malloc(64);
    free(block);
    return block != NULL;
}

struct snapshot victims_look(enum victim victim)
{
    return (struct snapshot){
        .sum = host_checksum(),
        .word = word_at_target(victim),
        .neighbour = victim == NEIGHBOUR ? neighbour_state() : 0,
        .memory_left = victim != MEMORY_LEFT || malloc_gives(), /* the heap may be what was attacked */
    };
}
