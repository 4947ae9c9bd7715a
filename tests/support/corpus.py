"""The corpus of hand-written sandbox code: text files, each with the verdict it must get.

A case is an assembly file. Its first lines are comments:
    @ accept                         or    @ reject RULE at LABEL      (several allowed)
    @ set sandboxes.0.mmio = [...]   (optional) a change to the policy below
The code starts at 0x10000 with the exported function `f`; the section .slots is the pointer table (64 bytes, unused
slots trap), .const the constants, .host the host (an import `imported` and a non-returning `aborting`).
"""

from __future__ import annotations

import copy
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from support.toolchain import assemble_and_link

CODE, SLOTS, CODE_END, CONST_END = 0x10000, 0x10F00, 0x11000, 0x11100
POLICY: dict[str, Any] = {
    "version": 1,
    "arch": "armv7-m",
    "fpu": False,
    "ram": [{"start": "0x20000000", "end": "0x20400000"}],
    "host_ram": [{"start": "0x20000000", "end": "0x20010000"}],
    "aliases": [],
    "sandboxes": [
        {
            "name": "box",
            "code": {"start": hex(CODE), "end": hex(CODE_END)},
            "slots": {"start": hex(SLOTS), "end": hex(SLOTS + 64)},
            "constants": [{"start": hex(CODE_END), "end": hex(CONST_END)}],
            "window": {"base": "0x20020000", "size": 65536, "slack_below": 256, "slack_above": 264},
            "stack": {"low": "0x2002f200", "high": "0x2002ff00", "room": 40},
            "shadow": {"offset": 0xF20},
            "entries": [{"name": "f", "address": hex(CODE | 1)}],
            "imports": [
                {"name": "imported", "address": "0x401", "returns": True, "stack": 0},
                {"name": "aborting", "address": "0x411", "returns": False, "stack": 0},
            ],
            "mmio": [],
            "confine": "writes",
        }
    ],
}
SCRIPT = f"""
PHDRS {{ host PT_LOAD; box PT_LOAD; }}
SECTIONS {{
  .host 0x400 : {{ *(.host) }} :host
  .code {CODE:#x} : {{ *(.text) . = {SLOTS - CODE:#x}; *(.slots) . = {SLOTS + 64 - CODE:#x}; *(.tail) . = {CODE_END - CODE:#x}; }} :box
  .const {CODE_END:#x} : {{ *(.const) . = {CONST_END - CODE_END:#x}; }} :box
  /DISCARD/ : {{ *(.ARM.attributes) }}
}}
"""
# SLOT: from SP at a function's entry to its shadow word; FRAME: from where a dynamic frame begins to its; WORDS: of the
# ranks, in cases that say so; udf slots: see docs/architecture.md
PRELUDE = """
.syntax unified
.thumb
.equ SLOT, 0xF1C
.equ FRAME, 0xF20
.equ WORDS, 0x20030800
.macro word reg, rank
  ldr.w \\reg, =WORDS + 4 * (\\rank) - 4
.endm
.macro guard reg
  movt \\reg, #0x2002
.endm
.macro at_most reg, limit
  cmp \\limit, \\reg
  it lo
  udflo #0xf1
.endm
.macro leaves bytes, reg
  ldr.w ip, =0x2002f200 + 40 + \\bytes
  cmp \\reg, ip
  it lo
  udflo #0xf1
.endm
.macro function name
  .global \\name
  .type \\name, %function
  .thumb_func
\\name:
.endm
.section .host, "ax"
function imported
  bx lr
  .balign 16
function aborting
  b .
  .balign 16
function hostcode
  bx lr
.section .const, "a"
.text
"""
EMPTY_SLOTS = '\n.section .slots, "ax"\n.rept 16\n  udf #0xf3\n  udf #0xf3\n.endr\n'


@dataclass(frozen=True)
class Case:
    name: str
    source: str
    rejections: tuple[tuple[str, str], ...]  # (rule, label); empty: accept
    changes: tuple[tuple[str, Any], ...]

    def policy(self) -> bytes:
        value = copy.deepcopy(POLICY)
        for path, new in self.changes:
            *parents, last = path.split(".")
            target: Any = value
            for key in parents:
                target = target[int(key)] if key.isdigit() else target[key]
            target[last] = new
        return json.dumps(value).encode()

    def build(self, folder: Path) -> bytes:
        slots = "" if ".slots" in self.source else EMPTY_SLOTS
        return assemble_and_link(PRELUDE + self.source + slots, SCRIPT, folder)


def parse_case(name: str, text: str) -> Case:
    rejections = re.findall(r"^@ reject (\S+) at (\S+)", text, re.MULTILINE)
    changes = [(p, json.loads(v)) for p, v in re.findall(r"^@ set (\S+) = (.*)$", text, re.MULTILINE)]
    if not rejections and not re.search(r"^@ accept", text, re.MULTILINE):
        raise AssertionError(f"{name}: no verdict")
    return Case(name, text, tuple(rejections), tuple(changes))


def read_corpus(folder: Path) -> list[Case]:
    """Cases separated by lines `=== name`; one file holds one topic."""
    cases = []
    for file in sorted(folder.glob("*.s")):
        parts = re.split(r"^=== (\S+)\n", file.read_text(), flags=re.MULTILINE)
        cases += [parse_case(f"{file.stem}/{n}", body) for n, body in zip(parts[1::2], parts[2::2], strict=True)]
    return cases
