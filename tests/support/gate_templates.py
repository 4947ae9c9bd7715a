"""The gates' templates as the kernel writes them, made from the assembly itself: `python -m support.gate_templates`.

Assembles toolchain/runtime/switch.S and the stubs of toolchain/gates.py and turns every instruction into a token of
verify/kernel/gates.py, with its source text: hex digits, or what a relocation stands for. The tests compare the
kernel's text with this, comments included, so that neither can drift.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory

from elftools.elf.elffile import ELFFile
from elftools.elf.sections import Section

from ringfence.toolchain.gates import RUNTIME_DIR, generate
from ringfence.toolchain.spec import SandboxSpec
from ringfence.verify.kernel.gates import branch_target
from ringfence.verify.kernel.term import signed
from support.toolchain import run

Token = tuple[str, str]  # as in the template, and the assembly that it comes from
_CPU = {False: ["-mcpu=cortex-m3"], True: ["-mcpu=cortex-m4", "-mfloat-abi=hard", "-mfpu=fpv4-sp-d16"]}
_LISTED = re.compile(r"^ *\d+ ([0-9a-f]{4}) ([0-9A-F]{4,8}) +\t(.*)$")
_SECTION = re.compile(r"^ *\d+ .*\.section +([\w.]+)")
_LABEL = re.compile(r"^ *\d+ +\t(\.L\w+:)")
_KINDS = {10: "bl", 30: "b.w", 2: "word"}  # R_ARM_THM_CALL, R_ARM_THM_JUMP24, R_ARM_ABS32
_SPEC = SandboxSpec.from_options(name="box", exports=["f() -> int"], imports=["g()"])
_WIDTH = 118


def pieces(fpu: bool = False) -> dict[str, list[Token]]:
    """Every piece of gate code by its name: those of switch.S, `return` and `import_stub`."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        stubs = folder / "stubs.S"
        stubs.write_text(generate(_SPEC).assembly)
        runtime, where = _assembled(RUNTIME_DIR / "switch.S", folder, fpu, {})
        generated, _ = _assembled(stubs, folder, fpu, where)
    return {**runtime, **generated}


def _piece_name(section: str) -> str | None:
    for pattern, name in ((r"\.text\.ringfence_(\w+)", r"\1"), (r"\.text\.__rf_box_return", "return"),
                          (r"\.text\.__rf_box_import_g", "import_stub")):
        found = re.fullmatch(pattern, section)
        if found:
            return found.expand(name)
    return None


def _assembled(
    source: Path, folder: Path, fpu: bool, where: Mapping[str, tuple[str, int]]
) -> tuple[dict[str, list[Token]], dict[str, tuple[str, int]]]:
    """Name of the piece to its tokens; and every symbol defined here: (piece, offset), `where` added."""
    plain, obj = folder / "plain.s", folder / "plain.o"
    flags = [*_CPU[fpu], "-mthumb"]
    run("arm-none-eabi-gcc", *flags, "-E", "-P", f"-I{RUNTIME_DIR}", source, "-o", plain)
    listing = run("arm-none-eabi-gcc", *flags, "-c", "-Wa,-aln,--listing-rhs-width=200", plain, "-o", obj)
    texts = _instructions(listing)
    elf = ELFFile(BytesIO(obj.read_bytes()))
    symbols = {**where, **_symbols(elf)}
    found = {}
    for section in elf.iter_sections():
        name = _piece_name(section.name)
        if name is not None:
            tokens = list(_tokens(section.data(), texts[section.name], _relocations(elf, section, symbols)))
            found[name] = [("align4", ""), *tokens] if section["sh_addralign"] >= 4 else tokens
    return found, symbols


def _symbols(elf: ELFFile) -> dict[str, tuple[str, int]]:
    found = {}
    for symbol in elf.get_section_by_name(".symtab").iter_symbols():
        if isinstance(symbol["st_shndx"], int):
            section = elf.get_section(symbol["st_shndx"]).name
            is_function = symbol["st_info"]["type"] == "STT_FUNC"
            name = _piece_name(section)
            if name is not None:
                found[symbol.name or section] = (name, symbol["st_value"] - is_function)
    return found


def _instructions(listing: str) -> dict[str, dict[int, str]]:
    """Section name to {offset: text of the instruction}."""
    texts: dict[str, dict[int, str]] = {}
    section = label = ""
    for line in listing.splitlines():
        if found := _SECTION.match(line):
            section = found[1]
        elif found := _LABEL.match(line):
            label = f"{found[1]} "
        elif (found := _LISTED.match(line)) and not re.match(r"\s*\.", found[3].split("@")[0].split(":")[-1]):
            text = " ".join(found[3].split("@")[0].split())
            texts.setdefault(section, {})[int(found[1], 16)] = label + text
            label = ""
    return texts


def _relocations(elf: ELFFile, section: Section, symbols: Mapping[str, tuple[str, int]]) -> dict[int, str]:
    """Offset to token, such as `b.w:enter+38`: what the kernel knows the place by, and bytes behind it (hex)."""
    table = elf.get_section_by_name(f".rel{section.name}")
    found = {}
    for relocation in table.iter_relocations() if table else ():
        symbol = elf.get_section_by_name(".symtab").get_symbol(relocation["r_info_sym"])
        at, kind = relocation["r_offset"], _KINDS[relocation["r_info_type"]]
        first, second = struct.unpack_from("<HH", section.data(), at)
        addend = first | second << 16 if kind == "word" else signed(branch_target(0, first, second) or 0)
        name = symbol.name or elf.get_section(symbol["st_shndx"]).name
        piece, offset = symbols.get(name, (_value_name(name), 0))
        found[at] = f"{kind}:{piece}" + (f"+{offset + addend:x}" if offset + addend else "")
    return found


def _value_name(symbol: str) -> str:
    """What the kernel calls a symbol that the assembly does not define."""
    return re.sub(r"^(?:ringfence_|__rf_box_)(\w+?)(?:_g)?$", r"\1", symbol)


def _tokens(data: bytes, texts: dict[int, str], relocations: dict[int, str]):  # type: ignore[no-untyped-def]
    at = 0
    while at < len(data):
        wide = at in relocations or (at <= max(texts) + 12 and data[at + 1] >> 3 >= 0b11101)
        halves = [int.from_bytes(data[i : i + 2], "little") for i in range(at, at + (4 if wide else 2), 2)]
        yield relocations.get(at, "".join(f"{h:04x}" for h in halves)), texts.get(at, "")
        at += 2 * len(halves)


def template_source(name: str, tokens: list[Token]) -> str:
    """One template as the kernel's text has it: each line of tokens below the assembly that it comes from."""
    rows: list[tuple[str, str]] = []
    for token, text in tokens:
        code, comment = rows[-1] if rows else ("", "")
        together = "; ".join(part for part in (comment, text) if part)
        if rows and len(together) <= _WIDTH - 10 and len(f"{code} {token}") <= _WIDTH - 11:
            rows[-1] = (f"{code} {token}", together)
        else:
            rows.append((token, text))
    lines = [f'    "{name}":']
    for number, (code, comment) in enumerate(rows, 1):
        lines += [f"        # {comment}"] if comment else []
        lines.append(f'        "{code}' + (' "' if number < len(rows) else '",'))
    return "\n".join(lines)


def tables() -> str:
    """Both tables of templates; that for an FPU gives only those that differ."""
    plain, fpu = pieces(False), pieces(True)
    integer = "\n".join(template_source(name, tokens) for name, tokens in plain.items())
    changed = "\n".join(template_source(name, tokens) for name, tokens in fpu.items() if tokens != plain.get(name))
    return f"_INTEGER = {{\n{integer}\n}}\n_FPU = {{\n    **_INTEGER,\n{changed}\n}}\n"


def main() -> None:
    print(tables(), end="")


if __name__ == "__main__":
    main()
