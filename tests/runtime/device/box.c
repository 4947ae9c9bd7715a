/* The sandbox of the gate tests. It is not rewritten here: what is tested is the gate, with code that behaves as rewritten
 * code may at worst. */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ringfence.h"

int report(const void *text, unsigned length);
uint64_t sum8(int a, int b, int c, int d, int e, int f, signed char g, void *out);
void fill(void *to, unsigned count);
int call_back(int what);
void leave(int code);
uint32_t look(void);
extern char __ringfence_stack_low[];

static uint32_t counter = 5; /* .data */
static uint32_t calls;       /* .bss */
static uint32_t constructed;
uint32_t registers[16] __attribute__((used));
static const char greeting[] = "constant";

__attribute__((constructor)) static void construct(void)
{
    constructed += 7;
}

int add(int a, int b, int c, int d) { return a + 10 * b + 100 * c + 1000 * d; }
uint64_t wide(unsigned low) { return (uint64_t)0x12345678u << 32 | low; }
void nothing(void) { calls++; }
int state(void) { return (int)(counter++ + 100 * calls + 1000 * constructed); }
uint8_t narrow(int word) { return (uint8_t)word; }

/* A sandbox may return dirt in the upper bits, whatever its type says. */
__attribute__((naked)) uint8_t dirty(void)
{
    __asm__ volatile("mov r0, #-1\n bx lr");
}

int upper(const char *from, unsigned size, char *to, unsigned room)
{
    if (size > room)
        return -2;
    for (unsigned i = 0; i < size; i++)
        to[i] = from[i] >= 'a' && from[i] <= 'z' ? from[i] - 32 : from[i];
    return (int)size;
}

void twice(uint16_t *words, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        words[i] *= 2;
}

/* Where the gate put a buffer, and what a half-written one holds. */
unsigned place(char *p, unsigned size)
{
    if (size)
        p[0] = 'x';
    return (unsigned)(uintptr_t)p;
}

void fail_after_write(char *p)
{
    memset(p, '!', 4);
    __asm__ volatile("udf #0xF4");
}

void *give_pointer(unsigned which)
{
    uint32_t local;
    void *const results[] = {&counter, (void *)greeting, NULL, (void *)0x20000000, &local};

    return results[which];
}

/* r0-r12 and APSR at entry, then lr */
__attribute__((naked)) unsigned entry_registers(int a __attribute__((unused)))
{
    __asm__ volatile("push {r0}\n ldr r0, =registers\n str r1, [r0, #4]\n str r2, [r0, #8]\n str r3, [r0, #12]\n"
                     "mrs r1, APSR\n str r1, [r0, #52]\n mov r1, r12\n str r1, [r0, #48]\n"
                     "adds r0, #16\n stm r0, {r4-r11}\n subs r0, #16\n pop {r1}\n str r1, [r0]\n bx lr\n .ltorg");
}

__attribute__((naked)) int clobber(void)
{
    __asm__ volatile("ldr r0, =0xdeadbeef\n mov r1, r0\n mov r2, r0\n mov r3, r0\n mov r4, r0\n mov r5, r0\n mov r6, r0\n"
                     "mov r7, r0\n mov r8, r0\n mov r9, r0\n mov r10, r0\n mov r11, r0\n mov r12, r0\n"
                     "msr APSR_nzcvq, r0\n movs r0, #1\n bx lr\n .ltorg");
}

/* r4-r11 must survive an import; the rest must not carry anything of the host's back. Returns 0 if so. */
__attribute__((naked)) int import_registers(void)
{
    __asm__ volatile(
        "push {r4-r11, lr}\n sub sp, #4\n"
        "movs r4, #4\n movs r5, #5\n movs r6, #6\n movs r7, #7\n mov r8, #8\n mov r9, #9\n mov r10, #10\n mov r11, #11\n"
        "mov r0, sp\n str r0, [sp]\n bl look\n mrs r0, APSR\n orr r1, r0\n"
        "orrs r1, r2\n orrs r1, r3\n orr r1, r12\n ldr r0, [sp]\n mov r2, sp\n subs r0, r2\n orrs r0, r1\n"
        "subs r4, #4\n orrs r0, r4\n subs r5, #5\n orrs r0, r5\n subs r6, #6\n orrs r0, r6\n subs r7, #7\n orrs r0, r7\n"
        "sub r8, #8\n orr r0, r8\n sub r9, #9\n orr r0, r9\n sub r10, #10\n orr r0, r10\n sub r11, #11\n orr r0, r11\n"
        "add sp, #4\n pop {r4-r11, pc}");
}

/* An import must not touch the stack below SP. */
unsigned below_sp(void)
{
    uint32_t *low = (uint32_t *)__ringfence_stack_low, *sp, changed = 0;

    __asm__ volatile("mov %0, sp" : "=r"(sp));
    for (uint32_t *p = low; p < sp; p++)
        *p = 0x5a5a5a5a;
    call_back(0);
    for (uint32_t *p = low; p < sp; p++)
        changed += *p != 0x5a5a5a5a;
    return changed;
}

int say(unsigned what)
{
    char on_stack[8] = "stack";
    static char in_data[] = "data";
    char *heap = malloc(8);

    strcpy(heap, "heap");
    switch (what) {
    case 0: return report(on_stack, 5);
    case 1: return report(in_data, 4);
    case 2: return report(greeting, 8);
    case 3: return report(heap, 4);
    case 4: return report(NULL, 0);
    case 5: return report((void *)0x20000000, 4);       /* the host's */
    case 6: return report(in_data, 0xFFFFFFFF);         /* wraps */
    case 7: return report(NULL, 4);
    case 8: return report(__ringfence_stack_low, 4);    /* below SP */
    case 9: return report(__ringfence_stack_low - 2, 4); /* straddles */
    case 10: fill((void *)greeting, 4); return 0;       /* constants are not to be written */
    case 11: fill(in_data, 0x40000001); return 0;       /* times 4 wraps to 4 */
    case 12: fill(heap, 2); return heap[7];
    case 13: return report((void *)0x20000000, 0);      /* the host's, though empty */
    case 14: return report((void *)0x20110100, 4);      /* in the other sandbox's window */
    case 15: return report((void *)0x20107FFE, 4);      /* straddles the window's end */
    case 16: return report((void *)say, 4);             /* its own code */
    default: return -9;
    }
}

uint64_t many(void)
{
    uint32_t out = 0;
    uint64_t result = sum8(1, 2, 3, 4, 5, 6, (signed char)-7, &out);

    return result + out;
}

/* Deep enough that an exception frame would fit above SP. */
int recurse(int what)
{
    volatile uint32_t room[16] = {0};

    return call_back(what) + (int)room[3];
}

void quit(void) { leave(3); }
void quit_c(void) { _exit(3); }

unsigned grab(unsigned size)
{
    void *block = malloc(size);

    if (block)
        memset(block, 1, size);
    return block != NULL;
}

/* Bytes of a new block that are not zero; malloc itself leaves marks in the first words. */
unsigned stale(void)
{
    char *block = malloc(512);
    unsigned count = 0;

    for (unsigned i = 16; i < 500; i++)
        count += block[i] != 0;
    return count;
}

/* Take all memory that there is: whether the buffer, which the gate put into the same heap, is still whole. */
int squeeze(const char *p, unsigned size)
{
    unsigned whole = 0;

    while (grab(16))
        ;
    for (unsigned i = 0; i < size; i++)
        whole += p[i] == 's';
    return whole == size;
}

void *_sbrk(int change);

/* 0 if _sbrk gives, takes back and refuses as it should. */
int breaks(void)
{
    char *start = _sbrk(0);

    if (_sbrk(64) != start || _sbrk(-64) != start + 64 || _sbrk(0) != start)
        return 1;
    errno = 0;
    if (_sbrk(-0x10000) != (void *)-1 || errno != ENOMEM || _sbrk(0x7FFFFFFF) != (void *)-1)
        return 2;
    return _sbrk(0) != start;
}

int missing(void) { return write(1, "x", 1) == -1 ? errno : 0; }

void trap(unsigned which)
{
    volatile uint32_t zero = 0;

    switch (which) {
    case 0: __asm__ volatile("udf #0xF0"); break;
    case 1: __asm__ volatile("udf #0xF1"); break;
    case 2: __asm__ volatile("udf.w #0xF2"); break;
    case 3: __asm__ volatile("udf #0xF3"); break;
    case 4: abort();
    case 5: __asm__ volatile("udf #0x10"); break;
    case 6: ((void (*)(void))zero)(); break;
    case 7: __asm__ volatile("movs r0, #0x20000001 & 0xff\n movt r0, #0x2010\n ldm r0, {r1, r2}" ::: "r0", "r1", "r2"); break;
    case 8: (void)*(volatile uint32_t *)0xA0000000; break;
    case 9: *(volatile uint32_t *)0xA0000000 = 1; break;
    case 10: zero = 1 / zero; break;
    case 11: /* in an IT block, with the frame moved for alignment */
        __asm__ volatile("sub sp, #4\n movs r0, #0\n mov r1, #0xA0000000\n cmp r0, r0\n"
                         "iteee eq\n ldreq r2, [r1]\n movne r0, #1\n movne r0, #2\n movne r0, #3" ::: "r0", "r1", "r2", "cc");
        break;
    case 12: __asm__ volatile(".inst.w 0xf7f0a0ff"); break; /* udf.w #0xff */
    case 13: __asm__ volatile(".inst.w 0xec000000"); break; /* a coprocessor instruction */
    default: break;
    }
}

unsigned spin(unsigned rounds)
{
    volatile unsigned count = 0;

    while (count < rounds)
        count++;
    return count;
}

void endless(void)
{
    for (;;)
        __asm__ volatile("");
}

void endless_import(void)
{
    for (;;)
        call_back(0);
}
