"""Which stores need no guard: real loops, as compilers turn them into code, at the levels that are used."""

from __future__ import annotations

from pathlib import Path

import pytest

from ringfence.toolchain.elffile import LinkedElf
from ringfence.toolchain.proved import EARLY
from ringfence.verify.kernel.execute import Failure
from ringfence.verify.verifier import verify
from support import rewriter_lab as lab
from support.loops import BEYOND, FREE, LEVELS, NOT_AT, OPEN, Loops, rewritten_loops

GUARDED = "stores guarded"
BY_EARLIER = "stores guarded by an earlier guard"
NOP_W = bytes.fromhex("aff30080")


@pytest.fixture(scope="module", params=LEVELS)
def level(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def loops(level: str) -> Loops:
    return rewritten_loops(level)


def failures(loops: Loops, elf: bytes, cache: Path | None = None) -> list[Failure]:
    return verify(elf, lab.policy(loops.image, loops.result), cache).report.failures


def guards_in(loops: Loops, *made_by: str) -> list[int]:
    """Where in the file the MOVT instructions are that were put in as guards."""
    linked = LinkedElf(loops.result.elf)
    code = next(s for s in linked.sections if s.name == ".ringfence.t.code")
    places = [code.place + at - code.address for at, why in loops.result.made_by.items() if why in made_by]
    words = {place: int.from_bytes(loops.result.elf[place : place + 2], "little") for place in places}
    return [place for place, word in words.items() if word & 0xFBF0 == 0xF2C0]


def test_every_loop_is_certified(loops: Loops) -> None:
    assert lab.verdict(loops.image, loops.result) == []


def test_every_function_stores_something(loops: Loops) -> None:
    """Otherwise the compiler has thrown the loop away, and nothing is tested."""
    assert [name for name, stores in loops.stores.items() if not stores] == []


def test_what_follows_from_the_code_needs_no_guard(loops: Loops, level: str) -> None:
    wanted = FREE.keys() - NOT_AT.get(level, set())
    assert [name for name in sorted(wanted) if GUARDED in loops.stores[name].values()] == []


def test_what_comes_from_outside_needs_one(loops: Loops) -> None:
    """Beside the store, or further up."""
    for name in OPEN:
        beside = GUARDED in loops.stores[name].values()
        assert beside or loops.early[name], name


def test_a_dropped_guard_is_missed(loops: Loops) -> None:
    """Each store that got a guard really needed it: without, the kernel refuses it by the rule `store`."""
    elf = bytearray(loops.result.elf)
    wanted = {name: {pc for pc, what in loops.stores[name].items() if what == GUARDED or loops.early[name]} for name in OPEN}
    for place in guards_in(loops, "stores", EARLY):
        elf[place : place + 4] = NOP_W
    refused = {f.address for f in failures(loops, bytes(elf)) if f.rule == "store"}
    for name, stores in wanted.items():
        assert stores & refused == {pc for pc in stores if loops.stores[name][pc] != "stores on the stack"}, name


def test_every_early_guard_serves(loops: Loops, tmp_path: Path) -> None:
    """Without any one of them the kernel refuses a store, or what is claimed of a loop. Most of what has to be proved is
    the same each time."""
    places = guards_in(loops, EARLY)
    assert places
    for place in places:
        elf = bytearray(loops.result.elf)
        elf[place : place + 4] = NOP_W
        assert "store" in {f.rule for f in failures(loops, bytes(elf), tmp_path / "theorems.sqlite")}, hex(place)


def test_the_loops_still_do_what_they_did(loops: Loops) -> None:
    """Free ones, and those beyond: run(i) calls the i-th function."""
    request, code = loops.image.request, loops.result.exports["t"]["run"]
    for i, name in enumerate(FREE | BEYOND):
        plain = lab.execute(loops.image.elf, request, request.exports["run"], i, watch=False)
        sandboxed = lab.execute(loops.result.elf, request, code, i)
        assert (plain.fault, sandboxed.fault, sandboxed.breaches) == (None, None, []), name
        assert sandboxed.result == plain.result, name


def test_a_store_that_nothing_reaches_is_left_alone() -> None:
    """The prover says nothing of it, and it is neither guarded nor counted."""
    source = """
    .syntax unified
    .thumb
    .global run
    .type run, %function
    .thumb_func
    run: bx lr
    str r0, [r1]
    bx lr
    .size run, . - run
    """
    image = lab.build(source, window=0x10000, assembly=True)
    result = lab.rewritten(image)
    assert lab.verdict(image, result) == []
    span = range(lab.CODE, lab.CODE + 0x1000)
    run = result.exports["t"]["run"] & ~1
    assert run in span
    assert not [pc for pc in result.stores if run <= pc < run + 8]


LIMITED = """
int words[100];
__attribute__((noipa)) void one(int *p, int n) {{ {body} }}
int run(int x) {{ one(words + x, x); return words[0]; }}
"""


@pytest.mark.parametrize(
    ("body", "guards"),
    [
        ("p[0] = n; p[1] = n; p[2] = n;", 1),  # one guard serves what is near
        ("p[0] = n; if (n) p[1] = n; else p[2] = n;", 1),  # and what comes later on every path
        ("if (n) p[1] = n; p[2] = n + words[1];", 1),  # at the start, if a store is certain
        ("if (n) p[1] = n; if (n > words[1]) p[2] = n;", 2),  # but not where none is
        ("if ((unsigned)n < 100) words[n] = 1; words[0] = n;", 0),
    ],
)
def test_guards_are_shared_where_every_path_has_one(body: str, guards: int) -> None:
    image = lab.build(LIMITED.format(body=body), "-O2", window=0x10000)
    result = lab.rewritten(image)
    assert lab.verdict(image, result) == []
    symbols = {s.name: s for s in LinkedElf(result.elf).symbols}
    start = symbols["one"].value & ~1
    span = range(start, start + symbols["one"].size)
    stores = [what for pc, what in result.stores.items() if pc in span]
    early = [pc for pc, why in result.made_by.items() if why == EARLY and pc in span]
    assert stores.count(GUARDED) + len(early) == guards, stores


@pytest.mark.parametrize("mode", ["mask", "trap"])
def test_a_bound_that_is_off_by_one_needs_a_guard(mode: str) -> None:
    """The last element of the window: the slack ends where the shadow stack begins, one more would be too far.

    In trap mode every computed address is checked."""
    text = "extern char __ringfence_heap_end; void run(unsigned x) {{ if (x < {n}) ((char *)0x2004fef0)[x] = 1; }}"
    for n, guarded in ((0x110 + 264, False), (0x110 + 265, True)):
        image = lab.build(text.format(n=n), "-O2", window=0x10000, mode=mode)
        result = lab.rewritten(image)
        assert lab.verdict(image, result) == []
        assert (GUARDED in result.stores.values()) == (guarded or mode == "trap"), (n, result.stores)


TO_THE_START = """
    .syntax unified
    .thumb
    .global run
    .type run, %function
    .thumb_func
run:
    push {r4, lr}
    bl rounds
    pop {r4, pc}
    .size run, . - run
    .type rounds, %function
    .thumb_func
rounds:
    cbz r0, 1f
    subs r0, #1
    b rounds
1:  bx lr
    .size rounds, . - rounds
"""


def test_a_loop_back_to_the_first_instruction_is_no_recursion() -> None:
    """It looks like a tail call to the function itself; the stack needs no limit check for that."""
    image = lab.build(TO_THE_START, window=0x10000, assembly=True)
    result = lab.rewritten(image)
    assert result.stats["t"].get("stack limits checked", 0) == 0
    assert result.needs["t"].recursive == ()
    assert lab.verdict(image, result) == []
    lab.same(image, 5)


HEAD = (
    "int words[100]; unsigned char bytes[256]; __attribute__((noipa)) void f(int x) {{ {} }}"
    "int run(int x) {{ f(x); return words[1]; }}"
)


@pytest.mark.parametrize(
    ("level", "body"),
    [
        (  # the address of one store is formed in a register that the proof of the other one needs
            "-O2",
            "for (unsigned i = x & 63; i != 0; i -= 2) { words[i] = i ^ x; if ((unsigned)i < 97) words[i + 2] = 1; }",
        ),
        (  # the guard of one store ends the relation r2 == base + r3, by which the other one was proved
            "-O1",
            "int i = 1; do { if ((unsigned)i < 253) bytes[i + 2] = 1; if (bytes[i & 7] & 1) bytes[i] = x; i += 3; }"
            " while (i < x & 63);",
        ),
    ],
    ids=["an address formed in place", "a relation that a guard ends"],
)
def test_what_guards_undo_is_not_relied_upon(level: str, body: str) -> None:
    image = lab.build(HEAD.format(body), level, window=0x10000)
    assert lab.verdict(image, lab.rewritten(image)) == []


def test_a_guard_stays_where_a_round_may_pass_without_the_store() -> None:
    """The last pixel is stored through r3 only behind the loop, in the block of code whose top is the loop's head."""
    source = """
    static unsigned char out[200], near[100], far[100];
    __attribute__((noipa)) unsigned char *f(unsigned char *out, unsigned char *near, unsigned char *far, int w) {
        int i, t0, t1;
        if (w == 1) { out[0] = out[1] = (3 * near[0] + far[0] + 2) >> 2; return out; }
        t1 = 3 * near[0] + far[0];
        out[0] = (t1 + 2) >> 2;
        for (i = 1; i < w; ++i) {
            t0 = t1;
            t1 = 3 * near[i] + far[i];
            out[i * 2 - 1] = (3 * t0 + t1 + 8) >> 4;
            out[i * 2] = (3 * t1 + t0 + 8) >> 4;
        }
        out[w * 2 - 1] = (t1 + 2) >> 2;
        return out;
    }
    int run(int x) {
        int sum = 0;
        for (int i = 0; i < 100; i++) near[i] = i * x, far[i] = i + x;
        f(out, near, far, 90);
        for (int i = 0; i < 200; i++) sum = sum * 31 + out[i];
        return sum;
    }
    """
    for level in ("-Os", "-O1", "-O2"):
        image = lab.build(source, level, window=0x40000)
        lab.same(image, 7)
        assert lab.verdict(image, lab.rewritten(image)) == []


def test_a_guard_moves_before_a_loop_that_does_not_change_its_register() -> None:
    source = """
    struct s { int a, b, c[4]; };
    static struct s g;
    __attribute__((noipa)) int f(struct s *p, int n, volatile int *q) {
        int t = 0;
        do { p->a += n; t += *q; p->c[1] = t; __asm__ volatile("" ::: "memory"); } while (--n);
        return t;
    }
    int run(int n) { g.b = 3; return f(&g, 200, &g.b) + g.a; }
    """
    image = lab.build(source, "-O2", window=0x10000)
    plain, boxed = lab.both(image, 1)
    assert (boxed.result, boxed.breaches) == (plain.result, [])
    unwatched = lab.execute(image.elf, image.request, image.request.exports["run"], 1)
    assert boxed.instructions - unwatched.instructions < 20  # nothing in the loop's 200 rounds
    assert lab.verdict(image, lab.rewritten(image)) == []
