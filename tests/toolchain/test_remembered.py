"""What one round of a build decided is taken over in the next: for functions that are the same, and only for these."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from ringfence.toolchain.proved import Proved
from ringfence.toolchain.remembered import Memory
from ringfence.toolchain.request import RewriteResult
from ringfence.toolchain.rewrite import rewrite
from support import rewriter_lab as lab

SOURCE = """
#include <string.h>
#define F __attribute__((noinline, noclone)) static
extern void out(int);
int table[64]; struct { int *at; int n; } state;
F void fill(int *p, int n) { for (int i = 0; i < n; i++) p[i] = i * 3; }
F void clear(void) { for (int i = 0; i < 64; i++) table[i] = 0; }
F int known(int *p, int n) { p[0] = n; out(p[0]); p[1] = n + 1; out(p[1]); return p[0] + p[1]; }
F int twice(int k) { int v[20]; memset(v, k, sizeof v); fill(v, 20); out(v[k & 15]); return v[3]; }
F int step(int k) { state.at[state.n & 7] = k; state.n += %s; return state.n; }
static int (*volatile pointer)(int) = step;
int run(int k) { clear(); fill(table, 64); state.at = table + 8; out(known(table, k)); out(twice(k)); return pointer(k) + step(k); }
"""


@pytest.fixture
def solved(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The functions that the prover looked at."""
    names: list[str] = []
    solve = Proved._function

    def noted(self: Proved, start: int, *rest: object) -> object:
        names.append(next(f.name for f in self.program.functions if f.start == start))
        return solve(self, start, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(Proved, "_function", noted)
    yield names


def round_of(image: lab.Image, memory: Memory) -> RewriteResult:
    result = rewrite(image.elf, [replace(image.request, memory=memory)])
    assert lab.verdict(image, result) == []
    return result


@pytest.mark.parametrize("mode", ["mask", "trap"])
@pytest.mark.parametrize("confine", ["writes", "reads"])
def test_the_same_again_is_decided_without_the_prover(mode: str, confine: str, solved: list[str]) -> None:
    image = lab.build(SOURCE % 1, mode=mode, confine=confine)
    memory = Memory()
    first = round_of(image, memory)
    assert {"fill", "clear", "known", "twice", "step"} <= set(solved)
    solved.clear()
    assert round_of(image, memory).elf == first.elf
    assert solved == []
    assert rewrite(image.elf, [image.request]).elf == first.elf


@pytest.mark.parametrize("words", [None, 12])
def test_a_larger_stack_changes_no_decision(words: int | None, solved: list[str]) -> None:
    """Return addresses are further away then, or in other words."""
    near, far = (lab.build(SOURCE % 1, stack=size, words=words) for size in (0x400, 0x3000))
    memory = Memory()
    round_of(near, memory)
    solved.clear()
    result = round_of(far, memory)
    assert solved == []
    assert result.elf == rewrite(far.elf, [far.request]).elf


def test_a_function_that_has_changed_is_looked_at_again(solved: list[str]) -> None:
    one, other = (lab.build(SOURCE % n) for n in (1, 3))
    memory = Memory()
    round_of(one, memory)
    solved.clear()
    result = round_of(other, memory)
    assert solved == ["step"]
    assert result.elf == rewrite(other.elf, [other.request]).elf


@pytest.mark.parametrize("what", ["mode", "confine", "window"])
def test_nothing_is_taken_over_in_other_circumstances(what: str, solved: list[str]) -> None:
    changes: dict[str, dict[str, object]] = {"mode": {"mode": "trap"}, "confine": {"confine": "reads"}, "window": {"window": 0x20000}}
    memory = Memory()
    round_of(lab.build(SOURCE % 1), memory)
    solved.clear()
    round_of(lab.build(SOURCE % 1, **changes[what]), memory)  # type: ignore[arg-type]
    assert {"fill", "clear", "known", "twice", "step"} <= set(solved)


def test_the_number_of_processes_changes_nothing() -> None:
    """With more functions than a second process is started for."""
    many = "\n".join(f"F int f{n}(int *p, int k) {{ for (int i = 0; i < {n}; i++) p[i] = k; return p[0]; }}" for n in range(1, 30))
    calls = "; ".join(f"out(f{n}(table, k))" for n in range(1, 30))
    source = SOURCE.replace("int run(", f"{many}\nint run(").replace("return pointer(k)", f"{calls}; return pointer(k)") % 1
    image = lab.build(source)
    one, two = (rewrite(image.elf, [replace(image.request, jobs=jobs)]) for jobs in (1, 3))
    assert (one.elf, one.needs, one.stats) == (two.elf, two.needs, two.stats)


def test_a_wrong_memory_makes_no_wrong_build(solved: list[str]) -> None:
    """Decisions are not trusted: what says that no guard is needed where one is makes a build that is rejected."""
    image = lab.build(SOURCE % 1)
    memory = Memory()
    round_of(image, memory)
    for place, function in memory._functions.items():
        free = dict.fromkeys(function.found, next(f for f in function.found.values() if f is not None)) if any(function.found.values()) else {}
        memory._functions[place] = replace(function, found=free or function.found, chosen=())
    result = rewrite(image.elf, [replace(image.request, memory=memory)])
    assert any("rule='store'" in failure for failure in lab.verdict(image, result))
