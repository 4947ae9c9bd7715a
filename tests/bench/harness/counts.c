/*
 * QEMU TCG plugin: how often each instruction was executed, and how often control did not go on behind it.
 *
 *   -plugin counts.so,out=FILE
 *
 * At exit FILE has one line per instruction: address, bytes (hex), times executed, times control went elsewhere next.
 * The program that is measured is not changed and no timer runs: counts are exact, and the same in every run.
 *
 * Thumb code only. The size that QEMU tells is too large for the last instruction of a page that fits into it: it has
 * looked at the next one by then. So sizes are taken from the encoding.
 *
 * The plugin interface is declared here since Debian packages no header for it: these are the declarations of
 * QEMU 7.2's interface version 1 (docs/devel/tcg-plugins.rst) that are used.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef uint64_t plugin_id;
struct qemu_plugin_tb;
struct qemu_plugin_insn;
typedef void (*tb_translated)(plugin_id id, struct qemu_plugin_tb *tb);
typedef void (*vcpu_executed)(unsigned int vcpu, void *userdata);
typedef void (*at_exit)(plugin_id id, void *userdata);
enum { REGISTERS_UNTOUCHED = 0, ADD_U64 = 0 };

extern void qemu_plugin_register_vcpu_tb_trans_cb(plugin_id id, tb_translated callback);
extern void qemu_plugin_register_vcpu_tb_exec_cb(struct qemu_plugin_tb *tb, vcpu_executed callback, int flags,
                                                 void *userdata);
extern void qemu_plugin_register_vcpu_insn_exec_inline(struct qemu_plugin_insn *insn, int operation, void *counter,
                                                       uint64_t amount);
extern void qemu_plugin_register_atexit_cb(plugin_id id, at_exit callback, void *userdata);
extern size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
extern struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *tb, size_t index);
extern uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *insn);
extern const void *qemu_plugin_insn_data(const struct qemu_plugin_insn *insn);
extern size_t qemu_plugin_insn_size(const struct qemu_plugin_insn *insn);

__attribute__((visibility("default"))) int qemu_plugin_version = 1;

/* Code lies in the lowest MODELLED bytes of memory; instructions elsewhere end the run with an error. */
enum { MODELLED = 1 << 23 };

struct counter {
    uint64_t executed, left;
    uint8_t bytes[4];
    uint8_t size;
};

struct block {
    uint32_t start, last, end; /* addresses: of the first and last instruction, and behind it */
};

static struct counter *counters; /* one for each halfword */
static const struct block *previous;
static char output[4096];

static void block_begins(unsigned int vcpu, void *userdata)
{
    const struct block *block = userdata;
    (void)vcpu;
    if (previous != NULL && previous->end != block->start) {
        counters[previous->last / 2].left++;
    }
    previous = block;
}

static void translated(plugin_id id, struct qemu_plugin_tb *tb)
{
    const size_t count = qemu_plugin_tb_n_insns(tb);
    struct block *block = malloc(sizeof *block); /* lives as long as the translation may run: until the end */
    (void)id;
    for (size_t n = 0; n < count; n++) {
        struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, n);
        const uint64_t address = qemu_plugin_insn_vaddr(insn);
        const uint8_t *bytes = qemu_plugin_insn_data(insn);
        const size_t size = bytes[1] >= 0xE8 ? 4 : 2; /* ARMv7-M A5.1 */
        if (block == NULL || address >= MODELLED || qemu_plugin_insn_size(insn) < size) {
            fprintf(stderr, "counts: an instruction at %#llx cannot be counted\n", (unsigned long long)address);
            exit(3);
        }
        struct counter *counter = &counters[address / 2];
        memcpy(counter->bytes, bytes, size);
        counter->size = (uint8_t)size;
        qemu_plugin_register_vcpu_insn_exec_inline(insn, ADD_U64, &counter->executed, 1);
        if (n == 0) {
            block->start = (uint32_t)address;
        }
        block->last = (uint32_t)address;
        block->end = (uint32_t)(address + size);
    }
    qemu_plugin_register_vcpu_tb_exec_cb(tb, block_begins, REGISTERS_UNTOUCHED, block);
}

static void finished(plugin_id id, void *userdata)
{
    FILE *file = fopen(output, "w");
    (void)id;
    (void)userdata;
    if (file == NULL) {
        perror(output);
        exit(3);
    }
    for (uint32_t n = 0; n < MODELLED / 2; n++) {
        const struct counter *c = &counters[n];
        if (c->executed == 0) {
            continue;
        }
        fprintf(file, "%x ", 2 * n);
        for (int k = 0; k < c->size; k++) {
            fprintf(file, "%02x", c->bytes[k]);
        }
        fprintf(file, " %llu %llu\n", (unsigned long long)c->executed, (unsigned long long)c->left);
    }
    if (fclose(file) != 0) {
        perror(output);
        exit(3);
    }
}

__attribute__((visibility("default"))) int qemu_plugin_install(plugin_id id, const void *info, int argc, char **argv)
{
    (void)info;
    for (int n = 0; n < argc; n++) {
        if (strncmp(argv[n], "out=", 4) == 0) {
            snprintf(output, sizeof output, "%s", argv[n] + 4);
        }
    }
    counters = calloc(MODELLED / 2, sizeof *counters);
    if (output[0] == '\0' || counters == NULL) {
        fprintf(stderr, "counts: give out=FILE\n");
        return -1;
    }
    qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
    qemu_plugin_register_atexit_cb(id, finished, NULL);
    return 0;
}
