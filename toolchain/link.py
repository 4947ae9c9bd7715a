"""Linking the firmware: host objects, Ringfence's runtime, the gates and the closed sandboxes, with one script."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ringfence.linker_scripts import LINK_FLAGS
from ringfence.toolchain.close import SUPPORT_FLAGS, ClosedSandbox
from ringfence.toolchain.errors import RingfenceError
from ringfence.toolchain.gates import (
    FAULT_HANDLERS,
    FAULTS_ENABLED_BY,
    HANDLER_SOURCE,
    HOST_SOURCES,
    REGISTRY_NAME,
    RUNTIME_DIR,
    generate,
    generate_registry,
    handler_defines,
)
from ringfence.toolchain.gcc import Toolchain, run
from ringfence.toolchain.image import ElfFile
from ringfence.toolchain.spec import SandboxSpec

_FIRST_FAULT_VECTOR = 3  # ARMv7-M B1.5.2: HardFault, MemManage, BusFault, UsageFault are exceptions 3 to 6
_VECTOR_TABLE_ALIGN = 128
_FORBIDDEN = {
    "-s": "it removes the relocations that rewriting needs",
    "-Wl,-s": "it removes the relocations that rewriting needs",
    "-Wl,--strip-all": "it removes the relocations that rewriting needs",
    "-Wl,-x": "it removes the symbols that tell code from data",
    "-Wl,--discard-all": "it removes the symbols that tell code from data",
    "-r": "the result must be an executable",
    "-shared": "the result must be an executable",
    "-pie": "firmware is linked to fixed addresses",
}


@dataclass(frozen=True)
class HostInput:
    """The trusted part. `link_flags` as for gcc, without -T; `libraries` as after -l; `directories` as after -L."""

    objects: tuple[Path, ...]
    linker_script: Path
    link_flags: tuple[str, ...] = ()
    libraries: tuple[str, ...] = ()
    directories: tuple[Path, ...] = ()

    @property
    def specs(self) -> list[str]:
        return [f for f in self.link_flags if f.startswith(("--specs=", "-specs="))]

    @property
    def script_directories(self) -> list[Path]:
        """Where ld looks for the files that a script INCLUDEs."""
        flags = [Path(f[2:]) for f in self.link_flags if f.startswith("-L") and len(f) > 2]
        return [self.linker_script.parent, *self.directories, *flags]


def check_link_flags(host: HostInput) -> None:
    """Refuse what the rewriter could not work with; RingfenceError names the flag."""
    for flag in host.link_flags:
        if flag in _FORBIDDEN:
            raise RingfenceError(f"the link flag {flag} cannot be used: {_FORBIDDEN[flag]}", "remove it")
        if flag.startswith(("-T", "-Wl,-T", "-Wl,--script")):
            raise RingfenceError(f"the link flag {flag} names a linker script", "give it as linker_script= instead")


def strong_symbols(tools: Toolchain, objects: Sequence[Path]) -> set[str]:
    """Names that the host's objects and archives define strongly (nm's capital letters, W and V apart)."""
    if not objects:
        return set()
    text = run([tools.nm, "--defined-only", "--extern-only", "--format=posix", *map(str, objects)],
               "listing the host's symbols")
    rows = (line.split() for line in text.splitlines())
    return {row[0] for row in rows if len(row) >= 2 and len(row[1]) == 1 and row[1] in "TDBRSAC"}


def compile_host_support(
    tools: Toolchain, host: HostInput, specs: Sequence[SandboxSpec], workdir: Path
) -> list[Path]:
    """Compile the runtime, the registry and every sandbox's gates into `workdir`; the objects to link into the host."""
    flags = [*SUPPORT_FLAGS, f"-I{workdir}"]
    sources: list[tuple[Path, list[str]]] = [(RUNTIME_DIR / name, []) for name in HOST_SOURCES]
    sources.append((RUNTIME_DIR / HANDLER_SOURCE, handler_defines(strong_symbols(tools, host.objects))))
    registry = workdir / REGISTRY_NAME
    registry.write_text(generate_registry(specs))
    sources.append((registry, []))
    for spec in specs:
        gates = generate(spec)
        for name, text in gates.files().items():
            (workdir / name).write_text(text)
        sources += [(workdir / gates.c_name, []), (workdir / gates.asm_name, [])]
    return [tools.compile(source, workdir / f"{source.name}.o", [*flags, *more]) for source, more in sources]


def link_firmware(
    tools: Toolchain, host: HostInput, support: Iterable[Path], closed: Iterable[ClosedSandbox], script: Path,
    output: Path,
) -> Path:
    """One link with relocations kept; RingfenceError with ld's messages when it fails."""
    run([
        tools.compiler, *tools.cpu_flags, *host.link_flags, f"-T{script}", *map(str, host.objects),
        *map(str, support), *(str(c.path) for c in closed), *(f"-L{d}" for d in host.script_directories),
        "-Wl,--start-group", *(f"-l{name}" for name in host.libraries), "-Wl,--end-group",
        *LINK_FLAGS, "-Wl,--emit-relocs", "-Wl,--build-id=none", "-o", str(output),
    ], f"linking {output.name}")
    return output


def check_fault_vectors(elf: ElfFile, host_strong: set[str]) -> list[str]:
    """Every fault must reach Ringfence's handlers: the host's vector table holds them, or the host's own handlers call
    `ringfence_fault`. Returns notes on what is allowed but worth knowing; RingfenceError otherwise."""
    handlers = {s.name: s.value for s in elf.symbols if s.name in FAULT_HANDLERS and s.defined and s.type == "FUNC"}
    notes = []
    for name in FAULT_HANDLERS:
        if name in host_strong and not _calls_runtime(elf, handlers.get(name)):
            raise RingfenceError(f"the firmware's own {name} does not hand the faults of sandboxes to Ringfence",
                                 f"make RINGFENCE_FAULT_ENTRY; (ringfence.h) the first line of {name}")
    rows = _fault_rows(elf, handlers.get("HardFault_Handler"))
    if not rows:
        raise RingfenceError("no vector table holds the address of HardFault_Handler as its fourth word",
                             "name the handlers as CMSIS does: HardFault_Handler, MemManage_Handler, ...")
    enabled = any(s.name == FAULTS_ENABLED_BY and s.defined for s in elf.symbols)
    for number, name in enumerate(FAULT_HANDLERS):
        if handlers.get(name) in {row[number] for row in rows}:
            continue
        if enabled:
            raise RingfenceError(f"{FAULTS_ENABLED_BY}() enables a fault whose entry in the vector table is not {name}",
                                 "name the handler as CMSIS does in the table, or leave out the call")
        notes.append(f"the vector table's {name} entry is not {name}: leave this fault disabled in SHCSR")
    return notes


def _fault_rows(elf: ElfFile, hard_fault: int | None) -> list[tuple[int, ...]]:
    """The four fault entries of each vector table: found by alignment and by the entry for HardFault."""
    rows = []
    for section in elf.sections:
        if not section.loaded or section.name.startswith(".ringfence."):
            continue
        start = -(-section.address // _VECTOR_TABLE_ALIGN) * _VECTOR_TABLE_ALIGN
        for table in range(start, section.address + section.size - 28, _VECTOR_TABLE_ALIGN):
            row = [elf.word(table + 4 * (_FIRST_FAULT_VECTOR + i)) for i in range(len(FAULT_HANDLERS))]
            if row[0] == hard_fault:
                rows.append(tuple(word or 0 for word in row))
    return rows


def _calls_runtime(elf: ElfFile, handler: int | None) -> bool:
    """The handler, or code that it reaches by direct references, refers to `ringfence_fault`."""
    functions = {s.value & ~1: s for s in elf.symbols if s.type == "FUNC" and s.defined}
    by_name = {s.name: s.value & ~1 for s in functions.values()}
    todo, seen = [] if handler is None else [handler & ~1], set()
    while todo:
        address = todo.pop()
        function = functions.get(address)
        if function is None or address in seen:
            continue
        seen.add(address)
        for reference in elf.references_in(address, address + max(function.size, 2)):
            if reference.symbol == "ringfence_fault":
                return True
            todo.append(by_name.get(reference.symbol, 0))
    return False
