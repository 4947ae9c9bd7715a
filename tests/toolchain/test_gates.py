"""The generated gates: what they contain, and that gcc takes them without a warning."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from elftools.elf.elffile import ELFFile
from elftools.elf.relocation import RelocationSection
from elftools.elf.sections import SymbolTableSection

from ringfence.toolchain import gates
from ringfence.toolchain.errors import RingfenceError
from ringfence.toolchain.spec import SandboxSpec

SPEC = SandboxSpec.from_options(
    name="codec",
    exports=["decode(in data[size], size, out pixels[w*3], int16_t w) -> int",
             "add(int a, int b) -> int", "wide() -> uint64 error 0x1122334455667788", "name() -> pointer",
             "flag(inout char s[8]) -> bool", "reset_all()", "low(pointer p, uint8_t c) -> int8_t error -3",
             "measure(in x[4]) -> int64", "hole(int a, int64 b)", "scale(float a, int b) -> float",
             "many_words(int64 a, int64 b, int c) -> int", "turn(struct point[int*2] p) -> struct point[int*2]",
             "mixed(in x[4], double gain, struct vector[float*3] v) -> struct vector[float*3]", "handler() -> function",
             "(*event)(int code) -> int", "odd(struct rgb[3] c) -> struct rgb[3]"],
    imports=["log_line(in char text[len], len)", "die(int code) -> noreturn", "now() -> uint64", "ready() -> bool",
             "many(a, b, c, d, uint8_t e, out f[e*4]) -> pointer", "gap(int a, int64 b) -> struct point[int*2]",
             "ratio(float a, double b) -> double", "on_event(function f)"],
    heap="4K")
CORES = {"m3": ["-mcpu=cortex-m3"], "m4f": ["-mcpu=cortex-m4", "-mfloat-abi=hard", "-mfpu=fpv4-sp-d16"],
         "m4-softfp": ["-mcpu=cortex-m4", "-mfloat-abi=softfp", "-mfpu=fpv4-sp-d16"],
         "m7": ["-mcpu=cortex-m7", "-mfloat-abi=hard", "-mfpu=fpv5-d16"]}
COMPILE = ["arm-none-eabi-gcc", "-mthumb", "-Wall", "-Wextra", "-Werror", "-I", str(gates.RUNTIME_DIR)]


def gcc(work: Path, *arguments: str, core: str = "m3") -> None:
    result = subprocess.run([*COMPILE, *CORES[core], "-I", ".", *arguments], cwd=work, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr


def write(work: Path, *specs: SandboxSpec) -> None:
    for spec in specs:
        for name, text in gates.generate(spec).files().items():
            (work / name).write_text(text)
    (work / gates.REGISTRY_NAME).write_text(gates.generate_registry(specs))


@pytest.fixture(scope="module")
def assembled(tmp_path_factory: pytest.TempPathFactory) -> ELFFile:
    work = tmp_path_factory.mktemp("assembled")
    write(work, SPEC)
    gcc(work, "-c", "ringfence_codec_gates.S", "-o", "gates.o")
    return ELFFile((work / "gates.o").open("rb"))


def symbols(elf: ELFFile) -> dict[str, object]:
    table = elf.get_section_by_name(".symtab")
    assert isinstance(table, SymbolTableSection)
    return {s.name: s for s in table.iter_symbols() if s.name}


@pytest.mark.parametrize(("level", "core"), [
    *((level, "m3") for level in ("-O0", "-O1", "-O2", "-O3", "-Os", "-Og")), ("-O2", "m4f"), ("-O0", "m4f"),
    ("-Os", "m4-softfp"), ("-O2", "m7")])
def test_runtime_and_gates_compile_without_warning_at_every_level(tmp_path: Path, level: str, core: str) -> None:
    write(tmp_path, SPEC)
    runtime = [gates.RUNTIME_DIR / name for name in (*gates.HOST_SOURCES, gates.HANDLER_SOURCE, gates.SANDBOX_LIBC)]
    for source in [*map(str, runtime), "ringfence_codec_gates.c", "ringfence_codec_gates.S", gates.REGISTRY_NAME]:
        gcc(tmp_path, level, "-c", source, "-o", f"{Path(source).name}.o", core=core)


@pytest.mark.parametrize(("level", "core"), [("-O0", "m3"), ("-O2", "m3"), ("-O3", "m3"), ("-Os", "m3"), ("-O2", "m4f"),
                                             ("-O0", "m4f"), ("-O3", "m7")])
def test_host_side_needs_no_library(tmp_path: Path, level: str, core: str) -> None:
    """Not even memcpy or memset, which gcc likes to call for loops and initialisers."""
    write(tmp_path, SPEC)
    sources = [*(str(gates.RUNTIME_DIR / n) for n in (*gates.HOST_SOURCES, gates.HANDLER_SOURCE)),
               "ringfence_codec_gates.c", "ringfence_codec_gates.S", gates.REGISTRY_NAME]
    gcc(tmp_path, level, "-r", "-nostdlib", *sources, "-o", "host.o", core=core)
    with (tmp_path / "host.o").open("rb") as stream:
        undefined = {n for n, s in symbols(ELFFile(stream)).items() if s["st_shndx"] == "SHN_UNDEF"}  # type: ignore[index]
    wanted = {f"__rf_codec_export_{p.name}" for p in SPEC.exports} | {p.name for p in SPEC.imports} | {"__rf_codec_init"}
    wanted |= {f"__rf_codec_{s}" for s in gates.LINKER_SYMBOLS if not s.startswith("init_array")}
    assert undefined == wanted


def test_header_is_usable_from_c_and_cpp_alone(tmp_path: Path) -> None:
    write(tmp_path, SPEC)
    for name in ("use.c", "use.cpp"):
        (tmp_path / name).write_text('#include "ringfence_codec.h"\nint f(void) { return add(1, 2) + flag(0)'
                                     " + (int)ringfence_reset(&ringfence_codec); }\n")
        gcc(tmp_path, "-pedantic", "-c", name, "-o", "use.o")


def test_only_words_of_the_descriptor_section_refer_to_sandbox_code(assembled: ELFFile) -> None:
    found: dict[str, set[str]] = {}
    for section in assembled.iter_sections():
        if isinstance(section, RelocationSection):
            table = assembled.get_section(section["sh_link"])
            assert isinstance(table, SymbolTableSection)
            for relocation in section.iter_relocations():
                name = table.get_symbol(relocation["r_info_sym"]).name
                if name.startswith("__rf_codec_export_") or name == "__rf_codec_init":
                    found.setdefault(section.name, set()).add(name)
                    assert relocation["r_info_type"] == 2  # R_ARM_ABS32
    exports = {f"__rf_codec_export_{p.name}" for p in SPEC.exports}
    assert found == {".rel.rodata.ringfence_codec": exports | {"__rf_codec_init"}}


def test_each_import_has_a_gate_and_the_c_half_does_not_call_the_sandbox(assembled: ELFFile) -> None:
    names = symbols(assembled)
    for prototype in SPEC.imports:
        symbol = names[f"__rf_codec_import_{prototype.name}"]
        assert symbol["st_info"]["type"] == "STT_FUNC"  # type: ignore[index]
    assert "export_" not in gates.generate(SPEC).c_source


def test_error_values_are_in_the_entries() -> None:
    assembly = gates.generate(SPEC).assembly
    assert re.search(r"__rf_codec_export_add, 0xffffffff, 0xffffffff\n", assembly)
    assert re.search(r"__rf_codec_export_wide, 0x55667788, 0x11223344\n", assembly)
    assert re.search(r"__rf_codec_export_reset_all, 0x0, 0x0\n", assembly)


def test_scalar_exports_are_assembly_and_buffers_are_marshalled_in_c() -> None:
    sources = gates.generate(SPEC)
    for name in ("add", "wide", "reset_all", "hole", "scale"):
        assert f"\n{name}:\n" in sources.assembly
        assert f" {name}(" not in sources.c_source
    for name in ("decode", "flag", "name", "low", "measure", "many_words", "turn", "event", "odd"):
        assert f"\n{name}:\n" not in sources.assembly
        assert re.search(rf"[ *]{name}\(", sources.c_source)


def test_generation_is_a_function_of_the_spec() -> None:
    assert gates.generate(SPEC) == gates.generate(SandboxSpec.from_json(SPEC.to_json()))


def test_the_registry_lists_every_sandbox_once() -> None:
    other = SandboxSpec.from_options(name="other", exports=["f()"])
    text = gates.generate_registry([SPEC, other])
    assert text.count("&ringfence_codec,") == text.count("&ringfence_other,") == 1
    with pytest.raises(RingfenceError, match="two sandboxes"):
        gates.generate_registry([SPEC, SPEC])


def test_declared_imports_replace_the_stubs_of_the_sandbox_library(tmp_path: Path) -> None:
    spec = SandboxSpec.from_options(name="codec", exports=["f()"], imports=["_write(int file, in p[n], n) -> int"])
    gcc(tmp_path, *gates.libc_defines(spec), "-c", str(gates.RUNTIME_DIR / gates.SANDBOX_LIBC), "-o", "libc.o")
    with (tmp_path / "libc.o").open("rb") as stream:
        names = symbols(ELFFile(stream))
    assert "_write" not in names
    assert names["_read"]["st_info"]["bind"] == "STB_WEAK"  # type: ignore[index]


def test_a_handler_of_the_hosts_own_is_left_out(tmp_path: Path) -> None:
    defines = gates.handler_defines(["main", "HardFault_Handler", "SysTick_Handler"])
    gcc(tmp_path, *defines, "-c", str(gates.RUNTIME_DIR / gates.HANDLER_SOURCE), "-o", "handlers.o")
    with (tmp_path / "handlers.o").open("rb") as stream:
        names = symbols(ELFFile(stream))
    assert {n for n in names if n.endswith("_Handler")} == set(gates.FAULT_HANDLERS) - {"HardFault_Handler"}


@pytest.mark.parametrize(("cpu", "complaint"), [(["-mcpu=cortex-m0"], "are for ARMv7-M so far")])
def test_unsupported_cores_are_refused(tmp_path: Path, cpu: list[str], complaint: str) -> None:
    for source in ("switch.S", "gate.c"):
        result = subprocess.run(["arm-none-eabi-gcc", *cpu, "-mthumb", "-c", str(gates.RUNTIME_DIR / source), "-o", "x.o"],
                                cwd=tmp_path, capture_output=True, text=True, check=False)
        assert result.returncode != 0
        assert complaint in result.stderr


def test_pointers_have_no_address_in_the_host() -> None:
    """Whatever address the host gives, the fixed assembly makes a slot of it."""
    sources = gates.generate(SPEC)
    assert re.search(r"__rf_codec_entry_event:\n\s+\.word\s+0, 0xffffffff, 0xffffffff\n", sources.assembly)
    assert "export_event" not in sources.assembly
    assert "ringfence_run_pointer(&ringfence_c, &__rf_codec_entry_event, ringfence_target)" in sources.c_source


def test_registers_without_an_argument_are_cleared() -> None:
    """Also the hole before a pair of registers, and the floating-point registers that carry nothing."""
    spec = SandboxSpec.from_options(name="codec", exports=["hole(int a, int64 b)", "f(float a, int b)", "d(double a)"])
    stubs = {name: re.sub(r"\s+", " ", text) for name, text in re.findall(
        r"^(\w+):\n((?:(?!\n\w+:\n).)*?b\.w     ringfence_enter)", gates.generate(spec).assembly, re.M | re.S)}
    assert "movs r1, #0 #ifdef __ARM_FP ldr r4, =ringfence_zeros vldm r4, {s0-s15} #endif" in stubs["hole"]
    assert not re.search("movs r[023]", stubs["hole"])
    hard, soft = stubs["f"].split("#else")
    assert "movs r1, #0 movs r2, #0 movs r3, #0 ldr r4, =ringfence_zeros vldm r4, {s1-s15}" in hard
    assert "movs r2, #0 movs r3, #0 #ifdef" in soft
    assert "movs r1" not in soft
    assert "{s2-s15}" in stubs["d"]
