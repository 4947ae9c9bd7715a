"""Inputs made to exhaust the verifier end soon and in little memory, with a verdict. (The prover: test_hostile_code.py.)

Each would otherwise take minutes, or gigabytes; the limits asserted are an order of magnitude above what was measured.
"""

from __future__ import annotations

import copy
import gzip
import hashlib
import json
import resource
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from ringfence.verify.kernel.check import check, load
from ringfence.verify.kernel.image import read_image
from ringfence.verify.kernel.lrat import refutes
from ringfence.verify.kernel.policy import parse_policy
from ringfence.verify.kernel.proof import Certificate, Function, SandboxProof
from ringfence.verify.kernel.rejected import Rejected
from ringfence.verify.recheck import read_certificate
from support.corpus import CODE, POLICY
from support.raw_elf import Load, raw_elf

BOX = POLICY["sandboxes"][0]


@contextmanager
def soon(seconds: float = 15, megabytes: int = 700) -> Iterator[None]:
    """Processor time, and memory beyond the most that was needed before."""
    start, before = time.process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    yield
    assert time.process_time() - start < seconds
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < megabytes << 10


def refused(rule: str, action: Callable[[], object]) -> None:
    with soon(), pytest.raises(Rejected) as found:
        action()
    assert found.value.rule == rule


def segments(count: int, body: bytes, at: int = 0) -> bytes:
    """Program headers that all load the same bytes of the file, to different addresses."""
    header = raw_elf([], count=count)
    offset = len(header) + 32 * count
    entries = (
        struct.pack(
            "<8I", 1, offset, (at + 0x40000 * i) % (1 << 32), 0x40000 * i % (1 << 32), len(body), len(body), 7, 4
        )
        for i in range(count)
    )
    return header + b"".join(entries) + body


@pytest.mark.parametrize("count", [1000, 65534])
def test_many_segments_of_the_same_bytes_do_not_multiply_them(count: int) -> None:
    """2 MB of file would become 16 GB of memory."""
    refused("elf", lambda: read_image(segments(count, bytes(0x40000))))


def test_memory_that_the_file_does_not_fill_costs_nothing() -> None:
    with soon(megabytes=50):
        image = read_image(raw_elf([Load(0x400, b"1234"), Load(0x10000000, b"1234", size=0xE0000000)]))
    assert image.read(0x10000004, 4) is None


def test_many_small_segments_end_soon() -> None:
    loads = [Load(0x100000 + 8 * i, b"1234") for i in range(1000)]
    refused("placement", lambda: load(raw_elf(loads), json.dumps(POLICY).encode()))


def policy(**changes: Any) -> bytes:
    value = copy.deepcopy(POLICY)
    value["sandboxes"][0] |= changes.pop("box", {})
    return json.dumps(value | changes, separators=(",", ":")).encode()


def spans(start: int, count: int) -> list[dict[str, str]]:
    return [{"start": hex(start + 8 * i), "end": hex(start + 8 * i + 4)} for i in range(count)]


@pytest.mark.parametrize(
    "text",
    {
        "every range against every alias": policy(
            aliases=spans(0x60000000, 16000), box={"mmio": spans(0x40100000, 8000)}
        ),
        "every import against every range": policy(
            box={
                "mmio": spans(0x40100000, 8000),
                "imports": [{"name": f"i{i}", "address": hex(0x401 + 2 * i)} for i in range(8000)],
            }
        ),
        "brackets": b"[" * (1 << 20),
        "digits": b'{"version":' + b"1" * 200_000 + b"}",
        "a list of lists": b"[" + b"[]," * 80_000 + b"[]]",
    }.items(),
    ids=lambda item: item[0],
)
def test_a_large_policy_is_refused_soon(text: tuple[str, bytes]) -> None:
    refused("policy", lambda: parse_policy(text[1]))


def test_as_much_policy_as_is_allowed_is_judged_soon() -> None:
    """All that fits into the limit, against as many segments as are allowed."""
    text = policy(aliases=spans(0x60000000, 1000), box={"mmio": spans(0x40100000, 1000)})
    loads = [Load(0x100000 + 8 * i, b"1234") for i in range(1000)]
    refused("placement", lambda: load(raw_elf(loads), text))


@pytest.mark.parametrize(
    "text",
    {
        "zeros that pack well": bytes(1 << 26),
        "lists": b"[" + b"[]," * (1 << 22) + b"[]]",
        "numbers": b"[" + b"0," * (1 << 22) + b"0]",
        "long numbers": b"[" + (b"7" * 4000 + b",") * 2000 + b"0]",
        "nested": b"[" * (1 << 20),
    }.items(),
    ids=lambda item: item[0],
)
def test_a_certificate_that_unpacks_to_much_is_refused_soon(text: tuple[str, bytes]) -> None:
    packed = gzip.compress(text[1], 1)
    refused("certificate", lambda: read_certificate(packed))


def test_a_packed_file_of_packed_files_is_refused_soon() -> None:
    """Many gzip members, each a few bytes: the limit is on the sum."""
    refused("certificate", lambda: read_certificate(gzip.compress(bytes(1 << 20)) * 2000))


def test_a_certificate_cannot_have_the_same_code_executed_for_ever() -> None:
    """A function at each of thousands of NOPs, each of which runs to the end."""
    size = 0x10000
    ends = {"start": hex(CODE), "end": hex(CODE + size)}
    slots = range(CODE + size - 64, CODE + size, 4)
    box = {"code": ends, "slots": {"start": hex(slots.start), "end": hex(slots.stop)}, "constants": []}
    text = policy(box=box)
    elf = raw_elf(
        [Load(0x400, b"\x70\x47\x00\xbf" * 16), Load(CODE, b"\x00\xbf" * (size // 2 - 32) + b"\xf3\xde" * 32)]
    )
    functions = {a: Function(a, 0, {}, {}) for a in (*range(CODE, CODE + size - 64, 2), *slots)}
    claims = Certificate(read_image(elf).sha256(), hashlib.sha256(text).hexdigest(), {"box": SandboxProof(functions)})
    with soon(60), pytest.raises(Rejected) as found:
        check(elf, text, claims)
    assert found.value.rule == "certificate"


def test_a_proof_that_goes_round_in_circles_ends_soon() -> None:
    """The same long clause as a hint again and again: time would be the square of the proof's length."""
    count = 200_000
    with soon():
        assert not refutes([(1,)], [(list(range(2, count)), [1] * count)])
        assert not refutes([(1,), (2, 3)], [([3], [2] * count)])
