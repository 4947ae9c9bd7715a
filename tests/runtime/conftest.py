"""Firmware of the gate tests, built once per test run."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from runtime.rig import DEVICE, M3, Placed, build

from ringfence.toolchain.spec import SandboxSpec

EXPORTS = [
    "add(int a, int b, int c, int d) -> int",
    "wide(low) -> uint64 error 0xabc00000def",
    "nothing()",
    "state() -> int",
    "narrow(int word) -> uint8_t",
    "dirty() -> uint8_t",
    "upper(in char from[size], size, out char to[room], room) -> int",
    "twice(inout words[count*2], count)",
    "place(out char p[size], size) -> unsigned",
    "fail_after_write(out char p[4])",
    "give_pointer(which) -> pointer",
    "entry_registers(int a) -> unsigned",
    "clobber() -> int",
    "import_registers() -> int",
    "below_sp() -> unsigned error 99",
    "say(what) -> int error -100",
    "many() -> uint64",
    "recurse(int what) -> int",
    "quit()", "quit_c()",
    "grab(size) -> unsigned",
    "breaks() -> int",
    "stale() -> unsigned error 99",
    "squeeze(in char p[size], size) -> int",
    "missing() -> int",
    "trap(which)",
    "spin(rounds) -> unsigned",
    "endless()", "endless_import()",
]
IMPORTS = [
    "report(in text[length], length) -> int",
    "sum8(int a, int b, int c, int d, int e, int f, int8_t g, out result[4]) -> uint64",
    "fill(out to[count*4], count)",
    "call_back(int what) -> int",
    "leave(int code) -> noreturn",
    "look() -> unsigned",
]
BOX = Placed(SandboxSpec.from_options(name="box", exports=EXPORTS, imports=IMPORTS, heap="16K", window="32K"), 0x20100000)
SECOND = Placed(SandboxSpec.from_options(
    name="second", exports=["second_add(int a, int b) -> int error -7", "second_trap()", "second_grab() -> int"], window="32K"), 0x20110000)


def gate_firmware(work: Path, optimise: str, own_handler: bool = False, cpu: Sequence[str] = M3) -> Path:
    return build(work, [(BOX, [DEVICE / "box.c"]), (SECOND, [DEVICE / "second.c"])],
                 [DEVICE / "start.c", DEVICE / "host.c"], optimise=optimise,
                 options=["-DOWN_HARDFAULT"] if own_handler else [],
                 strong=["HardFault_Handler"] if own_handler else [], cpu=cpu)


@pytest.fixture(scope="session")
def firmware(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The firmware, with the runtime and the gates compiled at the given level; each is built once."""
    return functools.cache(lambda level: gate_firmware(tmp_path_factory.mktemp("gates"), level))


@pytest.fixture(scope="session")
def firmware_with_own_handler(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The host has a HardFault_Handler that begins with RINGFENCE_FAULT_ENTRY."""
    return gate_firmware(tmp_path_factory.mktemp("own"), "-O2", own_handler=True)
