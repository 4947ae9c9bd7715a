"""The kernel's entry: (ELF bytes, policy bytes, certificate) -> Report. Accepts only what it has replayed.

The certificate says which invariants hold where; every block of every function is executed again from them, and each
obligation that this yields becomes a theorem. For each distinct theorem the kernel asks for a proof, turns the theorem
into clauses itself (bitblast.py) and checks that the proof refutes them (lrat.py). Where proofs come from does not
matter: from the certificate, or from whoever searches for them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from .bitblast import clauses_of
from .execute import Context, Executor, Failure
from .gates import check_gates
from .image import Image, read_image
from .lrat import Step, refutes
from .policy import Policy, Sandbox, check_placement, parse_policy
from .proof import Certificate, Fact, Function, Invariant, SandboxProof
from .rejected import Rejected
from .theorem import Theorem

Proofs = Callable[[Sequence[Theorem]], Iterable[Sequence[Step] | None]]  # for each theorem its proof, in this order
_LINK = 14
_REPEATS = 16  # how often a certificate may have each halfword of the code executed, on average


@dataclass
class Report:
    """`accepted` is True only if everything was checked and nothing failed."""

    accepted: bool = False
    gates: bool = False  # whether the gates were checked, too: only if the policy declares them
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

    `proofs` gives the proofs to try, None where there is none; by default what the certificate has.
    """
    image, parsed = load(elf, policy)
    if certificate.elf_sha256 != image.sha256():
        raise Rejected("certificate", "is for another ELF file")
    if certificate.policy_sha256 != hashlib.sha256(policy).hexdigest():
        raise Rejected("certificate", "is for another policy")
    report = Report(gates=bool(parsed.runtime))
    report.failures += [Failure(*problem) for problem in check_gates(parsed, image)]
    open_ones: list[Failure] = []  # failures unless their theorems are proved
    for sandbox in parsed.sandboxes:
        proof = certificate.sandboxes.get(sandbox.name)
        if proof is None:
            report.failures.append(Failure(sandbox.name, "certificate", None, "says nothing of this sandbox"))
        else:
            report.failures += _claims(sandbox, proof)
            needs = {entry: f.need for entry, f in proof.functions.items()}
            keeps = {entry: f.keeps for entry, f in proof.functions.items()}
            ranks = {entry: f.rank for entry, f in proof.functions.items()}
            open_ones += _replay(Context(sandbox, image, needs, keeps, ranks), proof, report)
    theorems = {o.theorem.digest(): o.theorem for o in open_ones if o.theorem is not None}
    report.obligations, report.theorems = len(open_ones), len(theorems)
    found = zip(theorems.items(), (proofs or certificate.proofs)(list(theorems.values())), strict=True)
    proved = {digest for (digest, t), proof in found if proof is not None and refutes(clauses_of(t), proof)}
    report.failures += [o for o in open_ones if o.theorem is None or o.theorem.digest() not in proved]
    report.accepted = not report.failures and report.functions > 0
    return report


def _claims(sandbox: Sandbox, proof: SandboxProof) -> Iterator[Failure]:
    """What the certificate must say of the entries and of the pointer table."""
    for at, claimed in proof.functions.items():
        if claimed.entry != at:
            yield Failure(sandbox.name, "certificate", at, "a function is listed under another address than its own")
    for entry in sandbox.entries:
        function = proof.functions.get(entry.address)
        if function is None:
            yield Failure(sandbox.name, "entry", entry.address, f"{entry.name} is not a function of the certificate")
        elif function.need + sandbox.room > sandbox.stack.end - sandbox.stack.start:
            detail = f"{entry.name} needs {function.need} bytes of stack and {sandbox.room} for interrupts"
            yield Failure(sandbox.name, "stack", entry.address, detail)
    for slot in range(sandbox.slots.start, sandbox.slots.end, 4):
        function = proof.functions.get(slot)
        if function is None:
            yield Failure(sandbox.name, "slots", slot, "a slot of the table is not a function of the certificate")
        elif sandbox.pointers and function.need + sandbox.room > sandbox.stack.end - sandbox.stack.start:
            yield Failure(sandbox.name, "stack", slot, f"the host may enter here, and {function.need} bytes are needed")


def _replay(context: Context, proof: SandboxProof, report: Report) -> Iterator[Failure]:
    """Execute every block of every function again: the obligations, which are failures unless proved."""
    executed: set[int] = set()
    steps = (context.sandbox.code.end - context.sandbox.code.start) // 2 * _REPEATS
    for function in proof.functions.values():
        report.functions += 1
        for executor in run_function(context, function):
            report.blocks += 1
            steps -= len(executor.executed) + 1
            if steps < 0:
                raise Rejected("certificate", "has the same code executed too often")
            report.failures += executor.failures
            executed |= executor.executed
            yield from executor.obligations
    report.instructions += len(executed)


def run_function(context: Context, function: Function) -> Iterator[Executor]:
    """Execute the function's entry and each of its blocks."""
    for start, invariant in ((function.entry, entry_invariant(function)), *function.blocks.items()):
        executor = Executor(context, function)
        executor.run(start, invariant)
        yield executor


def entry_invariant(function: Function) -> Invariant:
    """What every caller has established: SP = s, LR = RA, `need` bytes of stack; nothing else is known."""
    return Invariant(depth=0, slot=False, left=function.need, facts=(Fact(_LINK, "ra"),))


__all__ = ["Failure", "Proofs", "Report", "check", "entry_invariant", "load", "run_function"]
