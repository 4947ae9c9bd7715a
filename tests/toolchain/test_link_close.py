"""A closed sandbox binds to nothing of the host's but its declared imports (real gcc, design section 3.1)."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from ringfence.toolchain.close import SandboxInput, check_closed, close_sandbox, library_names, partial_link_command
from ringfence.toolchain.errors import RingfenceError
from ringfence.toolchain.gcc import Toolchain
from ringfence.toolchain.image import ElfFile, read_elf
from ringfence.toolchain.spec import SandboxSpec

CPU = ["-mcpu=cortex-m3", "-mthumb"]
NANO = ["--specs=nano.specs"]
Compile = Callable[..., Path]


@pytest.fixture
def tools() -> Toolchain:
    return Toolchain.find("arm-none-eabi-gcc", CPU)


@pytest.fixture
def compile_c(tmp_path: Path) -> Compile:
    def compile_it(text: str, *flags: str, name: str = "s.c") -> Path:
        source = tmp_path / name
        source.write_text(text)
        output = source.with_suffix(source.suffix + ".o")
        driver = "arm-none-eabi-g++" if name.endswith("cpp") else "arm-none-eabi-gcc"
        subprocess.run([driver, *CPU, "-O2", *flags, "-c", source, "-o", output], check=True)
        return output

    return compile_it


def spec(imports: list[str] | None = None, exports: str = "f(int n) -> int") -> SandboxSpec:
    return SandboxSpec.from_options(name="box", exports=[exports], imports=imports or [], heap="4K")


def close(tools: Toolchain, tmp_path: Path, objects: list[Path], box: SandboxSpec) -> ElfFile:
    return read_elf(close_sandbox(tools, SandboxInput(box, tuple(objects)), NANO, tmp_path).path)


def undefined(elf: ElfFile) -> set[str]:
    return {s.name for s in elf.symbols if s.name and not s.defined}


def test_only_exports_are_visible_and_only_private_names_are_undefined(
    tools: Toolchain, compile_c: Compile, tmp_path: Path
) -> None:
    source = compile_c("""
        #include <stdlib.h>
        #include <string.h>
        extern int report(int); int helper(int n) { return n * 3; } int state = 4;
        int f(int n) { char *p = malloc(n); memset(p, 1, n); report(p[0]); free(p); return helper(n) + state; }""")
    elf = close(tools, tmp_path, [source], spec(["report(int n) -> int"]))
    assert set(elf.globals) == {"__rf_box_export_f", "__rf_box_init"}
    assert undefined(elf) == {"__rf_box_import_report"} | {
        f"__rf_box_{n}" for n in ("heap_start", "heap_end", "init_array_start", "init_array_end")
    } | {n for n in undefined(elf) if n.startswith("__rf_box_weak_")}
    assert all(s.name.startswith(".ringfence.box.") for s in elf.sections if s.allocated)


def test_an_undeclared_import_is_named_with_its_caller(tools: Toolchain, compile_c: Compile, tmp_path: Path) -> None:
    source = compile_c("int secret(int); __attribute__((noinline)) static int deep(int n) { return secret(n) + 1; }"
                       "int f(int n) { return deep(n) * 2; }")
    with pytest.raises(RingfenceError, match=r"secret: used by deep\(\)"):
        close(tools, tmp_path, [source], spec())


def test_undeclared_host_data_is_named_with_its_reader(tools: Toolchain, compile_c: Compile, tmp_path: Path) -> None:
    source = compile_c("extern int host_data; int f(int n) { return host_data + n; }")
    with pytest.raises(RingfenceError, match=r"host_data: used by f\(\)"):
        close(tools, tmp_path, [source], spec())


def test_another_sandboxes_or_an_unknown_ringfence_symbol_is_an_undeclared_import(
    tools: Toolchain, compile_c: Compile, tmp_path: Path
) -> None:
    source = compile_c("int __rf_other_export_g(int); extern int __ringfence_no_such_thing;"
                       "int f(int n) { return __rf_other_export_g(n) + __ringfence_no_such_thing; }")
    with pytest.raises(RingfenceError, match=r"(?s)__rf_other_export_g.*__ringfence_no_such_thing"):
        close(tools, tmp_path, [source], spec())


def test_common_symbols_become_private_bss(tools: Toolchain, compile_c: Compile, tmp_path: Path) -> None:
    source = compile_c("int shared[4]; int f(int n) { return shared[n & 3]++; }", "-fcommon")
    elf = close(tools, tmp_path, [source], spec())
    symbol = next(s for s in elf.symbols if s.name == "shared")
    assert symbol.local and symbol.section.startswith(".ringfence.box.")


def test_common_symbols_that_a_link_left_are_refused(tools: Toolchain, compile_c: Compile, tmp_path: Path) -> None:
    source = compile_c("int shared[4]; int f(int n) { return shared[n & 3]++; } void __ringfence_init(void) {}", "-fcommon")
    with pytest.raises(RingfenceError, match=r"COMMON symbols.*shared"):
        check_closed(read_elf(source), spec())


def test_a_weak_undefined_symbol_gets_a_private_name_and_stays_null(
    tools: Toolchain, compile_c: Compile, tmp_path: Path
) -> None:
    source = compile_c("int opt(int) __attribute__((weak)); int f(int n) { return opt ? opt(n) : n; }")
    elf = close(tools, tmp_path, [source], spec())
    assert "opt" not in undefined(elf)
    assert next(s for s in elf.symbols if s.name == "__rf_box_weak_opt").weak


def test_a_weak_undefined_symbol_that_is_declared_is_an_import(
    tools: Toolchain, compile_c: Compile, tmp_path: Path
) -> None:
    source = compile_c("int opt(int) __attribute__((weak)); int f(int n) { return opt ? opt(n) : n; }")
    assert "__rf_box_import_opt" in undefined(close(tools, tmp_path, [source], spec(["opt(int n) -> int"])))


CPP = """
    template <class T> T twice(T x) { static T calls; return x * 2 + calls++; }
    inline int shared_inline(int n) { static int seen; return n + seen++; }
    struct Counter { int n; Counter() : n(7) {} virtual int get() { return n; } };
    Counter counter;
    extern "C" int f(int n) { Counter *c = &counter; return twice(n) + shared_inline(n) + c->get(); }"""


def test_comdat_groups_are_dissolved_and_their_symbols_private(
    tools: Toolchain, compile_c: Compile, tmp_path: Path
) -> None:
    source = compile_c(CPP, "-fno-exceptions", "-fno-rtti", "-O0", name="s.cpp")
    assert any(s.is_group for s in read_elf(source).sections)
    elf = close(tools, tmp_path, [source], spec())
    assert not any(s.is_group for s in elf.sections)
    assert all(s.local for s in elf.symbols if "twice" in s.name or "shared_inline" in s.name)
    assert any(s.name.startswith(".ringfence.box.init_array") for s in elf.sections)


def test_comdat_groups_that_a_link_left_are_refused(compile_c: Compile) -> None:
    source = compile_c(CPP + 'extern "C" void __ringfence_init(void) {}', "-fno-exceptions", "-O0", name="s.cpp")
    with pytest.raises(RingfenceError, match="COMDAT groups"):
        check_closed(read_elf(source), spec())


def test_lto_objects_are_compiled_when_closed(tools: Toolchain, compile_c: Compile, tmp_path: Path) -> None:
    one = compile_c("int g(int); int f(int n) { return g(n) + 1; }", "-flto", name="one.c")
    two = compile_c("int g(int n) { return n * 5; }", "-flto", name="two.c")
    elf = close(tools, tmp_path, [one, two], spec())
    assert elf.globals["__rf_box_export_f"].size > 0
    assert not any(s.name.startswith(".gnu.lto_") for s in elf.sections)


def test_lto_objects_closed_without_the_plugin_are_refused(
    tools: Toolchain, compile_c: Compile, tmp_path: Path
) -> None:
    one = compile_c("int f(int n) { return n + 1; }", "-flto", name="one.c")
    output = tmp_path / "bad.o"
    command = partial_link_command(tools, SandboxInput(spec(), (one,)), [], NANO, output)
    subprocess.run([*(c for c in command if "flinker" not in c and c != "-Wl,--gc-sections"), "-fno-use-linker-plugin"],
                   check=True)
    with pytest.raises(RingfenceError, match=r"LTO|no source defines"):
        check_closed(read_elf(output), spec())


@pytest.mark.parametrize("declaration", ["__thread int mine = 3;", "extern __thread int mine;"])
def test_thread_local_storage_is_refused_by_name(
    tools: Toolchain, compile_c: Compile, tmp_path: Path, declaration: str
) -> None:
    source = compile_c(declaration + "int f(int n) { return mine += n; }")
    with pytest.raises(RingfenceError, match=r"thread-local storage.*mine"):
        close(tools, tmp_path, [source], spec())


@pytest.mark.parametrize(("text", "name", "hint"), [
    ("int g(int n) { return n; }", "s.c", "spelling"),
    ("static int __attribute__((used)) f(int n) { return n; } int (*p)(int) = f;", "s.c", "spelling|static"),
    ("int f(int n) { return n; }", "s.cpp", 'extern "C"'),
])
def test_an_export_that_is_not_defined_is_refused_with_advice(
    compile_c: Compile, text: str, name: str, hint: str
) -> None:
    source = compile_c(text, name=name)
    with pytest.raises(RingfenceError, match=r"no source defines the export 'f'") as caught:
        check_closed(read_elf(source), spec())
    assert caught.value.hint is not None
    assert any(word in caught.value.hint for word in hint.split("|"))


def test_an_undefined_export_stops_the_whole_closing(tools: Toolchain, compile_c: Compile, tmp_path: Path) -> None:
    with pytest.raises(RingfenceError, match="export 'f'"):
        close(tools, tmp_path, [compile_c("int g(int n) { return n; }")], spec())


def test_an_exported_variable_is_refused(tools: Toolchain, compile_c: Compile, tmp_path: Path) -> None:
    with pytest.raises(RingfenceError, match="'f' is not a function"):
        close(tools, tmp_path, [compile_c("int f = 3;")], spec())


def test_a_declared_import_that_the_sandbox_defines_is_refused(
    tools: Toolchain, compile_c: Compile, tmp_path: Path
) -> None:
    source = compile_c("int report(int n) { return n; } int f(int n) { return report(n); }")
    with pytest.raises(RingfenceError, match="'report' is declared as an import, but the sandbox defines it"):
        close(tools, tmp_path, [source], spec(["report(int n) -> int"]))


def test_a_declared_import_replaces_the_librarys_stub(tools: Toolchain, compile_c: Compile, tmp_path: Path) -> None:
    source = compile_c("#include <unistd.h>\nint _write(int, const void *, int); int f(int n) { return _write(1, &n, 4); }")
    elf = close(tools, tmp_path, [source], spec(["_write(int fd, in text[len], len) -> int"]))
    assert "__rf_box_import__write" in undefined(elf)


def test_the_small_library_is_chosen_by_the_specs_flag() -> None:
    assert library_names(["m"], NANO) == ["m", "c_nano", "gcc"]
    assert library_names(["m"], ["--specs=nosys.specs"]) == ["m", "c", "gcc"]


def test_a_missing_compiler_is_named() -> None:
    with pytest.raises(RingfenceError, match="'arm-none-eabi-gcc' was not found"):
        Toolchain.find("arm-none-eabi-gcc", CPU, path="/nonexistent")


@pytest.mark.parametrize(("flags", "message"), [
    (["-mcpu=cortex-x9"], "cortex-x9"), (["-mcpu=cortex-m0"], "cortex-m0"), ([], "which core"),
    ([*CPU, "-mbig-endian"], "little-endian"), ([*CPU, "-mfloat-abi=hard"], "cortex-m3"),
])
def test_an_unsupported_core_is_refused(flags: list[str], message: str) -> None:
    with pytest.raises(RingfenceError, match=message):
        Toolchain.find("arm-none-eabi-gcc", flags)


def test_a_host_compiler_is_refused() -> None:
    with pytest.raises(RingfenceError, match="not a GNU Arm cross compiler"):
        Toolchain.find("gcc", CPU)
