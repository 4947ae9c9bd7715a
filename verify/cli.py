"""`ringfence verify | check | explain | tcb | vectors`. Exit codes: 0 certified, 1 rejected, 2 wrong usage or input."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, NoReturn

import click
from rich.console import Console
from rich.table import Table

from .explain import RULES, Explanation, explain
from .fault_record import FaultRecord, explain_fault
from .files import write_atomically
from .kernel.check import Failure
from .kernel.policy import parse_policy
from .kernel.rejected import Rejected
from .prover.parallel import SECONDS, cores
from .recheck import Outcome, recheck, write_certificate
from .source import AddressMap, SourceLines
from .symbols import function_symbols, name_of
from .tcb import device_files, kernel_files

CERTIFIED, REJECTED, UNUSABLE = 0, 1, 2
_UNUSABLE_RULES = {"elf", "policy"}
_SHOWN = 10


def _fail(message: str, code: int = UNUSABLE) -> NoReturn:
    click.echo(f"ringfence: {message}", err=True)
    sys.exit(code)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        _fail(f"cannot read {path}: {error.strerror or error}")


def _publish(path: Path, data: bytes) -> None:
    try:
        write_atomically(path, data)
    except OSError as error:
        _fail(f"cannot write {path}: {error.strerror or error}")


def _remove(path: Path | None) -> None:
    try:
        if path is not None:
            path.unlink(missing_ok=True)
    except OSError as error:
        _fail(f"cannot remove the old {path}: {error.strerror or error}")


def _address_map(path: Path | None) -> AddressMap:
    try:
        return AddressMap.read(path)
    except (OSError, ValueError, TypeError, RecursionError) as error:
        _fail(f"cannot read the address map {path}: {error}")


def _json(elf: Path, outcome: Outcome, explanations: list[Explanation]) -> dict[str, Any]:
    report = outcome.report
    return {
        "elf": str(elf),
        "verdict": "certified" if report.accepted else "rejected",
        "functions": report.functions,
        "blocks": report.blocks,
        "instructions": report.instructions,
        "obligations": report.obligations,
        "theorems": report.theorems,
        "gates": "checked" if report.gates else "not declared",
        "seconds": round(outcome.seconds, 3),
        **outcome.statistics,
        "failures": [vars(e) for e in explanations],
    }


def _finish(elf: Path, data: bytes, outcome: Outcome, addresses: AddressMap, json_file: Path | None) -> NoReturn:
    report = outcome.report
    failures = list(report.failures)
    if not report.accepted and not failures:
        failures = [Failure("-", "internal", None, "nothing was checked")]
    explanations = explain(data, failures if json_file is not None else failures[:_SHOWN], addresses)
    if json_file is not None:
        _publish(json_file, (json.dumps(_json(elf, outcome, explanations), indent=1) + "\n").encode())
    if report.accepted:
        rate = report.instructions / outcome.seconds if outcome.seconds else 0
        click.echo(
            f"{elf}: certified: {report.functions} functions, {report.instructions} instructions, "
            f"{report.obligations} obligations, {report.theorems} theorems "
            f"({outcome.statistics['solved']} proved now, {outcome.statistics['cached']} known) "
            f"in {outcome.seconds:.2f} s ({rate:.0f} instructions/s); "
            + ("gates and host checked" if report.gates else "gates: not declared by the policy, so NOT CHECKED")
        )
        sys.exit(CERTIFIED)
    for e in explanations[:_SHOWN]:
        click.echo(e.text(), err=True)
    if outcome.statistics["untried"]:
        click.echo(f"time for proofs is over: {outcome.statistics['untried']} theorems not tried (--seconds)", err=True)
    if len(failures) > _SHOWN:
        click.echo(f"... and {len(failures) - _SHOWN} more (--json OUT lists all)", err=True)
    _fail(f"{elf}: REJECTED: {len(failures)} failures", REJECTED)


def _refused(elf: Path, error: Rejected) -> NoReturn:
    advice = RULES.get(error.rule, RULES["internal"])[1]
    code = UNUSABLE if error.rule in _UNUSABLE_RULES else REJECTED
    _fail(f"{elf}: REJECTED: {error}\n  what to do: {advice}", code)


_path = click.Path(path_type=Path)
_policy = click.option("--policy", "policy_file", type=_path, required=True, help="The policy (JSON).")
_map = click.option("--map", "map_file", type=_path, help="Address map of the rewriter, for source lines.")
_json_option = click.option("--json", "json_file", type=_path, help="Write the result as JSON.")
_jobs = click.option(
    "--jobs", type=click.IntRange(1), default=cores, show_default="all cores", help="Processes that look for proofs."
)
_seconds = click.option(
    "--seconds", type=click.FloatRange(0), default=SECONDS, help="Processor time for proofs, of each process (300)."
)
_cache = click.option("--cache/--no-cache", default=True, help="Use the theorem cache on disk (default: yes).")


@click.command("verify")
@click.argument("elf", type=_path)
@_policy
@click.option("--certificate", type=_path, help="Write the certificate here, if certified.")
@_json_option
@_map
@_cache
@_jobs
@_seconds
def verify_command(
    elf: Path,
    policy_file: Path,
    certificate: Path | None,
    json_file: Path | None,
    map_file: Path | None,
    cache: bool,
    jobs: int,
    seconds: float,
) -> None:
    """Prove that ELF obeys the policy."""
    from .prover.theorems import default_cache  # noqa: PLC0415  `check` must work without the solvers
    from .verifier import verify  # noqa: PLC0415

    for old in (certificate, json_file):
        _remove(old)  # whatever happens now, nothing of an earlier run is left to be taken for its result
    data, policy, addresses = _read(elf), _read(policy_file), _address_map(map_file)
    try:
        outcome = verify(data, policy, default_cache() if cache else None, jobs, seconds)
    except Rejected as error:
        _refused(elf, error)
    except Exception as error:
        _fail(f"{elf}: REJECTED: internal error: {type(error).__name__}: {error}", REJECTED)
    if outcome.certificate is not None and certificate is not None:
        _publish(certificate, write_certificate(outcome.certificate))
    _finish(elf, data, outcome, addresses, json_file)


@click.command("check")
@click.argument("elf", type=_path)
@_policy
@click.argument("certificate", type=_path)
@_json_option
@_map
def check_command(
    elf: Path, policy_file: Path, certificate: Path, json_file: Path | None, map_file: Path | None
) -> None:
    """Check a certificate: the kernel alone replays it and checks its proofs, without a solver."""
    data, policy, proof = _read(elf), _read(policy_file), _read(certificate)
    addresses = _address_map(map_file)
    try:
        outcome = recheck(data, policy, proof)
    except Rejected as error:
        _refused(elf, error)
    except Exception as error:
        _fail(f"{elf}: REJECTED: internal error: {type(error).__name__}: {error}", REJECTED)
    _finish(elf, data, outcome, addresses, json_file)


@click.command("explain")
@click.argument("what", required=False)
@click.option("--elf", type=_path, help="Name the function and source line of address WHAT in this file.")
@_map
@click.option("--fault", help="Decode a fault record: the line, or the five words, that the device printed.")
@click.option("--policy", "policy_file", type=_path, help="With --fault: say which range of this policy was hit.")
def explain_command(
    what: str | None, elf: Path | None, map_file: Path | None, fault: str | None, policy_file: Path | None
) -> None:
    """Explain a rule, or (with --elf) say which function and source line an address or a fault belongs to."""
    if fault is not None:
        _explain_fault(fault, elf, map_file, policy_file)
        return
    if what is None:
        table = Table("rule", "meaning", "what to do")
        for rule, (meaning, advice) in RULES.items():
            table.add_row(rule, meaning, advice)
        Console().print(table)
        return
    if elf is None:
        if what not in RULES:
            _fail(f"there is no rule '{what}'; `ringfence explain` lists them (an address needs --elf)")
        click.echo(f"{what}: {RULES[what][0]}\n  what to do: {RULES[what][1]}")
        return
    data = _read(elf)
    try:
        address = int(what, 0) & ~1
    except ValueError:
        _fail(f"'{what}' is not an address")
    source = SourceLines(data).at(_address_map(map_file).original(address))
    click.echo(f"{address:#010x} {name_of(function_symbols(data), address) or '?'} {source or 'no source line known'}")


def _explain_fault(text: str, elf: Path | None, map_file: Path | None, policy_file: Path | None) -> None:
    if elf is None:
        _fail("--fault needs --elf: the firmware that the record is from")
    try:
        policy = None if policy_file is None else parse_policy(_read(policy_file))
        click.echo(explain_fault(FaultRecord.parse(text), _read(elf), policy, _address_map(map_file)))
    except ValueError as error:
        _fail(str(error))
    except Rejected as error:
        _fail(f"cannot use {policy_file if error.rule == 'policy' else elf}: {error}")


@click.command("tcb")
def tcb_command() -> None:
    """List the files and lines of code that have to be trusted."""
    parts = {"the kernel, which decides": kernel_files(), "gates and fault handling, on the device": device_files()}
    width = max(len(f.name) for files in parts.values() for f in files)
    for title, files in parts.items():
        if files:
            click.echo(f"{title}:")
            for f in files:
                click.echo(f"{f.name:{width}} {f.lines:6}")
            click.echo(f"{'total':{width}} {sum(f.lines for f in files):6}")


@click.command("vectors")
@click.argument("files", nargs=-1, required=True, type=_path)
def vectors_command(files: tuple[Path, ...]) -> None:
    """Run instruction vectors (JSON lines, or .gz of them) through the kernel's instruction set."""
    from .vectors import BadVectors, run  # noqa: PLC0415  not needed to verify or check

    try:
        tally = run(files)
    except BadVectors as error:
        _fail(str(error))
    for (name, what), count in sorted(tally.differences.items()):
        click.echo(f"declared difference, {count} vectors: {name}{': ' if what else ''}{what}")
    for failure in tally.failures[:_SHOWN]:
        click.echo(f"FAILED: {failure}", err=True)
    click.echo(f"{tally.passed} passed, {len(tally.failures)} failed")
    sys.exit(REJECTED if tally.failures else CERTIFIED)


COMMANDS = [verify_command, check_command, explain_command, tcb_command, vectors_command]
