/* Taking over the processor: return addresses, function pointers, tables of them, data as code. */
#include <stddef.h>

#include "attacks.h"

enum { PACKET_WORDS = 10 };

static __attribute__((noipa)) uint32_t digest(const volatile uint32_t *words)
{
    return words[0] ^ words[3];
}

/* Copies a packet into a local buffer that is too small for it: the classic overflow. */
static __attribute__((noipa)) uint32_t parse(const uint32_t *packet, size_t words)
{
    volatile uint32_t fields[4];
    register volatile uint32_t *field = fields; /* in registers, where the overflow does not hit it */
    __asm__ volatile("" : "+r"(field));         /* the compiler does not see the bound */
    for (register size_t i = 0; i < words; i++) {
        field[i] = packet[i];
    }
    return digest(fields) + 1;
}

int attack_return_address(uint32_t target)
{
    static uint32_t packet[PACKET_WORDS];
    for (size_t i = 0; i < PACKET_WORDS; i++) {
        packet[i] = target;
    }
    return parse(packet, PACKET_WORDS) == 0 ? 1 : 0;
}

static int harmless(int value)
{
    return value;
}

/* A buffer with a function pointer behind it, as in many an object with a callback. */
static struct {
    uint32_t buffer[4];
    int (*callback)(int);
} object;

int attack_function_pointer(uint32_t target)
{
    object.callback = harmless;
    volatile uint32_t *word = object.buffer;
    for (size_t i = 0; i <= sizeof object.buffer / sizeof object.buffer[0]; i++) {
        word[i] = target;
    }
    __asm__ volatile("" ::: "memory"); /* the compiler does not see that callback changed */
    return object.callback(0);
}

struct operations {
    int (*open)(int);
    int (*read)(int);
};

static const struct operations real_operations = {harmless, harmless};

static struct {
    uint32_t buffer[4];
    const struct operations *operations;
} device;

/* As a C++ object is attacked: the overflow replaces the pointer to the table by one to a table in the message. */
int attack_fake_vtable(uint32_t target)
{
    static uint32_t fake[2];
    fake[0] = fake[1] = target;
    device.operations = &real_operations;
    volatile uint32_t *word = device.buffer;
    for (size_t i = 0; i <= sizeof device.buffer / sizeof device.buffer[0]; i++) {
        word[i] = (uint32_t)fake;
    }
    __asm__ volatile("" ::: "memory");
    return device.operations->read(0);
}

/* ldr r1, [pc]; bx r1; .word target: a message that is run. */
int attack_shellcode(uint32_t target)
{
    static volatile uint32_t message[2];
    message[0] = 0x47084900u;
    message[1] = target;
    __asm__ volatile("dsb\n isb" ::: "memory");
    int (*const code)(void) = (int (*)(void))((uint32_t)message | 1u);
    return code();
}
