"""The analyses of one program, each computed when first asked for."""

from __future__ import annotations

from functools import cached_property

from .flow import Flow, control_flow
from .liveness import Liveness
from .program import Program
from .request import RewriteRequest
from .values import Values


class Analysis:
    """Facts about one frozen program; a pass that has made edits needs a new one."""

    def __init__(self, program: Program, request: RewriteRequest) -> None:
        self.program = program
        self.request = request

    @cached_property
    def flow(self) -> Flow:
        return control_flow(self.program)

    @cached_property
    def live(self) -> Liveness:
        return Liveness(self.program, self.flow)

    @cached_property
    def provable(self) -> Values:
        """What the verifier can find too."""
        return Values(self.program, self.flow, self.request, trusting=False)

    @cached_property
    def trusting(self) -> Values:
        """What holds if every callee preserves r4-r11."""
        return Values(self.program, self.flow, self.request, trusting=True)
