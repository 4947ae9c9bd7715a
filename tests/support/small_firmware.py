"""A firmware small enough to build in a second or two, for tests of the build: one host file, one sandbox file."""

from __future__ import annotations

from pathlib import Path

CPU = ["-mcpu=cortex-m3", "-mthumb"]
LINK_FLAGS = ["--specs=nano.specs", "-nostartfiles", "-Wl,--gc-sections"]

HOST = r"""
#include <stdint.h>
int scale(int n);
int report(int n) { return n + 1; }
void Reset_Handler(void);
void HardFault_Handler(void) __attribute__((weak)); void MemManage_Handler(void) __attribute__((weak));
void BusFault_Handler(void) __attribute__((weak)); void UsageFault_Handler(void) __attribute__((weak));
extern uint32_t _estack, _sidata, _sdata, _edata, _sbss, _ebss;
__attribute__((section(".isr_vector"), used)) void *const vectors[] = {
    &_estack, Reset_Handler, Reset_Handler, HardFault_Handler, MemManage_Handler, BusFault_Handler, UsageFault_Handler,
};
static void leave(int status)
{
    uint32_t block[2] = {0x20026, (uint32_t)status}; /* ADP_Stopped_ApplicationExit */
    register uint32_t r0 __asm__("r0") = 0x20, r1 __asm__("r1") = (uint32_t)block;
    __asm__ volatile("bkpt 0xab" : : "r"(r0), "r"(r1) : "memory");
}
int initialised = 5;
void Reset_Handler(void)
{
    const uint32_t *from = &_sidata;
    for (uint32_t *to = &_sdata; to < &_edata;) *to++ = *from++;
    for (uint32_t *to = &_sbss; to < &_ebss;) *to++ = 0;
    leave(scale(4) == 4 * 3 + 1 + 7 && initialised == 5 ? 0 : 1);
}
"""

SANDBOX = r"""
int report(int n);
__attribute__((noinline)) static int triple(int n) { return n * 3; }
static int offsets[4] = {7, 8, 9, 10};
int scale(int n)
{
    int *entry = &offsets[n & 3];
    int old = *entry;
    *entry = n;
    return report(triple(n)) + old;
}
"""

SCRIPT = r"""
ENTRY(Reset_Handler)
_estack = ORIGIN(RAM) + LENGTH(RAM);
INCLUDE "memory.ld"
SECTIONS
{
  .text : { KEEP(*(.isr_vector)) *(.text*) *(.rodata*) . = ALIGN(4); } > FLASH
  .ARM.exidx : { *(.ARM.exidx*) } > FLASH
  _sidata = LOADADDR(.data);
  .data : { . = ALIGN(4); _sdata = .; *(.data*) . = ALIGN(4); _edata = .; } > RAM AT> FLASH
  .bss : { . = ALIGN(4); _sbss = .; *(.bss*) *(COMMON) . = ALIGN(4); _ebss = .; _end = .; end = .; } > RAM
  .stack (NOLOAD) : { . = ALIGN(8); . = . + 0x800; } > RAM
}
"""

MEMORY = r"""
MEMORY
{
  FLASH (rx)  : ORIGIN = 0x00000000, LENGTH = 4M
  RAM   (rwx) : ORIGIN = 0x20000000, LENGTH = 4M
}
"""

FILES = {"main.c": HOST, "box.c": SANDBOX, "vendor.ld": SCRIPT, "memory.ld": MEMORY}
OUTPUTS = [f"fw.{ending}" for ending in ("elf", "bin", "hex", "policy.json", "cert.json.gz", "map.json", "report.json")]
# The RAM that sandboxes are carved from is declared to be a mirror, so the verifier must refuse the policy.
REFUSED_ALIASES = [(0x20000000, 0x20400000, 0x30000000)]


def write_files(folder: Path) -> Path:
    """The four source files in `folder`."""
    for name, text in FILES.items():
        (folder / name).write_text(text)
    return folder
