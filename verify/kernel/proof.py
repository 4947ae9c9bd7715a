"""What a certificate claims: per function a stack need and per block an invariant. Untrusted until replayed.

The JSON form is strict, like the policy's: anything unknown or out of range is refused (rule "certificate").
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .lrat import Step
from .rejected import Rejected
from .theorem import Theorem

_MAX_BYTES = 1 << 26
_WORD = 1 << 32


@dataclass(frozen=True)
class Fact:
    """What is known of a register: kind "const" (low = value), "s" (s - low), "ra", "range" (low..high, unsigned)."""

    kind: str
    low: int = 0
    high: int = 0


@dataclass(frozen=True)
class Invariant:
    """What holds whenever control reaches a block of a function: SP = s - depth, and so on."""

    depth: int
    slot: bool  # the shadow word of this function holds RA
    left: int  # s >= stack low + room + left
    facts: Mapping[int, Fact] = field(default_factory=dict)  # by register, 0-12 and 14


@dataclass(frozen=True)
class Function:
    """`need`: bytes of stack below its entry SP that it and its callees may use (interrupt room not included)."""

    entry: int
    need: int
    blocks: Mapping[int, Invariant]
    tables: Mapping[int, int]  # address of a table jump -> number of entries


@dataclass(frozen=True)
class SandboxProof:
    functions: Mapping[int, Function]


@dataclass(frozen=True)
class Certificate:
    """`theorems`: LRAT proofs by the digest of the theorem that they are for."""

    elf_sha256: str
    policy_sha256: str
    sandboxes: Mapping[str, SandboxProof]
    theorems: Mapping[str, Sequence[Step]] = field(default_factory=dict)

    def proof(self, theorem: Theorem) -> Sequence[Step] | None:
        return self.theorems.get(theorem.digest())


def to_json(certificate: Certificate) -> dict[str, Any]:
    """The JSON value of a certificate; `from_json` is its inverse."""
    return {
        "version": 1,
        "elf_sha256": certificate.elf_sha256,
        "policy_sha256": certificate.policy_sha256,
        "sandboxes": {
            name: [
                {
                    "entry": f.entry,
                    "need": f.need,
                    "blocks": [
                        [a, i.depth, int(i.slot), i.left, _facts_to_json(i.facts)] for a, i in sorted(f.blocks.items())
                    ],
                    "tables": sorted(f.tables.items()),
                }
                for _, f in sorted(proof.functions.items())
            ]
            for name, proof in certificate.sandboxes.items()
        },
        "theorems": {digest: [list(step) for step in proof] for digest, proof in certificate.theorems.items()},
    }


def _facts_to_json(facts: Mapping[int, Fact]) -> list[list[Any]]:
    return [[register, f.kind, f.low, f.high] for register, f in sorted(facts.items())]


def _is(value: Any, *shape: type) -> bool:
    """A list of exactly these types (bool is not int here)."""
    return type(value) is list and tuple(map(type, value)) == shape


def _number(value: Any) -> int:
    if type(value) is not int or not 0 <= value < _WORD:
        raise Rejected("certificate", "a number is out of range")
    return value


def _fact(value: Any) -> tuple[int, Fact]:
    if not _is(value, int, str, int, int) or value[0] not in (*range(13), 14):
        raise Rejected("certificate", "malformed register fact")
    register, kind, low, high = value
    if kind not in ("const", "s", "ra", "range") or not 0 <= low < _WORD or not 0 <= high < _WORD:
        raise Rejected("certificate", "malformed register fact")
    if kind == "range" and low > high:
        raise Rejected("certificate", "an empty range")
    return register, Fact(kind, low, high)


def _block(value: Any) -> tuple[int, Invariant]:
    if not _is(value, int, int, int, int, list):
        raise Rejected("certificate", "malformed block")
    address, depth, slot, left, facts = value
    found = dict(map(_fact, facts))
    if len(found) != len(facts) or slot not in (0, 1):
        raise Rejected("certificate", "malformed block")
    return _number(address), Invariant(_number(depth), bool(slot), _number(left), found)


def _function(value: Any) -> Function:
    if type(value) is not dict or set(value) != {"entry", "need", "blocks", "tables"}:
        raise Rejected("certificate", "malformed function")
    if type(value["blocks"]) is not list or type(value["tables"]) is not list:
        raise Rejected("certificate", "malformed function")
    blocks = dict(map(_block, value["blocks"]))
    if not all(_is(t, int, int) for t in value["tables"]) or len(blocks) != len(value["blocks"]):
        raise Rejected("certificate", "malformed function")
    tables = {_number(a): _number(n) for a, n in value["tables"]}
    return Function(_number(value["entry"]), _number(value["need"]), blocks, tables)


def from_json(text: bytes) -> Certificate:
    """Parse a certificate. Raises Rejected("certificate", ...)."""
    if len(text) > _MAX_BYTES:
        raise Rejected("certificate", "too large")
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Rejected("certificate", f"not JSON: {error}") from error
    keys = {"version", "elf_sha256", "policy_sha256", "sandboxes", "theorems"}
    if type(value) is not dict or set(value) != keys or value["version"] != 1:
        raise Rejected("certificate", "malformed")
    if type(value["sandboxes"]) is not dict or type(value["theorems"]) is not dict:
        raise Rejected("certificate", "malformed")
    sandboxes = {}
    for name, functions in value["sandboxes"].items():
        if type(functions) is not list:
            raise Rejected("certificate", "malformed")
        found = [_function(f) for f in functions]
        sandboxes[name] = SandboxProof({f.entry: f for f in found})
        if len(sandboxes[name].functions) != len(found):
            raise Rejected("certificate", "a function occurs twice")
    theorems = {digest: _steps(steps) for digest, steps in value["theorems"].items()}
    return Certificate(value["elf_sha256"], value["policy_sha256"], sandboxes, theorems)


def _steps(value: Any) -> list[Step]:
    """An LRAT proof: a list of [literals, numbers of clauses]."""
    if type(value) is not list or not all(_is(step, list, list) for step in value):
        raise Rejected("certificate", "malformed proof")
    if not all(type(x) is int for literals, hints in value for x in (*literals, *hints)):
        raise Rejected("certificate", "malformed proof")
    return [(literals, hints) for literals, hints in value]
