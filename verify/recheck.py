"""Checking a certificate file: the kernel alone, with the certificate's own proofs. Imports no solver."""

from __future__ import annotations

import gzip
import json
import time
import zlib
from collections.abc import Mapping
from dataclasses import astuple, dataclass, field
from io import BytesIO
from typing import Any

from .kernel.check import Report, check
from .kernel.proof import Certificate, Frame, Function, from_json
from .kernel.rejected import Rejected

_MAX_BYTES = 1 << 24


@dataclass
class Outcome:
    """What verification found. `certificate` is set only if accepted, and only by who made one."""

    report: Report
    certificate: Certificate | None = None
    seconds: float = 0.0
    statistics: Mapping[str, int] = field(default_factory=dict)


def recheck(elf: bytes, policy: bytes, certificate: bytes) -> Outcome:
    """Check a certificate that `verify` wrote. Raises Rejected for what is malformed or belongs to something else."""
    start = time.perf_counter()
    report = check(elf, policy, read_certificate(certificate))
    return Outcome(report, None, time.perf_counter() - start, {"solved": 0, "cached": report.theorems, "untried": 0})


def write_certificate(certificate: Certificate) -> bytes:
    """The file form: gzipped JSON, the same bytes for the same certificate."""
    text = json.dumps(_to_json(certificate), separators=(",", ":"), sort_keys=True)
    return gzip.compress(text.encode(), mtime=0)


def _to_json(certificate: Certificate) -> dict[str, Any]:
    """The JSON value of a certificate, which kernel/proof.py reads."""
    return {
        "version": certificate.version,
        "elf_sha256": certificate.elf_sha256,
        "policy_sha256": certificate.policy_sha256,
        "sandboxes": {
            name: [_function_to_json(f) for _, f in sorted(proof.functions.items())]
            for name, proof in certificate.sandboxes.items()
        },
        "theorems": certificate.theorems,
    }


def _function_to_json(function: Function) -> dict[str, Any]:
    blocks = [
        [address, i.depth, int(i.slot), i.left, [list(astuple(fact)) for fact in i.facts], *_frame_to_json(i.frame)]
        for address, i in sorted(function.blocks.items())
    ]
    tables, frames = sorted(function.tables.items()), sorted(function.frames.items())
    value = {"entry": function.entry, "need": function.need, "blocks": blocks, "tables": tables}
    optional = {"frames": frames, "keeps": sorted(function.keeps), "rank": function.rank}
    return value | {key: given for key, given in optional.items() if given}


def _frame_to_json(frame: Frame | None) -> list[list[int]]:
    return [] if frame is None else [[number for number in astuple(frame) if number is not None]]


def read_certificate(data: bytes) -> Certificate:
    """Parse the file form. Raises Rejected("certificate", ...)."""
    try:
        with gzip.GzipFile(fileobj=BytesIO(data)) as stream:
            text = stream.read(_MAX_BYTES + 1)
    except (OSError, EOFError, ValueError, zlib.error) as error:
        raise Rejected("certificate", f"not a gzip file: {error}") from error
    if len(text) > _MAX_BYTES:
        raise Rejected("certificate", "too large")
    return from_json(text)
