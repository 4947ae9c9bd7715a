"""The rewriter's front: a linked ELF in, the same ELF with every sandbox's code rewritten out.

One `RewriteRequest` per sandbox says where its code, window and stacks are. The rewriter is not trusted: what it
makes is proved by `ringfence.verify` on the bytes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from ringfence.verify.source import SourceLines

from .analysis import Analysis
from .crosscheck import cross_check
from .elffile import LinkedElf, Patcher
from .emit import emit
from .errors import RingfenceError
from .insn import Insn
from .layout import Placed, lay_out
from .passes import PASSES
from .passes.stack import limit_stack
from .passes.stores import GUARDED
from .pointers import share_pointer_guards
from .program import SLOT_BYTES, Program, Refused
from .ranks import rank_functions
from .recover import Recovered, recover
from .request import RewriteRequest, RewriteResult, RoomNeeded, SandboxNeeds
from .stack_need import plan_stack

__all__ = ["RewriteRequest", "RewriteResult", "RoomNeeded", "SandboxNeeds", "rewrite"]


@dataclass(frozen=True)
class _Rewritten:
    request: RewriteRequest
    recovered: Recovered
    placed: Placed
    needs: SandboxNeeds
    stats: Counter[str]


def rewrite(elf: bytes, requests: Sequence[RewriteRequest]) -> RewriteResult:
    """Rewrite every sandbox of a linked ELF (with --emit-relocs).

    Raises RoomNeeded when the reserved room does not suffice, RingfenceError for code that is not supported.
    """
    linked = LinkedElf(elf)
    done = [_rewrite_or_explain(linked, request) for request in requests]
    _check_room(done)
    patcher = Patcher(linked)
    for one in done:
        emit(linked, patcher, one.request, one.recovered, one.placed)
    return RewriteResult(
        elf=patcher.bytes(),
        exports={one.request.name: _exports(one) for one in done},
        address_map=sorted(pair for one in done for pair in _address_map(one)),
        needs={one.request.name: one.needs for one in done},
        stats={one.request.name: dict(one.stats) for one in done},
        made_by={address: what for one in done for address, what in one.placed.made_by().items()},
        stores={address: what for one in done for address, what in one.placed.stores().items()},
    )


def _rewrite_or_explain(linked: LinkedElf, request: RewriteRequest) -> _Rewritten:
    """What is refused is named with its source line, where there is debug information."""
    try:
        return _rewrite_one(linked, request)
    except Refused as error:
        line = SourceLines(linked.data).at(error.address)
        if line is None:
            raise
        raise Refused(error.address, f"{line}: {error.message}", error.hint) from error


def _rewrite_one(linked: LinkedElf, request: RewriteRequest) -> _Rewritten:
    """Lift, edit and lay out one sandbox; nothing is written yet."""
    _check_request(request)
    recovered = recover(linked, request)
    program = recovered.program
    if request.words is not None:
        program = replace(program, ranks=rank_functions(Analysis(program, request)))
    stats: Counter[str] = Counter()
    for edit in PASSES:
        program, counts = edit(program, request)
        stats += counts
    plan = plan_stack(Analysis(program, request))
    stats["stack limits checked"] += len(plan.checks)
    names = {entry: function.name for entry, function in program.entries.items()}
    program, shared = share_pointer_guards(limit_stack(program, request, plan), request)
    stats += Counter({"pointer calls guarded": -shared, "pointer calls guarded early": shared})
    cross_check(_made(program, recovered.program))
    placed = lay_out(program, request.code_start)
    needs = SandboxNeeds(
        code_bytes=len(placed.code),
        slots=program.slot_table_bytes // SLOT_BYTES,
        slack_below=stats.pop("slack below", 0),
        slack_above=stats.pop("slack above", 0),
        stack=plan.need,
        recursive=tuple(names[entry] for entry in sorted(plan.checks)),
        dynamic=tuple(names[entry] for entry in plan.dynamic),
        words=max(program.ranks.values(), default=0),
        guarded=frozenset(i.origin - request.code_start for i in program.items if i.handled in GUARDED),
    )
    return _Rewritten(request, recovered, placed, needs, stats)


def _made(program: Program, original: Program) -> list[Insn]:
    """One of each instruction that the passes made, those apart that layout encodes."""
    known = {item.insn.raw for item in original.items if item.insn}
    made = {item.insn.raw: item.insn for item in program.items if item.insn and item.insn.target is None}
    return [insn for raw, insn in made.items() if raw not in known]


def _check_request(request: RewriteRequest) -> None:
    """What the guards rely on; the verifier checks all of it again on the policy."""
    size, slots = request.window_size, request.slots_end - request.slots_start
    problems = [
        (request.mode not in ("mask", "trap"), f"unknown mode '{request.mode}'"),
        (size <= 0 or size & (size - 1) != 0, "the window's size is not a power of two"),
        (request.window_base % max(size, 1) != 0, "the window is not aligned to its size"),
        (slots < 4 or slots & (slots - 1) != 0, "the slot table's size is not a power of two"),
        (request.slots_start % max(slots, 1) != 0, "the slot table is not aligned to its size"),
        (
            not request.code_start <= request.slots_start <= request.slots_end <= request.code_end,
            "the slots are not in the code",
        ),
    ]
    for wrong, what in problems:
        if wrong:
            raise RingfenceError(f"sandbox {request.name}: {what}")


def _check_room(done: Sequence[_Rewritten]) -> None:
    missing = [text for one in done for text in _missing(one.request, one.needs)]
    if missing:
        raise RoomNeeded("; ".join(missing), {one.request.name: one.needs for one in done})


def _missing(request: RewriteRequest, needs: SandboxNeeds) -> list[str]:
    pairs = [
        ("bytes of code", needs.code_bytes, request.slots_start - request.code_start),
        ("slots", needs.slots, (request.slots_end - request.slots_start) // 4),
        ("bytes of slack below the window", needs.slack_below, request.slack_below),
        ("bytes of slack above the window", needs.slack_above, request.slack_above),
        ("words for return addresses", needs.words, request.words or 0),
        ("bytes of stack", needs.stack + request.room, request.stack_high - request.stack_low),
    ]
    return [f"sandbox {request.name} needs {need} {what} and has {has}" for what, need, has in pairs if need > has]


def _exports(one: _Rewritten) -> dict[str, int]:
    return {name: one.placed.address_of(label) | 1 for name, label in one.placed.program.exports.items()}


def _address_map(one: _Rewritten) -> list[tuple[int, int]]:
    """Of the code, and of the functions that stand in the slot table."""
    program, start = one.placed.program, one.request.slots_start
    standing = [
        (start + program.slot_offsets[label] + distance, origin)
        for label, found in program.standing.items() for distance, origin in found.origins
    ]  # fmt: skip
    return [*((a, item.origin) for a, item in zip(one.placed.addresses, program.items, strict=True)), *standing]
