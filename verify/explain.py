"""What a rejection means and what to do about it, in words; and where it is in the user's source."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass

from .kernel.check import Failure
from .kernel.image import Image, read_image
from .kernel.isa.decode import Refused, decode
from .source import AddressMap, SourceLines
from .symbols import function_symbols, name_of

_SECONDS = 30  # in which counterexamples are looked for, in all

RULES: dict[str, tuple[str, str]] = {
    "store": (
        "a store is not proved to stay in the sandbox's window, its slack or its declared device registers",
        "rebuild through `ringfence rewrite`, which guards it; a device register must be declared with mmio=",
    ),
    "load": (
        "reads are confined, and a load is not proved to stay in the sandbox's window, its slack, its declared device "
        "registers, its code or its constants",
        "rebuild through `ringfence rewrite`, which guards it; a device register must be declared with mmio=; data of "
        "the host must be handed to the sandbox",
    ),
    "return-slot": (
        "something other than the function's return address would be stored in its return slot",
        "LR must be saved to its slot before the first instruction that changes it",
    ),
    "frame": (
        "the protected word of a dynamic frame (alloca) would not get where its static part ends",
        "SP before the alloca must be stored there right after SP has moved, on every path",
    ),
    "return": ("a return with SP not as at the function's entry", "balance the pushes and pops on every path"),
    "tail-call": (
        "control goes to another function by a jump, with SP or LR not as at the function's entry",
        "restore SP, and LR from the return slot, before the jump; a return must take PC from LR or the return slot",
    ),
    "call": (
        "a call through a pointer is not proved to go to a slot of the pointer table",
        "rebuild through `ringfence rewrite`, which masks the pointer into the table",
    ),
    "jump": (
        "a jump through a pointer is not proved to go to a slot of the pointer table",
        "rebuild through `ringfence rewrite`; computed goto is not supported",
    ),
    "table": (
        "the index of a jump table is not proved to lie in the table, or the table is not constant code",
        "the switch needs an unsigned bound check on every path to it",
    ),
    "target": (
        "control would leave the sandbox's code other than through an import",
        "declare the function with imports=, or link it into the sandbox",
    ),
    "stack": (
        "SP is not proved to stay in the stack with the interrupt room below it",
        "enlarge stack=, or break the recursion; a dynamic frame (alloca) begins behind a check of the limit",
    ),
    "invariant": ("paths that meet do not agree on what the proof needs", "a gap in the prover: please report it"),
    "keeps": (
        "a function may change a register that it is claimed to leave as it is",
        "a gap in the prover: please report it",
    ),
    "rank": (
        "a function may be entered again while the word with its return address is in use",
        'rebuild with shadow="stack": return addresses in words of their own need calls that never lead back',
    ),
    "instruction": (
        "an instruction that sandboxed code may not use, or that is not one",
        "use the host for privileged operations; data must not be reached as code",
    ),
    "it-block": ("an instruction that may not stand at this place of an IT block", "the code is UNPREDICTABLE"),
    "code": ("control runs out of the sandbox's code", "a function that never returns must end in a loop or a trap"),
    "entry": ("an exported function was not analysed", "the address of the entry in the policy must be a function"),
    "slots": ("a slot of the pointer table was not analysed", "the table lies in the code and holds branches or traps"),
    "gate": (
        "the code or a word of a gate is not what was reviewed, for this policy",
        "build with this version's runtime, unchanged; policy and ELF must come from the same build",
    ),
    "host": (
        "bytes of the host refer to a sandbox's code past its gate",
        "call a sandbox only through its gates; the policy of a build lists what only looks so by coincidence",
    ),
    "elf": ("the file is not a linked 32-bit little-endian ARM executable", "give the ELF that the linker wrote"),
    "segments": ("two loaded segments share bytes, at run or at programming addresses", "correct the linker script"),
    "policy": (
        "the policy is malformed or contradicts itself",
        "correct it; docs/architecture.md describes the form",
    ),
    "placement": ("the image does not lie where the policy says", "policy and ELF must come from the same build"),
    "certificate": ("the certificate is malformed or belongs to something else", "verify again to make a new one"),
    "internal": ("the verifier itself failed", "nothing was proved; please report it with the ELF and the policy"),
}


@dataclass(frozen=True)
class Explanation:
    """One failure with everything that helps to understand it."""

    sandbox: str
    rule: str
    detail: str
    address: int | None
    function: str | None
    source: str | None
    instruction: str | None
    counterexample: dict[str, int]
    meaning: str
    advice: str

    def text(self) -> str:
        where = "" if self.address is None else f" at {self.address:#010x}"
        if self.function:
            where += f" in {self.function}"
        if self.source:
            where += f" ({self.source})"
        lines = [f"{self.sandbox}: rule '{self.rule}'{where}: {self.detail}"]
        if self.instruction:
            lines.append(f"  instruction: {self.instruction}")
        lines.append(f"  meaning: {self.meaning}")
        if self.counterexample:
            values = ", ".join(f"{n} = {v:#x}" for n, v in sorted(self.counterexample.items()))
            lines.append(f"  counterexample: {values}")
        lines.append(f"  what to do: {self.advice}")
        return "\n".join(lines)


def explain(elf: bytes, failures: Iterable[Failure], addresses: AddressMap | None = None) -> list[Explanation]:
    """Explain failures of one image. Debug information and symbols are used where present, and not trusted."""
    failures = list(failures)
    if not failures:
        return []  # reading all debug information would take longer than checking did
    image, functions, lines = read_image(elf), function_symbols(elf), SourceLines(elf)
    addresses = AddressMap([]) if addresses is None else addresses
    found = []
    end = time.monotonic() + _SECONDS
    for f in failures:
        meaning, advice = RULES.get(f.rule, RULES["internal"])
        source = None if f.address is None else lines.at(addresses.original(f.address))
        found.append(
            Explanation(
                f.sandbox,
                f.rule,
                f.detail,
                f.address,
                None if f.address is None else name_of(functions, f.address),
                None if source is None else str(source),
                None if f.address is None else instruction_at(image, f.address),
                _counterexample(f) if time.monotonic() < end else {},
                meaning,
                advice,
            )
        )
    return found


def _counterexample(failure: Failure) -> dict[str, int]:
    """Values for which the claim is false; empty if there is no such claim or no solver to ask."""
    if failure.theorem is None:
        return {}
    try:
        from .prover.solvers import counterexample  # noqa: PLC0415  `check` must work without the solvers
    except ImportError:
        return {}
    return dict(counterexample(failure.theorem) or {})


def instruction_at(image: Image, address: int) -> str | None:
    code = image.read(address, 4) or image.read(address, 2)
    if code is None:
        return None
    try:
        found = decode(code, 0)
    except Refused:
        return f"{code.hex(' ', 2)} (not on the allow-list)"
    return f"{code[: found.size].hex(' ', 2)} ({found.name})"
