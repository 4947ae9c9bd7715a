"""The prover's analysis: what it claims holds itself up, so that the kernel can prove every claim, and it ends.

A claim that the kernel cannot prove would reject good code, so each is put to the kernel, on code of many shapes: real
loops (support.loops), random loops in C, random instructions, functions composed of idioms.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from ringfence.verify.kernel.check import Report, load
from ringfence.verify.kernel.execute import Context
from ringfence.verify.kernel.proof import Certificate
from ringfence.verify.prover import arcs
from ringfence.verify.prover.analysis import ENTRY, FunctionAnalysis
from ringfence.verify.prover.arcs import Arc
from ringfence.verify.symbols import function_starts
from support import rewriter_lab as lab
from support.acceptance import Verifier
from support.compose import Composer
from support.corpus import CODE, parse_case
from support.idioms import assemble_idioms
from support.loops import LEVELS
from support.random_code import Generator, vocabulary


@pytest.fixture(scope="module")
def verifier() -> Iterator[Verifier]:
    with Verifier() as found:
        yield found


def unproved(report: Report) -> list[str]:
    """Claims that the kernel could not prove."""
    return [str(f) for f in report.failures if f.rule == "invariant" and f.theorem is not None]


def claims_in(certificate: Certificate) -> Counter[str]:
    """How many of each kind."""
    counts: Counter[str] = Counter()
    for proof in certificate.sandboxes.values():
        for function in proof.functions.values():
            for block in function.blocks.values():
                counts.update("exact" if f.exact else "relation" if f.base[0] == "r" else "range" for f in block.facts)
    return counts


# -- random loops in C ---------------------------------------------------------------------------------------------


def random_loop(rng: random.Random, name: str) -> str:
    """A loop that stores to arrays by an index that starts, steps and ends somewhere, in or out of bounds."""
    index = rng.choice(["int", "unsigned", "short", "unsigned char", "long"])
    array, size = rng.choice([("words", 100), ("halves", 100), ("bytes", 256), ("twelve", 30)])
    first, end = rng.choice(["0", "1", "x & 15", str(size - 1)]), rng.choice([str(size), str(size - 1), "x & 63", "x"])
    step, test = rng.choice(["++", "++", " += 2", " += 3", " += 4"]), rng.choice(["<", "<", "!=", "<="])
    if rng.random() < 0.3:
        first, end, step, test = end, "0", rng.choice(["--", " -= 2"]), rng.choice([">", ">=", "!="])
    member = ".b" if array == "twelve" else ""
    stores = [
        f"{array}[i]{member} = i ^ x;",
        f"if (bytes[i & 7] & 1) {array}[i]{member} = x;",
        f"*p++ = {array}[i]{member};",
        "if (!*p) break; *p++ = x;",
        f"{array}[i & 15]{member} = {array}[i]{member} + *p++;",
        f"if ((unsigned)i < {size - 3}) {array}[i + 2]{member} = 1;",
        f"if ((int)i >= {size}) continue; {array}[i]{member} = 3;",
        f"for (unsigned k = 0; k < 9; k++) {array}[k]{member} = i;",
    ]
    body = " ".join(rng.sample(stores, rng.choice([1, 1, 2])))
    loop = f"for ({index} i = {first}; i {test} {end}; i{step}) {{ {body} }}"
    if rng.random() < 0.2:
        loop = f"{index} i = {first}; do {{ {body} i{step}; }} while (i {test} {end});"
    pointer = rng.choice(["words", "words + 10", "words + (x & 7)"])
    return f"__attribute__((noipa)) void {name}(int x) {{ int *p = {pointer}; {loop} }}"


def random_loops(seed: int, count: int) -> str:
    rng = random.Random(seed)
    declarations = "int words[100]; unsigned short halves[100]; unsigned char bytes[256];\n"
    declarations += "struct { int a, b, c; } twelve[30];\n"
    functions = [random_loop(rng, f"f{i}") for i in range(count)]
    calls = "".join(f"if (x == {i}) f{i}(x); " for i in range(count))
    return declarations + "\n".join(functions) + f"\nint run(int x) {{ {calls} return words[1]; }}"


@pytest.mark.parametrize("level", [*LEVELS, "-O3"])
def test_claims_about_random_loops_are_proved(level: str, verifier: Verifier) -> None:
    image = lab.build(random_loops(LEVELS.index(level) if level in LEVELS else 9, 50), level, window=0x10000)
    result = lab.rewritten(image)
    report, claims = verifier(result.elf, lab.policy(image, result))
    assert unproved(report) == []
    assert report.accepted, report.failures[:3]
    counts = claims_in(claims)
    assert counts["range"] > 10, counts
    assert counts["relation"] > 2, counts


# -- random machine code -------------------------------------------------------------------------------------------


def test_claims_about_random_code_are_proved(tmp_path: Path, verifier: Verifier) -> None:
    """Most of it is rejected, but never for a claim."""
    counts: Counter[str] = Counter()
    for elf, policy in Generator(vocabulary(tmp_path), 11).programs(150):
        report, claims = verifier(elf, policy)
        assert unproved(report) == []
        counts += claims_in(claims)
    assert counts["exact"] > 100, counts
    assert counts["range"] > 0, counts


def test_claims_about_composed_functions_are_proved(tmp_path: Path, verifier: Verifier) -> None:
    library = assemble_idioms(tmp_path)
    counts: Counter[str] = Counter()
    for seed in range(8):
        program = Composer(library, random.Random(seed), 0.2).program(8)
        report, claims = verifier(program.elf(), program.policy())
        assert unproved(report) == []
        counts += claims_in(claims)
    assert counts["range"] > 0, counts


# -- what it finds -------------------------------------------------------------------------------------------------


def analysed(body: str, folder: Path) -> FunctionAnalysis:
    """The analysis of a function in assembly (see support.corpus)."""
    case = parse_case("loop", f"@ accept\nfunction f\n{body}\n")
    elf = case.build(folder)
    image, policy = load(elf, case.policy())
    context = Context(policy.sandboxes[0], image, dict.fromkeys(function_starts(elf), 0))
    return FunctionAnalysis(context, CODE, True)


COUNTED = """
  movw r0, #0x100
  movt r0, #0x2002
  movs r1, #0
1: str r2, [r0], #4
  adds r1, #1
  cmp r1, #25
  {branch} 1b
  bx lr
"""


@pytest.mark.parametrize("branch", ["bne", "blo", "blt"])
def test_a_counted_loop_bounds_the_pointer_that_moves_with_the_counter(branch: str, tmp_path: Path) -> None:
    analysis = analysed(COUNTED.format(branch=branch), tmp_path)
    places = [ranges.value(access.place) for _, access, ranges in analysis.accesses()]
    assert arcs.hull(places[0], places[-1]) == Arc(0x20020100, 96, 4)


def test_widening_stops_where_the_loop_does_and_narrowing_finds_the_rest(tmp_path: Path) -> None:
    analysis = analysed(COUNTED.format(branch="bls"), tmp_path)  # one round more: until r1 is 26
    places = [ranges.value(access.place) for _, access, ranges in analysis.accesses()]
    assert arcs.hull(places[0], places[-1]) == Arc(0x20020100, 100, 4)


def test_what_is_in_no_address_is_not_followed(tmp_path: Path) -> None:
    """A counter that addresses nothing has no range, however it is compared."""
    analysis = analysed("movs r1, #0\n1: adds r1, #1\n cmp r1, #25\n bne 1b\n bx lr", tmp_path)
    for _, block, _ in analysis.reached():
        assert all(arc.width == 0 for arc in block.state.known.values())


def test_what_a_call_leaves_is_not_claimed(tmp_path: Path) -> None:
    body = """
  push {r4, lr}
  str.w lr, [sp, #SLOT + 4]
  movs r4, #3
1: bl imported
  subs r4, #1
  bne 1b
  pop {r4, ip}
  ldr.w pc, [sp, #SLOT - 4]
"""
    analysis = analysed(body, tmp_path)
    inside = [block.state for start, block, _ in analysis.reached() if start != ENTRY]
    assert inside
    assert all(not any(r == 4 for r, _, _ in state.known) for state in inside)


def test_blocks_that_control_does_not_get_to_are_not_claimed(tmp_path: Path) -> None:
    analysis = analysed("movs r0, #1\n cmp r0, #2\n beq 1f\n bx lr\n1: str r0, [r0]\n bx lr", tmp_path)
    assert [access for _, access, _ in analysis.accesses()] == []
