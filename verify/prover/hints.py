"""What a function's code suggests to look at: where ranges may end, and which registers belong together.

Only registers that an address of an access, an index of a table or a pointer that is called is made from are watched;
all else proves nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from ..kernel.safety import S
from ..kernel.term import Term, signed
from ..kernel.theorem import post_order
from .arcs import WORD
from .explore import Edge, Run
from .ranges import ZERO, base_of, difference_in, signed_comparison
from .states import BASES, REGISTERS, Key, registers_of

_MOST_PAIRS, _LEAST_PAIRS = 48, 16  # each costs time in every block
_SMALL = 60  # blocks: larger functions get fewer pairs


Moved = frozenset[tuple[int, int]]  # registers, and how far each moves


class Hints:
    """`watched`: registers; `pairs`: differences of registers to follow; `stops`: ends of ranges to try."""

    def __init__(self) -> None:
        self.watched: frozenset[int] = frozenset()
        self.pairs: frozenset[Key] = frozenset()
        self.stops: dict[Key, set[int]] = {}
        self._compared: set[Key] = set()
        self._moves: dict[tuple[int, int], Moved] = {}  # what changes on the way from a block's start to the next one's
        self._copies: set[tuple[int, int]] = set()  # (r, q): a block ends with r made from q
        self._addresses: set[int] = set()
        self._pointers: set[int] = set()  # that are called

    def notice(self, start: int, run: Run) -> None:
        """Take in what the block at `start` compares, moves, copies and uses in addresses."""
        names = run.names
        for access in run.accesses:
            if base_of(access.place)[0] not in (S, ZERO):
                self._addresses |= named([access.place], names)
        for index, _ in run.indices:
            self._addresses |= named([index], names)
        self._pointers |= named([target.value for target in run.targets], names)
        for edge in run.edges:
            self._notice_comparisons(edge, names)
            self._notice_moves(start, edge, run, names)

    def _notice_comparisons(self, edge: Edge, names: Mapping[Term, int]) -> None:
        for a, b in compared_apart(edge.conditions):
            (x, m), (y, n) = base_of(a), base_of(b)
            for u, v, distance in ((x, y, n - m), (y, x, m - n)):
                r, other = names.get(u), names.get(v)
                if r is None or (v not in (ZERO, S) and (other is None or r > other)):
                    continue
                base = "0" if v is ZERO else "s" if v is S else f"r{other}"
                self._stop((r, base, 1), distance)
                if base not in BASES:
                    self._compared.add((r, base, 1))
                    continue
                for q in REGISTERS:  # what is made from it stops where it does
                    end, further = base_of(edge.registers[q])
                    if end is u:
                        self._stop((q, base, 1), distance + further)

    def _stop(self, key: Key, end: int) -> None:
        self.stops.setdefault(key, set()).update((end + k) % WORD for k in (-1, 0, 1))

    def _notice_moves(self, start: int, edge: Edge, run: Run, names: Mapping[Term, int]) -> None:
        moved = set()
        for r in REGISTERS:
            (base, m), (before, n) = base_of(edge.registers[r]), base_of(run.entered[r])
            if base is before and base is not ZERO and m != n:
                moved.add((r, signed((m - n) % WORD)))
            if base.operands:
                self._copies |= {(r, q) for q in named([base], names) if q != r}
            elif (q := names.get(base, r)) != r:
                self._copies.add((r, q))
        self._moves[start, edge.target] = frozenset(moved)

    def _steps(self) -> set[Moved]:
        """Registers that change together: in one block, or in one and the next."""
        onwards: dict[int, set[Moved]] = {}
        for (start, _), moved in self._moves.items():
            onwards.setdefault(start, set()).add(moved)
        found = {a | b for (_, target), a in self._moves.items() for b in onwards.get(target, {a})}
        return {moved for moved in found if len(moved) > 1}

    def settle(self, blocks: int) -> bool:
        """Decide what to watch in so many blocks; True if that is more than before."""
        most = max(_LEAST_PAIRS, _MOST_PAIRS * _SMALL // max(blocks, _SMALL))
        watched = self._addresses | self._pointers
        links = [registers_of(key) for key in self._compared]
        compared = {r for key in self.stops for r in registers_of(key)}
        steps = self._steps()
        grew = True
        while grew:
            more = {q for r, q in self._copies if r in watched}
            more |= {r for link in links if link & watched for r in link}
            more |= {j for moved in steps for j, _ in moved if j in compared and watched & {i for i, _ in moved}}
            grew = not more <= watched
            watched |= more
        pairs = [key for key in sorted(self._compared) if registers_of(key) <= watched]
        for suggested in (
            self._copied(pairs), self._in_step(steps, compared, watched), self._to_an_end(steps, watched),
        ):  # fmt: skip
            pairs += sorted({key for key in suggested if registers_of(key) <= watched} - set(pairs))
        pairs += sorted(set(self._copied(pairs[:most])) - set(pairs))
        pairs += sorted(set(self._made_alike()) - set(pairs))
        pairs = pairs[:most]
        before = self.watched, self.pairs
        self.watched, self.pairs = frozenset(watched), frozenset(pairs)
        return bool(watched) and before != (self.watched, self.pairs)

    def _in_step(self, steps: set[Moved], compared: set[int], watched: set[int]) -> set[Key]:
        """Watched registers that move in step with one that is compared with something."""
        found: set[Key] = set()
        for moved in steps:
            for j, b in moved:
                for i, a in moved if j in compared else ():
                    scale = a // b if a % b == 0 else 0
                    known = scale == 1 and (j, f"r{i}", 1) in self._compared | found
                    if i != j and i in watched and scale and abs(scale) & (abs(scale) - 1) == 0 and not known:
                        found.add((i, f"r{j}", scale))
        return found

    def _to_an_end(self, steps: set[Moved], watched: set[int]) -> Iterator[Key]:
        """Watched registers that move in step with another one's distance to where that one stops."""
        for moved in steps:
            moving = {j for j, _ in moved}
            for j, b in moved:
                ends = [base for r, base, _ in self.stops if r == j and base == "s"]
                for key in self._compared:
                    both = registers_of(key)
                    ends += [f"r{end}" for end in both - moving if j in both]
                for i, a in moved:
                    scale = a // b if a % b == 0 else 0
                    if i != j and i in watched and scale and abs(scale) & (abs(scale) - 1) == 0:
                        yield from ((i, f"r{j}-{end}", scale) for end in ends)

    def _made_alike(self) -> Iterator[Key]:
        """Registers that addresses are made from and that are made from the same one."""
        for r, q in self._copies:
            for other, same in self._copies:
                if same == q and r < other and {r, other} <= self._addresses:
                    yield other, f"r{r}", 1

    def _copied(self, pairs: Iterable[Key]) -> Iterator[Key]:
        """The same for the registers that one of a pair is a copy of."""
        for i, base, scale in pairs:
            if "-" in base:
                continue
            j = int(base[1:])
            for r, q in self._copies:
                if r == i and q != j:
                    yield q, base, scale
                elif r == j and q != i:
                    yield i, f"r{q}", scale


def named(terms: Iterable[Term], names: Mapping[Term, int]) -> set[int]:
    """The registers whose values at the start occur in terms."""
    return {names[t] for term in terms for t in (post_order(term) if term.operands else (term,)) if t in names}


def compared_apart(conditions: Iterable[Term]) -> Iterator[tuple[Term, Term]]:
    """The same, and of a difference that is compared with a number the two that it is between."""
    for a, b in comparisons(conditions):
        yield a, b
        yield from (pair for whole in (a, b) if (pair := difference_in(base_of(whole)[0])) is not None)


def comparisons(conditions: Iterable[Term]) -> Iterator[tuple[Term, Term]]:
    """The 32-bit numbers that conditions compare."""
    todo, seen = list(conditions), set[Term]()
    while todo:
        c = todo.pop()
        if c in seen:
            continue
        seen.add(c)
        compared = signed_comparison(c)
        if compared is not None:
            yield compared
        elif c.op in ("not", "and", "or", "xor", "ite"):
            todo.extend(c.operands)
        elif c.op == "extract" and c.args[1] == 31 and c.args[0].width == 32:  # its sign
            yield c.args[0], ZERO
        elif c.op in ("ult", "eq") and c.args[0].width == 32:
            yield c.args
