/* Linked lists from malloc: a sorted list, reversal, merge sort, a hash table of chains, and freeing all of it. */
#include <stdlib.h>

#include "bench.h"

enum { COUNT = 400, BUCKETS = 32 };

struct item {
    struct item *next;
    uint32_t key;
    uint32_t value;
};

static struct item *buckets[BUCKETS];

static struct item *make(uint32_t key, struct item *next)
{
    struct item *item = malloc(sizeof *item);
    if (item == NULL) {
        abort();
    }
    item->next = next;
    item->key = key;
    item->value = key ^ 0x5A5A5A5A;
    return item;
}

static struct item *insert_sorted(struct item *head, uint32_t key)
{
    struct item **link = &head;
    while (*link && (*link)->key < key) {
        link = &(*link)->next;
    }
    *link = make(key, *link);
    return head;
}

static struct item *reverse(struct item *head)
{
    struct item *done = NULL;
    while (head) {
        struct item *next = head->next;
        head->next = done;
        done = head;
        head = next;
    }
    return done;
}

static struct item *merge(struct item *a, struct item *b)
{
    struct item *head = NULL, **tail = &head;
    while (a && b) {
        struct item **smaller = a->key <= b->key ? &a : &b;
        *tail = *smaller;
        tail = &(*smaller)->next;
        *smaller = (*smaller)->next;
    }
    *tail = a ? a : b;
    return head;
}

static struct item *sort(struct item *head)
{
    if (head == NULL || head->next == NULL) {
        return head;
    }
    struct item *slow = head, *fast = head->next;
    while (fast && fast->next) {
        slow = slow->next;
        fast = fast->next->next;
    }
    struct item *half = slow->next;
    slow->next = NULL;
    return merge(sort(head), sort(half));
}

static uint32_t release(struct item *head)
{
    uint32_t sum = 0;
    while (head) {
        struct item *next = head->next;
        sum = sum * 33 + head->value;
        free(head);
        head = next;
    }
    return sum;
}

unsigned bench(const unsigned char *input, unsigned size, unsigned char *output, unsigned capacity)
{
    uint32_t seed = 5, sums[3] = {0, 0, 0};
    struct item *sorted = NULL, *random = NULL;
    (void)input, (void)size, (void)capacity;
    for (int n = 0; n < 120; n++) {
        sorted = insert_sorted(sorted, next_random(&seed) >> 8);
    }
    sums[0] = release(reverse(sorted));
    for (int n = 0; n < COUNT; n++) {
        random = make(next_random(&seed), random);
    }
    sums[1] = release(sort(random));
    for (int n = 0; n < COUNT; n++) {
        const uint32_t key = next_random(&seed);
        buckets[key % BUCKETS] = make(key, buckets[key % BUCKETS]);
    }
    for (int n = 0; n < BUCKETS; n++) {
        sums[2] ^= release(buckets[n]);
        buckets[n] = NULL;
    }
    memcpy(output, sums, sizeof sums);
    return sums[0] + sums[1] + sums[2];
}
