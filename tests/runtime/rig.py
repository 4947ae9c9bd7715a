"""Builds firmware with sandboxes that are closed but not rewritten, and runs it in QEMU: the gates' test bench."""

from __future__ import annotations

import functools
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection

from ringfence.toolchain import gates
from ringfence.toolchain.spec import SandboxSpec
from support.toolchain import run

DEVICE = Path(__file__).parent / "device"
M3 = ("-mcpu=cortex-m3", "-mthumb")
M4F = ("-mcpu=cortex-m4", "-mthumb", "-mfloat-abi=hard", "-mfpu=fpv4-sp-d16")
M4_SOFTFP = ("-mcpu=cortex-m4", "-mthumb", "-mfloat-abi=softfp", "-mfpu=fpv4-sp-d16")
WARN = ["-std=gnu11", "-Wall", "-Wextra", "-Werror"]
SECTIONS = ["-ffunction-sections", "-fdata-sections"]


@dataclass(frozen=True)
class Placed:
    """A sandbox's spec with where this bench puts it: 32 KiB window, 3 KiB stack, 1 KiB pad above it."""

    spec: SandboxSpec
    window: int

    def symbols(self) -> dict[str, int | str]:
        """What the linker script defines, as numbers or expressions. A heap, if there is one, ends below the stack."""
        top = self.window + 0x8000
        heap_end = top - 0x1000 if self.spec.heap else f"__rf_{self.spec.name}_heap_start"
        return {"window_base": self.window, "window_end": top, "stack_low": top - 0xC00 - 0x400,
                "stack_high": top - 0x400, "heap_end": heap_end, "shadow_low": top, "shadow_high": top + 0xC00}


def compile_c(work: Path, source: Path | str, *options: str, cpu: Sequence[str] = M3) -> str:
    """Object file (name, in `work`) of a C or assembly source."""
    name = f"{Path(source).name}.o"
    run("arm-none-eabi-gcc", *cpu, *WARN, *SECTIONS, "-I", gates.RUNTIME_DIR, "-I", ".", "-I", DEVICE, *options,
        "-c", source, "-o", name, cwd=work)
    return name


def _undefined(obj: Path) -> dict[str, str]:
    """Undefined symbols with their bindings. Those of collected sections stay behind as local ones: not counted."""
    with obj.open("rb") as stream:
        table = ELFFile(stream).get_section_by_name(".symtab")
        assert isinstance(table, SymbolTableSection)
        return {s.name: s["st_info"]["bind"] for s in table.iter_symbols()
                if s["st_shndx"] == "SHN_UNDEF" and s["st_info"]["bind"] != "STB_LOCAL"}


def close(work: Path, spec: SandboxSpec, sources: Sequence[Path], optimise: str, cpu: Sequence[str] = M3) -> str:
    """The closed object of a sandbox: what toolchain/link.py makes, by plain commands."""
    objects = [compile_c(work, s, optimise, cpu=cpu) for s in sources]
    libc = compile_c(work, gates.RUNTIME_DIR / gates.SANDBOX_LIBC, optimise, *gates.libc_defines(spec), cpu=cpu)
    wanted = [*(p.name for p in spec.exports), "__ringfence_init"]
    merged, closed = f"{spec.name}.r.o", f"{spec.name}.closed.o"
    run("arm-none-eabi-gcc", *cpu, "-r", "-nostdlib", "-Wl,--gc-sections", "-Wl,-d,--force-group-allocation",
        *(f"-Wl,-u,{w}" for w in wanted), "-Wl,-e,__ringfence_init", *objects, libc, "-Wl,--start-group", "-lc_nano",
        "-lgcc", "-Wl,--end-group", "-o", merged, cwd=work)
    prefix = f"__rf_{spec.name}_"
    renames = {p.name: f"{prefix}export_{p.name}" for p in spec.exports}
    renames |= {p.name: f"{prefix}import_{p.name}" for p in spec.imports}
    renames["__ringfence_init"] = f"{prefix}init"
    undefined = _undefined(work / merged)
    renames |= {u: prefix + u.removeprefix("__ringfence_") for u in undefined if u.startswith("__ringfence_")}
    renames |= {u: f"{prefix}weak_{u}" for u, binding in undefined.items() if binding == "STB_WEAK"}
    assert undefined.keys() <= renames.keys(), undefined.keys() - renames.keys()
    run("arm-none-eabi-objcopy", f"--prefix-alloc-sections=.ringfence.{spec.name}",
        *(f"--keep-global-symbol={w}" for w in wanted), merged, closed, cwd=work)
    run("arm-none-eabi-objcopy", *(f"--redefine-sym={old}={new}" for old, new in renames.items()), closed, cwd=work)
    return closed


_BEFORE = """\
ENTRY(start)
SECTIONS {
  .text 0 : { KEEP(*(.vectors)) *(.text*) *(.rodata*) . = ALIGN(4); }
"""
_SANDBOX = """\
  .ringfence.%(n)s.code : { __rf_%(n)s_code_start = .; *(.ringfence.%(n)s.text*)
    . = ALIGN(16); __rf_%(n)s_slots_start = .; KEEP(*(.ringfence.%(n)s.slots)) __rf_%(n)s_slots_end = .; __rf_%(n)s_code_end = .; }
  .ringfence.%(n)s.const : { __rf_%(n)s_const_start = .; *(.ringfence.%(n)s.rodata*)
    . = ALIGN(4); __rf_%(n)s_init_array_start = .; KEEP(*(.ringfence.%(n)s.init_array*)) __rf_%(n)s_init_array_end = .;
    *(.ringfence.%(n)s.fini_array*) . = ALIGN(8); __rf_%(n)s_const_end = .; }
  __rf_%(n)s_data_load = .;
  .ringfence.%(n)s.data %(window)#x : AT(__rf_%(n)s_data_load) { *(.ringfence.%(n)s.data*) . = ALIGN(8); }
  __rf_%(n)s_data_start = %(window)#x;
  __rf_%(n)s_data_end = %(window)#x + SIZEOF(.ringfence.%(n)s.data);
  .ringfence.%(n)s.bss __rf_%(n)s_data_end (NOLOAD) : { *(.ringfence.%(n)s.bss*) . = ALIGN(8); }
  __rf_%(n)s_bss_start = __rf_%(n)s_data_end;
  __rf_%(n)s_bss_end = __rf_%(n)s_data_end + SIZEOF(.ringfence.%(n)s.bss);
  __rf_%(n)s_heap_start = __rf_%(n)s_bss_end;
  . = __rf_%(n)s_data_load + SIZEOF(.ringfence.%(n)s.data);
"""
_AFTER = """\
  data_load = .;
  .data 0x20000000 : AT(data_load) { data_low = .; *(.data*) . = ALIGN(4); data_high = .; }
  .bss (NOLOAD) : { bss_low = .; *(.bss*) *(COMMON) . = ALIGN(8); bss_high = .; }
  stack_top = 0x20010000;
  /DISCARD/ : { *(.ARM.exidx*) *(.ARM.extab*) }
}
"""


def linker_script(placed: Sequence[Placed]) -> str:
    text = _BEFORE
    for sandbox in placed:
        text += _SANDBOX % {"n": sandbox.spec.name, "window": sandbox.window}
        text += "".join(f"  __rf_{sandbox.spec.name}_{k} = {v};\n" for k, v in sandbox.symbols().items())
    return text + _AFTER


def build(work: Path, sandboxes: Sequence[tuple[Placed, Sequence[Path]]], host: Sequence[Path], *,
          optimise: str = "-O2", options: Sequence[str] = (), strong: Sequence[str] = (),
          cpu: Sequence[str] = M3) -> Path:
    """firmware.elf in `work`: host sources, runtime and gates at `optimise`; `strong` are the host's own handlers."""
    compile_one = functools.partial(compile_c, work, cpu=cpu)
    objects: list[str] = []
    for placed, sources in sandboxes:
        for name, text in gates.generate(placed.spec).files().items():
            (work / name).write_text(text)
            if not name.endswith(".h"):
                objects.append(compile_one(name, optimise))
        objects.append(close(work, placed.spec, sources, "-O1", cpu))
    (work / gates.REGISTRY_NAME).write_text(gates.generate_registry([p.spec for p, _ in sandboxes]))
    objects += [compile_one(gates.RUNTIME_DIR / s, optimise) for s in gates.HOST_SOURCES]
    objects.append(compile_one(gates.REGISTRY_NAME, optimise))
    objects.append(compile_one(gates.RUNTIME_DIR / gates.HANDLER_SOURCE, optimise, *gates.handler_defines(strong)))
    objects += [compile_one(s, "-O1", *options) for s in host]
    (work / "firmware.ld").write_text(linker_script([p for p, _ in sandboxes]))
    run("arm-none-eabi-gcc", *cpu, "-nostdlib", "-Wl,--gc-sections", "-Wl,--no-warn-rwx-segments", "-Wl,-T,firmware.ld",
        *objects, "-Wl,--start-group", "-lc_nano", "-lgcc", "-Wl,--end-group", "-Wl,-Map=firmware.map",
        "-o", "firmware.elf", cwd=work)
    return work / "firmware.elf"


@functools.cache  # -icount makes runs repeatable
def qemu(elf: Path, scenario: str, timeout: float = 20, machine: str = "mps2-an385") -> dict[str, int]:
    """The "key=value" lines that the firmware prints; it must end with exit code 0."""
    result = subprocess.run(
        ["qemu-system-arm", "-M", machine, "-icount", "shift=6", "-nographic", "-monitor", "none", "-serial", "none",
         "-semihosting-config", f"enable=on,target=native,arg={scenario}", "-kernel", str(elf)],
        capture_output=True, text=True, timeout=timeout, check=False)
    output = result.stdout + result.stderr
    assert result.returncode == 0, f"exit {result.returncode}: {output}"
    lines = [line.partition("=") for line in output.splitlines() if "=" in line]
    return {key: int(value, 16) for key, _, value in lines} | {"done": int("done" in output.split())}
