"""Policy and image together: what runs must be what is programmed, and nothing loaded may be written by a sandbox."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from ringfence.verify.kernel.check import load
from ringfence.verify.kernel.rejected import Rejected
from support.corpus import CODE, CODE_END, CONST_END, POLICY
from support.raw_elf import PT_LOAD, Load, raw_elf

HOST = Load(0x400, b"\x70\x47" * 32)
BOX = Load(CODE, b"\xf3\xde" * ((CONST_END - CODE) // 2))
DATA = Load(0x20020100, b"data", load=0x20000)  # in the window, programmed into flash
SHADOW = 0x20030120


def policy(**changes: Any) -> bytes:
    value = copy.deepcopy(POLICY)
    value.update(changes)
    return json.dumps(value).encode()


def test_code_in_flash_and_data_copied_to_the_window_are_accepted() -> None:
    load(raw_elf([HOST, BOX, DATA]), policy())


CODE_SIZE = CODE_END - CODE
BAD: dict[str, tuple[list[Load], int]] = {  # the segments, and the address that the refusal names
    "no code": ([HOST], CODE),
    "code programmed elsewhere": ([HOST, Load(CODE, BOX.data, load=0x30000)], CODE),
    "another code programmed where it runs": (
        [HOST, Load(CODE, BOX.data, load=0x30000), Load(0x50000, bytes(len(BOX.data)), load=CODE)],
        CODE,
    ),
    "constants programmed elsewhere": (
        [HOST, Load(CODE, BOX.data[:CODE_SIZE]), Load(CODE_END, BOX.data[CODE_SIZE:], load=0x30000)],
        CODE_END,
    ),
    "code that ends in zero-initialised memory": ([HOST, Load(CODE, BOX.data[:-4], size=len(BOX.data))], CODE_END),
    "code in two segments": ([HOST, Load(CODE, BOX.data[:0x800]), Load(CODE + 0x800, BOX.data[0x800:])], CODE),
    "code that is not loaded": ([HOST, Load(CODE, BOX.data, kind=PT_LOAD + 3)], CODE),
    "constants missing": ([HOST, Load(CODE, BOX.data[:CODE_SIZE])], CODE_END),
    "data over the edge of the slack": ([HOST, BOX, Load(0x20030104, b"12345678", load=0x20000)], 0x20030104),
    "host data in the shadow stack": ([HOST, BOX, Load(SHADOW, b"1234", load=0x20000)], SHADOW),
    "host memory over the window": ([HOST, BOX, Load(0x20010000, b"", load=0x20000, size=0x20000)], 0x20010000),
    "flash image programmed into the window": ([HOST, BOX, Load(0x30000, b"1234", load=0x20020100)], 0x20020100),
    "data programmed into the shadow stack": ([HOST, BOX, Load(0x30000, b"1234", load=SHADOW)], SHADOW),
    "no import": ([BOX], 0x400),
}


@pytest.mark.parametrize("what", BAD)
def test_refused(what: str) -> None:
    segments, address = BAD[what]
    with pytest.raises(Rejected) as refused:
        load(raw_elf(segments), policy())
    assert (refused.value.rule, refused.value.address) == ("placement", address)


def test_device_registers_over_loaded_segments_are_refused() -> None:
    box = {**POLICY["sandboxes"][0], "mmio": [{"start": "0x420", "end": "0x424", "why": "x"}]}
    with pytest.raises(Rejected) as refused:
        load(raw_elf([HOST, BOX]), policy(sandboxes=[box]))
    assert (refused.value.rule, refused.value.address) == ("placement", 0x400)


@pytest.mark.parametrize("at_load", [False, True], ids=["run address", "programming address"])
def test_nothing_is_loaded_where_memory_appears_a_second_time(at_load: bool) -> None:
    """A store to the window would change it there, too."""
    host = Load(0x30000, b"1234", load=0x20420000) if at_load else Load(0x20420000, b"1234", load=0x30000)
    elf = raw_elf([HOST, BOX, host])
    load(elf, policy())
    with pytest.raises(Rejected) as refused:
        load(elf, policy(aliases=[{"start": "0x20400000", "end": "0x20800000", "shows": "0x20000000"}]))
    assert (refused.value.rule, refused.value.address) == ("placement", 0x20420000)
