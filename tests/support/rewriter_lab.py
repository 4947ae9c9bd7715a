"""A small laboratory for the rewriter: C to a linked ELF with one sandbox, and an emulator that watches it run.

The layout is fixed and simple, so that the tests need neither the linker step nor the runtime: host code at 0, the
sandbox's code at 0x10000, its window at 0x20040000. The import `out(int)` records its argument.
"""

from __future__ import annotations

import functools
import json
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import unicorn
from unicorn import arm_const

from ringfence.toolchain.elffile import LinkedElf
from ringfence.toolchain.rewrite import RewriteRequest, RewriteResult, rewrite
from ringfence.verify.verifier import verify
from support.toolchain import run as run_tool

CODE, SLOTS, SLOT_BYTES, CONST, WINDOW = 0x10000, 0x60000, 256, 0x70000, 0x20040000
SLACK_BELOW, SLACK_ABOVE, PAD, ROOM = 256, 1040, 272, 40
COMPILERS = {
    "gcc": ["arm-none-eabi-gcc"],
    "g++": ["arm-none-eabi-g++", "-fno-exceptions", "-fno-rtti"],
    "clang": ["clang-14", "--target=thumbv7m-none-eabi", "-isystem", "/usr/lib/arm-none-eabi/include"],
}
FP_ROOM = 112
FPUS = {"fpv4-sp-d16": "cortex-m4", "fpv5-sp-d16": "cortex-m7", "fpv5-d16": "cortex-m7"}
RETURN = 0xFFF0  # where the exported function returns to: the gate
OUT = 0x100

SUPPORT = """
extern char __ringfence_heap_start, __ringfence_heap_end;
static char *brk = &__ringfence_heap_start;
void *_sbrk(int n) { if (brk + n > &__ringfence_heap_end) return (void *)-1; brk += n; return brk - n; }
int _write(int f, char *p, int n) { extern void out(int); for (int i = 0; i < n; i++) out(p[i]); return n; }
int _read(int f, char *p, int n) { return 0; }
int _close(int f) { return -1; }
int _lseek(int f, int o, int w) { return 0; }
int _isatty(int f) { return 1; }
int _fstat(int f, void *s) { return -1; }
int _getpid(void) { return 1; }
int _kill(int p, int s) { __builtin_trap(); }
void _exit(int s) { __builtin_trap(); }
"""

HOST = """
.syntax unified
.thumb
.section .host, "ax"
.space 0x100
.global __rf_t_import_out
.thumb_func
.type __rf_t_import_out, %function
__rf_t_import_out: bx lr
.balign 4
descriptor: .word __rf_t_export_run
"""

SCRIPT = """
SECTIONS {{
  .host 0 : {{ KEEP(*(.host)) }}
  .ringfence.t.code {CODE:#x} : {{ *(.ringfence.t.text .ringfence.t.text.*) . = {code_room:#x}; }}
  .ringfence.t.const {CONST:#x} : {{ {in_flash} }}
  .ringfence.t.data {data:#x} : {{ *(.ringfence.t.data .ringfence.t.data.*) {in_window} . = ALIGN(8); }}
  .ringfence.t.bss {data:#x} + ALIGN(SIZEOF(.ringfence.t.data), 8) (NOLOAD) : {{ *(.ringfence.t.bss .ringfence.t.bss.*) . = ALIGN(8); }}
  __rf_t_heap_start = .;
  __rf_t_heap_end = {stack_low:#x};
}}
"""

CONSTANTS = """*(.ringfence.t.rodata .ringfence.t.rodata.* .ringfence.t.ARM.*) . = ALIGN(4);
     __rf_t_init_array_start = .; KEEP(*(.ringfence.t.init_array*)) __rf_t_init_array_end = .;
     KEEP(*(.ringfence.t.fini_array*)) LONG(0)"""


@dataclass(frozen=True)
class Image:
    """A linked, not yet rewritten firmware with one sandbox `t` that exports `run`."""

    elf: bytes
    request: RewriteRequest
    fpu: str = ""  # as gcc's -mfpu


@functools.lru_cache(maxsize=256)
def build(
    source: str, level: str = "-O2", window: int = 0x40000, stack: int = 0x3000, mode: str = "mask", libs: str = "-lc_nano -lgcc",
    assembly: bool = False, flags: str = "", compiler: str = "gcc",
    base: int = WINDOW, fpu: str = "", confine: str = "writes", words: int | None = None,
) -> Image:  # fmt: skip
    """Compile with gcc, g++ or clang, close and link; the exported function is `int run(int)`."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        main = folder / ("s.s" if assembly else "s.cpp" if compiler == "g++" else "s.c")
        main.write_text(source)
        (folder / "support.c").write_text(SUPPORT)
        core = [f"-mcpu={FPUS[fpu]}", f"-mfpu={fpu}", "-mfloat-abi=hard"] if fpu else ["-mcpu=cortex-m3"]
        cpu = [*core, "-mthumb", "-ffunction-sections", "-fdata-sections", "-w", *flags.split()]
        run_tool(*COMPILERS[compiler], *cpu, level, "-c", main, "-o", folder / "s.o")
        run_tool("arm-none-eabi-gcc", *cpu, "-O2", "-c", folder / "support.c", "-o", folder / "support.o")
        run_tool(
            "arm-none-eabi-gcc", *cpu, "-nostdlib", "-r", "-Wl,--gc-sections,-d,--force-group-allocation,-u,run,-e,run",
            folder / "s.o", folder / "support.o", *libs.split(), "-o", folder / "closed.o",
        )  # fmt: skip
        run_tool(
            "arm-none-eabi-objcopy", "--remove-section=.ARM.ex*", "--prefix-alloc-sections=.ringfence.t", "--redefine-sym", "run=__rf_t_export_run",
            "--redefine-sym", "out=__rf_t_import_out", "--keep-global-symbol=__rf_t_export_run",
            "--redefine-sym", "__ringfence_heap_start=__rf_t_heap_start",
            "--redefine-sym", "__ringfence_init_array_start=__rf_t_init_array_start",
            "--redefine-sym", "__ringfence_init_array_end=__rf_t_init_array_end",
            "--redefine-sym", "__ringfence_heap_end=__rf_t_heap_end", "--weaken", folder / "closed.o", folder / "box.o",
        )  # fmt: skip
        (folder / "host.s").write_text(HOST)
        run_tool("arm-none-eabi-as", "-mcpu=cortex-m3", folder / "host.s", "-o", folder / "host.o")
        stack_high = base + window - PAD
        numbers = {"CODE": CODE, "code_room": SLOTS + SLOT_BYTES - CODE, "CONST": CONST, "data": base + PAD}
        places = {"in_flash": CONSTANTS if confine == "writes" else "", "in_window": CONSTANTS if confine == "reads" else ""}
        (folder / "t.ld").write_text(SCRIPT.format(**numbers, **places, stack_low=stack_high - stack))
        run_tool(
            "arm-none-eabi-ld", "--emit-relocs", "-T", folder / "t.ld", folder / "host.o", folder / "box.o",
            "-o", folder / "t.elf",
        )  # fmt: skip
        elf = (folder / "t.elf").read_bytes()
    symbols = {s.name: s.value for s in LinkedElf(elf).symbols}
    request = RewriteRequest(
        name="t", mode=mode, code_start=CODE, code_end=SLOTS + SLOT_BYTES, slots_start=SLOTS, slots_end=SLOTS + SLOT_BYTES,
        window_base=base, window_size=window, slack_below=SLACK_BELOW, slack_above=SLACK_ABOVE,
        stack_low=stack_high - stack, stack_high=stack_high, room=FP_ROOM if fpu else ROOM,
        shadow_offset=base + window + SLACK_ABOVE - (stack_high - stack),
        exports={"run": symbols["__rf_t_export_run"]}, imports={"out": symbols["__rf_t_import_out"]}, confine=confine,
        words=words,
    )  # fmt: skip
    return Image(elf, request, fpu)


@dataclass
class Run:
    """What happened: the result, the calls of `out`, instructions executed, and every breach of the sandbox."""

    result: int | None = None
    output: list[int] = field(default_factory=list)
    instructions: int = 0
    breaches: list[str] = field(default_factory=list)
    fault: str | None = None
    lowest_sp: int = 0xFFFFFFFF

    @property
    def text(self) -> str:
        return bytes(c & 0xFF for c in self.output).decode("latin1")


def execute(
    elf: bytes, request: RewriteRequest, entry: int, argument: int = 0, watch: bool = True, limit: int = 50_000_000,
    data: bytes = b"",
) -> Run:  # fmt: skip
    """Call the export in Unicorn. `data` is put behind the constants, where the sandbox may read it (0x90000)."""
    linked = LinkedElf(elf)
    emulator = unicorn.Uc(unicorn.UC_ARCH_ARM, unicorn.UC_MODE_THUMB | unicorn.UC_MODE_MCLASS)
    emulator.mem_map(0, 0x200000)
    emulator.mem_map(0x20000000, 0x400000)
    for section in linked.sections:
        if section.allocated and section.kind != "SHT_NOBITS" and section.size:
            emulator.mem_write(section.address, linked.data[section.place : section.place + section.size])
    if data:
        emulator.mem_write(0x90000, data)
    if watch:
        _protect(emulator, request)
    run = Run()
    _hook(emulator, request, run, watch)
    emulator.reg_write(arm_const.UC_ARM_REG_SP, request.stack_high)
    emulator.reg_write(arm_const.UC_ARM_REG_LR, RETURN | 1)
    emulator.reg_write(arm_const.UC_ARM_REG_R0, argument)
    for n in range(4, 12):
        emulator.reg_write(arm_const.UC_ARM_REG_R0 + n, 0x1000 + n)
    try:
        emulator.emu_start(entry | 1, RETURN, count=limit)
        if emulator.reg_read(arm_const.UC_ARM_REG_PC) != RETURN:
            run.fault = "did not return"
    except unicorn.UcError as error:
        run.fault = f"{error} at {emulator.reg_read(arm_const.UC_ARM_REG_PC):#x}"
    run.result = emulator.reg_read(arm_const.UC_ARM_REG_R0)
    if watch:
        _check_canaries(emulator, request, run)
    if run.fault is None:
        _check_return(emulator, request, run)
    return run


def _check_return(emulator: unicorn.Uc, request: RewriteRequest, run: Run) -> None:
    if emulator.reg_read(arm_const.UC_ARM_REG_SP) != request.stack_high:
        run.breaches.append("SP at return")
    for n in range(4, 12):
        if emulator.reg_read(arm_const.UC_ARM_REG_R0 + n) != 0x1000 + n:
            run.breaches.append(f"r{n} not preserved")


def _hook(emulator: unicorn.Uc, request: RewriteRequest, run: Run, watch: bool) -> None:
    """Record imports; when watching, also blocks outside of the sandbox, SP out of range, and instructions.

    Stores are watched by page protection and canaries (see `_protect`): Unicorn's write hook disturbs IT blocks.
    """

    def called(emulator: unicorn.Uc, _address: int, _size: int, _data: object) -> None:
        run.output.append(emulator.reg_read(arm_const.UC_ARM_REG_R0))
        for register in (1, 2, 3, 12):
            emulator.reg_write(arm_const.UC_ARM_REG_R0 + register, 0xDEAD0000 + register)

    def block(emulator: unicorn.Uc, address: int, _size: int, _data: object) -> None:
        if not (request.code_start <= address < request.code_end or OUT <= address < OUT + 4):
            run.breaches.append(f"control reached {address:#x}")
            emulator.emu_stop()
        sp = emulator.reg_read(arm_const.UC_ARM_REG_SP)
        run.lowest_sp = min(run.lowest_sp, sp)
        if not request.stack_low <= sp <= request.stack_high:
            run.breaches.append(f"SP is {sp:#x} at {address:#x}")
            emulator.emu_stop()

    def count(_emulator: unicorn.Uc, _address: int, _size: int, _data: object) -> None:
        run.instructions += 1

    emulator.hook_add(unicorn.UC_HOOK_CODE, called, begin=OUT, end=OUT)
    if watch:
        emulator.hook_add(unicorn.UC_HOOK_BLOCK, block)
        emulator.hook_add(unicorn.UC_HOOK_CODE, count)


def _writable(request: RewriteRequest) -> tuple[int, int]:
    """What the sandbox may write: window, slack, and right behind it the shadow stack, or the words."""
    high = request.stack_high + request.shadow_offset if request.words is None else request.word(request.words + 1)
    return request.window_base - request.slack_below, high


def _protect(emulator: unicorn.Uc, request: RewriteRequest) -> None:
    """Pages without a writable byte are read-only; the other bytes of partly writable pages hold a canary. Where reads
    are confined, nothing outside these pages and the sandbox's code can be read."""
    low, high = _writable(request)
    first, last = low & ~0xFFF, (high + 0xFFF) & ~0xFFF
    outside = unicorn.UC_PROT_NONE if request.confine == "reads" else unicorn.UC_PROT_READ
    emulator.mem_protect(0x20000000, first - 0x20000000, outside)
    emulator.mem_protect(last, 0x20400000 - last, outside)
    emulator.mem_protect(0, 0x200000, outside | unicorn.UC_PROT_EXEC)
    code_end = (request.code_end + 0xFFF) & ~0xFFF
    emulator.mem_protect(request.code_start, code_end - request.code_start, unicorn.UC_PROT_READ | unicorn.UC_PROT_EXEC)
    emulator.mem_write(first, b"\xc5" * (low - first))
    emulator.mem_write(high, b"\xc5" * (last - high))


def _check_canaries(emulator: unicorn.Uc, request: RewriteRequest, run: Run) -> None:
    low, high = _writable(request)
    first, last = low & ~0xFFF, (high + 0xFFF) & ~0xFFF
    for start, size in ((first, low - first), (high, last - high)):
        if bytes(emulator.mem_read(start, size)).strip(b"\xc5"):
            run.breaches.append("a store beside the write set")


_REWRITTEN: dict[tuple[bytes, str], RewriteResult] = {}
_KEPT = 32  # rewritten images; a test asks for the same one again and again


def rewritten(image: Image) -> RewriteResult:
    """The image rewritten, once however often it is asked for."""
    key = image.elf, repr(image.request)
    if key not in _REWRITTEN:
        result = rewrite(image.elf, [image.request])
        if len(_REWRITTEN) >= _KEPT:
            del _REWRITTEN[next(iter(_REWRITTEN))]
        _REWRITTEN[key] = result
    return _REWRITTEN[key]


def same(image: Image, argument: int = 0, data: bytes = b"") -> Run:
    """Assert that rewriting changed nothing that the program does, and that nothing left the sandbox."""
    plain, sandboxed = both(image, argument, data)
    assert plain.fault is None
    assert (sandboxed.fault, sandboxed.breaches) == (None, [])
    assert (sandboxed.result, sandboxed.output) == (plain.result, plain.output)
    return sandboxed


def both(image: Image, argument: int = 0, data: bytes = b"") -> tuple[Run, Run]:
    """The program as linked and as rewritten, on the same input."""
    plain = execute(image.elf, image.request, image.request.exports["run"], argument, data=data, watch=False)
    result = rewritten(image)
    return plain, execute(result.elf, image.request, result.exports["t"]["run"], argument, data=data)


def policy(image: Image, result: RewriteResult) -> bytes:
    """What the verifier is told about a rewritten image."""
    request = image.request

    def span(start: int, end: int) -> dict[str, str]:
        return {"start": f"{start:#010x}", "end": f"{end:#010x}"}

    sections = {s.name: s for s in LinkedElf(result.elf).sections}
    const = sections.get(".ringfence.t.const")
    box = {
        "name": "t",
        "code": span(request.code_start, request.code_end),
        "slots": span(request.slots_start, request.slots_end),
        "constants": [span(const.address, const.end)] if const is not None and const.size else [],
        "window": {
            "base": f"{request.window_base:#010x}", "size": request.window_size,
            "slack_below": request.slack_below, "slack_above": request.slack_above,
        },
        "stack": {"low": f"{request.stack_low:#010x}", "high": f"{request.stack_high:#010x}", "room": request.room},
        "shadow": {"offset": request.shadow_offset} if request.words is None
        else {"words": span(request.word(1), request.word(request.words + 1))},
        "entries": [{"name": n, "address": f"{a:#010x}"} for n, a in result.exports["t"].items()],
        "imports": [
            {"name": n, "address": f"{a:#010x}", "returns": True, "stack": 0} for n, a in request.imports.items()
        ],
        "mmio": [span(*ends) for ends in request.mmio],
        "confine": request.confine,
    }  # fmt: skip
    whole = {
        "version": 1, "arch": "armv7e-m" if image.fpu else "armv7-m", "fpu": image.fpu or False, "ram": [span(0x20000000, 0x20400000)],
        "host_ram": [span(0x20000000, 0x20010000)], "aliases": [], "sandboxes": [box],
    }  # fmt: skip
    return json.dumps(whole).encode()


def verdict(image: Image, result: RewriteResult) -> list[str]:
    """The verifier's rejections of a rewritten image; empty if it is certified."""
    report = verify(result.elf, policy(image, result)).report
    return [] if report.accepted else [str(v) for v in report.failures] or ["rejected without a failure"]
