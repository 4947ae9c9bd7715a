"""The `ringfence` command. Exit codes: 0 certified (or done), 1 rejected, 2 wrong usage or unreadable input."""

from __future__ import annotations

import gc
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from ringfence.toolchain.build import build_firmware
from ringfence.toolchain.config import read_config, read_spec
from ringfence.toolchain.errors import RingfenceError
from ringfence.toolchain.publish import write_files
from ringfence.toolchain.report import read_report, report_lines
from ringfence.toolchain.steps import load_layout, plan_script, rewrite_linked
from ringfence.verify.cli import COMMANDS as VERIFY_COMMANDS
from ringfence.verify.prover.parallel import cores
from ringfence.verify.prover.theorems import default_cache

INTERNAL_ERROR = 2


class _Group(click.Group):
    """Turns RingfenceError into one message and its exit code; nothing else escapes as a traceback either."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except RingfenceError as error:
            click.echo(f"ringfence: {error}", err=True)
            ctx.exit(error.exit_code)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except Exception as error:
            click.echo(f"ringfence: internal error: {type(error).__name__}: {error}\n"
                       "  hint: this is a defect of Ringfence, not of your input: please report it", err=True)
            ctx.exit(INTERNAL_ERROR)


# A build makes millions of small objects that live until its end: looking through them again and again took an eighth
# of its time. Few of them are in cycles, which is all that waits longer now.
_COLLECT = (50_000, 10, 10)

_path = click.Path(path_type=Path)
_specs = click.option("--sandbox", "sandboxes", type=_path, multiple=True, required=True,
                      help="Description of a sandbox (JSON); once for each.")


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="ringfence")
def main() -> None:
    """Sandbox parts of ARM microcontroller firmware, and prove on the finished ELF that they stay inside."""
    gc.set_threshold(*_COLLECT)


@main.command("build")
@click.argument("config", type=_path)
@click.option("--workdir", type=_path, help="Folder for intermediates (default: ringfence-build beside the output).")
@click.option("--cache/--no-cache", default=True, help="Use the theorem cache on disk (default: yes).")
@click.option("--jobs", type=click.IntRange(1), default=cores, show_default="all cores", help="Processes to use.")
def build_command(config: Path, workdir: Path | None, cache: bool, jobs: int) -> None:
    """Build, certify and publish the firmware that CONFIG (JSON) describes."""
    request = replace(read_config(config, default_cache() if cache else None), jobs=jobs)
    built = build_firmware(request, workdir or request.output.parent / "ringfence-build" / request.output.stem)
    for line in report_lines(built.report):
        click.echo(line)


@main.command("link-script")
@click.argument("vendor_script", type=_path)
@_specs
@click.option("-o", "--output", type=_path, required=True, help="The linker script to write.")
@click.option("--measured", type=_path, help="ELF of the measuring link; without it, a script for that link is made.")
@click.option("--layout", "layout_file", type=_path, help="Also write the layout (JSON), which `rewrite` reads.")
@click.option("--needs", type=_path, help="Needs (JSON) that `rewrite` wrote because the room did not suffice.")
@click.option("-L", "directories", type=_path, multiple=True, help="Where to look for files that the script INCLUDEs.")
def link_script_command(
    vendor_script: Path, sandboxes: tuple[Path, ...], output: Path, measured: Path | None, layout_file: Path | None,
    needs: Path | None, directories: tuple[Path, ...],
) -> None:
    """Write the linker script of one link: VENDOR_SCRIPT with the sandboxes' sections and room for them."""
    specs = [read_spec(path) for path in sandboxes]
    script, layout = plan_script(vendor_script, directories, specs, measured, needs)
    files = {output: script.encode()}
    if layout_file is not None:
        files[layout_file] = layout
    write_files(files)


@main.command("rewrite")
@click.argument("elf", type=_path)
@_specs
@click.option("--layout", "layout_file", type=_path, required=True, help="The layout that `link-script` wrote.")
@click.option("-o", "--output", type=_path, required=True, help="The rewritten ELF.")
@click.option("--policy", "policy_file", type=_path, required=True, help="The policy to write.")
@click.option("--map", "map_file", type=_path, help="Address map to write, for source lines in reports.")
@click.option("--needs", type=_path, help="Where to write what is needed if the reserved room does not suffice.")
@click.option("--part", help="Part or board whose mirrored memory the policy lists, such as mps2-an385.")
def rewrite_command(
    elf: Path, sandboxes: tuple[Path, ...], layout_file: Path, output: Path, policy_file: Path, map_file: Path | None,
    needs: Path | None, part: str | None,
) -> None:
    """Rewrite the sandboxes of ELF, linked with --emit-relocs by the script of `link-script`. Proves nothing: run
    `ringfence verify` on the result."""
    specs = [read_spec(path) for path in sandboxes]
    rewritten = rewrite_linked(elf, specs, load_layout(layout_file), needs, part)
    files = {output: rewritten.elf, policy_file: rewritten.policy}
    if map_file is not None:
        files[map_file] = rewritten.address_map
    write_files(files)
    click.echo(f"{output}: rewritten, not verified: ringfence verify {output} --policy {policy_file}")


@main.command("report")
@click.argument("report", type=_path)
def report_command(report: Path) -> None:
    """Print the REPORT (FIRMWARE.report.json) of a build."""
    try:
        data = report.read_bytes()
    except OSError as error:
        raise RingfenceError(f"cannot read {report}: {error.strerror}") from error
    for line in report_lines(read_report(data, str(report))):
        click.echo(line)


for _command in VERIFY_COMMANDS:
    main.add_command(_command)


if __name__ == "__main__":
    sys.exit(main())
