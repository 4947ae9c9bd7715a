/* What newlib asks of the board: a heap between `end` and the stack, and printf on the semihosting console. */
#include <errno.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "board.h"

extern char end;     /* linker script: first byte after .bss */
extern char _estack; /* linker script: end of RAM */
extern char _Min_Stack_Size;

void *_sbrk(ptrdiff_t increment)
{
    static char *heap_end = &end;
    char *const limit = &_estack - (size_t)&_Min_Stack_Size;
    char *const previous = heap_end;
    if (increment > limit - heap_end) {
        errno = ENOMEM;
        return (void *)-1;
    }
    heap_end += increment;
    return previous;
}

int _write(int file, const char *text, int length)
{
    (void)file;
    console_write(text, (size_t)length);
    return length;
}

int _read(int file, char *buffer, int length)
{
    (void)file;
    (void)buffer;
    (void)length;
    return 0;
}

int _close(int file)
{
    (void)file;
    return -1;
}

int _fstat(int file, struct stat *status)
{
    (void)file;
    status->st_mode = S_IFCHR;
    return 0;
}

int _isatty(int file)
{
    (void)file;
    return 1;
}

off_t _lseek(int file, off_t offset, int whence)
{
    (void)file;
    (void)offset;
    (void)whence;
    return 0;
}

void _exit(int status)
{
    console_exit(status);
}

int _kill(int process, int signal)
{
    (void)process;
    console_exit(128 + signal);
}

int _getpid(void)
{
    return 1;
}
