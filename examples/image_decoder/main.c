/*
 * The trusted part of the firmware: decodes two pictures while a control loop runs, and checks everything.
 *
 * Each picture is decoded twice: without interrupts, to count the decoder's instructions, and with the control loop
 * running. Compiled with -DSANDBOXED the decoder lives in a sandbox; the calls look the same.
 */
#include <stdbool.h>
#include <stdio.h>

#include "board.h"
#include "codec.h"
#include "control.h"
#include "expected.h"
#include "fnv.h"

#ifdef SANDBOXED
#define RINGFENCE_NO_PROTOTYPES /* codec.h has them */
#include "ringfence_codec.h"
#endif

enum {
    PIXEL_CAPACITY = 56 * 48 * 3,
    CONTROL_PERIOD = 10000,      /* ticks: 400 us, 6250 instructions */
    LATEST_INSTRUCTIONS = 32,    /* a step that starts later than this fails the run */
    STATUS_FAILED = 1,
    STATUS_HOST_FAULT = 3,
};

struct picture {
    const char *name;
    const uint8_t *start, *end;
    uint32_t bytes, checksum;
};

extern const uint8_t png_start[], png_end[], jpeg_start[], jpeg_end[];

static const struct picture pictures[] = {
    {"png", png_start, png_end, EXPECTED_PNG_BYTES, EXPECTED_PNG_FNV},
    {"jpeg", jpeg_start, jpeg_end, EXPECTED_JPEG_BYTES, EXPECTED_JPEG_FNV},
};

static uint8_t pixels[PIXEL_CAPACITY];
static bool all_ok = true;

static bool check(bool holds, const char *picture, const char *what)
{
    if (!holds) {
        printf("%s: FAILED: %s\n", picture, what);
        all_ok = false;
    }
    return holds;
}

void log_line(const char *text, size_t length)
{
    printf("log: %.*s\n", (int)length, text);
}

/* Decode into `pixels`; returns whether the result is that of the decoder on the build machine. */
static bool decode_and_compare(const struct picture *picture)
{
    for (size_t i = 0; i < sizeof pixels; i++) {
        pixels[i] = 0;
    }
    const int bytes = decode(picture->start, (size_t)(picture->end - picture->start), pixels, sizeof pixels);
    return check(bytes == (int)picture->bytes, picture->name, "size of the decoded picture") &&
           check(fnv1a(pixels, (size_t)bytes) == picture->checksum, picture->name, "checksum");
}

static void count_instructions(const struct picture *picture)
{
    const size_t size = (size_t)(picture->end - picture->start);
    const uint32_t before = stopwatch_ticks();
    const int bytes = decode(picture->start, size, pixels, sizeof pixels);
    const uint32_t ticks = stopwatch_ticks() - before;
    check(bytes == (int)picture->bytes, picture->name, "size of the decoded picture");
    printf("%s: instructions=%lu\n", picture->name, (unsigned long)instructions_of_ticks(ticks));
}

static void decode_under_control(const struct picture *picture)
{
    control_start(CONTROL_PERIOD);
    const bool same = decode_and_compare(picture);
    const struct control_report report = control_stop();
    const uint32_t latest = instructions_of_ticks(report.latest);
    printf("%s: checksum=%08lx steps=%lu due=%lu latest=%lu\n", picture->name, (unsigned long)picture->checksum,
           (unsigned long)report.steps, (unsigned long)report.steps_due, (unsigned long)latest);
    check(same, picture->name, "decoded pixels");
    check(report.steps + 1 >= report.steps_due && report.steps <= report.steps_due + 1, picture->name,
          "control steps missed");
    check(latest <= LATEST_INSTRUCTIONS, picture->name, "a control step was late");
    check(report.plant_as_computed, picture->name, "the controller's state was disturbed");
}

static void read_shape(const struct picture *picture)
{
    uint32_t shape[3] = {0, 0, 0};
    const int result = picture_shape(picture->start, (size_t)(picture->end - picture->start), shape);
    check(result == 0 && shape[0] * shape[1] * 3 == picture->bytes, picture->name, "shape");
    printf("%s: %lux%lu, %lu channels\n", picture->name, (unsigned long)shape[0], (unsigned long)shape[1],
           (unsigned long)shape[2]);
}

/* A damaged file must come back as an error with its reason logged, and the next picture must decode. */
static void refuse_garbage(void)
{
    static const uint8_t garbage[32] = {0x89, 'P', 'N', 'G', 1, 2, 3};
    check(decode(garbage, sizeof garbage, pixels, sizeof pixels) < 0, "garbage", "was not refused");
}

#ifdef SANDBOXED
void ringfence_host_fault(void)
{
    console_write("host fault\n", 11);
    console_exit(STATUS_HOST_FAULT);
}

static void print_last_fault(void)
{
    const struct ringfence_fault *fault = ringfence_last_fault();
    if (fault != NULL) {
        printf("sandbox %s: %s at %08lx\n", ringfence_name(fault->sandbox), ringfence_fault_name(fault->kind),
               (unsigned long)fault->pc);
    }
    printf("sandbox status=%d\n", (int)ringfence_last_status(&ringfence_codec));
}
#else
static void print_last_fault(void) {}
#endif

int main(void)
{
    stopwatch_start();
    refuse_garbage();
    for (size_t i = 0; i < sizeof pictures / sizeof pictures[0]; i++) {
        read_shape(&pictures[i]);
        count_instructions(&pictures[i]);
        decode_under_control(&pictures[i]);
    }
    print_last_fault();
    printf("image_decoder: %s\n", all_ok ? "ok" : "FAILED");
    return all_ok ? 0 : STATUS_FAILED;
}
