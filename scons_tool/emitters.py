"""`env.Sandbox` and `env.SandboxedProgram`: which nodes there are and what depends on what. Nothing is built here."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from SCons.Errors import UserError
from SCons.Util import flatten

import ringfence
from ringfence.toolchain.errors import RingfenceError
from ringfence.toolchain.gates import RUNTIME_DIR, generate
from ringfence.toolchain.publish import Outputs
from ringfence.toolchain.spec import SandboxSpec, check_distinct

_INCLUDE = re.compile(r"^\s*INCLUDE\s+\"?([^\s\";]+)", re.MULTILINE)
_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_OWN_FILES = (".py", ".c", ".h", ".S", ".j2", ".ld")
_HEADERS = "ringfence"  # folder of the generated headers, on the include path of the host's sources


@dataclass(frozen=True)
class SandboxNodes:
    """What `env.Sandbox` returns, for `sandboxes=[...]`: the spec and the SCons nodes that belong to it."""

    spec: SandboxSpec
    objects: tuple[Any, ...]
    header: Any
    libraries: tuple[str, ...]
    archives: tuple[Any, ...]
    directories: tuple[Any, ...]

    def description(self) -> dict[str, Any]:
        """One element of "sandboxes" in a build file; paths from the top folder, so that a moved tree stays current."""
        options: dict[str, Any] = json.loads(self.spec.to_json())
        return options | {
            "objects": [str(node) for node in (*self.objects, *self.archives)],
            "libraries": list(self.libraries),
            "directories": [str(node) for node in self.directories],
        }


def sandbox(
    env: Any, name: str, sources: Any, *, exports: Any, imports: Any = (), window: Any = "auto", stack: Any = "auto",
    heap: Any = 0, mode: str = "mask", confine: str = "writes", mmio: Any = (), region: str | None = None,
    code_region: str | None = None, shadow: str = "stack", **variables: Any,
) -> SandboxNodes:
    """A sandbox: untrusted sources, objects and libraries with one border. UserError for options that make no sense.

    Other keywords (LIBS, CPPDEFINES, CCFLAGS, ...) are construction variables for its sources. The folders of
    ringfence.h and of the generated header, ringfence_NAME.h, are added to the environment's CPPPATH.
    """
    try:
        spec = SandboxSpec.from_options(
            name=name, exports=exports, imports=imports, window=window, stack=stack, heap=heap, mode=mode,
            confine=confine, mmio=mmio, region=region, code_region=code_region, shadow=shadow)
    except RingfenceError as error:
        raise UserError(f"ringfence: {error}") from error
    objects = _objects(env, sources, **variables)
    header = _header(env, spec)
    env.AppendUnique(CPPPATH=[str(RUNTIME_DIR), header.dir])  # Environment(CPPPATH=...) replaces what the tool set
    names, archives = _libraries(env, variables.get("LIBS", []))
    directories = tuple(env.Dir(d) for d in flatten([variables.get("LIBPATH", env.get("LIBPATH", []))]))
    return SandboxNodes(spec, tuple(objects), header, names, archives, directories)


def sandboxed_program(
    env: Any, target: Any, sources: Any, *, sandboxes: Any, linker_script: Any, part: str = "", aliases: Any = (),
    **variables: Any,
) -> list[Any]:
    """A certified firmware. Returns the published files: ELF, .bin, .hex, policy, certificate, address map, report.

    `linker_script`: the vendor's own, which is not edited. `part`, `aliases`: memory that shows at a second address.
    Other keywords are construction variables, as for Program. UserError for options that make no sense.
    """
    boxes = _checked_boxes(flatten([sandboxes]))
    paths = flatten([variables.get("CPPPATH", env.get("CPPPATH", []))])
    include = {"CPPPATH": list(dict.fromkeys([*paths, str(RUNTIME_DIR), *(box.header.dir for box in boxes)]))}
    host = _objects(env, sources, **(variables | include))
    _, archives = _libraries(env, variables.get("LIBS", env.get("LIBS", [])))
    inside = [node for box in boxes for node in (*box.objects, *box.archives)]
    script = env.File(linker_script)
    own: list[Any] = env.RingfenceFirmware(
        target, [*host, *archives, *inside, script],
        **variables,
        RINGFENCE_HOST=[str(node) for node in (*host, *archives)],
        RINGFENCE_SANDBOXES=json.dumps([box.description() for box in boxes]),
        RINGFENCE_PART=part or env["RINGFENCE_PART"],
        RINGFENCE_ALIASES=list(aliases) or env["RINGFENCE_ALIASES"],
    )
    env.Depends(own, _own_files(env, "toolchain", "linker_scripts", "scons_tool", "verify"))
    env.Clean(own, str(own[0]) + ".ringfence")
    return own


def add_outputs(target: list[Any], source: list[Any], env: Any) -> tuple[list[Any], list[Any]]:
    """All files that the one action publishes are its targets."""
    elf = target[0]
    names = [path.name for path in Outputs(Path(elf.name)).all()]
    return [elf, *(elf.dir.File(name) for name in names[1:])], source


def included_scripts(node: Any, env: Any, path: Any, arg: Any = None) -> list[Any]:
    """Scanner: the files that a linker script INCLUDEs, beside it or in LIBPATH. Nothing for objects and archives."""
    if not node.exists():
        return []
    data = node.get_contents()
    if data[:4] == b"\x7fELF" or data[:7] in (b"!<arch>", b"!<thin>"):
        return []
    text = _COMMENT.sub(" ", data.decode("utf-8", errors="replace"))
    folders = [node.dir, *(env.Dir(d) for d in flatten([env.get("LIBPATH", [])]))]
    found = (env.FindFile(name, folders) for name in _INCLUDE.findall(text))
    return [script for script in found if script is not None]


def _header(env: Any, spec: SandboxSpec) -> Any:
    """The node of the generated header. Sandboxes of one name in several firmwares share it if their borders agree."""
    text = generate(spec).header
    digest = hashlib.sha256(text.encode()).hexdigest()[:8]
    for folder in (f"{_HEADERS}/{spec.name}", f"{_HEADERS}/{spec.name}-{digest}"):
        node = env.File(f"{folder}/ringfence_{spec.name}.h")
        if not node.has_builder():
            node = env.RingfenceHeader(node, [], RINGFENCE_HEADER=text)[0]
            node.attributes.ringfence_header = text
        if getattr(node.attributes, "ringfence_header", None) == text:
            return node
    raise UserError(f"ringfence: sandbox {spec.name!r}: {node} is made by something else")


def _objects(env: Any, sources: Any, **variables: Any) -> list[Any]:
    """Sources compiled; objects and archives as they are."""
    nodes: list[Any] = []
    for source in env.arg2nodes(flatten([sources]), env.fs.Entry):
        if str(source).endswith((".o", ".obj", ".a", ".os")):
            nodes.append(source)
        else:
            nodes += env.StaticObject(source, **variables)
    return nodes


def _libraries(env: Any, libraries: Any) -> tuple[tuple[str, ...], tuple[Any, ...]]:
    """Names for -l, and the libraries that are given as files."""
    given = [library for library in flatten([libraries]) if library]
    names = tuple(str(library).removeprefix("-l") for library in given if isinstance(library, str))
    return names, tuple(library for library in given if not isinstance(library, str))


def _checked_boxes(boxes: list[Any]) -> list[SandboxNodes]:
    for box in boxes:
        if not isinstance(box, SandboxNodes):
            raise UserError(f"ringfence: sandboxes= holds {box!r}, which env.Sandbox(...) did not make")
    if not boxes:
        raise UserError("ringfence: SandboxedProgram needs sandboxes=[...]; without any, use Program")
    try:
        check_distinct(box.spec for box in boxes)
    except RingfenceError as error:
        raise UserError(f"ringfence: {error}") from error
    return boxes


def _own_files(env: Any, *folders: str) -> Iterable[Any]:
    """Ringfence's own files in these folders: a change of any must rebuild and verify again."""
    root = Path(next(iter(ringfence.__path__))).resolve()
    found = []
    for folder in folders:
        paths = (p for p in sorted((root / folder).resolve().rglob("*")) if p.suffix in _OWN_FILES and p.is_file())
        found += [env.File(str(path)) for path in paths]
    return found
