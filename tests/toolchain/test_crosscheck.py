"""keystone is asked for a second opinion on what the rewriter made, and a difference stops the rewriting."""

from __future__ import annotations

import pytest

from ringfence.toolchain import asm
from ringfence.toolchain.crosscheck import cross_check
from ringfence.toolchain.errors import RingfenceError

MADE = [asm.movt(3, 0x2002), asm.orr_constant(4, 4, 0x20000), asm.transfer("str", 14, 13, 3868), asm.pop([4, 14])]


def test_right_instructions_are_confirmed() -> None:
    assert cross_check(MADE) == len(MADE)


def test_a_difference_is_an_error_that_shows_both(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ringfence.toolchain.crosscheck.assembly", lambda _: "movt r4, #0x2002")
    with pytest.raises(RingfenceError, match="keystone says c2 f2 02 04"):
        cross_check(MADE[:1])
