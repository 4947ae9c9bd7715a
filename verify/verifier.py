"""The whole verification: find invariants and proofs, and let the kernel check them."""

from __future__ import annotations

import hashlib
import time
from dataclasses import replace
from pathlib import Path

from .kernel.check import check, load
from .kernel.proof import Certificate
from .prover.invariants import find_invariants
from .prover.refutation import find_proof
from .prover.theorems import ProofStore
from .recheck import Outcome
from .symbols import function_starts


def verify(elf: bytes, policy: bytes, cache: Path | None = None) -> Outcome:
    """Prove that the image obeys the policy. `cache`: file of the theorem cache, None for memory only.

    Raises Rejected for an ELF or policy that is not well-formed; every other failure is in the report.
    """
    start = time.perf_counter()
    image, parsed = load(elf, policy)
    starts = function_starts(elf)
    invariants = {s.name: find_invariants(s, image, starts) for s in parsed.sandboxes}
    claims = Certificate(image.sha256(), hashlib.sha256(policy).hexdigest(), invariants)
    with ProofStore(find_proof, cache) as store:
        report = check(elf, policy, claims, store)
    certificate = replace(claims, theorems=store.used) if report.accepted else None
    statistics = {"solved": store.solved, "cached": store.cached}
    return Outcome(report, certificate, time.perf_counter() - start, statistics)
