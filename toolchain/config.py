"""The build file of `ringfence build`: one JSON object that describes a firmware, for any build system.

    {"output": "firmware.elf", "cpu_flags": ["-mcpu=cortex-m3", "-mthumb"], "objects": ["main.o", "startup.o"],
     "linker_script": "vendor.ld", "link_flags": ["--specs=nano.specs"], "part": "mps2-an385",
     "sandboxes": [{"name": "codec", "objects": ["codec.o"], "libraries": ["m"], "heap": "48K",
                    "exports": ["decode(in data[size], size) -> int"]}]}

Relative paths start at the build file's folder.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ringfence.toolchain.build import FirmwareRequest
from ringfence.toolchain.close import SandboxInput
from ringfence.toolchain.errors import RingfenceError
from ringfence.toolchain.gcc import DEFAULT_COMPILER, Toolchain
from ringfence.toolchain.link import HostInput
from ringfence.toolchain.policy import aliases_of
from ringfence.toolchain.spec import SandboxSpec, parse_size

_REQUIRED = {"output", "cpu_flags", "objects", "linker_script", "sandboxes"}
_OPTIONAL = {"compiler", "path", "link_flags", "libraries", "directories", "part", "aliases"}
_INPUT_KEYS = {"objects", "libraries", "directories"}


def read_json(path: Path) -> Any:
    """The JSON value in a file; RingfenceError when it cannot be read or parsed."""
    try:
        return json.loads(path.read_text())
    except OSError as error:
        raise RingfenceError(f"cannot read {path}: {error.strerror}") from error
    except ValueError as error:
        raise RingfenceError(f"{path}: not JSON: {error}") from error


def read_config(path: Path, cache: Path | None) -> FirmwareRequest:
    """The request that a build file describes; RingfenceError names the file and the key that is wrong."""
    fields = read_json(path)
    _check_keys(fields, str(path))
    base = path.resolve().parent
    tools = Toolchain.find(
        _text(fields, "compiler", DEFAULT_COMPILER, path), _texts(fields, "cpu_flags", path), fields.get("path"))
    host = HostInput(
        objects=_paths(fields, "objects", base, path),
        linker_script=base / _text(fields, "linker_script", "", path),
        link_flags=tuple(_texts(fields, "link_flags", path)),
        libraries=tuple(_texts(fields, "libraries", path)),
        directories=_paths(fields, "directories", base, path),
    )
    if not isinstance(fields["sandboxes"], list):
        raise RingfenceError(f"{path}: sandboxes must be a list of objects")
    return FirmwareRequest(
        output=base / _text(fields, "output", "", path),
        tools=tools,
        host=host,
        sandboxes=tuple(_sandbox(box, base, path) for box in fields["sandboxes"]),
        aliases=(*aliases_of(fields.get("part")), *(_alias(a, path) for a in fields.get("aliases", []))),
        cache=cache,
    )


def read_spec(path: Path) -> SandboxSpec:
    """A sandbox's description alone: the keys of SandboxSpec, those of its inputs are skipped."""
    return _spec(read_json(path), path)


def _check_keys(fields: Any, where: str) -> None:
    if not isinstance(fields, dict):
        raise RingfenceError(f"{where}: not a JSON object")
    missing, unknown = sorted(_REQUIRED - set(fields)), sorted(set(fields) - _REQUIRED - _OPTIONAL)
    if missing:
        raise RingfenceError(f"{where}: {', '.join(missing)} is missing")
    if unknown:
        raise RingfenceError(f"{where}: unknown key {', '.join(unknown)}",
                             "known: " + ", ".join(sorted(_REQUIRED | _OPTIONAL)))


def _sandbox(box: Any, base: Path, where: Path) -> SandboxInput:
    spec = _spec(box, where)
    return SandboxInput(spec, _paths(box, "objects", base, where), tuple(_texts(box, "libraries", where)),
                        _paths(box, "directories", base, where))


def _spec(box: Any, where: Path) -> SandboxSpec:
    if not isinstance(box, dict):
        raise RingfenceError(f"{where}: a sandbox must be a JSON object")
    return SandboxSpec.from_json(json.dumps({key: value for key, value in box.items() if key not in _INPUT_KEYS}))


def _alias(value: Any, where: Path) -> tuple[int, int, int]:
    if not isinstance(value, list) or len(value) != 3:
        raise RingfenceError(f"{where}: aliases: {value!r} is not [start, end, shows]")
    start, end, shows = (parse_size(v, f"{where}: aliases") for v in value)
    return start, end, shows


def _text(fields: dict[str, Any], key: str, default: str, where: Path) -> str:
    value = fields.get(key, default)
    if not isinstance(value, str) or not value:
        raise RingfenceError(f"{where}: {key} must be a text")
    return value


def _texts(fields: dict[str, Any], key: str, where: Path) -> list[str]:
    value = fields.get(key, [])
    if not isinstance(value, list) or not all(isinstance(v, str) for v in value):
        raise RingfenceError(f"{where}: {key} must be a list of texts")
    return value


def _paths(fields: dict[str, Any], key: str, base: Path, where: Path) -> tuple[Path, ...]:
    return tuple(base / text for text in _texts(fields, key, where))
