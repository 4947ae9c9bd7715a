"""Fuzzing of what the verifier reads: ELF, policy and certificate bytes, and debug information.

A target takes bytes and must end in time with a value or with Rejected; what it accepts, a second reader that knows
nothing of the first must find well-formed (`Oracle`). `python -m support.input_fuzz TARGET --seconds N` mutates seeds made from a
real firmware; `support.input_fuzz_guided` does so guided by coverage (`make fuzz-inputs`), tests/verify/test_input_fuzz.py
draws a fixed few.
"""

from __future__ import annotations

import argparse
import faulthandler
import gzip
import json
import random
import resource
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BytesIO
from itertools import combinations
from pathlib import Path
from typing import Any

from elftools.common.exceptions import ELFError
from elftools.construct.core import ConstructError
from elftools.elf.elffile import ELFFile

from ringfence.verify.kernel.check import load
from ringfence.verify.kernel.image import Image, read_image
from ringfence.verify.kernel.policy import parse_policy
from ringfence.verify.kernel.rejected import Rejected
from ringfence.verify.recheck import read_certificate, recheck, write_certificate
from ringfence.verify.source import SourceLines
from ringfence.verify.symbols import function_symbols
from ringfence.verify.verifier import verify
from support.corpus import EMPTY_SLOTS, PRELUDE, SCRIPT, read_corpus
from support.toolchain import run

MEMORY = 2 << 30  # bytes of address space
SECONDS = 10  # for one input


class Malformed(AssertionError):
    """Something was accepted that should not have been."""


@dataclass(frozen=True)
class Seed:
    """A certified firmware: what inputs are made from, and what the other two inputs are while one is mutated."""

    elf: bytes = field(repr=False)
    policy: bytes = field(repr=False)
    certificate: bytes = field(repr=False)


def small_seed(folder: Path) -> Seed:
    """A certified case of the corpus with debug information: some KB, so that mutations hit what matters."""
    case = next(
        c
        for c in read_corpus(Path(__file__).parent.parent / "verify" / "corpus")
        if c.name == "returns/saved_on_both_paths"
    )
    (folder / "seed.s").write_text(PRELUDE + case.source + EMPTY_SLOTS)
    (folder / "seed.ld").write_text(SCRIPT)
    run("arm-none-eabi-as", "-g", "-mcpu=cortex-m3", "-mthumb", "-o", folder / "seed.o", folder / "seed.s")
    run("arm-none-eabi-ld", "--no-warn-rwx-segments", "-z", "max-page-size=4", "-T", folder / "seed.ld", "-o", folder / "seed.elf", folder / "seed.o")  # fmt: skip
    elf = (folder / "seed.elf").read_bytes()
    outcome = verify(elf, case.policy())
    if outcome.certificate is None:
        raise AssertionError(f"the seed is not certified: {outcome.report.failures}")
    return Seed(elf, case.policy(), write_certificate(outcome.certificate))


# -- what must hold of what was accepted -----------------------------------------------------------------------------


def _check_image(data: bytes, image: Image) -> None:
    """pyelftools finds the same loaded segments (where it reads the file at all: it looks at more than what is loaded)."""
    try:
        expected = sorted(
            (s["p_vaddr"], s["p_paddr"], s["p_memsz"], s.data())
            for s in ELFFile(BytesIO(data)).iter_segments("PT_LOAD")
            if s["p_memsz"] or s["p_filesz"]
        )
    except (ELFError, ConstructError, AssertionError):
        return
    if expected != sorted((s.address, s.load_address, s.size, s.data) for s in image.segments):
        raise Malformed("pyelftools reads other segments")


def _strict(text: bytes) -> Any:
    def pairs(found: list[tuple[str, Any]]) -> dict[str, Any]:
        if len({k for k, _ in found}) != len(found):
            raise Malformed("a key occurs twice")
        return dict(found)

    return json.loads(text, object_pairs_hook=pairs)


def _span(value: Mapping[str, str]) -> tuple[int, int]:
    return int(value["start"], 16), int(value["end"], 16)


def _spans(policy: Mapping[str, Any]) -> Iterator[tuple[int, int]]:
    yield from map(_span, policy["host_ram"])
    for box in policy["sandboxes"]:
        base, window = int(box["window"]["base"], 16), box["window"]
        yield base - window["slack_below"], base + window["size"] + window["slack_above"]
        low, high = (int(box["stack"][k], 16) for k in ("low", "high"))
        if not base <= low < high <= base + window["size"]:
            raise Malformed("the stack is not in the window")
        yield low + box["shadow"]["offset"], high + box["shadow"]["offset"]
        yield from map(_span, (box["code"], *box["constants"], *box["mmio"]))


def _check_policy(data: bytes, _accepted: object) -> None:
    """No key twice, no two ranges over each other or past the end of memory."""
    spans = list(_spans(_strict(data)))
    for low, high in spans:
        if not 0 <= low < high <= 1 << 32:
            raise Malformed(f"a range from {low:#x} to {high:#x}")
    for a, b in combinations(spans, 2):
        if a[0] < b[1] and b[0] < a[1]:
            raise Malformed(f"{a} overlaps {b}")


# -- targets --------------------------------------------------------------------------------------------------------


def _elf(seed: Seed) -> Callable[[bytes], None]:
    """The image by itself, against the policy, and with the certificate: accepted only if what is loaded is the same."""
    same = read_image(seed.elf).sha256()

    def target(data: bytes) -> None:
        _check_image(data, read_image(data))
        load(data, seed.policy)
        report = recheck(data, seed.policy, seed.certificate).report
        if report.accepted and read_image(data).sha256() != same:
            raise Malformed("another image was accepted")

    return target


def _policy(seed: Seed) -> Callable[[bytes], None]:
    def target(data: bytes) -> None:
        _check_policy(data, parse_policy(data))
        load(seed.elf, data)
        if recheck(seed.elf, data, seed.certificate).report.accepted and data != seed.policy:
            raise Malformed("another policy was accepted")

    return target


def _certificate(seed: Seed) -> Callable[[bytes], None]:
    """The text of a certificate (packed here, so that coverage sees through gzip)."""

    def target(data: bytes) -> None:
        packed = gzip.compress(data, 0)
        read_certificate(packed)
        _strict(data)
        recheck(seed.elf, seed.policy, packed)

    return target


def _packed(seed: Seed) -> Callable[[bytes], None]:
    return lambda data: void(recheck(seed.elf, seed.policy, data))


def _debug(_seed: Seed) -> Callable[[bytes], None]:
    """Symbols and line numbers are for messages only: whatever is in the file, there is an answer."""

    def target(data: bytes) -> None:
        function_symbols(data)
        SourceLines(data).at(0x10000)

    return target


def void(_: object) -> None:
    return None


TARGETS: Mapping[str, Callable[[Seed], Callable[[bytes], None]]] = {
    "elf": _elf,
    "policy": _policy,
    "certificate": _certificate,
    "packed": _packed,
    "debug": _debug,
}


def first_input(target: str, seed: Seed) -> bytes:
    """The unharmed input of a target."""
    return {
        "elf": seed.elf,
        "debug": seed.elf,
        "policy": seed.policy,
        "packed": seed.certificate,
        "certificate": gzip.decompress(seed.certificate),
    }[target]


# -- limits ---------------------------------------------------------------------------------------------------------


class TooLong(BaseException):
    """Not an Exception, so that nothing on the way swallows it."""


@contextmanager
def limits(seconds: float = SECONDS, memory: int | None = MEMORY) -> Iterator[None]:
    """Raise TooLong after so many seconds, and give the process no more than `memory` bytes."""

    def alarm(_signal: int, _frame: object) -> None:
        raise TooLong(f"more than {seconds} s")

    old_limit = resource.getrlimit(resource.RLIMIT_AS)
    old_handler = signal.signal(signal.SIGALRM, alarm)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    if memory is not None:
        resource.setrlimit(resource.RLIMIT_AS, (memory, old_limit[1]))
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, old_handler)
        resource.setrlimit(resource.RLIMIT_AS, old_limit)


def judged(target: Callable[[bytes], None], data: bytes) -> str:
    """ "accepted" or the rule of the refusal; any other end is a bug and is raised."""
    try:
        target(data)
    except Rejected as rejected:
        return rejected.rule
    return "accepted"


# -- mutation without coverage ----------------------------------------------------------------------------------------

_TOKENS = [
    b"{", b"}", b"[", b"]", b",", b":", b'"', b"null", b"true", b"NaN", b"Infinity", b"-1", b"1e400", b"0x", b'"0xffffffff"', b'"0x0"',
    b"4294967295", b"4294967296", b"9" * 5000, b"\\ud800", b"\\u0000", b"\xff\xfe", b'"version":1,', b"[" * 3000, b"0.5", b"-0",
]  # fmt: skip
_WORDS = [0, 1, 4, 0x34, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFC, 0xFFFFFFFF, 0x20020000]


def mutated(data: bytes, rng: random.Random, text: bool) -> bytes:
    """One to four small changes; in text, tokens of JSON are inserted, replaced and repeated, too."""
    for _ in range(rng.choice([1, 1, 2, 4])):
        data = _changed(data, rng, text)
    return data


def _changed(data: bytes, rng: random.Random, text: bool) -> bytes:
    at = rng.randrange(len(data) + 1) if text or rng.random() < 0.3 else rng.randrange(min(len(data), 0x200) + 1)
    kind = rng.choice(["flip", "byte", "cut", "repeat", "truncate", "token" if text else "word"])
    if kind == "flip" and at < len(data):
        return data[:at] + bytes([data[at] ^ 1 << rng.randrange(8)]) + data[at + 1 :]
    if kind == "byte":
        return data[:at] + rng.randbytes(1) + data[at + 1 :]
    if kind == "cut":
        return data[:at] + data[at + rng.randrange(1, 40) :]
    if kind == "repeat":
        return data[:at] + data[at : at + rng.randrange(1, 60)] * rng.choice([2, 3]) + data[at + 1 :]
    if kind == "truncate" and rng.random() < 0.2:
        return data[:at]
    if kind == "word":
        at &= ~3
        return data[:at] + rng.choice(_WORDS).to_bytes(4, "little") + data[at + 4 :]
    return data[:at] + rng.choice(_TOKENS) + data[at + rng.choice([0, 1, 4]) :]


def mutated_json(data: bytes, rng: random.Random) -> bytes:
    """Valid JSON with one to three values replaced, removed, repeated or moved."""
    value = json.loads(data)
    for _ in range(rng.choice([1, 1, 1, 2, 3])):
        holder = rng.choice(list(_holders(value)))
        key = rng.choice(list(holder) if isinstance(holder, dict) else range(len(holder)))
        _replace(holder, key, rng, value)
    return json.dumps(value).encode()


def _holders(value: Any) -> Iterator[Any]:
    """Every non-empty list and object; long lists only in part."""
    if isinstance(value, dict | list) and value:
        yield value
        for inner in list(value.values() if isinstance(value, dict) else value)[:30]:
            yield from _holders(inner)


def _replace(holder: Any, key: Any, rng: random.Random, root: Any) -> None:
    old, kind = holder[key], rng.randrange(7)
    if kind == 0:
        del holder[key]
    elif kind == 1 and isinstance(holder, list):
        holder.insert(key, old)
    elif kind == 2:
        holder[key] = rng.choice(
            [None, True, False, -1, 0, 1, 1 << 32, 0xFFFFFFFF, 0.5, "", "0x0", [], {}, "0xfffffffc", 10**30]
        )
    elif kind == 3 and isinstance(old, int):
        holder[key] = old + rng.choice([-8, -4, -1, 1, 4, 8, 1 << 16])
    elif kind == 4 and isinstance(old, str) and old.startswith("0x"):
        holder[key] = hex((int(old, 16) + rng.choice([-0x10000, -8, -4, -1, 1, 4, 8, 0x10000])) & 0xFFFFFFFF)
    elif kind == 5:
        other = rng.choice(list(_holders(root)))
        holder[key] = json.loads(json.dumps(other)) if len(json.dumps(other)) < 10_000 else old
    elif isinstance(holder, dict):
        holder[str(key) + "x"] = old


def inputs(target: str, seed: Seed, rng: random.Random) -> Iterator[bytes]:
    """Mutants of the target's first input, without end."""
    good = first_input(target, seed)
    text = target in ("policy", "certificate")
    while True:
        yield mutated_json(good, rng) if text and rng.random() < 0.6 else mutated(good, rng, text)


# -- command line -----------------------------------------------------------------------------------------------------


def _by_mutation(
    name: str, target: Callable[[bytes], None], source: Iterator[bytes], options: argparse.Namespace
) -> int:
    ends: Counter[str] = Counter()
    began, bad = time.monotonic(), 0
    while time.monotonic() - began < options.seconds and bad < 10:
        data = next(source)
        try:
            with limits(SECONDS, None):
                ends[judged(target, data)] += 1
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt):
                raise
            bad += 1
            kept = options.crashes / f"{name}-{options.seed}-{bad}"
            kept.write_bytes(data)
            print(f"{type(error).__name__}: {error}: kept as {kept}", flush=True)
    print(f"{name}: {ends.total()} inputs: {', '.join(f'{k} {n}' for k, n in ends.most_common())}; {bad} bugs")
    return 1 if bad else 0


Engine = Callable[[str, Callable[[bytes], None], Iterator[bytes], argparse.Namespace], int]


def main(arguments: Sequence[str] | None = None, engine: Engine | None = None) -> int:
    """Exit 0: nothing found. Seeds come from a certified firmware; `engine` runs the target, by default without coverage."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("target", choices=list(TARGETS))
    parser.add_argument(
        "--firmware", type=Path, help="prefix of .elf, .policy.json, .cert.json.gz; default: a small one"
    )
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--crashes", type=Path, default=Path("build/fuzz-inputs"))
    options = parser.parse_args(arguments)
    faulthandler.enable()
    options.crashes.mkdir(parents=True, exist_ok=True)
    if options.firmware is None:
        with tempfile.TemporaryDirectory() as folder:
            seed = small_seed(Path(folder))
    else:
        seed = Seed(*(Path(f"{options.firmware}.{end}").read_bytes() for end in ("elf", "policy.json", "cert.json.gz")))
    target = TARGETS[options.target](seed)
    source = inputs(options.target, seed, random.Random(options.seed))
    return (engine or _by_mutation)(options.target, target, source, options)


if __name__ == "__main__":
    sys.exit(main())
