"""What the tool's builders do when SCons runs them: thin; `ringfence build` does the work.

The build runs in a process of its own: `scons -j` then certifies several firmwares at a time (z3 is not thread-safe).
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from SCons.Util import flatten

from ringfence.toolchain.errors import RingfenceError
from ringfence.toolchain.gcc import core_flags

# Every construction variable that the firmware action reads: its varlist, so that a change of any rebuilds.
FIRMWARE_VARIABLES = (
    "CC", "CCFLAGS", "CFLAGS", "LINKFLAGS", "LIBS", "LIBPATH", "RINGFENCE_HOST", "RINGFENCE_SANDBOXES",
    "RINGFENCE_CACHE", "RINGFENCE_PART", "RINGFENCE_ALIASES",
)


def write_header(target: list[Any], source: list[Any], env: Any) -> int:
    """The generated header of a sandbox's gates; its text is $RINGFENCE_HEADER."""
    Path(target[0].get_abspath()).write_text(env["RINGFENCE_HEADER"])
    return 0


def certify_and_publish(target: list[Any], source: list[Any], env: Any) -> int:
    """Build, certify and publish; SCons gets the exit code, the user the messages."""
    work = Path(target[0].get_abspath() + ".ringfence")
    work.mkdir(parents=True, exist_ok=True)
    config = work / "build.json"
    try:
        config.write_text(json.dumps(configuration(target, source, env), indent=1) + "\n")
    except (OSError, RingfenceError) as error:
        _remove([str(t) for t in target])
        print(f"ringfence: {error}", file=sys.stderr)
        return 2
    done = subprocess.run(
        [sys.executable, "-m", "ringfence.toolchain.cli", "build", str(config), "--workdir", str(work),
         "--cache" if env["RINGFENCE_CACHE"] else "--no-cache"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)},
        text=True, errors="replace", stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
    )
    if done.returncode:
        _remove([t.get_abspath() for t in target])
    print(done.stdout, end="", file=sys.stderr if done.returncode else sys.stdout)
    return done.returncode


def configuration(target: list[Any], source: list[Any], env: Any) -> dict[str, Any]:
    """The build file (toolchain/config.py) of a firmware. The linker script is the last source.

    SCons runs actions in the top folder, where the paths in $RINGFENCE_HOST and $RINGFENCE_SANDBOXES start.
    """
    boxes = json.loads(env["RINGFENCE_SANDBOXES"])
    for box in boxes:
        box |= {key: [os.path.abspath(path) for path in box[key]] for key in ("objects", "directories")}
    flags = [*_words(env, "CCFLAGS"), *_words(env, "CFLAGS"), *_words(env, "LINKFLAGS")]
    return {
        "output": target[0].get_abspath(),
        "compiler": env.subst("$CC"),
        "path": env["ENV"].get("PATH"),
        "cpu_flags": core_flags(flags),
        "link_flags": _words(env, "LINKFLAGS"),
        "libraries": [str(name).removeprefix("-l") for name in flatten([env.get("LIBS", [])]) if isinstance(name, str)],
        "directories": [env.Dir(path).get_abspath() for path in flatten([env.get("LIBPATH", [])])],
        "objects": [os.path.abspath(path) for path in env["RINGFENCE_HOST"]],
        "linker_script": source[-1].get_abspath(),
        "part": env.subst("$RINGFENCE_PART") or None,
        "aliases": [list(alias) for alias in env["RINGFENCE_ALIASES"]],
        "sandboxes": boxes,
    }


def _words(env: Any, variable: str) -> list[str]:
    """A construction variable as words, expanded."""
    return [str(word) for word in env.subst_list(f"${variable}")[0]] if variable in env else []


def _remove(paths: list[str]) -> None:
    for path in paths:
        Path(path).unlink(missing_ok=True)
