"""What a sandbox may write, declared over what it may not: every such policy is refused, and the message names both.

These are the holes that a review of the design found (docs/testing.md), for two sandboxes in one policy.
"""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from ringfence.verify.kernel.policy import parse_policy
from ringfence.verify.kernel.rejected import Rejected
from support.corpus import POLICY

OTHER_WINDOW, OTHER_SHADOW = 0x20060000, 0x2008F400  # the second sandbox's
SHADOW = 0x20030120
SPECIAL = "private peripheral bus or a bit-band alias"


def two() -> dict[str, Any]:
    """A policy with a second sandbox like the first, elsewhere."""
    policy = copy.deepcopy(POLICY)
    other = copy.deepcopy(policy["sandboxes"][0])
    other |= {
        "name": "other",
        "code": {"start": "0x20000", "end": "0x21000"},
        "slots": {"start": "0x20f00", "end": "0x20f40"},
        "constants": [{"start": "0x21000", "end": "0x21100"}],
        "window": {**other["window"], "base": hex(OTHER_WINDOW)},
        "stack": {"low": "0x2006f200", "high": "0x2006ff00", "room": 40},
        "shadow": {"offset": 0x20000},
        "entries": [{"name": "g", "address": "0x20001"}],
    }
    policy["sandboxes"].append(other)
    return policy


def test_two_sandboxes_apart_are_accepted() -> None:
    assert len(parse_policy(json.dumps(two()).encode()).sandboxes) == 2


TARGETS = {  # what is written over: an address in it, and what the message says it is
    "another's window": (OTHER_WINDOW + 0x100, "other: window"),
    "another's slack": (OTHER_WINDOW - 0x10, "other: window"),
    "another's shadow stack": (OTHER_SHADOW, "other: shadow stack"),
    "its own shadow stack": (SHADOW, "box: shadow stack"),
    "host RAM that no segment fills": (0x20008000, "host RAM"),
    "another's code": (0x20000, "other: code"),
    "another's constants": (0x21000, "other: constants"),
    "its own code": (0x10000, "box: code"),
    "a mirror of RAM": (0x20480000, "a second time"),
    "the bit-band alias of RAM": (0x22000000, SPECIAL),
    "the bit-band alias of devices": (0x42000000, SPECIAL),
    "the vector table offset": (0xE000ED08, SPECIAL),
    "the MPU": (0xE000ED94, SPECIAL),
    "the floating-point context address": (0xE000EF38, SPECIAL),
}


def refusal(policy: dict[str, Any]) -> str:
    with pytest.raises(Rejected) as refused:
        parse_policy(json.dumps(policy).encode())
    assert (refused.value.rule, refused.value.address) == ("policy", None)
    return str(refused.value)


def with_mirror() -> dict[str, Any]:
    return two() | {"aliases": [{"start": "0x20400000", "end": "0x20800000", "shows": "0x20000000"}]}


@pytest.mark.parametrize("what", TARGETS)
def test_device_registers_over(what: str) -> None:
    address, name = TARGETS[what]
    policy = with_mirror()
    policy["sandboxes"][0]["mmio"] = [{"start": hex(address), "end": hex(address + 1), "why": "x"}]
    message = refusal(policy)
    assert name in message
    assert "box" in message


@pytest.mark.parametrize("what", [w for w, (address, _) in TARGETS.items() if address < 0x40000000])
def test_a_window_over(what: str) -> None:
    address, name = TARGETS[what]
    policy = with_mirror()
    policy["ram"] = [{"start": "0x0", "end": "0x40000000"}]
    box = policy["sandboxes"][0]
    base = address & ~0x3FF
    box["window"] |= {"base": hex(base), "size": 0x400, "slack_below": 0, "slack_above": 0}
    box["stack"] = {"low": hex(base + 0x100), "high": hex(base + 0x200), "room": 40}
    box["shadow"]["offset"] = 0x80 if "its own shadow" in what else 0x100000
    assert name in refusal(policy)


@pytest.mark.parametrize(
    ("slack", "size", "name"),
    [
        ("slack_above", 0x11C, "box: shadow stack"),
        ("slack_above", 0x40000 - 0x100, "window and slack"),  # up to the other's slack and beyond
        ("slack_below", 0x10004, "host RAM"),
    ],
)
def test_slack_over(slack: str, size: int, name: str) -> None:
    policy = two()
    policy["sandboxes"][0]["window"][slack] = size + 8
    assert name in refusal(policy)


def test_a_shadow_stack_over_another_window_is_refused() -> None:
    policy = two()
    policy["sandboxes"][0]["shadow"]["offset"] = 0x40000
    assert "other: window" in refusal(policy)


def test_two_shadow_stacks_at_one_place_are_refused() -> None:
    policy = two()
    policy["sandboxes"][0]["shadow"]["offset"] = 0x60000
    assert "shadow stack" in refusal(policy)


@pytest.mark.parametrize("address", ["0x20001", "0x20f01", "0x21001"], ids=["code", "slots", "constants"])
def test_an_import_that_is_another_sandbox_is_refused(address: str) -> None:
    """A calls B only through the host."""
    policy = two()
    policy["sandboxes"][0]["imports"].append({"name": "g", "address": address})
    assert "is not host code" in refusal(policy)
