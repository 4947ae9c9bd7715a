"""The rewriter's front: a linked ELF in, the same ELF with every sandbox's code rewritten out.

One `RewriteRequest` per sandbox says where its code, window and stacks are. The rewriter is not trusted: what it
makes is proved by `ringfence.verify` on the bytes.
"""

from __future__ import annotations

from collections.abc import Sequence

from .request import RewriteRequest, RewriteResult, RoomNeeded, SandboxNeeds

__all__ = ["RewriteRequest", "RewriteResult", "RoomNeeded", "SandboxNeeds", "rewrite"]


def rewrite(elf: bytes, requests: Sequence[RewriteRequest]) -> RewriteResult:
    """Rewrite every sandbox of a linked ELF (with --emit-relocs).

    Raises RoomNeeded when the reserved room does not suffice, RingfenceError for code that is not supported.
    """
    raise NotImplementedError
