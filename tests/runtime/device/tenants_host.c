/* The host of eight tenants t0 ... t7: prints "key=value" lines, which test_tenants.py judges. */
#include <stdio.h>
#include <string.h>

#include "board.h"
#include "ringfence.h"

enum { TENANTS = 8, CONTROL_WORDS = 16 };

#define EACH(f) f(0) f(1) f(2) f(3) f(4) f(5) f(6) f(7)
#define DECLARE(n)                                                                                                      \
    extern const struct ringfence_sandbox ringfence_t##n;                                                              \
    extern const uint8_t __rf_t##n##_window_base[], __rf_t##n##_window_end[], __rf_t##n##_shadow_low[];                  \
    unsigned t##n##_count(void), t##n##_calls(void), t##n##_address(unsigned which), t##n##_jump(unsigned address);     \
    void t##n##_poke(unsigned address, unsigned value), t##n##_device(unsigned value), t##n##_fail(void);               \
    int t##n##_relay(int to, int depth);
EACH(DECLARE)

struct tenant {
    const struct ringfence_sandbox *sandbox;
    const uint8_t *low, *high, *shadow;
    unsigned (*count)(void), (*calls)(void), (*address)(unsigned), (*jump)(unsigned);
    void (*poke)(unsigned, unsigned), (*device)(unsigned), (*fail)(void);
    int (*relay)(int, int);
    uint32_t device_register;
};

#define ROW(n)                                                                                                          \
    {&ringfence_t##n, __rf_t##n##_window_base, __rf_t##n##_window_end, __rf_t##n##_shadow_low, t##n##_count,            \
     t##n##_calls, t##n##_address, t##n##_jump, t##n##_poke, t##n##_device, t##n##_fail, t##n##_relay, 0},
static struct tenant tenants[TENANTS] = {EACH(ROW)};
static const uint32_t registers[TENANTS] = {0x40001008, 0x40002000, 0x40002020, 0x40004010,
                                            0x40005010, 0x40006010, 0x40007010, 0x40009010};
static volatile uint32_t host_word = 0x600D600D;

static void show(const char *key, uint32_t value)
{
    printf("%s=0x%08lx\n", key, (unsigned long)value);
}

void ringfence_host_fault(void)
{
    printf("host fault\n");
    console_exit(3);
}

/* The only way from one tenant to another. */
int ask(int from, int to, int depth)
{
    (void)from;
    return to >= 0 && to < TENANTS ? tenants[to].relay((to + 1) % TENANTS, depth - 1) : -1;
}

static int inside(const struct tenant *tenant, uint32_t address)
{
    return address >= (uint32_t)tenant->low && address < (uint32_t)tenant->high;
}

static void states(void)
{
    uint32_t wrong = 0;

    for (unsigned i = 0; i < TENANTS; i++)
        for (unsigned times = 0; times <= i; times++)
            wrong += tenants[i].count() != 100 * i + times + 1;
    for (unsigned i = 0; i < TENANTS; i++)
        wrong += tenants[i].calls() != i + 1;
    show("states.wrong", wrong);
}

static void privacy(void)
{
    uint32_t shared_code = 0, outside = 0;

    for (unsigned i = 0; i < TENANTS; i++) {
        for (unsigned which = 1; which <= 3; which++)
            outside += !inside(&tenants[i], tenants[i].address(which));
        for (unsigned j = 0; j < i; j++)
            shared_code += tenants[i].address(0) == tenants[j].address(0);
    }
    show("privacy.shared_code", shared_code);
    show("privacy.outside", outside);
}

/* What tenant `i` can reach of tenant `j`, the host and the devices, by a store to where it is. */
static uint32_t attack(unsigned i, unsigned j)
{
    const uint32_t places[] = {tenants[j].address(1), tenants[j].address(2), tenants[j].address(3),
                               (uint32_t)tenants[j].low, (uint32_t)tenants[j].high - 4, (uint32_t)tenants[j].shadow,
                               (uint32_t)&host_word, registers[j]};
    uint32_t changed = 0;

    for (unsigned p = 0; p < sizeof places / sizeof places[0]; p++) {
        const uint32_t before = *(volatile uint32_t *)places[p];

        tenants[i].poke(places[p], ~before);
        changed += *(volatile uint32_t *)places[p] != before;
        if (ringfence_last_status(tenants[i].sandbox) != RINGFENCE_OK)
            ringfence_reset(tenants[i].sandbox); /* it hit its own stack */
    }
    return changed;
}

static void stores(void)
{
    uint32_t changed = 0, pairs = 0;

    for (unsigned i = 0; i < TENANTS; i++)
        for (unsigned j = 0; j < TENANTS; j++)
            if (i != j) {
                changed += attack(i, j);
                pairs++;
            }
    show("stores.pairs", pairs);
    show("stores.changed", changed);
    for (unsigned i = 0; i < TENANTS; i++)
        ringfence_reset(tenants[i].sandbox);
}

static void devices(void)
{
    uint32_t wrong = 0;

    for (unsigned i = 0; i < TENANTS; i++)
        tenants[i].device(0x1000 + i);
    for (unsigned i = 0; i < TENANTS; i++)
        wrong += *(volatile uint32_t *)registers[i] != 0x1000 + i;
    show("devices.wrong", wrong);
}

/* A call to another tenant's function by its address: whatever happens, it is not entered. */
static void jumps(void)
{
    uint32_t entered = 0;

    for (unsigned i = 0; i < TENANTS; i++)
        for (unsigned j = 0; j < TENANTS; j++) {
            const uint32_t before = tenants[j].calls();

            if (i == j)
                continue;
            tenants[i].jump((uint32_t)tenants[j].count); /* its gate, which is host code */
            tenants[i].jump(tenants[j].address(0));
            entered += tenants[j].calls() != before;
            if (ringfence_last_status(tenants[i].sandbox) != RINGFENCE_OK)
                ringfence_reset(tenants[i].sandbox);
        }
    show("jumps.entered", entered);
}

static void relays(void)
{
    show("relay.direct", (uint32_t)tenants[0].relay(1, 0));
    show("relay.all", (uint32_t)tenants[0].relay(1, TENANTS - 1));
    show("relay.all.status", ringfence_last_status(tenants[0].sandbox));
    show("relay.too_far", (uint32_t)tenants[0].relay(1, TENANTS)); /* comes back to the first, which is busy */
    show("relay.nobody", (uint32_t)tenants[0].relay(99, 1));
}

static void failures(void)
{
    uint32_t before[TENANTS], disturbed = 0, wrong = 0;

    for (unsigned i = 0; i < TENANTS; i++) {
        for (unsigned j = 0; j < TENANTS; j++)
            before[j] = tenants[j].count();
        tenants[i].fail();
        wrong += ringfence_last_fault()->sandbox != tenants[i].sandbox;
        wrong += tenants[i].count() != 0xFFFFFFFF; /* dead */
        for (unsigned j = 0; j < TENANTS; j++)
            disturbed += j != i && tenants[j].count() != before[j] + 1;
        wrong += ringfence_reset(tenants[i].sandbox) != RINGFENCE_OK;
        wrong += tenants[i].count() != 100 * i + 1;
    }
    show("failures.wrong", wrong);
    show("failures.disturbed", disturbed);
}

/* The last of a chain of eight fails: the seven others get an error value and go on. */
static void failure_in_a_chain(void)
{
    tenants[7].fail();
    show("chain", (uint32_t)tenants[0].relay(1, TENANTS - 1));
    show("chain.status", ringfence_last_status(tenants[0].sandbox));
    ringfence_reset(tenants[7].sandbox);
}

int main(void)
{
    show("init", ringfence_init_all());
    states();
    privacy();
    devices();
    stores();
    devices();
    for (unsigned i = 0; i < TENANTS; i++)
        tenants[i].count();
    jumps();
    relays();
    failures();
    failure_in_a_chain();
    show("host_word", host_word);
    printf("done\n");
    return 0;
}
