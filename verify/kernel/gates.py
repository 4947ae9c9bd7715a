"""The gates, byte for byte, and the rest of the host: control enters a sandbox through its gate or not at all.

Three things are checked, if the policy declares gates:

* the code that switches stacks is the reviewed code: the templates below are toolchain/runtime/switch.S and the
  generated stubs, and what is not fixed in them (addresses) must be what the policy says;
* the words that this code reads (a descriptor for each sandbox, a word for each entry) say what the policy says;
* nothing else in the host, read as an aligned word or as a direct branch, refers to a sandbox's code. What does so by
  coincidence is listed in the policy, each with a reason, and each that is listed must be there.

docs/safety.md says what follows from this, and what such a scan cannot see.
"""

from __future__ import annotations

import struct
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from operator import attrgetter

from .image import Image
from .policy import Coincidence, Policy, Range, Sandbox
from .term import signed

Problem = tuple[str, str, int, str]  # sandbox, rule, address, detail
Pieces = list[tuple[int, bytes]]  # address and bytes of what is loaded
Values = Mapping[str, int]

# A template is a row of tokens. Hex digits: an instruction, first halfword on top. `bl:P`, `b.w:P`: a branch to place
# P; `word:P`: its address; a place is a name and perhaps bytes behind it. `ldr4:P`: LDR r4 of a literal that is P's
# address. `align4`: the code counts on it. Above each line is the assembly that it comes from (tests compare them).
_INTEGER = {
    "enter":
        # mrs r11, CONTROL; mrs r6, IPSR; mrs r7, FAULTMASK; orr r6, r6, r7; orrs r6, r6, r11, lsl #31; bne .Lcontext
        "f3ef8b14 f3ef8605 f3ef8713 ea460607 ea5676cb d13c "
        # ldm r4, {r7, r8, lr}; mov r10, #2; .Ltake: ldrex r6, [r7]; cmp r6, #1; bne .Lslow; strex r6, r10, [r7]
        "e8944180 f04f0a02 e8576f00 2e01 d126 e847a600 "
        # cbnz r6, .Lagain; .Ltaken: mov r9, #1; ldr ip, [r5, #0]; .Lheld: movs r6, #0; strd r9, r6, [r7, #4]
        "bb16 f04f0901 f8d5c000 2600 e9c79601 "
        # strd r5, r11, [r7, #12]; str sp, [r7, #20]; orr r11, r11, #2; msr PSP, r8; msr CONTROL, r11; isb; cmp sp, r8
        "e9c75b03 f8c7d014 f04b0b02 f3888809 f38b8814 f3bf8f6f 45c5 "
        # bne .Lnot_switched; mov r11, #3; str r11, [r7, #0]; mov r4, r6; mov r5, r6; mov r7, r6; mov r8, r6
        "d11a f04f0b03 f8c7b000 4634 4635 4637 46b0 "
        # mov r9, r6; mov r10, r6; mov r11, r6; msr APSR_nzcvq, r6; bx ip; .Lagain: b .Ltake; .Lslow: push {r0-r3}
        "46b1 46b2 46b3 f3868800 4760 e7d4 b40f "
        # mov r0, r4; bl ringfence_take; mov ip, r0; pop {r0-r3}; ldr lr, [r4, #8]; cmp ip, #0; beq .Ltaken
        "4620 bl:take 4684 bc0f f8d4e008 f1bc0f00 d0d0 "
        # b .Lrefused; .Lnot_switched: str r9, [r7, #0]; .Lcontext: mov ip, #1; .Lrefused: ldr r7, [r4, #0]
        "e003 f8c79000 f04f0c01 6827 "
        # str ip, [r7, #36]; ldrd r0, r1, [r5, #4]; mov r2, ip; pop {r3-r11, pc}
        "f8c7c024 e9d50101 4662 e8bd8ff8",
    "switch":
        # push {r2, lr}; ldr ip, [r1, #0]; bl .Lcall; pop {r3, lr}; strd r0, r1, [r3]; mov r0, r2; bx lr
        "b504 f8d1c000 f000f806 e8bd4008 e9c30100 4610 4770 "
        # .Lcall: push {r3-r11, lr}; mov r4, r0; mov r5, r1; ldm r2, {r0-r3}; mrs r11, CONTROL; ldm r4, {r7, r8, lr}
        "e92d4ff8 4604 460d ca0f f3ef8b14 e8944180 "
        # mov r9, #2; b.w .Lheld
        "f04f0902 b.w:enter+34",
    "switch_pointer":
        # push {r2, lr}; ldr lr, [r0, #12]; ldr ip, [r0, #16]; sub ip, ip, lr; sub ip, ip, #4; and ip, ip, r3
        "b504 f8d0e00c f8d0c010 ebac0c0e f1ac0c04 ea0c0c03 "
        # orr ip, ip, lr; orr ip, ip, #1; b.w ringfence_switch_at
        "ea4c0c0e f04c0c01 b.w:switch+6",
    "exit":
        # dsb; mov r5, #2; str r5, [r4, #0]; ldrd r5, r6, [r4, #16]; msr CONTROL, r5; isb; mov sp, r6; mov r2, #0
        "f3bf8f4f f04f0502 6025 e9d45604 f3858814 f3bf8f6f 46b5 f04f0200 "
        # str r2, [r4, #36]; ldr r5, [r4, #4]; str r5, [r4, #0]; pop {r3-r11, pc}
        "6262 6865 6025 e8bd8ff8",
    "recover":
        # ldr r4, [r0, #0]; ldrd r5, r6, [r4, #16]; msr CONTROL, r5; isb; mov sp, r6; ldr r5, [r4, #12]; mov r2, #6
        "6804 e9d45604 f3858814 f3bf8f6f 46b5 68e5 f04f0206 "
        # str r2, [r4, #36]; ldrd r0, r1, [r5, #4]; mov r5, #5; str r5, [r4, #0]; pop {r3-r11, pc}
        "6262 e9d50101 f04f0505 6025 e8bd8ff8",
    "import":
        # dsb; str lr, [ip, #28]; str sp, [ip, #24]; mov lr, #4; str lr, [ip, #0]; ldr lr, [ip, #16]; msr CONTROL, lr
        "f3bf8f4f f8cce01c f8ccd018 f04f0e04 f8cce000 f8dce010 f38e8814 "
        # isb; ldr lr, [ip, #20]; mov sp, lr; push {ip, lr}; blx r4; pop {ip, lr}; ldr lr, [ip, #16]; orr lr, lr, #2
        "f3bf8f6f f8dce014 46f5 e92d5000 47a0 e8bd5000 f8dce010 f04e0e02 "
        # ldr r2, [ip, #24]; msr PSP, r2; msr CONTROL, lr; isb; mov r2, #3; str r2, [ip, #0]; ldr r4, [ip, #32]
        "f8dc2018 f3828809 f38e8814 f3bf8f6f f04f0203 f8cc2000 f8dc4020 "
        # ldr lr, [ip, #28]; mov r2, #0; mov r3, r2; mov ip, r2; msr APSR_nzcvq, r2; bx lr
        "f8dce01c f04f0200 4613 4694 f3828800 4770",
    "return":
        # ldr r4, =__rf_box_state; b.w ringfence_exit
        "align4 4c01 b.w:exit 0000 word:state",
    "import_stub":
        # ldr ip, =__rf_box_state; str r4, [ip, #32]; ldr r4, =__rf_box_thunk_g; b.w ringfence_import
        "align4 f8dfc00c f8cc4020 4c02 b.w:import 0000 word:state word:thunk",
}
_FPU = {
    **_INTEGER,
    "enter":
        # vpush {s16-s31}; vmrs r6, FPSCR; push {r6, r7}; mrs r11, CONTROL; mrs r6, IPSR; mrs r7, FAULTMASK
        "align4 ed2d8a10 eef16a10 b4c0 f3ef8b14 f3ef8605 f3ef8713 "
        # orr r6, r6, r7; orrs r6, r6, r11, lsl #31; bne .Lcontext; ldm r4, {r7, r8, lr}; mov r10, #2
        "ea460607 ea5676cb d149 e8944180 f04f0a02 "
        # .Ltake: ldrex r6, [r7]; cmp r6, #1; bne .Lslow; strex r6, r10, [r7]; cbnz r6, .Lagain; .Ltaken: mov r9, #1
        "e8576f00 2e01 d12f e847a600 bb5e f04f0901 "
        # ldr ip, [r5, #0]; .Lheld: movs r6, #0; strd r9, r6, [r7, #4]; strd r5, r11, [r7, #12]; str sp, [r7, #20]
        "f8d5c000 2600 e9c79601 e9c75b03 f8c7d014 "
        # orr r11, r11, #2; msr PSP, r8; msr CONTROL, r11; isb; cmp sp, r8; bne .Lnot_switched; mov r11, #3
        "f04b0b02 f3888809 f38b8814 f3bf8f6f 45c5 d127 f04f0b03 "
        # str r11, [r7, #0]; adr r4, ringfence_zeros; vldm r4, {s16-s31}; vmrs r4, FPSCR; and r4, r4, #0x07C00000
        "f8c7b000 a41b ec948a10 eef14a10 f00464f8 "
        # vmsr FPSCR, r4; mov r4, r6; mov r5, r6; mov r7, r6; mov r8, r6; mov r9, r6; mov r10, r6; mov r11, r6
        "eee14a10 4634 4635 4637 46b0 46b1 46b2 46b3 "
        # msr APSR_nzcvqg, r6; bx ip; .Lagain: b .Ltake; .Lslow: push {r0-r3}; vpush {s0-s15}; mov r0, r4
        "f3868c00 4760 e7cb b40f ed2d0a10 4620 "
        # bl ringfence_take; mov ip, r0; vpop {s0-s15}; pop {r0-r3}; ldr lr, [r4, #8]; cmp ip, #0; beq .Ltaken
        "bl:take 4684 ecbd0a10 bc0f f8d4e008 f1bc0f00 d0c3 "
        # b .Lrefused; .Lnot_switched: str r9, [r7, #0]; .Lcontext: mov ip, #1; .Lrefused: ldr r7, [r4, #0]
        "e003 f8c79000 f04f0c01 6827 "
        # str ip, [r7, #36]; ldrd r0, r1, [r5, #4]; mov r2, ip; vmov s0, s1, r0, r1
        "f8c7c024 e9d50101 4662 ec410a10 "
        # pop {r4, r7}; vmsr FPSCR, r4; vpop {s16-s31}; pop {r3-r11, pc}
        "bc90 eee14a10 ecbd8a10 e8bd8ff8 bf00 0000 0000 0000 0000 0000 0000 0000 0000 0000 0000 0000 0000 0000 0000 "
        "0000 0000 0000 0000 0000 0000 0000 0000 0000 0000 0000 0000 0000 0000 0000 0000 0000 0000",
    "switch":
        # push {r2, lr}; ldr ip, [r1, #0]; bl .Lcall; pop {r3, lr}; strd r0, r1, [r3]; adds r3, #16; vstm r3, {s0-s7}
        "b504 f8d1c000 f000f809 e8bd4008 e9c30100 3310 ec830a08 "
        # mov r0, r2; bx lr; .Lcall: push {r3-r11, lr}; vpush {s16-s31}; vmrs r6, FPSCR; push {r6, r7}; mov r4, r0
        "4610 4770 e92d4ff8 ed2d8a10 eef16a10 b4c0 4604 "
        # mov r5, r1; add r6, r2, #16; vldm r6, {s0-s15}; ldm r2, {r0-r3}; mrs r11, CONTROL; ldm r4, {r7, r8, lr}
        "460d f1020610 ec960a10 ca0f f3ef8b14 e8944180 "
        # mov r9, #2; b.w .Lheld
        "f04f0902 b.w:enter+3e",
    "exit":
        # dsb; mov r5, #2; str r5, [r4, #0]; ldrd r5, r6, [r4, #16]; msr CONTROL, r5; isb; mov sp, r6; mov r2, #0
        "f3bf8f4f f04f0502 6025 e9d45604 f3858814 f3bf8f6f 46b5 f04f0200 "
        # str r2, [r4, #36]; ldr r5, [r4, #4]; str r5, [r4, #0]; pop {r5, r7}; vmsr FPSCR, r5; vpop {s16-s31}
        "6262 6865 6025 bca0 eee15a10 ecbd8a10 "
        # pop {r3-r11, pc}
        "e8bd8ff8",
    "recover":
        # ldr r4, [r0, #0]; ldrd r5, r6, [r4, #16]; msr CONTROL, r5; isb; mov sp, r6; ldr r5, [r4, #12]; mov r2, #6
        "6804 e9d45604 f3858814 f3bf8f6f 46b5 68e5 f04f0206 "
        # str r2, [r4, #36]; ldrd r0, r1, [r5, #4]; mov r5, #5; str r5, [r4, #0]; vmov s0, s1, r0, r1
        "6262 e9d50101 f04f0505 6025 ec410a10 "
        # pop {r5, r7}; vmsr FPSCR, r5; vpop {s16-s31}; pop {r3-r11, pc}
        "bca0 eee15a10 ecbd8a10 e8bd8ff8",
    "import":
        # dsb; str lr, [ip, #28]; str sp, [ip, #24]; vmrs lr, FPSCR; str lr, [ip, #40]; mov lr, #4; str lr, [ip, #0]
        "align4 f3bf8f4f f8cce01c f8ccd018 eef1ea10 f8cce028 f04f0e04 f8cce000 "
        # ldr lr, [ip, #16]; msr CONTROL, lr; isb; ldr lr, [ip, #20]; mov sp, lr; ldr lr, [sp]; vmsr FPSCR, lr
        "f8dce010 f38e8814 f3bf8f6f f8dce014 46f5 f8dde000 eee1ea10 "
        # push {ip, lr}; blx r4; pop {ip, lr}; ldr lr, [ip, #16]; orr lr, lr, #2; ldr r2, [ip, #24]; msr PSP, r2
        "e92d5000 47a0 e8bd5000 f8dce010 f04e0e02 f8dc2018 f3828809 "
        # msr CONTROL, lr; isb; mov r2, #3; str r2, [ip, #0]; ldr r2, [ip, #40]; vmsr FPSCR, r2; add r2, ip, #44
        "f38e8814 f3bf8f6f f04f0203 f8cc2000 f8dc2028 eee12a10 f10c022c "
        # vldm r2, {s0-s7}; ldr r2, =ringfence_zeros; vldm r2, {s8-s15}; ldr r4, [ip, #32]; ldr lr, [ip, #28]
        "ec920a08 4a06 ec924a08 f8dc4020 f8dce01c "
        # mov r2, #0; mov r3, r2; mov ip, r2; msr APSR_nzcvqg, r2; bx lr
        "f04f0200 4613 4694 f3828c00 4770 word:enter+d8",
}
_ZEROS = "enter+d8"  # 64 bytes, behind the code of `enter` for an FPU

# struct ringfence_sandbox (toolchain/runtime/gate.h), word by word
_DESCRIPTOR = (
    *("state", "stack_high", "return", "slots_start", "slots_end", "init", "name"),
    *("code_start", "code_end", "const_start", "const_end", "window_base", "window_end"),
    *("data_start", "data_end", "data_load", "bss_start", "bss_end", "heap_start", "heap_end", "stack_low"),
)
_IN_ORDER = ("window_base", "data_start", "data_end", "bss_start", "bss_end", "heap_start", "heap_end", "stack_low")
_INITIALISER = "__ringfence_init"  # the name of this entry
_START = attrgetter("start")
_STATE_BYTES = {False: 40, True: 76}  # without and with FPU: what the templates use of struct ringfence_state


def host_pieces(policy: Policy, image: Image) -> Pieces:
    """What is loaded outside the sandboxes' code, constants and windows."""
    own = sorted((r.start, r.end) for s in policy.sandboxes for r in (s.code, *s.constants, s.writable))
    found = []
    for segment in image.segments:
        at, end = segment.address, segment.address + len(segment.data)
        for start, stop in (*own, (end, end)):
            if at < min(start, end):
                found.append((at, segment.data[at - segment.address : min(start, end) - segment.address]))
            at = max(at, stop)
    return found


def _read(host: Pieces, address: int, size: int) -> bytes:
    """The host's bytes there; none if it does not have all of them in one piece."""
    i = bisect_right(host, address, key=lambda piece: piece[0]) - 1
    at, data = host[i] if i >= 0 else (address, b"")
    found = data[address - at : address - at + size]
    return found if len(found) == size else b""


def _bytes(word: int) -> bytes:
    return (word % (1 << 32)).to_bytes(4, "little")


def branch_target(at: int, first: int, second: int) -> int | None:
    """Where the direct branch with these halfwords goes (B T1-T4, BL, CBZ, CBNZ; A7.7), or None if it is none."""
    sign, j1, j2 = first >> 10 & 1, second >> 13 & 1, second >> 11 & 1
    low = (second & 0x7FF) << 1
    if first >> 11 == 0b11110 and second & 0x9000 == 0x9000:  # B T4, BL
        high = sign << 24 | (1 ^ j1 ^ sign) << 23 | (1 ^ j2 ^ sign) << 22 | (first & 0x3FF) << 12
        offset = signed(high | low, 25)
    elif first >> 11 == 0b11110 and second & 0xD000 == 0x8000 and first >> 7 & 7 != 7:  # B T3
        offset = signed(sign << 20 | j2 << 19 | j1 << 18 | (first & 0x3F) << 12 | low, 21)
    elif first >> 12 == 0b1101 and first >> 9 & 7 != 7:  # B T1; the rest are UDF and SVC
        offset = signed((first & 0xFF) << 1, 9)
    elif first >> 11 == 0b11100:  # B T2
        offset = signed((first & 0x7FF) << 1, 12)
    elif first & 0xF500 == 0xB100:  # CBZ, CBNZ
        offset = (first >> 9 & 1) << 6 | (first >> 3 & 0x1F) << 1
    else:
        return None
    return (at + 4 + offset) % (1 << 32)


def _lies_in(ranges: Sequence[Range], address: int) -> bool:
    """Of disjoint ranges, sorted."""
    i = bisect_right(ranges, address, key=_START) - 1
    return i >= 0 and address < ranges[i].end


def past_the_gates(policy: Policy, image: Image) -> set[Coincidence]:
    """What in the host refers to a sandbox, the words that the gates read apart: every aligned word that is an address
    in its code, odd or even; every halfword at which a direct branch to its code, constants or window would begin."""
    codes = sorted((s.code for s in policy.sandboxes), key=_START)
    inside = sorted((r for s in policy.sandboxes for r in (s.code, *s.constants, s.writable)), key=_START)
    low, high = codes[0].start, codes[-1].end
    known = {(at, value) for s in policy.sandboxes for at, value, _ in _words(s)}
    past = set()
    for start, data in host_pieces(policy, image):
        at = -(-start // 4) * 4
        for (word,) in struct.iter_unpack("<I", data[at - start : len(data) - (start + len(data)) % 4]):
            if low <= word < high and (at, word) not in known and _lies_in(codes, word):
                past.add(Coincidence(at, "word", word))
            at += 4
        at = -(-start // 2) * 2
        halves = [h for (h,) in struct.iter_unpack("<H", data[at - start : len(data) - (start + len(data)) % 2])]
        for first, second in zip(halves, [*halves[1:], 0], strict=True):
            if 0xB100 <= first < 0xF800:  # there are no branches outside
                target = branch_target(at, first, second)
                if target is not None and _lies_in(inside, target):
                    past.add(Coincidence(at, "branch", target))
            at += 2
    return past


def _differs(host: Pieces, template: str, at: int, values: Values) -> int | None:
    """Where the host's bytes at `at` are not the template's; None if they are all the same."""
    if template.startswith("align4") and at % 4:
        return at
    for token in template.removeprefix("align4").split():
        kind, _, place = token.rpartition(":")
        name, _, behind = place.partition("+")
        value = values[name] + int(behind or "0", 16) if kind else 0
        found = _read(host, at, 4 if kind in ("bl", "b.w", "word") or len(token) == 8 else 2)
        if kind in ("bl", "b.w"):
            first, second = struct.unpack("<HH", found or bytes(4))
            same = second & 0xD000 == {"bl": 0xD000, "b.w": 0x9000}[kind] and branch_target(at, first, second) == value
        elif kind in ("ldr4", "ldr5"):
            literal = _read(host, (at + 4 & ~3) + 4 * found[0], 4) if found else b""
            same = found[1:] == bytes([0x48 | int(kind[3])]) and literal == _bytes(value)
        elif kind == "word":
            same = found == _bytes(value)
        else:
            same = found == b"".join(int(token[i : i + 4], 16).to_bytes(2, "little") for i in range(0, len(token), 4))
        if not same:
            return at
        at += len(found)
    return None


def _clear(registers: str) -> str:
    """The token that clears rN (movs rN, #0) or sA-sB (vldm r4, {sA-sB}, where r4 points at zeros)."""
    if registers.startswith("r"):
        return f"2{registers[1]}00"
    first, last = (int(n) for n in registers[1:].split("-s"))
    return f"{0xEC94 | (first & 1) << 6:04x}{first >> 1 << 12 | 0xA00 | last - first + 1:04x}"


def _export_stub(clears: tuple[str, ...]) -> str:
    """push {r3-r11, lr}; clear r0-r3 and s0-s15 where no argument travels; ldr r4, =descriptor; ldr r5, =entry; b.w"""
    core, fp = ([_clear(c) for c in clears if c[0] == bank] for bank in "rs")
    zeros = [f"ldr4:{_ZEROS}"] if fp else []
    return " ".join(["e92d4ff8", *core, *zeros, *fp, "ldr4:descriptor ldr5:entry b.w:enter"])


def _words(s: Sandbox) -> Iterator[tuple[int, int, str]]:
    """(address, value, name) of each word that the gate reads and whose value the policy settles."""
    if s.gate is None:
        return
    known = {
        "state": s.gate.state, "stack_high": s.stack.end, "return": s.gate.return_stub | 1,
        "slots_start": s.slots.start, "slots_end": s.slots.end, "code_start": s.code.start, "code_end": s.code.end,
        "window_base": s.window.start, "window_end": s.window.end, "stack_low": s.stack.start,
        "init": next((e.word or 0 for e in s.entries if e.name == _INITIALISER), 0),
    }  # fmt: skip
    if s.constants:
        known |= {"const_start": s.constants[0].start, "const_end": s.constants[-1].end}
    yield from ((s.gate.descriptor + 4 * _DESCRIPTOR.index(name), value, name) for name, value in known.items())
    yield from ((e.word, e.address | 1, f"entry {e.name}") for e in s.entries if e.word is not None)


def _pieces(policy: Policy) -> Iterator[tuple[str, str, str, int, Values]]:
    """(owner, name, template, address, values) of all gate code that the policy declares."""
    templates = _FPU if policy.sandboxes[0].has_fpu else _INTEGER
    for name, at in policy.runtime.items():
        if name != "take":  # C, of which only the address matters
            yield "host", name, templates[name], at, policy.runtime
    for s in policy.sandboxes:
        if s.gate is not None:
            values = {**policy.runtime, "descriptor": s.gate.descriptor, "state": s.gate.state}
            yield s.name, "return", templates["return"], s.gate.return_stub, values
            for e in s.entries:
                if e.stub is not None:
                    yield s.name, "export stub", _export_stub(e.clears), e.stub, values | {"entry": e.word or 0}
            for i in s.imports:
                yield s.name, "import stub", templates["import_stub"], i.address, values | {"thunk": (i.thunk or 0) | 1}


def _check_sandbox(s: Sandbox, policy: Policy, host: Pieces) -> Iterator[Problem]:
    """The words of one sandbox's gate, and its borders."""
    for at, value, name in _words(s):
        if _read(host, at, 4) != _bytes(value):
            yield s.name, "gate", at, f"the word '{name}' must be {value:#010x}"
    if s.gate is not None:
        places = [s.gate.descriptor + 4 * _DESCRIPTOR.index(name) for name in _IN_ORDER]
        values = [int.from_bytes(_read(host, at, 4), "little") for at in places]
        if values != sorted(values):
            yield s.name, "gate", s.gate.descriptor, "data, bss and heap must lie in the window, in this order"
        used = [Range(o.gate.state, o.gate.state + _STATE_BYTES[s.has_fpu]) for o in policy.sandboxes if o.gate]
        state = used[policy.sandboxes.index(s)]
        in_host_ram = any(r.covers(state.start, state.end) for r in policy.host_ram)
        if not in_host_ram or sum(state.overlaps(u) for u in used) > 1:
            yield s.name, "gate", state.start, "the gate's state must lie in host RAM, apart from other gates' states"
    ends = {at + len(data) for at, data in host}
    for r in (s.code, *s.constants):
        if r.start in ends:
            yield s.name, "host", r.start - 2, "host bytes end where the sandbox's begin: control could run on"


def check_gates(policy: Policy, image: Image) -> Iterator[Problem]:
    """Everything that is wrong with the gates and the host; nothing if the policy declares no gates."""
    if not policy.runtime:
        return
    host = host_pieces(policy, image)
    for owner, name, template, start, values in _pieces(policy):
        at = _differs(host, template, start, values)
        if at is not None:
            yield owner, "gate", at, f"the code of '{name}' is not what was reviewed"
    for s in policy.sandboxes:
        yield from _check_sandbox(s, policy, host)
    found = past_the_gates(policy, image)
    for c in sorted(found ^ policy.coincidences, key=lambda c: c.address):
        why = "refers to a sandbox's code past its gate" if c in found else "is listed in the policy and is not there"
        yield "host", "host", c.address, f"a {c.kind} with the value {c.target:#010x} {why}"
