"""The corpus of hosts: the real gates around a small sandbox, with one thing changed. Cases are in corpus/gates/*.s.

Like the other corpus (support/corpus.py), and `@ replace OLD => NEW` changes the gates' assembly at one place. The
policy says of the gates what the symbols say. The case's host code goes to 0x400, the sandbox's code to 0x10000.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from ringfence.toolchain.gate_policy import declare_gates
from ringfence.toolchain.gates import RUNTIME_DIR, generate
from ringfence.toolchain.image import read_elf
from ringfence.toolchain.spec import SandboxSpec
from ringfence.verify.verifier import verify
from support.corpus import CODE, CODE_END, CONST_END, EMPTY_SLOTS, PRELUDE, SLOTS, Case, read_corpus
from support.toolchain import assemble_and_link, run

CASES = read_corpus(Path(__file__).parent / "corpus" / "gates")
BOX = SandboxSpec.from_options(
    name="box", exports=["call(int a) -> int"], imports=["imported()", "aborting() -> noreturn"], heap=64
)
SCRIPT = f"""
PHDRS {{ host PT_LOAD; box PT_LOAD; }}
SECTIONS {{
  .host 0x400 : {{ *(.host) *(.text.*) *(.rodata.*) }} :host
  .code {CODE:#x} : {{ *(.text) . = {SLOTS - CODE:#x}; *(.slots) . = {CODE_END - CODE:#x}; }} :box
  .const {CODE_END:#x} : {{ *(.const) . = {CONST_END - CODE_END:#x}; }} :box
  /DISCARD/ : {{ *(.ARM.attributes) }}
}}
"""
# What C and the linker script define in a real firmware; the window is that of support/corpus.py.
DEFINED = """
.global ringfence_take, __rf_box_thunk_imported, __rf_box_thunk_aborting
.section .host, "ax"
function ringfence_take
  movs r0, #0
  bx lr
function __rf_box_thunk_imported
  bx lr
function __rf_box_thunk_aborting
  b .
.equ __rf_box_state, 0x20000100
.equ __rf_box_export_call, f
.equ __rf_box_init, f
"""
RANGES = {
    "code_start": CODE, "code_end": CODE_END, "slots_start": SLOTS, "slots_end": SLOTS + 64, "const_start": CODE_END,
    "const_end": CONST_END, "window_base": 0x20020000, "window_end": 0x20030000, "data_start": 0x20020100,
    "data_end": 0x20020100, "data_load": 0x20000, "bss_start": 0x20020100, "bss_end": 0x20020180,
    "heap_start": 0x20020180, "heap_end": 0x2002F200, "stack_low": 0x2002F200, "stack_high": 0x2002FF00,
}


def gate_assembly(case: Case, folder: Path) -> str:
    """switch.S and the generated stubs, preprocessed, with the case's change."""
    source = folder / "gates.S"
    source.write_text('#include "switch.S"\n' + generate(BOX).assembly)
    flags = ["-mcpu=cortex-m3", "-mthumb", "-E", "-P", f"-I{RUNTIME_DIR}"]
    text = run("arm-none-eabi-gcc", *flags, source)
    for old, new in re.findall(r"^@ replace (.*?) => (.*)$", case.source, re.MULTILINE):
        spaced = r"\s+".join(map(re.escape, old.split()))
        text, count = re.subn(spaced, new, text, count=1)
        assert count == 1, f"{case.name}: {old!r} is not in the gates"
    return text


def build(case: Case, folder: Path) -> bytes:
    ranges = "".join(f".equ __rf_box_{name}, {value:#x}\n" for name, value in RANGES.items())
    parts = [PRELUDE, case.source, DEFINED, ranges, gate_assembly(case, folder), EMPTY_SLOTS]
    return assemble_and_link("\n".join(parts), SCRIPT, folder)


def policy_of(case: Case, elf: bytes) -> bytes:
    """The case's policy, with what the symbols of the gates say."""
    value: dict[str, Any] = json.loads(case.policy())
    box = value["sandboxes"][0]
    linked = read_elf(elf)
    where = {s.name: s.value | 1 for s in linked.symbols}
    box["entries"] = [{"name": name, "address": hex(CODE | 1)} for name in ("call", "__ringfence_init")]
    for imported in box["imports"]:
        imported["address"] = hex(where[f"__rf_box_import_{imported['name']}"])
    listed = value.pop("coincidences", [])
    declare_gates(value, [BOX], linked, b"")
    value["gates"]["coincidences"] = listed
    return json.dumps(value).encode()


@pytest.mark.parametrize("case", CASES, ids=lambda c: c.name)
def test_the_verdict_is_the_declared_one(case: Case, tmp_path: Path) -> None:
    elf = build(case, tmp_path)
    report = verify(elf, policy_of(case, elf)).report
    where = {s.name: s.value & ~1 for s in read_elf(elf).symbols}
    assert {(f.rule, f.address) for f in report.failures} == {(rule, where[label]) for rule, label in case.rejections}
    assert report.accepted is not case.rejections
    assert report.gates
