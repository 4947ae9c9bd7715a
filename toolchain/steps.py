"""The single steps of a build for other build systems: `ringfence link-script` and `ringfence rewrite`.

Between them the user's own linker runs: link-script (measuring), link, link-script --measured, link, rewrite; and
again from link-script --needs when `rewrite` finds that the reserved room does not suffice.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, TypeVar

from ringfence.linker_scripts import (
    Layout,
    LayoutRequest,
    Region,
    SandboxLayout,
    measure,
    read_vendor_script,
    render,
    solve,
)
from ringfence.toolchain.close import ClosedSandbox
from ringfence.toolchain.config import read_json
from ringfence.toolchain.errors import RingfenceError
from ringfence.toolchain.image import ElfFile, read_linked
from ringfence.toolchain.place import (
    Reserve,
    check_declared_stacks,
    check_rewritten_host,
    first_layout,
    host_use,
    placement_needs,
    rewrite_request,
)
from ringfence.toolchain.policy import aliases_of, make_policy, policy_bytes
from ringfence.toolchain.publish import write_files
from ringfence.toolchain.rewrite import RoomNeeded, SandboxNeeds, rewrite
from ringfence.toolchain.segments import load_only_bytes
from ringfence.toolchain.spec import SandboxSpec, check_distinct
from ringfence.toolchain.target import target_of

_T = TypeVar("_T")


@dataclass(frozen=True)
class SavedLayout:
    """What `link-script` knows and `rewrite` needs: the vendor's regions and the solver's decision."""

    memory: tuple[Region, ...]
    layout: Layout


@dataclass(frozen=True)
class Rewritten:
    """The files that `ringfence rewrite` writes."""

    elf: bytes
    policy: bytes
    address_map: bytes


def plan_script(
    vendor_script: Path, directories: Sequence[Path], specs: Sequence[SandboxSpec], measured: Path | None,
    needs: Path | None,
) -> tuple[str, bytes]:
    """The linker script of the next link and its layout as JSON. Without `measured`: of the measuring link."""
    check_distinct(specs)
    vendor = read_vendor_script(vendor_script, [vendor_script.parent, *directories])
    if measured is None:
        layout = first_layout(vendor, specs)
    else:
        room = target_of(read_linked(measured)).exception_room
        seen = measure(measured, vendor)
        known = _load_needs(needs) if needs is not None else {}
        reserves = {s.name: Reserve.first(s, seen, room) for s in specs}
        for spec in specs:
            if spec.name in known:
                reserves[spec.name] = reserves[spec.name].grown(spec, known[spec.name], room)
        placed = tuple(placement_needs(s, seen, reserves[s.name]) for s in specs)
        layout = solve(LayoutRequest(vendor.regions, host_use(seen), placed, vendor.fixed))
    return render(vendor, layout), _layout_bytes(SavedLayout(vendor.regions, layout))


def rewrite_linked(
    path: Path, specs: Sequence[SandboxSpec], saved: SavedLayout, needs: Path | None, part: str | None
) -> Rewritten:
    """Rewrite a linked ELF. When the room does not suffice, what is needed is written to `needs`, and an error."""
    check_distinct(specs)
    elf = read_linked(load_only_bytes(read_linked(path).data), str(path))
    target = target_of(elf)
    closed = [ClosedSandbox(spec, path, _imports(elf, spec), ()) for spec in specs]
    requests = [rewrite_request(c, _box(saved.layout, c.spec), elf, target.exception_room) for c in closed]
    try:
        result = rewrite(elf.data, requests)
    except RoomNeeded as short:
        check_declared_stacks(specs, short.needs, target.exception_room)
        if needs is not None:
            write_files({needs: _json({name: asdict(need) for name, need in short.needs.items()})})
        raise RingfenceError(f"{path}: the room reserved for rewritten code does not suffice: {short.message}",
                             "link again with the script of `ringfence link-script --measured ELF --needs FILE`"
                             ) from short
    check_declared_stacks(specs, result.needs, target.exception_room)
    check_rewritten_host(elf, read_linked(result.elf, "the rewritten firmware"))
    policy = make_policy(target, specs, saved.memory, saved.layout, elf, requests, result, aliases_of(part))
    return Rewritten(result.elf, policy_bytes(policy), _json(result.address_map))


def load_layout(path: Path) -> SavedLayout:
    """Read what `link-script --layout` wrote; RingfenceError for anything else."""
    value = read_json(path)
    try:
        layout = value["layout"]
        return SavedLayout(
            tuple(_typed(Region, r) for r in value["memory"]),
            Layout(tuple(_typed(SandboxLayout, b) for b in layout["sandboxes"]),
                   tuple(_typed(Region, r) for r in layout["regions"])),
        )
    except (KeyError, TypeError, ValueError) as error:
        hint = "give the file that `link-script --layout` wrote"
        raise RingfenceError(f"{path}: not a layout: {error}", hint) from None


def _layout_bytes(saved: SavedLayout) -> bytes:
    return _json({"memory": [asdict(r) for r in saved.memory],
                  "layout": {"sandboxes": [asdict(b) for b in saved.layout.sandboxes],
                             "regions": [asdict(r) for r in saved.layout.regions]}})


def _load_needs(path: Path) -> dict[str, SandboxNeeds]:
    value = read_json(path)
    try:
        return {name: _typed(SandboxNeeds, need) for name, need in value.items()}
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise RingfenceError(f"{path}: not needs: {error}", "give the file that `rewrite --needs` wrote") from None


def _typed(kind: type[_T], value: Any) -> _T:
    """A frozen value of strings, numbers, truth values and lists of strings from a JSON object; TypeError or ValueError
    otherwise."""
    names = {f.name: f.type for f in fields(kind)}  # type: ignore[arg-type]
    if not isinstance(value, dict) or set(value) != set(names):
        raise ValueError(f"{kind.__name__} needs {', '.join(names)}")
    for name, annotation in names.items():
        wanted: type = {"int": int, "str": str, "bool": bool}.get(str(annotation), list)
        if type(value[name]) is not wanted:
            raise TypeError(f"{kind.__name__}.{name} must be {wanted.__name__}")
    sets = {name for name, annotation in names.items() if str(annotation).startswith("frozenset")}
    lists = {name: frozenset(v) if name in sets else tuple(v) for name, v in value.items() if isinstance(v, list)}
    return kind(**(value | lists))


def _imports(elf: ElfFile, spec: SandboxSpec) -> tuple[str, ...]:
    prefix = f"__rf_{spec.name}_import_"
    declared = {p.name for p in spec.imports}
    return tuple(sorted(n.removeprefix(prefix) for n in elf.globals
                        if n.startswith(prefix) and n.removeprefix(prefix) in declared))


def _box(layout: Layout, spec: SandboxSpec) -> SandboxLayout:
    for box in layout.sandboxes:
        if box.name == spec.name:
            return box
    raise RingfenceError(f"the layout knows no sandbox {spec.name!r}", "make it with the same --sandbox options")


def _json(value: Any) -> bytes:
    """One line; a set is written as a sorted list."""
    return (json.dumps(value, separators=(",", ":"), default=sorted) + "\n").encode()
