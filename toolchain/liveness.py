"""Which registers and flags are still needed at each item, across functions.

The procedure-call standard is not assumed between functions of the sandbox: gcc's -fipa-ra and hand-written libgcc
code do not keep to it. A direct call leads into the callee, and the callee's return leads to every place that it may
return to. At the sandbox's own borders (exports, imports, calls through pointers) AAPCS32 holds.
"""

from __future__ import annotations

from collections import deque

from .flow import Flow, is_inner_call, is_plain_return, subroutine_returns
from .insn import FLAGS, IP, LR, SP, Insn, bit, flags_tested, mask_of
from .program import Program

ARGUMENTS = mask_of(range(4))
SAVED = mask_of(range(4, 12)) | bit(SP)
RESULTS = mask_of(range(2))
_LONGEST_RUN = 16
SCRATCH = ARGUMENTS | bit(IP) | bit(LR) | FLAGS  # what a call through a pointer or to an import destroys


class Liveness:
    """`before[n]` is the set (a mask, see insn.py) that is live before item n, `after(n)` behind it."""

    def __init__(self, program: Program, flow: Flow) -> None:
        self._program = program
        self._flow = flow
        count = len(program.items)
        self.before = [0] * count
        self._owners = owners(program, flow)
        self._exits = _exits(program, flow, self._owners)
        self._returns: dict[int, int] = {  # function entry: live when it returns
            entry: RESULTS | SAVED if entry in program.pointed_at else bit(SP) for entry in program.entries
        }
        self._runs = conditional_runs(program)
        self._inner = _inner_returns(program, flow, self._owners)
        self._users = self._dependents()
        self._solve()

    def after(self, n: int) -> int:
        """Live behind item n when control goes on in the function (for a call: behind its return)."""
        result = 0
        for successor in self._flow.successors[n]:
            result |= self.before[successor]
        return result

    def free(self, n: int) -> int:
        """Registers r0-r12 and flags that may be clobbered right before item n."""
        return ~self.before[n] & (mask_of(range(13)) | FLAGS)

    def _dependents(self) -> list[list[int]]:
        """For each item, the items whose live set depends on its own."""
        users: list[list[int]] = [[] for _ in self.before]
        for n, successors in enumerate(self._flow.successors):
            for successor in successors:
                users[successor].append(n)
            callee = self._flow.calls[n]
            if callee is not None:
                users[callee].append(n)
        for n, end in self._runs.items():
            users[end].append(n)
        for n, places in self._inner.items():
            for place in places:
                users[place].append(n)
        return users

    def _solve(self) -> None:
        count = len(self.before)
        work = deque(range(count - 1, -1, -1))
        queued = [True] * count
        while work:
            n = work.popleft()
            queued[n] = False
            insn = self._program.items[n].insn
            if insn is None:
                continue
            live = self._transfer(n, insn)
            changed = [n] if live != self.before[n] else []
            self.before[n] = live
            changed_users = [user for m in changed for user in self._users[m]]
            changed_users += self._returned(n, insn)
            for user in changed_users:
                if not queued[user]:
                    queued[user] = True
                    work.append(user)

    def _transfer(self, n: int, insn: Insn) -> int:
        return self._in_run(n) if n in self._runs else self._single(n, insn)

    def _in_run(self, n: int) -> int:
        """Live before an item of a run: what is needed if the condition holds, and what is needed if not.

        Taken apart, because `ite` blocks write a register under both conditions, and because hand-written code
        computes with garbage where the result is only used under the other condition.
        """
        end = self._runs[n]
        condition = 0
        needed = [self.before[end], self.before[end]]
        for m in range(end - 1, n - 1, -1):
            insn = self._program.items[m].body
            if not isinstance(insn, Insn):
                continue
            if insn.conditional:
                condition |= flags_tested(insn.condition)
            for side in (insn.condition & 1,) if insn.conditional else (0, 1):
                if insn.is_store or not insn.writes or insn.writes & needed[side]:  # VMOV and VLDR write no register
                    needed[side] = needed[side] & ~insn.kills | insn.reads
        return needed[0] | needed[1] | condition | bit(SP)

    def _single(self, n: int, insn: Insn) -> int:
        live = self.after(n)
        kept = live
        if insn.kind == "call" and self._flow.calls[n] is not None:
            kept = self.before[self._flow.calls[n] or 0] & ~bit(LR) | (live & bit(SP))
        elif insn.kind in ("call", "call_register") and (self._flow.external[n] is not None or insn.kind != "call"):
            kept = live & ~SCRATCH | ARGUMENTS
        elif self._flow.leaves[n]:
            kept = self._leaving(n, insn)
        else:
            kept = live & ~insn.kills
        if insn.conditional:
            kept |= live
        return kept | insn.reads | bit(SP)

    def _leaving(self, n: int, insn: Insn) -> int:
        """Live where control leaves the function."""
        if self._flow.external[n] is not None:
            return ARGUMENTS | SAVED | bit(LR)
        live = self._live_at_return(n)
        if insn.kind == "jump_register" and not is_plain_return(insn):
            live |= ARGUMENTS | SAVED | bit(LR)
        for place in self._inner.get(n, ()):
            live |= self.before[place]
        return live & ~insn.kills

    def _live_at_return(self, n: int) -> int:
        live = 0
        for entry in self._owners[n]:
            live |= self._returns[entry]
        return live

    def _returned(self, n: int, insn: Insn) -> list[int]:
        """A call passes what is live behind it to the callee's returns, a jump to another function its own returns'
        needs: the items to look at again."""
        callee = self._flow.calls[n]
        if callee is not None:
            return self._raise_returns(callee, self.after(n))
        again: list[int] = []
        for successor in self._flow.successors[n]:
            if successor in self._program.entries:
                again += self._raise_returns(successor, self._live_at_return(n))
        return again

    def _raise_returns(self, entry: int, live: int) -> list[int]:
        if live & ~self._returns[entry] == 0:
            return []
        self._returns[entry] |= live
        return self._exits[entry]


def _inner_returns(program: Program, flow: Flow, owning: list[frozenset[int]]) -> dict[int, list[int]]:
    """For each `bx lr` the places behind inner calls of the functions that it is a part of."""
    places = subroutine_returns(program, flow)
    result = {}
    for n, item in enumerate(program.items):
        if item.insn is not None and is_plain_return(item.insn):
            result[n] = [place for place in places if owning[place - 1] & owning[n]]
    return result


def conditional_runs(program: Program) -> dict[int, int]:
    """For items of a run, the item behind it. A run is a straight piece of code under one state of the flags whose
    conditional instructions have one condition or its opposite; its last instruction is conditional."""
    runs: dict[int, int] = {}
    end, pair = 0, -1
    for n in range(len(program.items) - 1, -1, -1):
        insn = program.items[n].insn
        if insn is None or insn.kind not in ("plain", "literal", "literal_pair", "literal_float", "adr"):
            pair = -1
            continue
        if insn.sets_flags or n + 1 in program.joins or end - n > _LONGEST_RUN:
            pair = -1
        if insn.conditional and insn.condition >> 1 != pair:
            end, pair = n + 1, insn.condition >> 1
        if pair >= 0:
            runs[n] = end
    return runs


def _exits(program: Program, flow: Flow, owning: list[frozenset[int]]) -> dict[int, list[int]]:
    """For each function the items where it leaves or goes on in another function."""
    result: dict[int, list[int]] = {entry: [] for entry in program.entries}
    for n, entries in enumerate(owning):
        if flow.leaves[n] or any(s in program.entries for s in flow.successors[n]):
            for entry in entries:
                result[entry].append(n)
    return result


def owners(program: Program, flow: Flow) -> list[frozenset[int]]:
    """For each item the entries of the functions that it is a part of; a function ends where another one begins."""
    result: list[set[int]] = [set() for _ in program.items]
    for entry in program.entries:
        work = [entry]
        while work:
            n = work.pop()
            if entry in result[n]:
                continue
            result[n].add(entry)
            following = list(flow.successors[n])
            if is_inner_call(program, flow, n):
                following.append(n + 1)
            work.extend(s for s in following if s not in program.entries)
    return [frozenset(o) for o in result]
