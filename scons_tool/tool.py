"""What the tool adds to an environment."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from SCons.Action import Action
from SCons.Builder import Builder
from SCons.Errors import UserError
from SCons.Scanner import Scanner
from SCons.Scanner.Prog import ProgramScanner

from ringfence.scons_tool.actions import FIRMWARE_VARIABLES, certify_and_publish, write_header
from ringfence.scons_tool.emitters import add_outputs, included_scripts, sandbox, sandboxed_program
from ringfence.toolchain.gates import RUNTIME_DIR

_TOOLS = {"CC": "gcc", "CXX": "g++", "AS": "gcc", "LINK": "gcc", "AR": "gcc-ar", "RANLIB": "gcc-ranlib",
          "OBJCOPY": "objcopy"}
_PREFIX = "arm-none-eabi-"


def generate(env: Any) -> None:
    """Add the builders to an environment. UserError when there is no Arm cross compiler."""
    _set_toolchain(env)
    env.AppendUnique(CPPPATH=[str(RUNTIME_DIR)])
    env.SetDefault(
        RINGFENCECOMSTR="Certifying $TARGET",
        RINGFENCEHEADERCOMSTR="Generating $TARGET",
        RINGFENCE_CACHE=True,
        RINGFENCE_PART="",
        RINGFENCE_ALIASES=[],
    )
    # Not env.Action: that would expand the strings now, before there is a $TARGET.
    header = Action(write_header, "$RINGFENCEHEADERCOMSTR", varlist=["RINGFENCE_HEADER"])
    firmware = Action(certify_and_publish, "$RINGFENCECOMSTR", varlist=list(FIRMWARE_VARIABLES))
    env.Append(BUILDERS={
        "RingfenceHeader": Builder(action=header),
        "RingfenceFirmware": Builder(
            action=firmware, emitter=add_outputs, suffix=".elf", target_scanner=ProgramScanner(),
            source_scanner=Scanner(included_scripts, name="linker scripts", recursive=True),
        ),
    })
    env.AddMethod(sandbox, "Sandbox")
    env.AddMethod(sandboxed_program, "SandboxedProgram")


def exists(env: Any) -> bool:
    return _find(env, _PREFIX + "gcc") is not None


def _set_toolchain(env: Any) -> None:
    """Use the cross tools, unless the user already chose some; their folder comes onto the build's PATH."""
    if "arm" in os.path.basename(str(env.get("CC", ""))):
        return
    compiler = _find(env, _PREFIX + "gcc")
    if compiler is None:
        raise UserError(f"ringfence: {_PREFIX}gcc was not found; install it (Debian: apt-get install gcc-arm-none-eabi "
                        "libnewlib-arm-none-eabi) or put it on PATH")
    env.AppendENVPath("PATH", str(Path(compiler).parent))
    for variable, tool in _TOOLS.items():
        env[variable] = _PREFIX + tool


def _find(env: Any, program: str) -> str | None:
    found = env.WhereIs(program) or env.WhereIs(program, os.environ.get("PATH", ""))
    return str(found) if found else None

