/* Dynamic programming on bytes: edit distance with one row, longest common subsequence with the path traced back. */
#include "bench.h"

enum { LENGTH = 120 };

static uint8_t row[LENGTH + 1];
static uint8_t lengths[LENGTH + 1][LENGTH + 1];

static unsigned distance(const unsigned char *a, const unsigned char *b)
{
    for (unsigned j = 0; j <= LENGTH; j++) {
        row[j] = (uint8_t)j;
    }
    for (unsigned i = 1; i <= LENGTH; i++) {
        uint8_t diagonal = row[0];
        row[0] = (uint8_t)i;
        for (unsigned j = 1; j <= LENGTH; j++) {
            const unsigned replaced = diagonal + (a[i - 1] != b[j - 1]);
            const unsigned shorter = 1u + (row[j] < row[j - 1] ? row[j] : row[j - 1]);
            diagonal = row[j];
            row[j] = (uint8_t)(replaced < shorter ? replaced : shorter);
        }
    }
    return row[LENGTH];
}

static unsigned common(const unsigned char *a, const unsigned char *b, unsigned char *out)
{
    for (unsigned i = 1; i <= LENGTH; i++) {
        for (unsigned j = 1; j <= LENGTH; j++) {
            const uint8_t up = lengths[i - 1][j], left = lengths[i][j - 1];
            lengths[i][j] = a[i - 1] == b[j - 1] ? (uint8_t)(lengths[i - 1][j - 1] + 1) : up > left ? up : left;
        }
    }
    unsigned i = LENGTH, j = LENGTH, n = lengths[i][j];
    const unsigned length = n;
    while (i && j) {
        if (a[i - 1] == b[j - 1]) {
            out[--n] = a[i - 1];
            i--, j--;
        } else if (lengths[i - 1][j] >= lengths[i][j - 1]) {
            i--;
        } else {
            j--;
        }
    }
    return length;
}

unsigned bench(const unsigned char *input, unsigned size, unsigned char *output, unsigned capacity)
{
    unsigned sum = 0;
    (void)capacity;
    for (unsigned round = 0; round < 3; round++) {
        const unsigned char *a = input + round * 97, *b = input + (size - LENGTH - round * 131);
        sum = sum * 1000 + distance(a, b);
        sum = sum * 1000 + common(a, b, output + round * LENGTH);
    }
    return sum;
}
