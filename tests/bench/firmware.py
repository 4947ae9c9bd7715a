"""Builds one benchmark twice: linked as usual, and in a sandbox, certified. Both get the same harness and input."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.programs import ROOT, Program
from bench.sources import Sources
from ringfence.linker_scripts import SandboxLayout
from ringfence.toolchain.build import Built, FirmwareRequest, build_firmware
from ringfence.toolchain.close import SandboxInput
from ringfence.toolchain.elffile import STT_FUNC, LinkedElf
from ringfence.toolchain.gates import generate
from ringfence.toolchain.gcc import Toolchain, run
from ringfence.toolchain.link import HostInput
from ringfence.toolchain.place import Placed
from ringfence.toolchain.policy import aliases_of
from ringfence.toolchain.request import RewriteResult
from ringfence.toolchain.spec import SandboxSpec

BOARD = ROOT / "examples" / "board"
HARNESS = ROOT / "tests" / "bench" / "harness"
PROGRAMS = ROOT / "tests" / "bench" / "programs"
RUNTIME = ROOT / "toolchain" / "runtime"
CPU = ("-mcpu=cortex-m3", "-mthumb")
SECTIONS = ("-ffunction-sections", "-fdata-sections", "-w")
LINK = ("--specs=nano.specs", "-nostartfiles", "-Wl,--gc-sections")
EXPORT = "bench(in input[size], size, out output[capacity], capacity) -> unsigned"
BOX = "box"
_COMPILERS = {
    "gcc": ["arm-none-eabi-gcc"],
    "clang": ["clang-14", "--target=thumbv7m-none-eabi", "-isystem", "/usr/lib/arm-none-eabi/include"],
}
_STARTUP = "__libc_init_array"  # newlib's; only the harness's start-up code calls it
_HOST = (HARNESS / "main.c", BOARD / "startup.c", BOARD / "board.c", BOARD / "syscalls.c")


@dataclass(frozen=True)
class Config:
    """How programs are compiled and confined. `compiler`: of the program; newlib and the harness are gcc's."""

    level: str = "-O2"
    mode: str = "mask"
    confine: str = "writes"
    compiler: str = "gcc"
    shadow: str = "stack"

    @property
    def name(self) -> str:
        """As in results.json: `m3-O2`, `m3-O2-clang`, `m3-O2-words`."""
        unusual = [what for what, usual in ((self.compiler, "gcc"), (self.shadow, "stack")) if what != usual]
        return "-".join([f"m3{self.level}", *unusual])


@dataclass(frozen=True)
class Native:
    """The program linked as usual. `harness`: address ranges of the harness's functions; sizes are bytes."""

    elf: Path
    harness: tuple[tuple[int, int], ...]
    flash: int
    data: int


@dataclass(frozen=True)
class Sandboxed:
    """The certified firmware. `code`, `slots`: the address range of the sandbox's code, and where branches are in its
    slot table; `made_by`: new address of what the rewriter put in: which pass; `stores`: of a store of the program:
    guarded, or why not; `rewriting`: the rewriter's static counts; `ram`: bytes by what they are for.

    `text`: bytes of the sandbox's code, slot table included; `text_before`: of the same functions before rewriting."""

    elf: Path
    harness: tuple[tuple[int, int], ...]
    code: tuple[int, int]
    slots: frozenset[int]
    made_by: Mapping[int, str]
    stores: Mapping[int, str]
    rewriting: Mapping[str, int]
    text: int
    text_before: int
    flash: int
    ram: Mapping[str, int]
    verification: Mapping[str, int | float]


class Builder:
    """Builds below `folder`; objects of the harness are made once for each kind of firmware."""

    def __init__(self, folder: Path, sources: Sources) -> None:
        self._folder = folder.resolve()
        self._sources = sources
        self._tools = Toolchain.find("arm-none-eabi-gcc", CPU)

    def native(self, program: Program, config: Config) -> Native:
        place = self._place(program, config)
        host = self._host(program, place, "native", [])
        elf = place / "native.elf"
        objects = [*host, *self._objects(program, config, place)]
        libraries = [f"-l{name}" for name in program.libraries]
        # --emit-relocs leaves the image as it is: it is there because LinkedElf insists on it
        run([self._tools.compiler, *CPU, *LINK, "-Wl,--emit-relocs", f"-T{BOARD / 'mps2_an385.ld'}", *map(str, objects), *libraries,
             "-o", str(elf)], f"linking {program.name}")
        linked = LinkedElf(elf.read_bytes())
        # What newlib wants from below (_sbrk) is the program's, as it is in a sandbox.
        harness = _functions_of(self._tools, [h for h in host if "syscalls" not in h.name], linked)
        flash, data = _loaded(linked)
        return Native(elf, harness, flash, data)

    def sandboxed(self, program: Program, config: Config) -> Sandboxed:
        """RingfenceError if it cannot be rewritten, NotCertified if the proof does not go through."""
        place = self._place(program, config)
        work = place / "work"
        spec = SandboxSpec.from_options(name=BOX, exports=[EXPORT], heap=program.heap, stack=program.stack,
                                        mode=config.mode, confine=config.confine, shadow=config.shadow)
        box = SandboxInput(spec, tuple(self._objects(program, config, place)), program.libraries)
        work.mkdir(exist_ok=True)
        for name, text in generate(spec).files().items():
            (work / name).write_text(text)  # the harness includes the gates' header
        host = self._host(program, place, "host", ["-DSANDBOXED", f"-I{work}", f"-I{RUNTIME}"])
        request = FirmwareRequest(
            output=place / "sandboxed.elf", tools=self._tools,
            host=HostInput(tuple(host), BOARD / "mps2_an385.ld", LINK), sandboxes=(box,),
            aliases=aliases_of("mps2-an385"), cache=self._folder / "theorems.sqlite",
        )  # fmt: skip
        return self._facts(build_firmware(request, work), host)

    def _facts(self, built: Built, host: Sequence[Path]) -> Sandboxed:
        box, result = built.placed.layout.sandbox(BOX), built.placed.result
        linked = LinkedElf(result.elf)
        stack, shadow = box.stack_high - box.stack_low, box.shadow_high - box.shadow_low
        ram = {"window": box.window_size, "slack": box.slack_below + box.slack_above, "shadow": shadow, "stack": stack}
        verification = dict(built.report["verification"])
        verification["certificate_bytes"] = built.outputs.certificate.stat().st_size
        return Sandboxed(
            elf=built.outputs.elf, harness=_functions_of(self._tools, host, linked),
            code=(box.code_start, box.code_end), slots=_slot_branches(box, result), made_by=result.made_by, stores=result.stores, rewriting=result.stats[BOX],
            text=result.needs[BOX].code_bytes + box.slots_end - box.slots_start, text_before=_size_before(built.placed),
            flash=_loaded(linked)[0], ram=ram, verification=verification,
        )  # fmt: skip

    # -- objects -----------------------------------------------------------------------------------------------------

    def _place(self, program: Program, config: Config) -> Path:
        place = self._folder / f"{program.name}{config.name[2:]}-{config.mode}-{config.confine}"
        place.mkdir(parents=True, exist_ok=True)
        return place

    def _objects(self, program: Program, config: Config, place: Path) -> list[Path]:
        """The program and its library, compiled; the same objects go into both firmwares."""
        files, includes = [PROGRAMS / f"{program.name}.c"], [PROGRAMS]
        if program.package is not None:
            tree = self._sources.get(program.package).folder
            files += [tree / f for f in program.files]
            includes += [tree / f for f in program.includes]
        flags = [*SECTIONS, config.level, *program.flags, *(f"-I{i}" for i in includes)]
        outputs = [place / f"{f.stem}.{n}.o" for n, f in enumerate(files)]
        return [self._compile(f, o, flags, config.compiler) for f, o in zip(files, outputs, strict=True)]

    def _host(self, program: Program, place: Path, kind: str, flags: Sequence[str]) -> list[Path]:
        data = place / "input.bin"
        data.write_bytes(program.input())
        # Loops of the harness must not become calls of library functions, which the program uses too.
        every = [*SECTIONS, "-O2", "-fno-tree-loop-distribute-patterns", f"-I{BOARD}", *flags]
        objects = [self._compile(f, place / f"{kind}.{f.stem}.o", every) for f in _HOST]
        return [*objects, self._compile(HARNESS / "input.S", place / f"{kind}.input.o", [f'-DINPUT="{data}"'])]

    def _compile(self, source: Path, output: Path, flags: Sequence[str], compiler: str = "gcc") -> Path:
        """Compile unless the object is newer than the source and was made with the same flags."""
        stamp, wanted = output.with_suffix(".flags"), json.dumps([str(source), compiler, *flags])
        newest = max(f.stat().st_mtime for f in (source, *PROGRAMS.glob("*.h"), *BOARD.glob("*.h")))
        fresh = output.exists() and output.stat().st_mtime > newest and stamp.exists() and stamp.read_text() == wanted
        if not fresh or "-DSANDBOXED" in flags:
            command = [*_COMPILERS[compiler], *CPU, *flags, "-c", str(source), "-o", str(output)]
            run(command, f"compiling {source.name}")
            stamp.write_text(wanted)
        return output


def _slot_branches(box: SandboxLayout, result: RewriteResult) -> frozenset[int]:
    """Where the slot table has branches, and traps: it is made of those, and of functions of the program."""
    standing = {address for address, _ in result.address_map}
    return frozenset(range(box.slots_start, box.slots_end, 2)) - standing


def _functions(linked: LinkedElf) -> dict[int, int]:
    """Address without Thumb bit: size in bytes, literals and jump tables included, of every function."""
    found: dict[int, int] = {}
    for symbol in linked.symbols:
        if symbol.kind == STT_FUNC and symbol.section:
            start = symbol.value & ~1
            found[start] = max(found.get(start, 0), symbol.size)
    return found


def _size_before(placed: Placed) -> int:
    """Bytes of those functions that the rewritten code has, as they were linked; functions may overlap (libgcc)."""
    kept = {original for _, original in placed.result.address_map}
    bytes_of = (range(start, start + size) for start, size in _functions(LinkedElf(placed.linked.data)).items()
                if start in kept)
    return len({address for each in bytes_of for address in each})


def _functions_of(tools: Toolchain, objects: Sequence[Path], linked: LinkedElf) -> tuple[tuple[int, int], ...]:
    """The address ranges of the functions that these objects define."""
    names = {line.split()[-1] for line in run([tools.nm, "--defined-only", *map(str, objects)], "nm").splitlines()
             if len(line.split()) == 3} | {_STARTUP}
    sizes = _functions(linked)
    starts = {s.value & ~1 for s in linked.symbols if s.kind == STT_FUNC and s.section and s.name in names}
    return tuple(sorted((start, start + sizes[start]) for start in starts))


def _loaded(linked: LinkedElf) -> tuple[int, int]:
    """(bytes programmed into flash, bytes of RAM that sections take)."""
    sections = [s for s in linked.sections if s.allocated and s.size]
    flash = sum(s.size for s in sections if s.kind != "SHT_NOBITS")
    ram = sum(s.size for s in sections if s.address >= 0x20000000 and s.name in (".data", ".bss"))
    return flash, ram
