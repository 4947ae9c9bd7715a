"""Reading JSON strictly: readers for the shapes that a policy and a certificate are made of.

A reader takes a JSON value and where it stands, and returns what it means; it raises ValueError for anything else.
Unknown and duplicate keys, missing ones, numbers that are no integers and truth values in place of numbers are refused.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Collection, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from .rejected import Rejected

Reader = Callable[[Any, str], Any]
_WORD = 1 << 32


def demand(holds: object, where: str, why: str) -> None:
    if not holds:
        raise ValueError(f"{where}: {why}")


def read_json(text: bytes, most: int, rule: str, reader: Reader) -> Any:
    """What `reader` makes of at most `most` bytes of UTF-8 JSON. Raises Rejected(rule, ...)."""
    try:
        demand(len(text) <= most, rule, f"larger than {most} bytes")
        return reader(json.loads(text.decode("utf-8"), object_pairs_hook=unique), rule)
    except (ValueError, RecursionError) as error:
        raise Rejected(rule, str(error)) from error


def unique(pairs: Collection[tuple[Any, Any]]) -> dict[Any, Any]:
    """A dict of (key, value) pairs of which no two have one key."""
    found = dict(pairs)
    demand(len(found) == len(pairs), "an object or list", "a key occurs twice")
    return found


# -- objects -----------------------------------------------------------------------------------------------------


def key(reader: Reader, *, optional: bool = False, called: str = "", **options: Any) -> Any:
    """A dataclass field that `record` reads from a key, of the same name unless it is `called` something else."""
    return dataclasses.field(metadata={"reader": reader, "optional": optional, "called": called}, **options)


def record(make: Any) -> Reader:
    """An object with the keys of the dataclass `make`."""
    keys = {f.metadata["called"] or f.name: f for f in dataclasses.fields(make) if f.metadata}
    required = {name: f.metadata["reader"] for name, f in keys.items() if not f.metadata["optional"]}
    optional = {name: f.metadata["reader"] for name, f in keys.items() if f.metadata["optional"]}
    read = fields(required, optional)
    return lambda value, where: make(**{keys[name].name: found for name, found in read(value, where).items()})


def fields(required: Mapping[str, Reader], optional: Mapping[str, Reader] = MappingProxyType({})) -> Reader:
    """An object with these keys: what their readers make of the values, without optional keys that are not given."""
    known = {**required, **optional}

    def read(value: Any, where: str) -> dict[str, Any]:
        demand(type(value) is dict, where, "must be an object")
        demand(required.keys() <= value.keys(), where, f"missing: {', '.join(sorted(required.keys() - value.keys()))}")
        demand(value.keys() <= known.keys(), where, f"unknown: {', '.join(sorted(value.keys() - known.keys()))[:80]}")
        return {name: known[name](v, f"{where}.{name}") for name, v in value.items()}

    return read


def map_of(reader: Reader) -> Reader:
    """An object with any keys."""

    def read(value: Any, where: str) -> Mapping[str, Any]:
        demand(type(value) is dict, where, "must be an object")
        return {name: reader(v, where) for name, v in value.items()}

    return read


# -- lists -------------------------------------------------------------------------------------------------------


def list_of(reader: Reader) -> Reader:
    def read(value: Any, where: str) -> tuple[Any, ...]:
        demand(type(value) is list, where, "must be a list")
        return tuple(reader(v, f"{where}[{i}]") for i, v in enumerate(value))

    return read


def map_as_list(pair: Reader) -> Reader:
    """A list of (key, value) pairs."""
    return lambda value, where: unique(list_of(pair)(value, where))


def row(*readers: Reader) -> Reader:
    """A list with exactly one value for each reader."""

    def read(value: Any, where: str) -> tuple[Any, ...]:
        demand(type(value) is list and len(value) == len(readers), where, f"must be a list of {len(readers)}")
        return tuple(reader(v, where) for reader, v in zip(readers, value, strict=True))

    return read


# -- values ------------------------------------------------------------------------------------------------------


def one_of(*allowed: bool | int | str) -> Reader:
    """One of these values, and of the same type: 1 is not true."""

    def read(value: Any, where: str) -> Any:
        same = any(type(value) is type(a) and value == a for a in allowed)
        demand(same, where, f"must be one of {', '.join(map(str, allowed))}")
        return value

    return read


def number(multiple: int = 1) -> Reader:
    """0 to 2^32 - 1."""

    def read(value: Any, where: str) -> int:
        good = type(value) is int and 0 <= value < _WORD and value % multiple == 0
        demand(good, where, f"must be a number below 2^32, a multiple of {multiple}")
        return int(value)

    return read


def integers(value: Any, where: str) -> Sequence[int]:
    demand(type(value) is list and set(map(type, value)) <= {int}, where, "must be a list of integers")
    return list(value)


def text(value: Any, where: str) -> str:
    demand(type(value) is str, where, "must be text")
    return str(value)
