/* Recursion: all ways to place eight queens, Ackermann's function, and permutations in order. */
#include "bench.h"

enum { SIZE = 8 };

static int8_t column[SIZE];
static unsigned solutions;
static unsigned char first[64][SIZE];

static int safe(int row, int at)
{
    for (int n = 0; n < row; n++) {
        const int difference = at - column[n];
        if (difference == 0 || difference == row - n || difference == n - row) {
            return 0;
        }
    }
    return 1;
}

static void place(int row)
{
    if (row == SIZE) {
        if (solutions < 64) {
            memcpy(first[solutions], column, SIZE);
        }
        solutions++;
        return;
    }
    for (int at = 0; at < SIZE; at++) {
        if (safe(row, at)) {
            column[row] = (int8_t)at;
            place(row + 1);
        }
    }
}

static unsigned ackermann(unsigned m, unsigned n)
{
    return m == 0 ? n + 1 : n == 0 ? ackermann(m - 1, 1) : ackermann(m - 1, ackermann(m, n - 1));
}

static unsigned permute(unsigned char *items, int from, int count)
{
    unsigned sum = 0;
    if (from == count) {
        for (int n = 0; n < count; n++) {
            sum = sum * 7 + items[n];
        }
        return sum;
    }
    for (int n = from; n < count; n++) {
        unsigned char t = items[from];
        items[from] = items[n];
        items[n] = t;
        sum = sum * 3 + permute(items, from + 1, count);
        items[n] = items[from];
        items[from] = t;
    }
    return sum;
}

unsigned bench(const unsigned char *input, unsigned size, unsigned char *output, unsigned capacity)
{
    unsigned char items[6] = {1, 2, 3, 4, 5, 6};
    (void)input, (void)size;
    place(0);
    const unsigned sum = solutions + ackermann(2, 6) * 1000 + permute(items, 0, 6);
    memcpy(output, first, capacity < sizeof first ? capacity : sizeof first);
    return sum;
}
