/* Probes of the interrupt sweep: gates for structures, arguments on the stack, 64-bit and floating-point values in both
 * directions (abi.h), and functions that the sandbox gives out. */
#include <stddef.h>

#include "abi.h"
#include "ringfence_box.h"
#include "sweep.h"
#include "sweep_abi.h"

enum { CALCULATE_ERROR = -77, WAVES = 1 };

static ringfence_function kept;

FUNCTIONS(DECLARE, HOSTS)
FUNCTIONS(DEFINE, HOSTS)

int host_keeps(ringfence_function function)
{
    kept = function;
    return 1;
}

static bool consists_of(const void *bytes, unsigned size, uint8_t byte)
{
    for (unsigned i = 0; i < size; i++)
        if (((const uint8_t *)bytes)[i] != byte)
            return false;
    return true;
}

static enum outcome judge_bytes(const void *found, const void *wanted, unsigned size, uint8_t error)
{
    return judge(same_bytes(found, wanted, size) != 0, consists_of(found, size, error));
}

/* Each byte of the value that a call gives that could not be completed: -1 if it is a signed number, otherwise zeros. */
#define ERROR_BYTE(value) _Generic((value), int: 0xFF, int64_t: 0xFF, default: 0)

#define PROBE(NAME, result, name, parameters, arguments, ...)                \
    static enum outcome probe_##name(void)                                     \
    {                                                                          \
        const result wanted = host_##name arguments, found = name arguments; \
        return judge_bytes(&found, &wanted, sizeof found, ERROR_BYTE(found)); \
    }
FUNCTIONS(PROBE, OWN)

static enum outcome probe_imports(void)
{
    const uint32_t different = imports_differ();
    return judge(different == 0, different == UINT32_MAX);
}

static enum outcome probe_pointer(void)
{
    const ringfence_function function = give(0);
    const int result = function == NULL ? CALCULATE_ERROR : calculate(function, 5, 7);
    return judge(result == 22, result == CALCULATE_ERROR);
}

static enum outcome probe_pointer_buffer(void)
{
    const ringfence_function function = give(1);
    const int result = function == NULL ? -1 : look_at(function, "abc", 3);
    return judge(result == 3 + 'a', result == -1);
}

static enum outcome probe_pointer_float(void)
{
    static const double wanted = 12.25;
    const ringfence_function function = give(2);
    const double result = function == NULL ? 0 : weigh(function, 4.5f, 3.25);
    return judge_bytes(&result, &wanted, sizeof result, ERROR_BYTE(result));
}

/* Inside a slot of the table of functions. */
static enum outcome probe_pointer_forged(void)
{
    static const uintptr_t inside = 2;
    const ringfence_function function = give(0);
    const int result = calculate((ringfence_function)((uintptr_t)function + inside), 5, 7);
    return judge(function != NULL && result == CALCULATE_ERROR, function == NULL && result == CALCULATE_ERROR);
}

static enum outcome probe_pointer_import(void)
{
    kept = NULL;
    const int result = offer(0);
    return judge(result == 1 && kept != NULL, result == -1);
}

static enum outcome probe_waves(void)
{
    const float wanted = waves_of(WAVES), found = waves(WAVES);
    return judge_bytes(&found, &wanted, sizeof found, ERROR_BYTE(found));
}

static enum outcome probe_trap_floating(void)
{
    const float result = fail_floating(2.5f);
    return judge(consists_of(&result, sizeof result, 0), false);
}

#define ROW(NAME, result, name, parameters, arguments, ...) {#name, probe_##name, false, false},
const struct probe abi_probes[] = {
    FUNCTIONS(ROW, OWN)
    {"imports", probe_imports, false, false},
    {"pointer", probe_pointer, false, false},
    {"pointer_buffer", probe_pointer_buffer, false, false},
    {"pointer_float", probe_pointer_float, false, false},
    {"pointer_forged", probe_pointer_forged, false, false},
    {"pointer_import", probe_pointer_import, false, false},
    {"waves", probe_waves, false, false},
    {"trap_floating", probe_trap_floating, true, false},
    {NULL, NULL, false, false},
};
