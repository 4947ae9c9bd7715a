"""The kernel's entry: (ELF bytes, policy bytes, certificate) -> Report. Accepts only what it has replayed.

The certificate says which invariants hold where; every block of every function is executed again from them, and each
obligation that this yields becomes a normalised theorem. For each distinct theorem the kernel asks for a proof, turns
the theorem into clauses itself (bitblast.py) and checks that the proof refutes them (lrat.py). Where proofs come from
does not matter: from the certificate, or from whoever searches for them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from .bitblast import clauses_of
from .execute import Context, Executor, Obligation
from .image import Image, read_image
from .lrat import Step, refutes
from .policy import Policy, Sandbox, check_placement, parse_policy
from .proof import Certificate, Fact, Function, Invariant, SandboxProof
from .rejected import Rejected
from .theorem import Theorem, theorem_of

Proofs = Callable[[Theorem], Sequence[Step] | None]
_LINK = 14


@dataclass(frozen=True)
class Failure:
    """One reason to reject. `theorem` is set where a counterexample may exist."""

    sandbox: str
    rule: str
    address: int | None
    detail: str
    theorem: Theorem | None = None


@dataclass
class Report:
    """`accepted` is True only if everything was checked and nothing failed."""

    accepted: bool = False
    failures: list[Failure] = field(default_factory=list)
    functions: int = 0
    blocks: int = 0
    instructions: int = 0  # distinct addresses executed
    obligations: int = 0
    theorems: int = 0


def load(elf: bytes, policy: bytes) -> tuple[Image, Policy]:
    """Parse both and check them against each other. Raises Rejected."""
    image, parsed = read_image(elf), parse_policy(policy)
    check_placement(parsed, image)
    return image, parsed


def check(elf: bytes, policy: bytes, certificate: Certificate, proofs: Proofs | None = None) -> Report:
    """Decide whether the image obeys the policy. Raises Rejected for inputs that are not well-formed.

    `proofs` gives the proof to try for a theorem, or None; by default what the certificate has.
    """
    image, parsed = load(elf, policy)
    if certificate.elf_sha256 != image.sha256():
        raise Rejected("certificate", "is for another ELF file")
    if certificate.policy_sha256 != hashlib.sha256(policy).hexdigest():
        raise Rejected("certificate", "is for another policy")
    report = Report()
    judge = _Judge(certificate.proof if proofs is None else proofs)
    for sandbox in parsed.sandboxes:
        proof = certificate.sandboxes.get(sandbox.name)
        if proof is None:
            report.failures.append(Failure(sandbox.name, "certificate", None, "says nothing of this sandbox"))
        else:
            _check_sandbox(sandbox, image, proof, judge, report)
    report.theorems = len(judge.verdicts)
    report.accepted = not report.failures and report.functions > 0
    return report


def _check_sandbox(sandbox: Sandbox, image: Image, proof: SandboxProof, judge: _Judge, report: Report) -> None:
    needs = {entry: f.need for entry, f in proof.functions.items()}
    context = Context(sandbox, image, needs)

    def fail(rule: str, address: int | None, detail: str, theorem: Theorem | None = None) -> None:
        report.failures.append(Failure(sandbox.name, rule, address, detail, theorem))

    for entry in sandbox.entries:
        need = needs.get(entry.address)
        if need is None:
            fail("entry", entry.address, f"{entry.name} is not a function of the certificate")
        elif need + sandbox.room > sandbox.stack.end - sandbox.stack.start:
            fail("stack", entry.address, f"{entry.name} needs {need} bytes of stack and {sandbox.room} for interrupts")
    for slot in range(sandbox.slots.start, sandbox.slots.end, 4):
        if slot not in needs:
            fail("slots", slot, "a slot of the pointer table is not a function of the certificate")
    seen: set[int] = set()
    for function in proof.functions.values():
        report.functions += 1
        for executor in run_function(context, function):
            report.blocks += 1
            seen |= executor.executed
            report.obligations += len(executor.obligations)
            for v in executor.violations:
                fail(v.rule, v.address, v.detail)
            for o in executor.obligations:
                theorem = judge.unproved(o)
                if theorem is not None:
                    fail(o.rule, o.address, o.detail, theorem)
    report.instructions += len(seen)


def entry_invariant(function: Function) -> Invariant:
    """What every caller has established: SP = s, LR = RA, `need` bytes of stack; nothing else is known."""
    return Invariant(depth=0, slot=False, left=function.need, facts={_LINK: Fact("ra")})


def run_function(context: Context, function: Function) -> Iterator[Executor]:
    """Execute the function's entry and each of its blocks."""
    starts = [(function.entry, entry_invariant(function)), *function.blocks.items()]
    for start, invariant in starts:
        executor = Executor(context, function)
        executor.run(start, invariant)
        yield executor


class _Judge:
    """Decides each distinct theorem once."""

    def __init__(self, proofs: Proofs) -> None:
        self.proofs = proofs
        self.verdicts: dict[str, bool] = {}

    def unproved(self, obligation: Obligation) -> Theorem | None:
        """None if the obligation is proved, else the theorem that is not."""
        theorem = theorem_of(obligation.hypotheses, obligation.conclusion)
        text = theorem.text()
        if text not in self.verdicts:
            proof = self.proofs(theorem)
            self.verdicts[text] = proof is not None and refutes(clauses_of(theorem), proof)
        return None if self.verdicts[text] else theorem


__all__ = ["Failure", "Proofs", "Report", "check", "entry_invariant", "load", "run_function"]
