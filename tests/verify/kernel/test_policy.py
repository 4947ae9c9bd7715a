"""The policy parser refuses everything that is not exactly a consistent policy."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from ringfence.verify.kernel.policy import parse_policy
from ringfence.verify.kernel.rejected import Rejected
from support.corpus import POLICY


def changed(path: str, value: Any) -> bytes:
    policy = copy.deepcopy(POLICY)
    *parents, last = path.split(".")
    target: Any = policy
    for key in parents:
        target = target[int(key)] if key.isdigit() else target[key]
    target[last] = value
    return json.dumps(policy).encode()


def test_the_policy_itself_is_accepted() -> None:
    assert parse_policy(json.dumps(POLICY).encode()).sandboxes[0].name == "box"


def words(start: int, end: int) -> dict[str, Any]:
    return {"words": {"start": hex(start), "end": hex(end)}}


def test_words_for_return_addresses_are_accepted() -> None:
    parsed = parse_policy(changed(BOX + "shadow", words(0x20030800, 0x20030840)))
    assert (parsed.sandboxes[0].shadow.start, parsed.sandboxes[0].shadow.end) == (0x20030800, 0x20030840)


BOX = "sandboxes.0."
BAD: dict[str, tuple[str, Any]] = {
    "unknown key": ("colour", 1),
    "unknown key in a sandbox": (BOX + "colour", 1),
    "version": ("version", 2),
    "version true": ("version", True),
    "arch": ("arch", "armv8-m"),
    "arch as a list": ("arch", ["armv7-m"]),
    "no room for the frame of an FPU": ("fpu", True),
    "no room for the frame of a single-precision FPU": ("fpu", "fpv4-sp-d16"),
    "fpu number": ("fpu", 0),
    "fpu number one": ("fpu", 1),
    "fpu null": ("fpu", None),
    "fpu list": ("fpu", ["fpv4-sp-d16"]),
    "another fpu": ("fpu", "neon"),
    "no sandbox": ("sandboxes", []),
    "no entries": (BOX + "entries", []),
    "entry without thumb bit": (BOX + "entries.0.address", "0x10000"),
    "entry outside the code": (BOX + "entries.0.address", "0x11001"),
    "import in the sandbox's code": (BOX + "imports.0.address", "0x10101"),
    "import in the window": (BOX + "imports.0.address", "0x20020001"),
    "one import, said to return and not to": (BOX + "imports.1.address", "0x401"),
    "confine": (BOX + "confine", "all"),
    "address as a number": (BOX + "code.start", 65536),
    "address too long": (BOX + "code.start", "0x100010000"),
    "negative address": (BOX + "code.start", "-0x10"),
    "reversed range": (BOX + "code", {"start": "0x11000", "end": "0x10000"}),
    "unaligned code": (BOX + "code", {"start": "0x10001", "end": "0x11000"}),
    "slots outside the code": (BOX + "slots", {"start": "0x11000", "end": "0x11040"}),
    "window not aligned": (BOX + "window.base", "0x20028000"),
    "window not a power of two": (BOX + "window.size", 65532),
    "window wraps": (BOX + "window", {"base": "0xffff0000", "size": 65536, "slack_below": 0, "slack_above": 4}),
    "slack below wraps": (BOX + "window", {"base": "0x0", "size": 65536, "slack_below": 4, "slack_above": 0}),
    "boolean size": (BOX + "window.size", True),
    "huge slack reaches the shadow stack": (BOX + "window.slack_above", 4096),
    "slack reaches host RAM": (BOX + "window.slack_below", 0x10004),
    "shadow stack in the slack": (BOX + "shadow.offset", 0xF04),
    "shadow stack in the window": (BOX + "shadow.offset", 0),
    "shadow wraps": (BOX + "shadow.offset", 0xF0000000),
    "no place for return addresses": (BOX + "shadow", {}),
    "a shadow stack and words": (BOX + "shadow", {"offset": 0xF20} | words(0x20030800, 0x20030840)),
    "a shadow stack elsewhere": (BOX + "shadow", {"start": "0x20030800", "end": "0x20030840"}),
    "words as a number": (BOX + "shadow", {"words": 0x20030800}),
    "words without an end": (BOX + "shadow", {"words": {"start": "0x20030800"}}),
    "no words": (BOX + "shadow", words(0x20030800, 0x20030800)),
    "reversed words": (BOX + "shadow", words(0x20030840, 0x20030800)),
    "words that are not aligned": (BOX + "shadow", words(0x20030802, 0x20030842)),
    "half a word at the end": (BOX + "shadow", words(0x20030800, 0x20030842)),
    "words in the window": (BOX + "shadow", words(0x20020100, 0x20020140)),
    "words in the stack": (BOX + "shadow", words(0x2002F800, 0x2002F840)),
    "words in the slack": (BOX + "shadow", words(0x20030104, 0x20030108)),
    "words around the window": (BOX + "shadow", words(0x20010000, 0x20040000)),
    "words in the host's RAM": (BOX + "shadow", words(0x20008000, 0x20008040)),
    "words in the code": (BOX + "shadow", words(0x10800, 0x10840)),
    "words in the constants": (BOX + "shadow", words(0x11000, 0x11040)),
    "words outside RAM": (BOX + "shadow", words(0x30000000, 0x30000040)),
    "words in a bit-band alias": (BOX + "shadow", words(0x22000000, 0x22000040)),
    "stack outside the window": (BOX + "stack.high", "0x20030008"),
    "stack not 8-aligned": (BOX + "stack.low", "0x2002f204"),
    "room too small": (BOX + "stack.room", 32),
    "room larger than the stack": (BOX + "stack.room", 65536),
    "window over host RAM": ("host_ram", [{"start": "0x20000000", "end": "0x20020004"}]),
    "window outside RAM": ("ram", [{"start": "0x20000000", "end": "0x20020000"}]),
    "shadow stack outside RAM": ("ram", [{"start": "0x20000000", "end": "0x20030200"}]),
    "window in a mirror": ("aliases", [{"start": "0x20020000", "end": "0x20040000", "shows": "0x20000000"}]),
    "code in a mirror": ("aliases", [{"start": "0x10000", "end": "0x20000", "shows": "0x0"}]),
    "constants over the window": (BOX + "constants", [{"start": "0x20020000", "end": "0x20020010"}]),
    "device registers over the shadow stack": (
        BOX + "mmio",
        [{"start": "0x20030200", "end": "0x20030204", "why": "x"}],
    ),
    "device registers over host RAM": (BOX + "mmio", [{"start": "0x20000000", "end": "0x20000004", "why": "x"}]),
    "VTOR": (BOX + "mmio", [{"start": "0xe000ed08", "end": "0xe000ed0c", "why": "x"}]),
    "bit-band alias of RAM": (BOX + "mmio", [{"start": "0x22000000", "end": "0x22000004", "why": "x"}]),
    "bit-band alias of peripherals": (BOX + "mmio", [{"start": "0x42000000", "end": "0x42000004", "why": "x"}]),
    "constants in a bit-band alias": (BOX + "constants", [{"start": "0x22400000", "end": "0x22400100"}]),
    "constants on the private peripheral bus": (BOX + "constants", [{"start": "0xe000e000", "end": "0xe000e100"}]),
    "shadow stack in a bit-band alias": (BOX + "shadow.offset", 0x02000000),
    "empty device range": (BOX + "mmio", [{"start": "0x40000000", "end": "0x40000000", "why": "x"}]),
    "two sandboxes, one name": ("sandboxes", [POLICY["sandboxes"][0], POLICY["sandboxes"][0]]),
    "two sandboxes, one window": ("sandboxes", [POLICY["sandboxes"][0], {**POLICY["sandboxes"][0], "name": "b"}]),
    "two entries, one name": (BOX + "entries", POLICY["sandboxes"][0]["entries"] * 2),
    "a list where an object belongs": (BOX + "window", []),
    "null": (BOX + "stack", None),
    "bad name": (BOX + "name", "../x"),
}


EXTENSIONS: list[tuple[str, Any, set[str]]] = [
    ("armv7-m", False, {""}),
    ("armv7e-m", False, {"", "dsp"}),
    ("armv7e-m", "fpv4-sp-d16", {"", "dsp", "fp"}),
    ("armv7e-m", "fpv5-sp-d16", {"", "dsp", "fp", "fp5"}),
    ("armv7e-m", "fpv5-d16", {"", "dsp", "fp", "fp5", "fp64"}),
    ("armv7e-m", True, {"", "dsp", "fp", "fp5", "fp64"}),
]


@pytest.mark.parametrize(("arch", "fpu", "extensions"), EXTENSIONS)
def test_arch_and_fpu_say_which_instructions_there_are(arch: str, fpu: Any, extensions: set[str]) -> None:
    policy = copy.deepcopy(POLICY)
    policy |= {"arch": arch, "fpu": fpu}
    policy["sandboxes"][0]["stack"]["room"] = 108
    assert parse_policy(json.dumps(policy).encode()).sandboxes[0].extensions == extensions


def test_an_fpu_needs_room_for_its_registers() -> None:
    policy = copy.deepcopy(POLICY)
    policy["fpu"] = "fpv4-sp-d16"
    for room, accepted in ((108, True), (104, False)):
        policy["sandboxes"][0]["stack"]["room"] = room
        if accepted:
            parse_policy(json.dumps(policy).encode())
        else:
            with pytest.raises(Rejected, match="108 bytes"):
                parse_policy(json.dumps(policy).encode())


@pytest.mark.parametrize("what", BAD)
def test_refused(what: str) -> None:
    path, value = BAD[what]
    with pytest.raises(Rejected) as refused:
        parse_policy(changed(path, value))
    assert refused.value.rule == "policy"


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"null",
        b"[]",
        b"{",
        b"\xff\xfe",
        b'{"version": 1, "version": 1}',
        b"[" * 100000,
        b'{"version": 1e400}',
        b" " * (1 << 21),
    ],
    ids=["empty", "null", "list", "open", "binary", "duplicate", "deep", "infinite", "large"],
)
def test_what_is_not_a_policy_is_refused(text: bytes) -> None:
    with pytest.raises(Rejected):
        parse_policy(text)


@pytest.mark.parametrize(
    "key", [k for k in POLICY if k != "aliases"] + [f"sandboxes.0.{k}" for k in POLICY["sandboxes"][0]]
)
def test_every_key_is_required(key: str) -> None:
    policy = copy.deepcopy(POLICY)
    target: Any = policy if "." not in key else policy["sandboxes"][0]
    del target[key.rsplit(".", maxsplit=1)[-1]]
    with pytest.raises(Rejected):
        parse_policy(json.dumps(policy).encode())
