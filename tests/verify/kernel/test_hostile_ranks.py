"""Ranks of functions, each with a word for return addresses: claims that are not true, and words out of place."""

from __future__ import annotations

import copy
import gzip
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from ringfence.verify.kernel.check import load
from ringfence.verify.kernel.proof import Frame, Function
from ringfence.verify.kernel.rejected import Rejected
from ringfence.verify.recheck import read_certificate, write_certificate
from ringfence.verify.verifier import verify
from support.corpus import CODE, CODE_END, CONST_END, POLICY, SLOTS, Case
from support.judge import judge
from support.raw_elf import Load, raw_elf

WORDS = {"words": {"start": "0x20030800", "end": "0x20030810"}}
# f (rank 2) calls g (rank 1) before and behind a branch, so that a block's invariant speaks of the slot
SOURCE = """
function f
  push {r4, lr}
  word ip, 2
  str.w lr, [ip]
  bl g
  cbz r0, over
  bl g
over:
  pop {r4, ip}
  word lr, 2
  ldr.w pc, [lr]
function g
  push {r4, lr}
  word ip, 1
  str.w lr, [ip]
  bl imported
  pop {r4, ip}
  word lr, 1
  ldr.w pc, [lr]
"""
FIRST_CALL, BRANCH, F_RETURN, G = CODE + 10, CODE + 14, CODE + 28, CODE + 32
F_SAVE, G_SAVE, G_RETURN = CODE + 6, G + 6, G + 22
Functions = Mapping[int, Function]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, bytes, Functions, bytes]:
    """The image, its policy, what the prover claims, and that as a file."""
    case = Case("ranks", SOURCE, (), (("sandboxes.0.shadow", WORDS),))
    elf, policy = case.build(tmp_path_factory.mktemp("ranks")), case.policy()
    outcome = verify(elf, policy)
    assert outcome.report.accepted and outcome.certificate is not None
    functions = outcome.certificate.sandboxes["box"].functions
    assert (functions[CODE].rank, functions[G].rank) == (2, 1)
    return elf, policy, functions, write_certificate(outcome.certificate)


def claim(at: int, **change: Any) -> Callable[[Functions], Functions]:
    return lambda functions: {**functions, at: replace(functions[at], **change)}


def slots(rank: int) -> Callable[[Functions], Functions]:
    """The slots of the pointer table, which f and g do not use."""
    return lambda fs: {**fs, **{a: replace(fs[a], rank=rank) for a in range(SLOTS, SLOTS + 64, 4)}}


CLAIMS: dict[str, tuple[Callable[[Functions], Functions], set[tuple[str, int]]]] = {
    "the truth": (lambda functions: functions, set()),
    "high ranks of what is not called": (slots(7), set()),
    "that f has the rank of g": (claim(CODE, rank=1), {("store", F_SAVE), ("tail-call", F_RETURN), ("invariant", BRANCH)}),
    "that g has the rank of f": (claim(G, rank=2), {("store", G_SAVE), ("tail-call", G_RETURN), ("invariant", BRANCH)}),
    "that g has the highest rank": (claim(G, rank=4), {("store", G_SAVE), ("tail-call", G_RETURN), ("rank", FIRST_CALL)}),
    "no rank of g": (claim(G, rank=0), {("store", G_SAVE), ("tail-call", G_RETURN)}),
    "a rank without a word": (claim(CODE, rank=5), {("store", F_SAVE), ("tail-call", F_RETURN), ("invariant", BRANCH)}),
    "a rank whose word would wrap around to f's": (
        claim(CODE, rank=2 + (1 << 30)), {("store", F_SAVE), ("tail-call", F_RETURN), ("invariant", BRANCH)}),
    "a rank above, as if f had a dynamic frame": (
        claim(CODE, rank=3), {("store", F_SAVE), ("tail-call", F_RETURN), ("invariant", BRANCH)}),
}  # fmt: skip


@pytest.mark.parametrize("what", CLAIMS)
def test_claims_about_ranks(what: str, built: tuple[bytes, bytes, Functions, bytes]) -> None:
    elf, policy, functions, _ = built
    change, wrong = CLAIMS[what]
    report = judge(elf, change(functions), policy)
    assert {(f.rule, f.address) for f in report.failures} == wrong
    assert report.accepted is not bool(wrong)


def test_a_frame_that_is_only_claimed_gives_no_second_word(built: tuple[bytes, bytes, Functions, bytes]) -> None:
    """With a dynamic frame in its invariants f could take the word below its own for the frame's: no edge brings one."""
    elf, policy, functions, _ = built
    framed = {a: replace(i, frame=Frame(64, 8)) for a, i in functions[CODE].blocks.items()}
    rules = {f.rule for f in judge(elf, claim(CODE, blocks=framed)(functions), policy).failures}
    assert "invariant" in rules


@pytest.mark.parametrize("value", [-1, True, 1.0, "1", None, [1], 1 << 32])
def test_malformed_ranks_are_refused(value: object, built: tuple[bytes, bytes, Functions, bytes]) -> None:
    certificate = json.loads(gzip.decompress(built[3]))
    certificate["sandboxes"]["box"][0]["rank"] = value
    with pytest.raises(Rejected):
        read_certificate(gzip.compress(json.dumps(certificate).encode()))


def test_ranks_mean_nothing_where_there_is_a_shadow_stack(tmp_path: Any) -> None:
    """But what a function calls has no higher one there either."""
    case = Case("stack", SOURCE.replace("word ip, 2\n  str.w lr, [ip]", "str.w lr, [sp, #SLOT+8]")
                .replace("word ip, 1\n  str.w lr, [ip]", "str.w lr, [sp, #SLOT+8]")
                .replace("word lr, 2\n  ldr.w pc, [lr]", "ldr.w pc, [sp, #SLOT]")
                .replace("word lr, 1\n  ldr.w pc, [lr]", "ldr.w pc, [sp, #SLOT]"), (), ())  # fmt: skip
    elf = case.build(tmp_path)
    outcome = verify(elf, case.policy())
    assert outcome.report.accepted and outcome.certificate is not None
    functions = outcome.certificate.sandboxes["box"].functions
    g = max(a for a in functions if a < SLOTS)
    assert judge(elf, claim(CODE, rank=1)(claim(g, rank=1)(functions))).accepted
    assert {f.rule for f in judge(elf, claim(g, rank=1)(functions)).failures} == {"rank"}


@pytest.mark.parametrize("how", ["run", "programmed"])
def test_nothing_is_loaded_where_the_words_are(how: str) -> None:
    policy = copy.deepcopy(POLICY)
    policy["sandboxes"][0]["shadow"] = WORDS
    host, box = Load(0x400, bytes(64)), Load(CODE, bytes(CONST_END - CODE))
    over = Load(0x2003080C, b"1234", load=0x20000) if how == "run" else Load(0x30000, b"1234", load=0x2003080C)
    load(raw_elf([host, box]), json.dumps(policy).encode())
    with pytest.raises(Rejected) as refused:
        load(raw_elf([host, box, over]), json.dumps(policy).encode())
    assert refused.value.address == 0x2003080C
    assert CODE_END < CONST_END
