"""The kernel's verdict on claims made by hand about a few instructions."""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Mapping

from ringfence.verify.kernel.check import Report, check
from ringfence.verify.kernel.image import read_image
from ringfence.verify.kernel.proof import Certificate, Fact, Function, Invariant, SandboxProof
from ringfence.verify.prover.refutation import find_proof
from ringfence.verify.prover.theorems import ProofStore
from support.corpus import CODE, CODE_END, POLICY, SLOTS
from support.raw_elf import Load, raw_elf

POLICY_BYTES = json.dumps(POLICY).encode()
TRAPS = {a: Function(a, 0, {}, {}) for a in range(SLOTS, SLOTS + 64, 4)}
RA = (Fact(14, "ra"),)


def image(*halfwords: int) -> bytes:
    """The given code at the sandbox's entry, traps after it, a host with its two imports."""
    code = struct.pack(f"<{len(halfwords)}H", *halfwords)
    code += b"\xf3\xde" * ((CODE_END - CODE - len(code)) // 2)
    return raw_elf([Load(0x400, b"\x70\x47\x00\xbf" * 16), Load(CODE, code), Load(CODE_END, bytes(256))])


def judge(elf: bytes, functions: Mapping[int, Function], policy: bytes = POLICY_BYTES) -> Report:
    """What the kernel says of these claims; true theorems get their proofs."""
    proof = SandboxProof({**TRAPS, **functions})
    claims = Certificate(read_image(elf).sha256(), hashlib.sha256(policy).hexdigest(), {"box": proof})
    with ProofStore(find_proof, None) as store:
        return check(elf, policy, claims, store)


def entry(
    need: int = 0, blocks: Mapping[int, Invariant] | None = None, tables: Mapping[int, int] | None = None
) -> Function:
    return Function(CODE, need, blocks or {}, tables or {})
