"""The one composition of all steps: close, link, place, rewrite, verify, publish. SCons and the command line call it.

Nothing that is not certified leaves the work directory: outputs are removed first and written last, all or none.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ringfence.linker_scripts import Layout, layout_json
from ringfence.toolchain.close import SandboxInput, close_sandbox
from ringfence.toolchain.debuginfo import undeclared_pointers
from ringfence.toolchain.errors import RingfenceError
from ringfence.toolchain.gcc import Toolchain, run
from ringfence.toolchain.link import (
    HostInput,
    check_fault_vectors,
    check_link_flags,
    compile_host_support,
    strong_symbols,
)
from ringfence.toolchain.place import Placed, place_and_rewrite
from ringfence.toolchain.policy import Alias, make_policy, policy_bytes
from ringfence.toolchain.publish import Outputs, remove_files, write_files
from ringfence.toolchain.report import make_report, report_bytes
from ringfence.toolchain.spec import check_distinct
from ringfence.toolchain.target import check_linked_target, check_objects
from ringfence.verify.explain import explain
from ringfence.verify.kernel.image import read_image
from ringfence.verify.kernel.rejected import Rejected
from ringfence.verify.recheck import Outcome, recheck, write_certificate
from ringfence.verify.source import AddressMap
from ringfence.verify.verifier import verify

_SHOWN_FAILURES = 10
_LARGEST_IMAGE = 1 << 28  # objcopy -O binary fills the gap between flash and a segment loaded into RAM


@dataclass(frozen=True)
class FirmwareRequest:
    """A firmware to build. `cache`: the theorem cache's file, None for none. `aliases`: see policy.py. `jobs`:
    processes that analyse functions and look for proofs; what is built does not depend on it."""

    output: Path
    tools: Toolchain
    host: HostInput
    sandboxes: tuple[SandboxInput, ...]
    aliases: tuple[Alias, ...] = ()
    cache: Path | None = None
    jobs: int = 1


@dataclass(frozen=True)
class Built:
    """A certified firmware: where its files are, the report's data, and what was linked and rewritten."""

    outputs: Outputs
    report: dict[str, Any]
    placed: Placed


class NotCertified(RingfenceError):
    """The verifier did not accept the rewritten firmware."""

    exit_code = 1


def build_firmware(request: FirmwareRequest, workdir: Path) -> Built:
    """Build, certify and publish. `workdir` keeps the intermediates (also those of a failed build).

    RingfenceError when a step fails, NotCertified when the proof does; no output exists then.
    """
    outputs = Outputs(request.output)
    remove_files(outputs.all())
    check_request(request)
    workdir.mkdir(parents=True, exist_ok=True)
    closed = [close_sandbox(request.tools, s, request.host.specs, workdir) for s in request.sandboxes]
    specs = [c.spec for c in closed]
    support = compile_host_support(request.tools, request.host, specs, workdir)
    placed = place_and_rewrite(request.tools, request.host, support, closed, workdir, request.jobs)
    check_linked_target(request.tools.target, placed.linked)
    notes = check_fault_vectors(placed.linked, strong_symbols(request.tools, request.host.objects))
    notes += undeclared_pointers(placed.linked.data, specs)
    policy = policy_bytes(make_policy(request.tools.target, specs, placed.vendor.regions, placed.layout, placed.linked,
                                      placed.requests, placed.result, request.aliases))
    intermediate = _keep_intermediates(workdir, request.output.name, placed, policy)
    outcome, certificate = certify(placed, policy, intermediate, request.cache, request.jobs)
    report = make_report(request.output.name, placed, closed, outcome, notes)
    contents = _contents(outputs, placed, policy, certificate, report)
    contents |= _flash_images(request.tools, intermediate, outputs, workdir)
    write_files(contents)
    return Built(outputs, report, placed)


def check_request(request: FirmwareRequest) -> None:
    """What can be said before the first tool runs."""
    if not request.sandboxes:
        raise RingfenceError(f"{request.output.name}: no sandbox is given", "there would be nothing to certify")
    check_distinct(s.spec for s in request.sandboxes)
    check_link_flags(request.host)
    request.tools.check_agrees(request.host.link_flags, "the link flags")
    inputs = [request.host.linker_script, *request.host.objects, *(o for s in request.sandboxes for o in s.objects)]
    for path in inputs:
        if not path.is_file():
            raise RingfenceError(f"{path}: no such file")
    check_objects(request.tools.target, inputs[1:])


def certify(
    placed: Placed, policy: bytes, intermediate: Path, cache: Path | None, jobs: int = 1
) -> tuple[Outcome, bytes]:
    """Run the verifier on the rewritten bytes, and check the certificate that it gives as whoever gets it would.

    The outcome and the certificate file; NotCertified unless both accept, and have checked the gates, too.
    """
    elf = placed.result.elf
    try:
        outcome = verify(elf, policy, cache, jobs)
        certificate = write_certificate(outcome.certificate) if outcome.certificate is not None else None
        rechecked = certificate is not None and recheck(elf, policy, certificate).report.accepted
    except Rejected as error:
        raise NotCertified(f"{intermediate}: REJECTED: {error}") from error
    except Exception as error:  # anything unforeseen is a rejection, never a pass
        raise NotCertified(f"{intermediate}: REJECTED: internal error: {type(error).__name__}: {error}") from error
    if not outcome.report.gates:
        raise NotCertified(f"{intermediate}: REJECTED: the policy does not declare the gates, so nothing checked them")
    if certificate is None or not rechecked or not outcome.report.accepted:
        raise NotCertified(_explained(placed, outcome, intermediate),
                           f"`ringfence verify {intermediate} --policy {_policy_beside(intermediate)}` repeats this")
    return outcome, certificate


def _explained(placed: Placed, outcome: Outcome, intermediate: Path) -> str:
    failures = outcome.report.failures
    found = explain(placed.result.elf, failures[:_SHOWN_FAILURES], AddressMap(placed.result.address_map))
    more = [f"... and {len(failures) - _SHOWN_FAILURES} more"] if len(failures) > _SHOWN_FAILURES else []
    last = f"{intermediate}: REJECTED: {len(failures)} failures" if failures else f"{intermediate}: nothing was checked"
    return "\n".join([*(e.text() for e in found), *more, last])


def _policy_beside(intermediate: Path) -> Path:
    return intermediate.with_suffix(".policy.json")


def _keep_intermediates(workdir: Path, name: str, placed: Placed, policy: bytes) -> Path:
    """What was rewritten but not certified yet: for `ringfence verify` and `explain` after a rejection."""
    intermediate = workdir / f"{Path(name).stem}.uncertified.elf"
    intermediate.write_bytes(placed.result.elf)
    _policy_beside(intermediate).write_bytes(policy)
    intermediate.with_suffix(".map.json").write_bytes(_map_bytes(placed))
    facts = layout_facts(placed.layout, placed)
    (workdir / "layout.json").write_text(json.dumps(facts, indent=1) + "\n")
    return intermediate


def layout_facts(layout: Layout, placed: Placed) -> dict[str, Any]:
    """layout.json: the solver's addresses, completed by the rewriter's entries and the gates' imports."""
    facts: dict[str, Any] = layout_json(layout)
    facts["code_addresses"] = {
        r.name: {"exports": placed.result.exports[r.name], "imports": r.imports} for r in placed.requests
    }
    return facts


def _contents(
    outputs: Outputs, placed: Placed, policy: bytes, certificate: bytes, report: dict[str, Any]
) -> dict[Path, bytes]:
    return {
        outputs.elf: placed.result.elf,
        outputs.policy: policy,
        outputs.certificate: certificate,
        outputs.address_map: _map_bytes(placed),
        outputs.report: report_bytes(report),
    }


def _map_bytes(placed: Placed) -> bytes:
    return (json.dumps(placed.result.address_map, separators=(",", ":")) + "\n").encode()


def check_flash_image(image: bytes, elf: bytes) -> None:
    """The .bin, made from section headers, must program what was certified: the bytes of the program headers' segments.

    RingfenceError otherwise. Bytes behind the last section are zeros in one and absent in the other.
    """
    segments = [s for s in read_image(elf).segments if s.data]
    base = min(s.load_address for s in segments)
    for s in segments:
        at = s.load_address - base
        if image[at : at + len(s.data)].ljust(len(s.data), b"\0") != s.data:
            raise RingfenceError(f"the flash image differs from the certified ELF at {s.load_address:#010x}",
                                 "section and program headers of the link disagree: check the linker script")


def _flash_images(tools: Toolchain, elf: Path, outputs: Outputs, workdir: Path) -> dict[Path, bytes]:
    """The certified ELF as .bin and .hex."""
    found = {}
    for form, target in (("binary", outputs.bin), ("ihex", outputs.hex)):
        image = workdir / target.name
        run([tools.objcopy, "-O", form, str(elf), str(image)], f"making {target.name}")
        if image.stat().st_size > _LARGEST_IMAGE:
            raise RingfenceError(f"{target.name} would have {image.stat().st_size} bytes",
                                 "a section outside flash is loaded: check the linker script's load addresses (AT>)")
        found[target] = image.read_bytes()
    check_flash_image(found[outputs.bin], elf.read_bytes())
    return found
