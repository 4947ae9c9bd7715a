/* What a C library wants from below, inside a sandbox: compiled and linked into each one.
 *
 * Memory comes from the sandbox's heap, ways to end the program trap, the rest fails with ENOSYS. All are weak: the
 * sandbox's own sources may define them. Where the user declares one as an import, the build compiles this file with
 * -DRINGFENCE_IMPORT_<name> and the definition disappears.
 *
 * Undefined __ringfence_NAME become the sandbox's linker symbols when it is closed. */
#include <errno.h>
#include <stddef.h>
#include <stdint.h>

#include "ringfence.h"

#define WEAK __attribute__((weak))
#define TRAP(code) __asm__ volatile("udf %0" : : "i"(code))

extern char __ringfence_heap_start[], __ringfence_heap_end[];
extern void (*const __ringfence_init_array_start[])(void);
extern void (*const __ringfence_init_array_end[])(void);

/* The last two words of the heap (struct ringfence_heap_top in gate.h): the gates tell _sbrk here how far it may go. */
struct heap_top {
    uintptr_t in_use;
    uintptr_t limit;
};

/* Run by the gate with fresh memory, once after each reset. */
void __ringfence_init(void);
void __ringfence_init(void)
{
    for (void (*const *each)(void) = __ringfence_init_array_start; each < __ringfence_init_array_end; each++)
        (*each)();
}

#ifndef RINGFENCE_IMPORT__sbrk
void *_sbrk(ptrdiff_t change);
WEAK void *_sbrk(ptrdiff_t change)
{
    uintptr_t start = (uintptr_t)__ringfence_heap_start, end = (uintptr_t)__ringfence_heap_end, old;
    struct heap_top *top = (struct heap_top *)(end - sizeof *top);

    if (end - start < sizeof *top)
        goto no_memory;
    old = top->in_use;
    if (change > (ptrdiff_t)(top->limit - old) || change < (ptrdiff_t)(start - old))
        goto no_memory;
    top->in_use = old + (uintptr_t)change;
    return (void *)old;
no_memory:
    errno = ENOMEM;
    return (void *)-1;
}
#endif

/* A function that ends the program: the gate returns an error (RINGFENCE_FAULT_EXIT). */
#define ENDS(declaration)             \
    WEAK __attribute__((noreturn)) declaration; \
    declaration                       \
    {                                 \
        TRAP(RINGFENCE_TRAP_EXIT);    \
        __builtin_unreachable();      \
    }

#ifndef RINGFENCE_IMPORT__exit
ENDS(void _exit(int code __attribute__((unused))))
#endif
#ifndef RINGFENCE_IMPORT__kill
ENDS(int _kill(int process __attribute__((unused)), int signal __attribute__((unused))))
#endif
#ifndef RINGFENCE_IMPORT_abort
ENDS(void abort(void))
#endif
#ifndef RINGFENCE_IMPORT___assert_func
ENDS(void __assert_func(const char *file __attribute__((unused)), int line __attribute__((unused)),
                        const char *function __attribute__((unused)), const char *text __attribute__((unused))))
#endif

/* There is one process. */
#ifndef RINGFENCE_IMPORT__getpid
int _getpid(void);
WEAK int _getpid(void)
{
    return 1;
}
#endif

/* A sandbox is reset, not torn down, so destructors of static objects never run. */
extern void *const __dso_handle;
WEAK void *const __dso_handle = NULL;

#ifndef RINGFENCE_IMPORT___aeabi_atexit
int __aeabi_atexit(void *object, void (*destroy)(void *), void *library);
WEAK int __aeabi_atexit(void *object, void (*destroy)(void *), void *library)
{
    (void)object, (void)destroy, (void)library;
    return 0;
}
#endif
#ifndef RINGFENCE_IMPORT_atexit
int atexit(void (*function)(void));
WEAK int atexit(void (*function)(void))
{
    (void)function;
    return 0;
}
#endif

static int not_here(void)
{
    errno = ENOSYS;
    return -1;
}

/* Declared without parameters, which the AAPCS allows to be ignored. */
#define FAILS(name)     \
    int name(void);     \
    WEAK int name(void) \
    {                   \
        return not_here(); \
    }

#ifndef RINGFENCE_IMPORT__close
FAILS(_close)
#endif
#ifndef RINGFENCE_IMPORT__execve
FAILS(_execve)
#endif
#ifndef RINGFENCE_IMPORT__fork
FAILS(_fork)
#endif
#ifndef RINGFENCE_IMPORT__fstat
FAILS(_fstat)
#endif
#ifndef RINGFENCE_IMPORT__gettimeofday
FAILS(_gettimeofday)
#endif
#ifndef RINGFENCE_IMPORT__link
FAILS(_link)
#endif
#ifndef RINGFENCE_IMPORT__lseek
FAILS(_lseek)
#endif
#ifndef RINGFENCE_IMPORT__open
FAILS(_open)
#endif
#ifndef RINGFENCE_IMPORT__read
FAILS(_read)
#endif
#ifndef RINGFENCE_IMPORT__stat
FAILS(_stat)
#endif
#ifndef RINGFENCE_IMPORT__times
FAILS(_times)
#endif
#ifndef RINGFENCE_IMPORT__unlink
FAILS(_unlink)
#endif
#ifndef RINGFENCE_IMPORT__wait
FAILS(_wait)
#endif
#ifndef RINGFENCE_IMPORT__write
FAILS(_write)
#endif

/* Not a terminal, which is an answer and no error. */
#ifndef RINGFENCE_IMPORT__isatty
int _isatty(int file);
WEAK int _isatty(int file)
{
    (void)file;
    errno = ENOTTY;
    return 0;
}
#endif
