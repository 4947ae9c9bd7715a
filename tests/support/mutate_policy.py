"""Policies changed one thing at a time: widened (more is allowed, or declared to be what it is not) or narrowed."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

Change = Callable[[dict[str, Any], dict[str, Any]], None]  # (the policy, its first sandbox)


@dataclass(frozen=True)
class PolicyMutant:
    """`contradicts`: the kernel must refuse the policy itself, or its placement, whatever the code does."""

    kind: str  # "policy widened" or "policy narrowed"
    what: str
    policy: bytes
    contradicts: bool


def _number(text: str) -> int:
    return int(text, 16)


def _span(start: int, end: int) -> dict[str, str]:
    return {"start": hex(start), "end": hex(end)}


def _moved(text: str, by: int) -> str:
    return hex(_number(text) + by)


def _window_doubled(_p: dict[str, Any], b: dict[str, Any]) -> None:
    size = 2 * b["window"]["size"]
    b["window"] |= {"size": size, "base": hex(_number(b["window"]["base"]) // size * size)}


def _slack(key: str, by: int) -> Change:
    def change(_p: dict[str, Any], b: dict[str, Any]) -> None:
        b["window"][key] += by

    return change


def _device(start: int, end: int) -> Change:
    return lambda _p, b: b["mmio"].append(_span(start, end) | {"why": "mutant"})


def _device_over(where: Callable[[dict[str, Any], dict[str, Any]], int]) -> Change:
    return lambda p, b: _device(where(p, b), where(p, b) + 4)(p, b)


def _shadow_start(_p: dict[str, Any], b: dict[str, Any]) -> int:
    words = b["shadow"].get("words")
    return _number(words["start"]) if words else _number(b["stack"]["low"]) + int(b["shadow"]["offset"])


def _stack(key: str, by: int) -> Change:
    def change(_p: dict[str, Any], b: dict[str, Any]) -> None:
        b["stack"][key] = _moved(b["stack"][key], by)

    return change


def _set(key: str, inner: str, value: Any) -> Change:
    def change(_p: dict[str, Any], b: dict[str, Any]) -> None:
        b[key][inner] = value

    return change


def _shadow(by: int) -> Change:
    def change(_p: dict[str, Any], b: dict[str, Any]) -> None:
        words = b["shadow"].get("words")
        b["shadow"] = (
            {"words": {key: _moved(words[key], by) for key in words}} if words else {"offset": b["shadow"]["offset"] + by}
        )

    return change


def _stack_below_window(_p: dict[str, Any], b: dict[str, Any]) -> None:
    b["stack"]["low"] = _moved(b["window"]["base"], -8)


def _stack_above_window(_p: dict[str, Any], b: dict[str, Any]) -> None:
    b["stack"]["high"] = hex(_number(b["window"]["base"]) + b["window"]["size"] + 8)


def _another_import(at: Callable[[dict[str, Any]], int]) -> Change:
    return lambda _p, b: b["imports"].append({"name": "mutant", "address": hex(at(b) | 1), "returns": True, "stack": 0})


def _another_entry(by: int) -> Change:
    def change(_p: dict[str, Any], b: dict[str, Any]) -> None:
        b["entries"].append({"name": "mutant", "address": _moved(b["entries"][0]["address"], by)})

    return change


def _span_moved(key: str, start: int, end: int) -> Change:
    def change(_p: dict[str, Any], b: dict[str, Any]) -> None:
        b[key] = _span(_number(b[key]["start"]) + start, _number(b[key]["end"]) + end)

    return change


def _constants_in_window(_p: dict[str, Any], b: dict[str, Any]) -> None:
    b["constants"].append(_span(_number(b["window"]["base"]), _number(b["window"]["base"]) + 16))


def _constants_nowhere(_p: dict[str, Any], b: dict[str, Any]) -> None:
    b["constants"].append(_span(0x08F00000, 0x08F00010))


def _host_ram_over_window(p: dict[str, Any], b: dict[str, Any]) -> None:
    p["host_ram"] = [_span(_number(p["host_ram"][0]["start"]), _number(b["window"]["base"]) + 4)]


def _window_mirrored(p: dict[str, Any], b: dict[str, Any]) -> None:
    base = _number(b["window"]["base"])
    p["aliases"] = [*p.get("aliases", []), _span(base, base + b["window"]["size"]) | {"shows": "0x30000000"}]


def _twin(p: dict[str, Any], b: dict[str, Any]) -> None:
    p["sandboxes"].append({**copy.deepcopy(b), "name": "twin"})


_WIDENED: list[tuple[str, Change, bool]] = [  # what, how, whether it contradicts the rest
    ("window doubled", _window_doubled, False),
    ("slack below 4 more", _slack("slack_below", 4), False),
    ("slack below reaches host RAM", _slack("slack_below", 0x30000), True),
    ("slack above reaches the shadow stack", _slack("slack_above", 8), True),
    ("slack above past 2^32", _slack("slack_above", 0xE0000000), True),
    ("device range over host RAM", _device_over(lambda p, _b: _number(p["host_ram"][0]["start"])), True),
    ("device range over the shadow stack", _device_over(_shadow_start), True),
    ("device range over the code", _device_over(lambda _p, b: _number(b["code"]["start"])), True),
    ("device range over VTOR", _device(0xE000ED08, 0xE000ED0C), True),
    ("device range over a bit-band alias", _device(0x42000000, 0x42000004), True),
    ("device range over a bit-band alias of RAM", _device(0x22000000, 0x22000004), True),
    ("device range over host code", _device(0x0, 0x40), True),
    ("device range elsewhere", _device(0x40004000, 0x40004010), False),
    ("stack below the window", _stack_below_window, True),
    ("stack above the window", _stack_above_window, True),
    ("stack 8 lower", _stack("low", -8), True),
    ("stack 8 higher", _stack("high", 8), False),
    ("room for no exception frame", _set("stack", "room", 32), True),
    ("room 4 less", _set("stack", "room", 36), False),
    ("shadow stack into the window", _shadow(-0x4000), True),
    ("shadow stack 4 lower", _shadow(-4), True),
    ("shadow stack elsewhere", _shadow(0x1000), False),
    ("import in the sandbox", _another_import(lambda b: _number(b["code"]["start"])), True),
    ("import in the window", _another_import(lambda b: _number(b["window"]["base"])), True),
    ("import that is not loaded", _another_import(lambda b: 0x08F00000), True),
    ("import in the middle of the host", _another_import(lambda b: _number(b["imports"][0]["address"]) + 1), False),
    ("entry in the middle of the code", _another_entry(2), False),
    ("entry further on", _another_entry(8), False),
    ("entry outside the code", _another_entry(0x1000000), True),
    ("code over the host", _span_moved("code", -0x10000, 0), True),
    ("slots beyond the code", _span_moved("slots", 0, 0x100000), True),
    ("slots start earlier", _span_moved("slots", -8, 0), False),
    ("constants in the window", _constants_in_window, True),
    ("constants that are not loaded", _constants_nowhere, True),
    ("host RAM over the window", _host_ram_over_window, True),
    ("window in a mirror", _window_mirrored, True),
    ("a second sandbox over the first", _twin, True),
]


def _window_half(upper: bool) -> Change:
    def change(_p: dict[str, Any], b: dict[str, Any]) -> None:
        size = b["window"]["size"] // 2
        b["window"] |= {"size": size, "base": hex(_number(b["window"]["base"]) + upper * size)}

    return change


def _empty(key: str) -> Change:
    def change(_p: dict[str, Any], b: dict[str, Any]) -> None:
        b[key] = []

    return change


def _imports_do_not_return(_p: dict[str, Any], b: dict[str, Any]) -> None:
    for i in b["imports"]:
        i["returns"] = False


def _imports_use_stack(_p: dict[str, Any], b: dict[str, Any]) -> None:
    for i in b["imports"]:
        i["stack"] = 0x2000


_NARROWED: list[tuple[str, Change, bool]] = [
    ("lower half of the window", _window_half(False), True),  # the stack is in the upper one
    ("upper half of the window", _window_half(True), False),
    ("no slack below", _slack("slack_below", -256), False),
    ("slack above 8 less", _slack("slack_above", -8), False),
    ("slack above 256 less", _slack("slack_above", -256), False),
    ("stack 512 shorter", _stack("low", 512), False),
    ("stack of 64 bytes", lambda _p, b: b["stack"].update(low=_moved(b["stack"]["high"], -64)), False),
    ("stack 64 lower", _stack("high", -64), False),
    ("no constants", _empty("constants"), False),
    ("reads confined", lambda _p, b: b.update(confine="reads"), False),
    ("no imports", _empty("imports"), False),
    ("imports do not return", _imports_do_not_return, False),
    ("imports use the stack", _imports_use_stack, False),
    ("no entries", _empty("entries"), True),
    ("one slot", lambda _p, b: b["slots"].update(end=_moved(b["slots"]["start"], 4)), False),
    ("slots 4 later", _span_moved("slots", 4, 0), False),
    ("no RAM", lambda p, _b: p.update(ram=[]), True),
]


_WITH_STACK_ONLY = ("stack 8 lower",)  # contradicts the rest where the shadow stack moves, too


def policy_mutants(policy: bytes) -> Iterator[PolicyMutant]:
    """Every change that changes something, applied to the first sandbox."""
    for kind, changes in (("policy widened", _WIDENED), ("policy narrowed", _NARROWED)):
        for what, change, contradicts in changes:
            value = json.loads(policy)
            change(value, value["sandboxes"][0])
            if value != json.loads(policy):
                harmless = what in _WITH_STACK_ONLY and "words" in value["sandboxes"][0]["shadow"]
                yield PolicyMutant(kind, what, json.dumps(value).encode(), contradicts and not harmless)
