/* Huffman coding: the tree by a heap, the codes by a walk, then encoding and decoding bit by bit. */
#include "bench.h"

enum { SYMBOLS = 256, NODES = 2 * SYMBOLS, LONGEST = 40 };

struct node {
    uint32_t weight;
    int16_t left, right; /* negative: a leaf */
};

static struct node nodes[NODES];
static int16_t queue[NODES];
static int queued;
static uint64_t codes[SYMBOLS];
static uint8_t lengths[SYMBOLS];
static unsigned char packed[6144];

static void push(int16_t node)
{
    int at = queued++;
    while (at > 0 && nodes[queue[(at - 1) / 2]].weight > nodes[node].weight) {
        queue[at] = queue[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    queue[at] = node;
}

static int16_t pop(void)
{
    const int16_t top = queue[0], last = queue[--queued];
    int at = 0;
    for (int child; (child = 2 * at + 1) < queued; at = child) {
        if (child + 1 < queued && nodes[queue[child + 1]].weight < nodes[queue[child]].weight) {
            child++;
        }
        if (nodes[last].weight <= nodes[queue[child]].weight) {
            break;
        }
        queue[at] = queue[child];
    }
    queue[at] = last;
    return top;
}

static void walk(int node, uint64_t code, int length)
{
    if (nodes[node].left < 0) {
        codes[node] = code;
        lengths[node] = (uint8_t)length;
        return;
    }
    walk(nodes[node].left, code << 1, length + 1);
    walk(nodes[node].right, code << 1 | 1, length + 1);
}

static int build(const unsigned char *input, unsigned size)
{
    int used = SYMBOLS;
    queued = 0;
    for (int n = 0; n < SYMBOLS; n++) {
        nodes[n].weight = 0;
        nodes[n].left = nodes[n].right = -1;
    }
    for (unsigned n = 0; n < size; n++) {
        nodes[input[n]].weight++;
    }
    for (int16_t n = 0; n < SYMBOLS; n++) {
        if (nodes[n].weight) {
            push(n);
        }
    }
    while (queued > 1) {
        const int16_t a = pop(), b = pop();
        nodes[used].weight = nodes[a].weight + nodes[b].weight;
        nodes[used].left = a;
        nodes[used].right = b;
        push((int16_t)used++);
    }
    return queue[0];
}

static unsigned encode(const unsigned char *input, unsigned size)
{
    unsigned bit = 0;
    memset(packed, 0, sizeof packed);
    for (unsigned n = 0; n < size; n++) {
        for (int k = lengths[input[n]] - 1; k >= 0; k--, bit++) {
            packed[bit / 8] |= (unsigned char)((codes[input[n]] >> k & 1) << bit % 8);
        }
    }
    return bit;
}

static unsigned decode(int root, unsigned bits, unsigned char *output, unsigned capacity)
{
    unsigned count = 0;
    int node = root;
    for (unsigned bit = 0; bit < bits && count < capacity; bit++) {
        node = packed[bit / 8] >> bit % 8 & 1 ? nodes[node].right : nodes[node].left;
        if (nodes[node].left < 0) {
            output[count++] = (unsigned char)node;
            node = root;
        }
    }
    return count;
}

unsigned bench(const unsigned char *input, unsigned size, unsigned char *output, unsigned capacity)
{
    const int root = build(input, size);
    walk(root, 0, 0);
    const unsigned bits = encode(input, size);
    const unsigned count = decode(root, bits, output, capacity);
    return bits + (memcmp(input, output, count) == 0) + count;
}
