/* nanopb: encodes and decodes nested messages with strings, repeated and optional fields; the descriptors are what
 * its generator would write for
 *
 *   message Reading { required uint32 time = 1; required sint32 value = 2; optional string unit = 3; }
 *   message Report { required string name = 1; repeated Reading readings = 2; repeated uint32 codes = 3 [packed = true];
 *                    optional bytes blob = 4; optional uint64 serial = 5; }
 */
#include "bench.h"
#include "pb_decode.h"
#include "pb_encode.h"

typedef struct {
    uint32_t time;
    int32_t value;
    bool has_unit;
    char unit[8];
} Reading;

typedef PB_BYTES_ARRAY_T(32) Report_blob_t;

typedef struct {
    char name[24];
    pb_size_t readings_count;
    Reading readings[12];
    pb_size_t codes_count;
    uint32_t codes[20];
    bool has_blob;
    Report_blob_t blob;
    bool has_serial;
    uint64_t serial;
} Report;

#define Reading_FIELDLIST(X, a)               \
    X(a, STATIC, REQUIRED, UINT32, time, 1)   \
    X(a, STATIC, REQUIRED, SINT32, value, 2)  \
    X(a, STATIC, OPTIONAL, STRING, unit, 3)
#define Reading_CALLBACK NULL
#define Reading_DEFAULT NULL
#define Report_FIELDLIST(X, a)                   \
    X(a, STATIC, REQUIRED, STRING, name, 1)      \
    X(a, STATIC, REPEATED, MESSAGE, readings, 2) \
    X(a, STATIC, REPEATED, UINT32, codes, 3)     \
    X(a, STATIC, OPTIONAL, BYTES, blob, 4)       \
    X(a, STATIC, OPTIONAL, UINT64, serial, 5)
#define Report_CALLBACK NULL
#define Report_DEFAULT NULL
#define Report_readings_MSGTYPE Reading
extern const pb_msgdesc_t Reading_msg, Report_msg;
PB_BIND(Reading, Reading, AUTO)
PB_BIND(Report, Report, 2)

static Report report, copy;
static unsigned char encoded[512];

unsigned bench(const unsigned char *input, unsigned size, unsigned char *output, unsigned capacity)
{
    uint32_t seed = 21;
    unsigned sum = 0;
    (void)size;
    for (int round = 0; round < 5; round++) {
        memset(&report, 0, sizeof report);
        memcpy(report.name, input + round, 20);
        report.readings_count = (pb_size_t)(4 + round);
        for (int n = 0; n < report.readings_count; n++) {
            report.readings[n].time = next_random(&seed) >> n;
            report.readings[n].value = (int32_t)next_random(&seed) >> 12;
            report.readings[n].has_unit = n & 1;
            memcpy(report.readings[n].unit, "mV", 3);
        }
        report.codes_count = 20;
        for (int n = 0; n < 20; n++) {
            report.codes[n] = next_random(&seed) >> (n + 8);
        }
        report.has_blob = true;
        report.blob.size = 32;
        memcpy(report.blob.bytes, input + 40, 32);
        report.has_serial = true;
        report.serial = (uint64_t)next_random(&seed) << 20;

        pb_ostream_t out = pb_ostream_from_buffer(encoded, sizeof encoded);
        if (!pb_encode(&out, &Report_msg, &report)) {
            return 0;
        }
        pb_istream_t in = pb_istream_from_buffer(encoded, out.bytes_written);
        memset(&copy, 0, sizeof copy);
        if (!pb_decode(&in, &Report_msg, &copy)) {
            return 1;
        }
        sum = sum * 1009 + (unsigned)out.bytes_written + (memcmp(&copy, &report, sizeof copy) == 0);
    }
    memcpy(output, encoded, capacity < sizeof encoded ? capacity : sizeof encoded);
    return sum;
}
