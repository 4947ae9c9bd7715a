"""Reading vendors' linker scripts: what is found, and what is refused with file and line."""

from __future__ import annotations

from pathlib import Path

import pytest

from ringfence.linker_scripts import LinkerScriptError, Region, measuring_layout, read_vendor_script, render

DATA = Path(__file__).parent / "data"
SECTIONS = "SECTIONS { .text : { *(.text*) } > FLASH }\n"
MEMORY = "MEMORY { FLASH (rx) : ORIGIN = 0x08000000, LENGTH = 64K RAM (xrw) : ORIGIN = 0x20000000, LENGTH = 20K }\n"


def script(folder: Path, text: str, name: str = "vendor.ld") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def memory(folder: Path, lines: str, before: str = "", **symbols: int) -> tuple[Region, ...]:
    return read_vendor_script(script(folder, f"{before}MEMORY {{ {lines} }}\n{SECTIONS}"), symbols=symbols).regions


def refusal(folder: Path, text: str) -> str:
    with pytest.raises(LinkerScriptError) as caught:
        read_vendor_script(script(folder, text))
    return str(caught.value)


def test_cubemx_regions_are_read() -> None:
    vendor = read_vendor_script(DATA / "cubemx_style.ld")
    assert vendor.regions == (
        Region("FLASH", 0x08000000, 1 << 20, "rx"),
        Region("CCMRAM", 0x10000000, 64 << 10, "xrw"),
        Region("RAM", 0x20000000, 128 << 10, "xrw"),
    )
    assert vendor.fixed == ()


def test_memory_in_an_included_file_made_of_symbols_is_read() -> None:
    vendor = read_vendor_script(DATA / "cmsis_style.ld")
    assert vendor.regions == (Region("FLASH", 0, 4 << 20, "rx"), Region("RAM", 0x20000000, 4 << 20, "rwx"))
    assert vendor.files == (DATA / "cmsis_style.ld", DATA / "cmsis_style_memory.ld")
    assert vendor.fixed == ()  # __RAM_BASE is used by MEMORY alone, so it moves with the edit


@pytest.mark.parametrize(
    ("length", "bytes_"),
    [
        ("20K", 20 << 10), ("0x5000", 0x5000), ("1M", 1 << 20), ("64k - 4K", 60 << 10), ("(2 + 3) * 4 * 1024", 20 << 10), ("1K + 2 * 512", 2048),
        ("LENGTH(A) / 2", 4096), ("ORIGIN(A) + LENGTH(A) - 0x10001000", 4096), ("1 << 12", 4096), ("SIZE", 0x400),
        ("MAX(1K, 2K)", 2048), ("1 ? 4K : 8K", 4096), ("010", 8),
    ],
)  # fmt: skip
def test_length_expressions_have_their_value(tmp_path: Path, length: str, bytes_: int) -> None:
    lines = f"A (rwx) : org = 0x10000000, len = 8K\n RAM (xrw) : ORIGIN = 0x20000000, LENGTH = {length}"
    assert memory(tmp_path, lines, "SIZE = 0x400;\n")[1].length == bytes_


def test_regions_need_neither_commas_nor_flags(tmp_path: Path) -> None:
    assert memory(tmp_path, "ram : o = 0x20000000 l = 8K rom ( RX ) : o = 0, l = 16K") == (
        Region("ram", 0x20000000, 8192),
        Region("rom", 0, 16384, "RX"),
    )


def test_a_symbol_of_the_command_line_gives_a_length(tmp_path: Path) -> None:
    assert memory(tmp_path, "RAM : ORIGIN = 0, LENGTH = DEFINED(S) ? S : 4K", S=0x600)[0].length == 0x600


def test_flags_tell_writable_and_executable() -> None:
    assert Region("a", 0, 1, "rx").executable and not Region("a", 0, 1, "rx").writable
    assert Region("a", 0, 1, "XRW").writable and Region("a", 0, 1).writable
    assert not Region("a", 0, 1, "rx!w").writable


def test_an_edit_changes_two_numbers_and_nothing_else() -> None:
    vendor = read_vendor_script(DATA / "cubemx_style.ld")
    edited = vendor.edited([Region("RAM", 0x20002000, 120 << 10, "xrw"), *vendor.regions[:2]])
    lines = list(zip(vendor.text.splitlines(), edited.splitlines(), strict=True))
    assert [pair for pair in lines if pair[0] != pair[1]] == [
        (
            "  RAM (xrw)       : ORIGIN = 0x20000000, LENGTH = 128K",
            "  RAM (xrw)       : ORIGIN = 0x20002000, LENGTH = 0x1e000",
        )
    ]
    assert vendor.text.rstrip() == (DATA / "cubemx_style.ld").read_text().rstrip()


def test_an_edit_reaches_numbers_in_an_included_file() -> None:
    vendor = read_vendor_script(DATA / "cmsis_style.ld")
    edited = vendor.edited([Region("RAM", 0x20010000, 0x3F0000, "rwx")])
    assert "RAM   (rwx) : ORIGIN = 0x20010000, LENGTH = 0x3f0000" in edited
    assert "INCLUDE" not in edited and "__RAM_BASE = 0x20000000;" in edited


def test_includes_are_looked_up_along_the_search_path(tmp_path: Path) -> None:
    folder = tmp_path / "chips"
    folder.mkdir()
    script(folder, MEMORY, "chip.ld")
    path = script(tmp_path, f"INCLUDE chip.ld\n{SECTIONS}")
    assert len(read_vendor_script(path, search_dirs=[folder]).regions) == 2
    with pytest.raises(LinkerScriptError, match=r"vendor\.ld:1: INCLUDE chip\.ld: no such file"):
        read_vendor_script(path)


def test_the_current_directory_comes_before_the_search_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for folder, length in (("here", "1K"), ("there", "2K")):
        (tmp_path / folder).mkdir()
        script(tmp_path / folder, f"MEMORY {{ RAM : ORIGIN = 0, LENGTH = {length} }}", "chip.ld")
    path = script(tmp_path, f"INCLUDE chip.ld\n{SECTIONS}")
    monkeypatch.chdir(tmp_path / "here")
    assert read_vendor_script(path, search_dirs=[tmp_path / "there"]).regions[0].length == 1024


def test_scripts_that_belong_together_are_read_together(tmp_path: Path) -> None:
    parts = [script(tmp_path, MEMORY, "mem.ld"), script(tmp_path, SECTIONS, "sections.ld")]
    assert len(read_vendor_script(parts).regions) == 2


def test_numbers_that_no_edit_moves_are_found(tmp_path: Path) -> None:
    text = f"_estack = 0x20005000;\n_Min_Heap_Size = 0x200;\nBASE = 0x20000000;\nuser = BASE + 16;\n{MEMORY}" + (
        "SECTIONS { .text : { *(.text*) } > FLASH\n .log 0x20000100 (NOLOAD) : { *(.log) }\n end = .; top = 0x20004000; }"
    )
    fixed = read_vendor_script(script(tmp_path, text)).fixed
    assert {(f.name, f.address) for f in fixed} == {
        ("_estack", 0x20005000), ("BASE", 0x20000000), ("user", 0x20000010), (".log", 0x20000100), ("top", 0x20004000),
    }  # fmt: skip
    assert next(f.where for f in fixed if f.name == "_estack").endswith("vendor.ld:1")


def test_an_alias_names_its_region(tmp_path: Path) -> None:
    text = f'{MEMORY}REGION_ALIAS("REGION_BSS", RAM);\nREGION_ALIAS(REGION_DATA,RAM)\n{SECTIONS}'
    vendor = read_vendor_script(script(tmp_path, text))
    assert vendor.region_name("REGION_BSS") == vendor.region_name("REGION_DATA") == "RAM"
    with pytest.raises(LinkerScriptError, match="no memory region is called NOPE"):
        vendor.region_name("NOPE")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (SECTIONS, "vendor.ld: there is no MEMORY command"),
        (MEMORY, "there is no SECTIONS command"),
        ("", "there is no MEMORY command"),
        ('#include "chip.h"\n' + MEMORY + SECTIONS, "vendor.ld:1: this script must go through the C preprocessor"),
        (MEMORY + SECTIONS + "INSERT AFTER .text;", "vendor.ld:3: INSERT is not supported"),
        (MEMORY + "PHDRS { code PT_LOAD; }\n" + SECTIONS, "vendor.ld:2: PHDRS is not supported"),
        (MEMORY + "SECTIONS {\n OVERLAY : { .a { *(.a) } } >RAM }", "vendor.ld:3: OVERLAY is not supported"),
        (MEMORY + "SECTIONS {\n .a : { *(.a) } >RAM :code }", "vendor.ld:3: a program header is named here"),
        (MEMORY + MEMORY + SECTIONS, "vendor.ld:2: region FLASH is defined twice"),
        ("MEMORY { R : ORIGIN = 0xffff0000, LENGTH = 1M }" + SECTIONS, "ends beyond the 4 GB address space"),
        ("MEMORY {\n R : ORIGIN = 0, LENGTH = SZ-4 }" + SECTIONS, "vendor.ld:2: LENGTH of region R has no value"),
        ("MEMORY {\n R : ORIGIN = 0, LENGTH = S }\n" + SECTIONS, "S is not a number that this script defines"),
        ("PROVIDE(S = 4);MEMORY { R : ORIGIN = 0, LENGTH = S }" + SECTIONS, "S is not a number that this script"),
        ("S = 4; S = 5; MEMORY { R : ORIGIN = 0, LENGTH = S }" + SECTIONS, "S is not a number that this script"),
        ("MEMORY { R : ORIGIN = 0, LENGTH = 1K / 0 }" + SECTIONS, "division by zero"),
        ("MEMORY { R : LENGTH = 1K, ORIGIN = 0 }" + SECTIONS, "ORIGIN expected, found 'LENGTH'"),
        ("MEMORY { R : ORIGIN = , LENGTH = 1K }" + SECTIONS, "the numbers of region R are incomplete"),
        ("MEMORY { R ORIGIN = 0 }" + SECTIONS, "':' expected after region R"),
        (MEMORY + "SECTIONS { .text : {", "the script ends in the middle of a command"),
        (MEMORY + SECTIONS + "\nFROBNICATE(1)", "vendor.ld:4: 'FROBNICATE' is not understood here"),
        ("MEMORY { R : ORIGIN = " + "(" * 9999 + "0" + ")" * 9999 + ", LENGTH = 1 }" + SECTIONS, "nested too deeply"),
        (MEMORY + "SECTIONS { .a : { " + "SORT(" * 9999 + "*" + ")" * 9999 + " } }", "nested too deeply"),
        ("INCLUDE vendor.ld", "INCLUDE is nested more than 10 deep"),
    ],
)
def test_what_is_not_understood_is_refused_with_its_place(tmp_path: Path, text: str, message: str) -> None:
    assert message in refusal(tmp_path, text)


def test_a_missing_script_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(LinkerScriptError, match=r"nope\.ld: cannot read the linker script: No such file"):
        read_vendor_script(tmp_path / "nope.ld")


def test_comments_and_strings_hide_keywords(tmp_path: Path) -> None:
    text = f'/* PHDRS {"INSERT"} #if */\n{MEMORY}SEARCH_DIR("PHDRS")\n{SECTIONS}ASSERT(1, "INSERT failed")'
    assert len(read_vendor_script(script(tmp_path, text)).regions) == 2


@pytest.mark.parametrize(
    "pattern", ["*(*)", "*(.ringfence*)", "*.o(*.data.*)", "*(EXCLUDE_FILE(*x.o) .*)", "codec.o(*)"]
)
def test_a_pattern_that_would_take_the_sandbox_is_refused(tmp_path: Path, pattern: str) -> None:
    vendor = read_vendor_script(script(tmp_path, f"{MEMORY}SECTIONS {{\n .all : {{ {pattern} }} > RAM }}"))
    with pytest.raises(LinkerScriptError, match=r"vendor\.ld:3: the pattern .* would also take the sandbox's"):
        render(vendor, measuring_layout(vendor, ["codec"]))


@pytest.mark.parametrize("pattern", ["libc.a(*)", "*libgcc.a:*(*)", "*(.text .text.*)", "KEEP(*(SORT(.init_array.*)))"])
def test_a_pattern_that_cannot_take_the_sandbox_is_accepted(tmp_path: Path, pattern: str) -> None:
    vendor = read_vendor_script(script(tmp_path, f"{MEMORY}SECTIONS {{ .all : {{ {pattern} }} > RAM }}"))
    assert ".ringfence.codec.code" in render(vendor, measuring_layout(vendor, ["codec"]))


def test_a_region_that_others_are_computed_from_is_not_carved(tmp_path: Path) -> None:
    lines = "MEMORY { A (rw) : ORIGIN = 0x20000000, LENGTH = 8K B (rw) : ORIGIN = ORIGIN(A) + LENGTH(A), LENGTH = 8K }"
    vendor = read_vendor_script(script(tmp_path, lines + "SECTIONS { .a : { *(.a) } > A }"))
    with pytest.raises(LinkerScriptError, match="region B is defined by ORIGIN or LENGTH of A"):
        vendor.edited([Region("A", 0x20001000, 4096, "rw")])
    assert "0x20003000" in vendor.edited([Region("B", 0x20003000, 4096, "rw")])


@pytest.mark.parametrize("name", ["cubemx_style.ld", "cmsis_style.ld"])
def test_a_truncated_or_damaged_script_is_read_or_refused_but_never_a_traceback(tmp_path: Path, name: str) -> None:
    text = (DATA / name).read_text().replace("INCLUDE cmsis_style_memory.ld", MEMORY)
    damaged = [text[:end] for end in range(0, len(text), 97)] + [
        text[:at] + text[at + 1 :] for at in range(0, len(text), 61)
    ]
    damaged += [text[:at] + sign + text[at:] for at in range(0, len(text), 211) for sign in "(){};:=>,\0"]
    refused = 0
    for content in damaged:
        try:
            read_vendor_script(script(tmp_path, content))
        except LinkerScriptError:
            refused += 1
    assert len(damaged) // 4 < refused < len(damaged)
