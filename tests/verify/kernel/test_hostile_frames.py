"""Claims about dynamic frames that are not true are refused, whoever makes them; those that say less are not."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from ringfence.verify.kernel.proof import Frame, Function, Invariant
from ringfence.verify.kernel.rejected import Rejected
from ringfence.verify.recheck import read_certificate, write_certificate
from ringfence.verify.verifier import verify
from support.corpus import CODE, Case
from support.judge import RA, entry, image, judge

# f has a dynamic frame, which leaves 8 bytes; behind a branch a block of it begins
SOURCE = """
function f
  push {r7, lr}
  str.w lr, [sp, #SLOT+8]
  sub.w r3, sp, r0
  bic r3, r3, #3
  at_most r3, sp
  leaves 8, r3
  mov ip, sp
  mov sp, r3
  str.w ip, [sp, #FRAME]
  cmp r0, #8
  blo 1f
  nop
1: ldr.w ip, [sp, #FRAME]
  mov sp, ip
  pop.w {r7, lr}
  ldr.w pc, [sp, #SLOT]
  .ltorg
"""
BEGINS, BRANCH, BLOCK, RESTORE = CODE + 32, CODE + 40, CODE + 44, CODE + 48  # mov sp, r3; blo; where that goes; mov sp, ip
RETURN = 0x4770


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, Function, bytes]:
    """The image, what the prover claims of f, and its certificate."""
    case = Case("frame", SOURCE, (), ())
    elf = case.build(tmp_path_factory.mktemp("frame"))
    certificate = verify(elf, case.policy()).certificate
    assert certificate is not None
    function = certificate.sandboxes["box"].functions[CODE]
    assert function.frames == {BEGINS: 8}
    assert {a: i.frame for a, i in function.blocks.items()} == {BLOCK: Frame(8, 8)}
    return elf, function, write_certificate(certificate)


def with_block(function: Function, **changes: object) -> Function:
    return replace(function, blocks={BLOCK: replace(function.blocks[BLOCK], **changes)})  # type: ignore[arg-type]


CLAIMS: dict[str, tuple[Callable[[Function], Function], set[tuple[str, int]]]] = {
    "the truth": (lambda f: f, set()),
    "less left": (lambda f: with_block(f, frame=Frame(0, 8)), set()),
    "less left from the beginning": (lambda f: with_block(replace(f, frames={BEGINS: 4}), frame=Frame(4, 8)), set()),
    "more left": (lambda f: with_block(f, frame=Frame(12, 8)), {("invariant", BRANCH)}),
    "another base": (lambda f: with_block(f, frame=Frame(8, 12)), {("invariant", BRANCH), ("stack", RESTORE)}),
    "the entry value as base": (lambda f: with_block(f, frame=Frame(8, 0)), {("invariant", BRANCH), ("stack", RESTORE + 2)}),
    "no base": (lambda f: with_block(f, frame=Frame(8)), {("stack", RESTORE)}),
    "no frame": (lambda f: with_block(f, frame=None), {("invariant", BRANCH), ("stack", RESTORE)}),
    "deeper": (lambda f: with_block(f, depth=4), {("invariant", BRANCH), ("stack", RESTORE)}),
    "higher": (lambda f: with_block(f, depth=0xFFFFFFFC), {("invariant", BRANCH), ("stack", BLOCK)}),
    "beginning nowhere": (lambda f: replace(f, frames={}), {("stack", BEGINS)}),
    "beginning elsewhere": (lambda f: replace(f, frames={BEGINS + 2: 8}), {("stack", BEGINS)}),
    "more left from the beginning": (lambda f: replace(f, frames={BEGINS: 12}), {("stack", BEGINS)}),
    "more left than the stack has": (lambda f: replace(f, frames={BEGINS: 0xD00}), {("stack", BEGINS)}),
    "more left than there are numbers": (lambda f: replace(f, frames={BEGINS: 0xFFFFFFFC}), {("stack", BEGINS)}),
}  # fmt: skip


@pytest.mark.parametrize("what", CLAIMS)
def test_claims_about_a_frame(what: str, built: tuple[bytes, Function, bytes]) -> None:
    elf, function, _ = built
    change, wrong = CLAIMS[what]
    found = {(f.rule, f.address) for f in judge(elf, {CODE: change(function)}).failures}
    assert found == wrong


def test_a_block_without_a_frame_that_claims_one_is_refused() -> None:
    for frame in (Frame(0), Frame(0, 0), Frame(0xFFFFFFFF, 8)):
        block = {CODE + 2: Invariant(0, False, 0, RA, frame)}
        report = judge(image(0xBF00, RETURN), {CODE: entry(blocks=block)})
        assert ("invariant", CODE + 2) in {(f.rule, f.address) for f in report.failures}


FRAME_OF_BLOCK = ("sandboxes", "box", 0, "blocks", 0, 5)
MALFORMED = [
    *((FRAME_OF_BLOCK, value) for value in ([], [8, 8, 8], [-4], [8, -8], [True], [8.0], [None], {}, 8, None, [[8, 8]], [1 << 32])),
    *((("sandboxes", "box", 0, "frames"), value)
      for value in ([[1]], [[1, -2]], [[1, 2], [1, 3]], {}, [1, 2], [[1, 2, 3]], None, [[1, True]])),
]  # fmt: skip


@pytest.mark.parametrize(("path", "value"), MALFORMED)
def test_malformed_frames_are_refused(
    path: tuple[str | int, ...], value: object, built: tuple[bytes, Function, bytes]
) -> None:
    certificate = json.loads(gzip.decompress(built[2]))
    assert certificate["sandboxes"]["box"][0]["blocks"][0][5] == [8, 8]
    target = certificate
    for key in path[:-1]:
        target = target[key]
    target[path[-1]] = value
    with pytest.raises(Rejected):
        read_certificate(gzip.compress(json.dumps(certificate).encode()))
