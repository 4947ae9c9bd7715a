"""Closing a sandbox: its objects and private copies of the library functions they use become one object whose only
undefined symbols are the declared imports and what the linker script and the gates define (docs/architecture.md).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ringfence.toolchain.errors import RingfenceError
from ringfence.toolchain.gates import RUNTIME_DIR, SANDBOX_LIBC, libc_defines
from ringfence.toolchain.gcc import Toolchain, run
from ringfence.toolchain.image import COMMON, ElfFile, read_elf
from ringfence.toolchain.spec import SandboxSpec

LINKER_SYMBOLS = (
    "code_start", "code_end", "slots_start", "slots_end", "const_start", "const_end", "window_base", "window_end",
    "data_start", "data_end", "data_load", "bss_start", "bss_end", "heap_start", "heap_end", "stack_low", "stack_high",
    "shadow_low", "shadow_high", "init_array_start", "init_array_end",
)
INITIALISER = "__ringfence_init"
_PUBLIC_PREFIX = "__ringfence_"
SUPPORT_FLAGS = ("-std=gnu11", "-Os", "-g", "-Wall", "-Wextra", "-Werror", "-ffunction-sections", "-fdata-sections",
                 "-fno-common", "-fno-lto", f"-I{RUNTIME_DIR}")
_SHOWN_CALLERS = 5
_LTO_SECTION = ".gnu.lto_"


@dataclass(frozen=True)
class SandboxInput:
    """What one sandbox is made of. `libraries` are names as after `-l`, `directories` where they are looked for."""

    spec: SandboxSpec
    objects: tuple[Path, ...]
    libraries: tuple[str, ...] = ()
    directories: tuple[Path, ...] = ()


@dataclass(frozen=True)
class ClosedSandbox:
    """The closed object. `imports`: declared and used; `weak`: undefined weak symbols, now private and 0."""

    spec: SandboxSpec
    path: Path
    imports: tuple[str, ...]
    weak: tuple[str, ...]


def export_symbol(sandbox: str, function: str) -> str:
    return f"__rf_{sandbox}_export_{function}"


def import_symbol(sandbox: str, function: str) -> str:
    return f"__rf_{sandbox}_import_{function}"


def close_sandbox(
    tools: Toolchain, sandbox: SandboxInput, specs: Sequence[str], workdir: Path
) -> ClosedSandbox:
    """Link `sandbox.objects` and Ringfence's stubs for the C library into one closed object in `workdir`.

    `specs`: the firmware's --specs= flags, which choose newlib or newlib-nano. RingfenceError says what is not closed.
    """
    spec = sandbox.spec
    linked = workdir / f"{spec.name}.linked.o"
    stubs = _compile_stubs(tools, spec, specs, workdir)
    command = partial_link_command(tools, sandbox, [stubs], specs, linked)
    run(command, f"linking sandbox {spec.name!r}")
    elf = read_elf(linked)
    check_closed(elf, spec)
    return _hide(tools, spec, elf, linked, workdir / f"{spec.name}.closed.o")


def _compile_stubs(tools: Toolchain, spec: SandboxSpec, specs: Sequence[str], workdir: Path) -> Path:
    """The in-sandbox C library stubs without those functions that the user declared as imports."""
    output = workdir / f"{spec.name}.libc.o"
    return tools.compile(RUNTIME_DIR / SANDBOX_LIBC, output, [*SUPPORT_FLAGS, *specs, *libc_defines(spec)])


def partial_link_command(
    tools: Toolchain, sandbox: SandboxInput, support: Sequence[Path], specs: Sequence[str], output: Path
) -> list[str]:
    """The `gcc -r` line. Exports are roots; -d allocates COMMON; group and LTO sections are resolved here."""
    exports = [p.name for p in sandbox.spec.exports]
    roots = [f"-Wl,-u,{name}" for name in (*exports, INITIALISER)]
    return [
        tools.compiler, *tools.cpu_flags, "-nostdlib", "-r", "-flinker-output=nolto-rel",
        "-Wl,--gc-sections", "-Wl,-d", "-Wl,--force-group-allocation", *roots, f"-Wl,-e,{exports[0]}",
        *map(str, sandbox.objects), *map(str, support), *(f"-L{d}" for d in sandbox.directories),
        "-Wl,--start-group", *(f"-l{name}" for name in library_names(sandbox.libraries, specs)), "-Wl,--end-group",
        "-o", str(output),
    ]


def library_names(libraries: Iterable[str], specs: Sequence[str]) -> list[str]:
    """The sandbox's libraries, then libc and libgcc; with --specs=nano.specs the small builds where they exist."""
    names = [*libraries, "c", "gcc"]
    if any("nano.specs" in flag for flag in specs):
        names = [f"{name}_nano" if name in ("c", "g", "stdc++", "supc++") else name for name in names]
    return list(dict.fromkeys(names))


def check_closed(elf: ElfFile, spec: SandboxSpec) -> None:
    """Raise RingfenceError for anything in a partially linked sandbox that a sandbox must not have."""
    _check_kinds(elf, spec)
    _check_exports(elf, spec)
    _check_imports(elf, spec)


def _check_kinds(elf: ElfFile, spec: SandboxSpec) -> None:
    where = f"sandbox {spec.name!r}"
    if any(s.name.startswith(_LTO_SECTION) for s in elf.sections):
        raise RingfenceError(f"{where}: the link left LTO intermediate code in the object",
                             "compile its sources without -ffat-lto-objects, or without -flto")
    threads = [s.name for s in elf.symbols if s.type == "TLS" and s.name]
    if threads or any(s.thread_local for s in elf.sections):
        raise RingfenceError(f"{where}: thread-local storage is not supported: {_some(threads) or 'a TLS section'}",
                             "remove __thread / _Thread_local / thread_local")
    common = [s.name for s in elf.symbols if s.section == COMMON]
    if common:
        raise RingfenceError(f"{where}: COMMON symbols would be merged with the host's: {_some(common)}",
                             "compile with -fno-common")
    groups = [s.name for s in elf.sections if s.is_group]
    if groups:
        raise RingfenceError(f"{where}: COMDAT groups would be merged with the host's ({len(groups)} left)",
                             "the linker must support --force-group-allocation (binutils 2.29 or newer)")


def _check_exports(elf: ElfFile, spec: SandboxSpec) -> None:
    code = {s.name for s in elf.sections if s.executable}
    for export in (*(p.name for p in spec.exports), INITIALISER):
        symbol = elf.globals.get(export)
        if symbol is None:
            raise RingfenceError(f"sandbox {spec.name!r}: no source defines the export {export!r}",
                                 _export_hint(elf, export))
        if symbol.section not in code:
            raise RingfenceError(f"sandbox {spec.name!r}: the export {export!r} is not a function")


def _export_hint(elf: ElfFile, export: str) -> str:
    if any(s.name == export and s.local and s.type == "FUNC" for s in elf.symbols):
        return f"{export} is static there: remove `static`"
    mangled = f"_Z{len(export)}{export}"
    if any(s.name.startswith(mangled) for s in elf.symbols):
        return f'{export} has C++ linkage: declare it extern "C"'
    return "check the spelling in exports=[...] and the list of sources"


def _check_imports(elf: ElfFile, spec: SandboxSpec) -> None:
    declared = {p.name for p in spec.imports}
    for name in sorted(declared & set(elf.globals)):
        raise RingfenceError(f"sandbox {spec.name!r}: {name!r} is declared as an import, but the sandbox defines it",
                             "remove it from imports=[...], or from the sandbox's sources and libraries")
    undefined = {s.name for s in elf.symbols if s.name and not s.defined and not s.weak}
    used = undefined & {r.symbol for r in elf.references}  # ld keeps the names of what it collected as garbage
    undeclared = sorted(used - declared - {_PUBLIC_PREFIX + name for name in LINKER_SYMBOLS})
    if undeclared:
        lines = [f"  {name}: {_callers(elf, name)}" for name in undeclared]
        raise RingfenceError(
            f"sandbox {spec.name!r} uses what it neither defines nor imports:\n" + "\n".join(lines),
            "declare host functions in imports=[...], or add the source or library (LIBS=) that defines them",
        )


def _callers(elf: ElfFile, symbol: str) -> str:
    found: list[str] = []
    for reference in elf.references:
        if reference.symbol == symbol:
            caller = elf.function_at(reference.section, reference.offset)
            found.append(f"{caller}()" if caller else f"section {reference.section}")
    names = list(dict.fromkeys(found))
    return "used by " + _some(names)


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN_CALLERS} more" if len(names) > _SHOWN_CALLERS else ""
    return ", ".join(names[:_SHOWN_CALLERS]) + more


def _hide(tools: Toolchain, spec: SandboxSpec, elf: ElfFile, linked: Path, output: Path) -> ClosedSandbox:
    """objcopy: private section names, private symbol names, everything but the exports local."""
    declared = {p.name for p in spec.imports}
    undefined = {s.name for s in elf.symbols if s.name and not s.defined}
    weak = sorted(undefined - declared - {_PUBLIC_PREFIX + n for n in LINKER_SYMBOLS})  # or unused: check_closed
    names = {p.name: export_symbol(spec.name, p.name) for p in spec.exports}
    names[INITIALISER] = f"__rf_{spec.name}_init"
    keep = sorted(names.values())
    names |= {n: import_symbol(spec.name, n) for n in undefined if n in declared}
    names |= {n: f"__rf_{spec.name}_weak_{n}" for n in weak}
    names |= {_PUBLIC_PREFIX + n: f"__rf_{spec.name}_{n}" for n in LINKER_SYMBOLS}
    renames = _write_lines(output.with_suffix(".names"), [f"{old} {new}" for old, new in sorted(names.items())])
    kept = _write_lines(output.with_suffix(".exports"), keep)
    weaken = [f"--weaken-symbol={names[n]}" for n in weak]
    # The slot table comes from no object, so the rewriter needs a mapping symbol (AAELF32 5.5.5) to mark it as code.
    code = f".ringfence.{spec.name}{elf.globals[INITIALISER].section}"
    spare = f"--add-symbol=$t={code}:0,local"
    # Nothing unwinds a sandbox, and ld, which edits index tables, moves other relocations of their output section too.
    unwinding = ["--remove-section=.ARM.exidx*", "--remove-section=.ARM.extab*"]
    run([tools.objcopy, *unwinding, f"--prefix-alloc-sections=.ringfence.{spec.name}", f"--redefine-syms={renames}",
         f"--keep-global-symbols={kept}", *weaken, spare, str(linked), str(output)], f"closing sandbox {spec.name!r}")
    used = tuple(sorted(n for n in undefined if n in declared))
    _check_hidden(read_elf(output), spec, set(keep), set(names.values()))
    return ClosedSandbox(spec, output, used, tuple(weak))


def _write_lines(path: Path, lines: Sequence[str]) -> Path:
    path.write_text("".join(line + "\n" for line in lines))
    return path


def _check_hidden(elf: ElfFile, spec: SandboxSpec, exports: set[str], private: set[str]) -> None:
    """objcopy did what was asked: nothing in the object can bind to a host symbol of the same name."""
    visible = set(elf.globals)
    outside = {s.name for s in elf.symbols if s.name and not s.defined} - private
    if visible != exports or outside:
        odd = sorted((visible ^ exports) | outside)
        raise RingfenceError(f"sandbox {spec.name!r}: objcopy left symbols that the host could see: {_some(odd)}")
