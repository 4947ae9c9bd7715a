"""The whole verification: find invariants and proofs, and let the kernel check them."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from .kernel.check import Report, check, load
from .kernel.proof import Certificate, SandboxProof
from .prover.invariants import find_invariants
from .prover.parallel import SECONDS
from .prover.refutation import find_proof
from .prover.remembered import Remembered, key_of
from .prover.theorems import ProofStore
from .recheck import Outcome
from .symbols import function_starts


def verify(elf: bytes, policy: bytes, cache: Path | None = None, jobs: int = 1, seconds: float = SECONDS) -> Outcome:
    """Prove that the image obeys the policy. `cache`: file of proofs and invariants found before, None for memory only.

    `jobs`: processes that look for invariants and proofs; the result does not depend on it. `seconds`: processor time
    that each of them may spend on proofs; theorems beyond that have none, and the image is rejected.
    Raises Rejected for an ELF or policy that is not well-formed; every other failure is in the report.
    """
    start = time.perf_counter()
    image, parsed = load(elf, policy)
    starts = function_starts(elf)
    remembered = Remembered(cache)
    keys = {s.name: key_of(s, image, starts) for s in parsed.sandboxes}
    known = {name: proof for name, key in keys.items() if (proof := remembered.get(key)) is not None}

    def attempt(known: Mapping[str, SandboxProof]) -> tuple[Report, Certificate, Mapping[str, int]]:
        invariants = {s.name: known.get(s.name) or find_invariants(s, image, starts, jobs) for s in parsed.sandboxes}
        claims = Certificate(image.sha256(), hashlib.sha256(policy).hexdigest(), invariants)
        with ProofStore(find_proof, cache, jobs, seconds) as store:
            report = check(elf, policy, claims, store)
        statistics = {"solved": store.solved, "cached": store.cached, "untried": store.untried}
        return report, replace(claims, theorems=store.used), statistics

    report, certificate, statistics = attempt(known)
    if known and not report.accepted:  # what is remembered may be damaged, or found by an older prover
        known = {}
        report, certificate, statistics = attempt(known)
    if report.accepted:
        for name in keys.keys() - known.keys():
            remembered.put(keys[name], certificate.sandboxes[name])
    took = time.perf_counter() - start
    return Outcome(report, certificate if report.accepted else None, took, statistics)
