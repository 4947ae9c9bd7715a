/* Sorting records with comparison callbacks: insertion sort inside a quicksort, heapsort, and a merge sort. */
#include "bench.h"

enum { COUNT = 300, SMALL = 8 };

struct record {
    uint32_t key;
    uint16_t group;
    uint8_t tag[6];
};

typedef int (*comparison)(const struct record *, const struct record *);

static struct record records[COUNT], spare[COUNT];

static int by_key(const struct record *a, const struct record *b)
{
    return (a->key > b->key) - (a->key < b->key);
}

static int by_group(const struct record *a, const struct record *b)
{
    return a->group != b->group ? (int)a->group - (int)b->group : by_key(a, b);
}

static int by_tag(const struct record *a, const struct record *b)
{
    const int order = memcmp(a->tag, b->tag, sizeof a->tag);
    return order ? order : by_key(a, b);
}

static void swap(struct record *a, struct record *b)
{
    const struct record t = *a;
    *a = *b;
    *b = t;
}

static void insertion(struct record *first, int count, comparison compare)
{
    for (int i = 1; i < count; i++) {
        const struct record moved = first[i];
        int j = i;
        for (; j > 0 && compare(&moved, &first[j - 1]) < 0; j--) {
            first[j] = first[j - 1];
        }
        first[j] = moved;
    }
}

static void quick(struct record *first, int count, comparison compare)
{
    while (count > SMALL) {
        swap(first, first + count / 2);
        int last = 0;
        for (int i = 1; i < count; i++) {
            if (compare(&first[i], first) < 0) {
                swap(&first[++last], &first[i]);
            }
        }
        swap(first, first + last);
        quick(first + last + 1, count - last - 1, compare);
        count = last;
    }
    insertion(first, count, compare);
}

static void sift(struct record *heap, int root, int count, comparison compare)
{
    for (int child; (child = 2 * root + 1) < count; root = child) {
        if (child + 1 < count && compare(&heap[child], &heap[child + 1]) < 0) {
            child++;
        }
        if (compare(&heap[root], &heap[child]) >= 0) {
            return;
        }
        swap(&heap[root], &heap[child]);
    }
}

static void heap(struct record *first, int count, comparison compare)
{
    for (int n = count / 2 - 1; n >= 0; n--) {
        sift(first, n, count, compare);
    }
    for (int n = count - 1; n > 0; n--) {
        swap(first, first + n);
        sift(first, 0, n, compare);
    }
}

static void merge(struct record *first, int count, comparison compare)
{
    for (int width = 1; width < count; width *= 2) {
        for (int start = 0; start < count; start += 2 * width) {
            int middle = start + width < count ? start + width : count;
            int end = start + 2 * width < count ? start + 2 * width : count;
            for (int i = start, j = middle, k = start; k < end; k++) {
                spare[k] = i < middle && (j >= end || compare(&first[i], &first[j]) <= 0) ? first[i++] : first[j++];
            }
        }
        memcpy(first, spare, (size_t)count * sizeof *first);
    }
}

static void (*const methods[])(struct record *, int, comparison) = {quick, heap, merge};
static const comparison orders[] = {by_key, by_group, by_tag};

unsigned bench(const unsigned char *input, unsigned size, unsigned char *output, unsigned capacity)
{
    uint32_t seed = 7, sum = 0;
    for (int round = 0; round < 3; round++) {
        for (int n = 0; n < COUNT; n++) {
            records[n].key = next_random(&seed);
            records[n].group = (uint16_t)(records[n].key >> 28);
            memcpy(records[n].tag, &input[records[n].key % (size - 6)], 6);
        }
        methods[round](records, COUNT, orders[round]);
        for (int n = 0; n < COUNT; n++) {
            sum = sum * 31 + records[n].key;
        }
    }
    memcpy(output, records, capacity < sizeof records ? capacity : sizeof records);
    return sum;
}
