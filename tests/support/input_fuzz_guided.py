"""Coverage-guided fuzzing of what the verifier reads (`make fuzz-inputs`): support.input_fuzz driven by atheris.

atheris is installed only for this (tests/fuzz-requirements.txt). libFuzzer ends the process by itself; it keeps inputs that
crash the target, take longer than support.input_fuzz.SECONDS or more memory than MEMORY.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator

import atheris

with atheris.instrument_imports(include=["ringfence.verify", "elftools"]):
    import ringfence.verify.recheck
    import ringfence.verify.source
    import ringfence.verify.symbols  # noqa: F401

from support import input_fuzz

_SEEDS = 60


def _guided(name: str, target: Callable[[bytes], None], source: Iterator[bytes], options: argparse.Namespace) -> int:
    corpus = options.crashes / f"corpus-{name}"
    corpus.mkdir(parents=True, exist_ok=True)
    for i in range(_SEEDS):
        (corpus / f"mutant-{i}").write_bytes(next(source))
    arguments = [
        "input_fuzz", str(corpus), f"-max_total_time={options.seconds:.0f}", f"-timeout={input_fuzz.SECONDS}",
        f"-rss_limit_mb={input_fuzz.MEMORY >> 20}", f"-artifact_prefix={options.crashes}/{name}-", "-print_final_stats=1",
        f"-seed={options.seed}", "-max_len=1048576",
    ]  # fmt: skip
    atheris.Setup(arguments, lambda data: input_fuzz.void(input_fuzz.judged(target, data)))
    atheris.Fuzz()
    return 0


if __name__ == "__main__":
    sys.exit(input_fuzz.main(engine=_guided))
