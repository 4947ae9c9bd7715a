"""The whole verification: find invariants, let the kernel check them, explain what fails."""

from __future__ import annotations

import gzip
import hashlib
import json
import time
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path

from .kernel.check import Report, check, load
from .kernel.proof import Certificate, from_json, to_json
from .kernel.rejected import Rejected
from .prover.invariants import find_invariants
from .prover.solvers import prove
from .prover.theorems import TheoremCache
from .symbols import function_starts


@dataclass
class Outcome:
    """What verification found. `certificate` is set only if accepted."""

    report: Report
    certificate: Certificate | None = None
    seconds: float = 0.0
    statistics: Mapping[str, int] = field(default_factory=dict)


def verify(elf: bytes, policy: bytes, cache: Path | None = None) -> Outcome:
    """Prove that the image obeys the policy. `cache`: file of the theorem cache, None for memory only.

    Raises Rejected for an ELF or policy that is not well-formed; every other failure is in the report.
    """
    start = time.perf_counter()
    image, parsed = load(elf, policy)
    starts = function_starts(elf)
    proofs = {s.name: find_invariants(s, image, starts) for s in parsed.sandboxes}
    certificate = Certificate(image.sha256(), hashlib.sha256(policy).hexdigest(), proofs)
    with TheoremCache(prove, cache) as oracle:
        report = check(elf, policy, certificate, oracle)
    statistics = {"solved": oracle.misses, "cached": oracle.hits}
    return Outcome(report, certificate if report.accepted else None, time.perf_counter() - start, statistics)


def recheck(elf: bytes, policy: bytes, certificate: bytes, cache: Path | None = None) -> Outcome:
    """Check a certificate that `verify` wrote: the kernel alone replays it; z3 decides the theorems."""
    start = time.perf_counter()
    with TheoremCache(prove, cache) as oracle:
        report = check(elf, policy, read_certificate(certificate), oracle)
    statistics = {"solved": oracle.misses, "cached": oracle.hits}
    return Outcome(report, None, time.perf_counter() - start, statistics)


def write_certificate(certificate: Certificate) -> bytes:
    """The file form: gzipped JSON, the same bytes for the same certificate."""
    text = json.dumps(to_json(certificate), separators=(",", ":"), sort_keys=True)
    return gzip.compress(text.encode(), mtime=0)


_MAX_CERTIFICATE = 1 << 28


def read_certificate(data: bytes) -> Certificate:
    """Parse the file form. Raises Rejected("certificate", ...)."""
    try:
        with gzip.GzipFile(fileobj=BytesIO(data)) as stream:
            text = stream.read(_MAX_CERTIFICATE + 1)
    except (OSError, EOFError, ValueError, zlib.error) as error:
        raise Rejected("certificate", f"not a gzip file: {error}") from error
    if len(text) > _MAX_CERTIFICATE:
        raise Rejected("certificate", "too large")
    return from_json(text)
