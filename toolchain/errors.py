"""What the tool tells a user who gave it something it cannot work with."""

from __future__ import annotations


class RingfenceError(Exception):
    """One clear message: what is wrong, where and why; `hint` says what to do about it.

    `exit_code` is 2 (wrong usage or unreadable input) unless a subclass says otherwise; 1 means rejected.
    """

    exit_code = 2

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return self.message if self.hint is None else f"{self.message}\n  hint: {self.hint}"
