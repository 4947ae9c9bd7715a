"""`python -m ringfence.verify`: the commands of the verifier alone."""

from __future__ import annotations

import click

from .cli import COMMANDS


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Decide whether an ELF obeys its policy. Exit status: 0 certified (or done), 1 rejected, 2 wrong usage."""


for command in COMMANDS:
    main.add_command(command)

if __name__ == "__main__":
    main(prog_name="python -m ringfence.verify")
