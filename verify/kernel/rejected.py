"""Reasons are values: why the kernel refuses."""

from __future__ import annotations


class Rejected(Exception):
    """The input as a whole cannot be accepted: `rule` is a stable name, `address` where (None: not at one place)."""

    def __init__(self, rule: str, detail: str, address: int | None = None) -> None:
        super().__init__(f"{rule}: {detail}" + ("" if address is None else f" (at {address:#x})"))
        self.rule = rule
        self.detail = detail
        self.address = address
