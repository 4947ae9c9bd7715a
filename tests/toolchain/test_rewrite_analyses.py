"""The analyses behind the passes: liveness across calls, values, the call graph's cycles and depths."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ringfence.toolchain.analysis import Analysis
from ringfence.toolchain.elffile import LinkedElf
from ringfence.toolchain.graphs import components
from ringfence.toolchain.insn import FLAG_C, FLAGS, IP, bit
from ringfence.toolchain.recover import recover
from ringfence.toolchain.stack_need import plan_stack
from ringfence.toolchain.values import RETURN_ADDRESS, Value
from support import rewriter_lab as lab

HEAD = """
    .syntax unified
    .thumb
    .section .text.run, "ax"
    .global run
"""


def analysed(body: str) -> Analysis:
    """Functions are given as `name:` at the beginning of a line, run last; `@label` names instructions of interest."""
    text = HEAD
    for line in body.strip().split("\n"):
        name = line.strip().removesuffix(":")
        if line.strip().endswith(":") and not name.startswith("at_") and not name.isdigit():
            text += f".balign 4\n.thumb_func\n.type {name}, %function\n"
        text += line + "\n"
    image = lab.build(text, "-O2", window=0x10000, assembly=True)
    return Analysis(recover(LinkedElf(image.elf), image.request).program, image.request)


def place(facts: Analysis, name: str, nth: int = 0) -> int:
    """The index of the nth instruction with this mnemonic."""
    found = [n for n, item in enumerate(facts.program.items) if item.insn is not None and item.insn.name == name]
    return found[nth]


def test_a_register_that_the_callee_keeps_is_live_inside_it() -> None:
    """gcc's -fipa-ra: r2 and r3 survive a call to a function that does not touch them."""
    facts = analysed(
        "helper:\n clz r0, r0\n bx lr\nrun:\n push {r4, lr}\n mov r3, r0\n bl helper\n add r0, r3\n pop {r4, pc}"
    )
    inside = facts.live.before[place(facts, "clz")]
    assert inside & bit(3)
    assert not inside & (bit(2) | bit(IP) | FLAGS)


def test_what_a_conditional_floating_point_instruction_reads_is_live() -> None:
    facts = analysed(".cpu cortex-m4\n.fpu fpv4-sp-d16\nrun:\n cmp r0, #3\n ite eq\n vmoveq s0, r2\n"
                     " vldrne s0, [r3]\n bx lr")  # fmt: skip
    assert facts.live.before[place(facts, "cmp")] & (bit(2) | bit(3) | bit(IP)) == bit(2) | bit(3)


def test_flags_that_a_callee_returns_are_live_at_its_return() -> None:
    facts = analysed(
        "helper:\n cmp r0, #3\n bx lr\nrun:\n push {r4, lr}\n bl helper\n it cs\n movcs r0, #0\n pop {r4, pc}"
    )
    assert facts.live.before[place(facts, "bx")] & FLAGS == FLAG_C


def test_at_the_borders_the_procedure_call_standard_holds() -> None:
    facts = analysed("run:\n push {r4, lr}\n clz r0, r0\n bl out\n rbit r0, r4\n pop {r4, pc}")
    before = facts.live.before[place(facts, "clz")]
    assert before & bit(4)
    assert not before & bit(IP)
    assert not facts.live.free(place(facts, "pop")) & bit(0)


def test_if_then_else_writes_on_both_ways() -> None:
    facts = analysed("run:\n rbit r1, r0\n cmp r0, #3\n ite eq\n moveq r1, #1\n movne r1, #2\n mov r0, r1\n bx lr")
    assert not facts.live.after(place(facts, "rbit")) & bit(1)


def test_one_conditional_write_does_not_kill() -> None:
    facts = analysed("run:\n rbit r1, r0\n cmp r0, #3\n it eq\n moveq r1, #1\n mov r0, r1\n bx lr")
    assert facts.live.after(place(facts, "rbit")) & bit(1)


def test_values_follow_the_stack_and_constants() -> None:
    facts = analysed(
        "run:\n push {r4, r7, lr}\n sub sp, #12\n add r7, sp, #4\n movw r4, #0x1234\n movt r4, #0x2004\n bl out\n clz r0, r0\n"
        " add sp, #12\n pop {r4, r7, pc}"
    )
    n = place(facts, "clz")
    trusted, proved = facts.trusting.before[n], facts.provable.before[n]
    assert trusted is not None and proved is not None
    assert (trusted.registers[7], trusted.registers[4]) == (Value("sp", -20), Value("const", 0x20041234))
    assert (proved.registers[7], proved.registers[4], proved.depth) == (None, None, 24)
    first = facts.provable.before[place(facts, "push")]
    assert first is not None and first.registers[14] == RETURN_ADDRESS


def test_stack_needs_add_up_along_the_deepest_path() -> None:
    facts = analysed(
        "leaf:\n push {r4, r5}\n pop {r4, r5}\n bx lr\nmiddle:\n push {r4, lr}\n sub sp, #40\n bl leaf\n add sp, #40\n pop {r4, pc}\n"
        "run:\n push {r4, lr}\n bl leaf\n bl middle\n pop {r4, pc}"
    )
    plan = plan_stack(facts)
    assert (plan.need, plan.checks) == (8 + 48 + 8, {})


def test_each_cycle_of_calls_has_a_check_and_nothing_else_does() -> None:
    facts = analysed(
        "one:\n push {r4, lr}\n bl two\n pop {r4, pc}\ntwo:\n push {r3, r4, r5, lr}\n bl one\n bl three\n pop {r3, r4, r5, pc}\n"
        "three:\n push {r4, lr}\n bl three\n pop {r4, pc}\nrun:\n push {r4, lr}\n bl one\n pop {r4, pc}"
    )
    plan = plan_stack(facts)
    checked = {facts.program.entries[entry].name: need for entry, need in plan.checks.items()}
    assert checked in ({"one": 8 + 16, "three": 8}, {"two": 16 + 8, "three": 8})


@given(st.dictionaries(st.integers(0, 9), st.sets(st.integers(0, 9)), max_size=10))
def test_components_are_the_sets_of_nodes_that_reach_each_other(graph: dict[int, set[int]]) -> None:
    def reach(start: int) -> set[int]:
        seen, work = set(), [start]
        while work:
            node = work.pop()
            for successor in graph[node] & set(graph):
                if successor not in seen:
                    seen.add(successor)
                    work.append(successor)
        return seen

    reached = {node: reach(node) for node in graph}
    expected = {frozenset({n} | {m for m in graph if m in reached[n] and n in reached[m]}) for n in graph}
    assert {frozenset(c) for c in components(graph)} == expected
