"""Gates and host: the reviewed bytes are accepted where the policy says, anything else in them or past them is not."""

from __future__ import annotations

import inspect
import json
import random
import re
import struct
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import capstone
import pytest
from click.testing import CliRunner

from ringfence.toolchain import encode
from ringfence.toolchain.build import FirmwareRequest, build_firmware
from ringfence.toolchain.close import SandboxInput
from ringfence.toolchain.gates import RUNTIME_DIR, cleared_registers, generate
from ringfence.toolchain.gcc import Toolchain
from ringfence.toolchain.link import HostInput
from ringfence.toolchain.spec import SandboxSpec
from ringfence.verify.cli import check_command, verify_command
from ringfence.verify.kernel import gates
from ringfence.verify.kernel.gates import Problem, branch_target, check_gates
from ringfence.verify.kernel.image import Image, Segment, read_image
from ringfence.verify.kernel.policy import Policy, parse_policy
from ringfence.verify.kernel.rejected import Rejected
from ringfence.verify.verifier import verify
from support.gate_templates import tables
from support.small_firmware import CPU, HOST, LINK_FLAGS, write_files
from support.toolchain import run

ONE_MORE = "int more(int a, int b) { static int sum; return sum += a + b; }\n"
HOST_AT, CODE_AT = 0x1000, 0x1040  # of an image made by hand
SPARE = "a place in the host to be written over"
HOST_OF_TWO = f'int more(int a, int b);\nstatic const char *volatile spare = "{SPARE}";\n' + HOST.replace(
    "scale(4) ==", "*spare == 'a' && more(20, 22) == 42 && scale(4) ==")


@dataclass(frozen=True)
class Firmware:
    """A certified firmware with two sandboxes: its ELF, its policy as JSON data, and both as the kernel sees them."""

    elf: bytes
    policy: dict[str, Any]
    image: Image

    def problems(self, image: Image | None = None, policy: dict[str, Any] | None = None) -> list[Problem]:
        parsed = parse(self.policy if policy is None else policy)
        return list(check_gates(parsed, self.image if image is None else image))

    def patched(self, address: int, data: bytes) -> Image:
        """The image with other bytes at a run address."""
        found = []
        for s in self.image.segments:
            at = address - s.address
            inside = at >= 0 and at + len(data) <= len(s.data)
            found.append(replace(s, data=s.data[:at] + data + s.data[at + len(data) :]) if inside else s)
        assert tuple(found) != self.image.segments
        return Image(tuple(found))

    def box(self, number: int = 0) -> dict[str, Any]:
        found: dict[str, Any] = self.policy["sandboxes"][number]
        return found


def parse(policy: dict[str, Any]) -> Policy:
    return parse_policy(json.dumps(policy).encode())


def number(text: str) -> int:
    """An address of the policy, without Thumb bit."""
    return int(text, 16) & ~1


@pytest.fixture(scope="module")
def firmware(tmp_path_factory: pytest.TempPathFactory) -> Firmware:
    folder = write_files(tmp_path_factory.mktemp("gates"))
    (folder / "main.c").write_text(HOST_OF_TWO)
    (folder / "more.c").write_text(ONE_MORE)
    for name in ("main", "box", "more"):
        flags = [*CPU, "-O2", "-ffunction-sections"]
        subprocess.run(["arm-none-eabi-gcc", *flags, "-c", folder / f"{name}.c", "-o", folder / f"{name}.o"], check=True)
    box = SandboxSpec.from_options(
        name="box", exports=["scale(int n) -> int"], imports=["report(int n) -> int"], heap=256, window="4K")
    more = SandboxSpec.from_options(name="more", exports=["more(int a, int b) -> int"], window="1K")
    tools, host = Toolchain.find("arm-none-eabi-gcc", CPU), (folder / "main.o",)
    inputs = (SandboxInput(box, (folder / "box.o",)), SandboxInput(more, (folder / "more.o",)))
    build_firmware(FirmwareRequest(folder / "fw.elf", tools, HostInput(host, folder / "vendor.ld", tuple(LINK_FLAGS)),
                                   inputs), folder / "work")
    elf = (folder / "fw.elf").read_bytes()
    return Firmware(elf, json.loads((folder / "fw.policy.json").read_text()), read_image(elf))


def test_a_built_firmware_is_accepted_and_its_gates_are_checked(firmware: Firmware) -> None:
    assert firmware.problems() == []
    report = verify(firmware.elf, json.dumps(firmware.policy).encode()).report
    assert report.accepted
    assert report.gates


# -- templates -----------------------------------------------------------------------------------------------------


def test_the_templates_are_what_the_assembler_makes_of_the_runtime() -> None:
    """Bytes, and the assembly beside them: `python -m support.gate_templates` prints what belongs into gates.py."""
    assert tables() in inspect.getsource(gates)


def gate_bytes(firmware: Firmware) -> Iterator[tuple[str, int, int]]:
    """(name, start of the piece, address) of every byte of gate code in the image, literals of the stubs included."""
    for _, name, template, start, values in gates._pieces(parse(firmware.policy)):
        at = start
        for token in template.removeprefix("align4").split():
            size = 4 if token.startswith(("bl:", "b.w:", "word:")) or len(token) == 8 else 2
            yield from ((name, start, at + i) for i in range(size))
            if token.startswith("ldr"):
                literal = (at + 4 & ~3) + 4 * (firmware.image.read(at, 1) or b"")[0]
                assert firmware.image.read(literal, 4) == struct.pack("<I", values[token[5:]])
                yield from ((name, at, literal + i) for i in range(4))
            at += size


def test_every_changed_byte_of_a_gate_is_rejected_where_it_is(firmware: Firmware) -> None:
    places = set(gate_bytes(firmware))
    assert {name for name, _, _ in places} >= {"enter", "switch", "exit", "return", "export stub", "import stub"}
    assert len(places) > 400
    choose = random.Random(1)
    for name, start, at in sorted(places, key=lambda place: place[2]):
        value = (firmware.image.read(at, 1) or b"")[0] ^ 1 << choose.randrange(8)
        found = [p for p in firmware.problems(firmware.patched(at, bytes([value]))) if p[1] == "gate"]
        assert len(found) == 1, (name, hex(at))
        assert start <= found[0][2] <= at, (name, hex(at), found)


STUBS = ["f() -> int", "f(int a)", "f(int a, int64 b)", "f(int64 a, int b) -> int64", "f(int a, int b, int c, int d)"]
FP_STUBS = [*STUBS, "f(float a)", "f(float a, double b) -> double", "f(double a, float b, float c) -> float"]


@pytest.mark.parametrize(("prototype", "fpu"), [*((s, False) for s in STUBS), *((s, True) for s in FP_STUBS)])
def test_the_stub_of_any_prototype_is_what_its_policy_says(tmp_path: Path, prototype: str, fpu: bool) -> None:
    """Compared at both alignments of its literals, and with every register that it clears left out or added."""
    box = SandboxSpec.from_options(name="box", exports=[prototype])
    stub, names = assembled_stub(box, tmp_path, fpu)
    values = {"enter": 0x2000, "descriptor": names["ringfence_box"], "entry": names["__rf_box_entry_f"]}
    clears = cleared_registers(box.exports[0], fpu=fpu, hard=fpu)
    for at in (0x1000, 0x1004):
        host = [(at, stub(at))]
        assert gates._differs(host, gates._export_stub(tuple(clears)), at, values) is None
        for other in (*(clears[:i] + clears[i + 1 :] for i in range(len(clears))), [*clears, "r3"], ["r0", *clears]):
            if other != clears:
                assert gates._differs(host, gates._export_stub(tuple(other)), at, values) is not None, other


def assembled_stub(box: SandboxSpec, folder: Path, fpu: bool) -> tuple[Callable[[int], bytes], dict[str, int]]:
    """The bytes of f's stub linked at an address, and the addresses that its literals have."""
    cpu = ["-mcpu=cortex-m4", "-mfloat-abi=hard", "-mfpu=fpv4-sp-d16"] if fpu else ["-mcpu=cortex-m3"]
    (folder / "stub.S").write_text(generate(box).assembly)
    run("arm-none-eabi-gcc", *cpu, "-mthumb", f"-I{RUNTIME_DIR}", "-c", folder / "stub.S", "-o", folder / "stub.o")
    zeros = 0x2000 + int(gates._ZEROS.split("+")[1], 16)
    names = {"ringfence_enter": 0x2001, "ringfence_exit": 0x3001, "ringfence_zeros": zeros, "__rf_box_state": 0x20000000}

    def linked(at: int) -> bytes:
        undefined = run("arm-none-eabi-nm", "-u", folder / "stub.o").split()[1::2]
        defines = [f"--defsym={name}={names.get(name, 0x4000):#x}" for name in undefined]
        script = folder / "stub.ld"
        script.write_text(f"SECTIONS {{ .f {at:#x} : {{ *(.text.f) }} .rodata 0x5000 : {{ *(.rodata*) }} }}")
        run("arm-none-eabi-ld", "-T", script, *defines, folder / "stub.o", "-o", folder / "stub.elf")
        for line in run("arm-none-eabi-nm", folder / "stub.elf").splitlines():
            names[line.split()[2]] = int(line.split()[0], 16)
        found = read_image((folder / "stub.elf").read_bytes())
        return next(s.data[at - s.address :] for s in found.segments if s.address <= at < s.address + len(s.data))

    linked(0x1000)
    return linked, names


def changed(firmware: Firmware, path: str, value: Any) -> dict[str, Any]:
    """The policy with another value at a path such as `sandboxes.0.gate.state`."""
    policy = json.loads(json.dumps(firmware.policy))
    target = policy
    *parents, last = path.split(".")
    for key in parents:
        target = target[int(key)] if key.isdigit() else target[key]
    target[last] = value
    return policy  # type: ignore[no-any-return]


MOVED = ["gates.enter", "gates.exit", "gates.take", "gates.recover", "gates.import", "sandboxes.0.gate.descriptor",
         "sandboxes.0.gate.state", "sandboxes.0.gate.return", "gates.switch", "sandboxes.0.entries.0.word",
         "sandboxes.0.entries.0.stub", "sandboxes.0.imports.0.thunk", "sandboxes.0.imports.0.address"]


@pytest.mark.parametrize("path", MOVED)
def test_a_policy_that_says_another_address_of_a_gate_is_refused(firmware: Firmware, path: str) -> None:
    target: Any = firmware.policy
    for key in path.split("."):
        target = target[int(key)] if key.isdigit() else target[key]
    moved = changed(firmware, path, f"{int(target, 16) + 4:#010x}")
    assert any(rule == "gate" for _, rule, _, _ in firmware.problems(policy=moved))


def test_one_sandbox_cannot_use_the_gate_of_another(firmware: Firmware) -> None:
    other = firmware.box(1)["gate"]
    for key in ("descriptor", "state", "return"):
        found = firmware.problems(policy=changed(firmware, f"sandboxes.0.gate.{key}", other[key]))
        assert any(rule == "gate" for _, rule, _, _ in found), key


# -- words ---------------------------------------------------------------------------------------------------------


def test_every_word_of_a_descriptor_that_the_policy_settles_is_compared(firmware: Firmware) -> None:
    for name, sandbox in (("box", parse(firmware.policy).sandboxes[0]), ("more", parse(firmware.policy).sandboxes[1])):
        assert sandbox.gate is not None
        for at, value, what in gates._words(sandbox):
            for bit in (0, 1, 2, 7, 12, 31):
                found = firmware.problems(firmware.patched(at, struct.pack("<I", value ^ 1 << bit)))
                assert (name, "gate", at) in [p[:3] for p in found], (what, bit)


def test_data_bss_and_heap_of_a_descriptor_lie_in_the_window(firmware: Firmware) -> None:
    descriptor = number(firmware.box()["gate"]["descriptor"])
    for name in ("data_start", "data_end", "bss_start", "bss_end", "heap_start", "heap_end"):
        at = descriptor + 4 * gates._DESCRIPTOR.index(name)
        for value in (0, 0x20000000, 0x20002400, 0xFFFFFFFF):
            found = firmware.problems(firmware.patched(at, struct.pack("<I", value)))
            assert ("box", "gate", descriptor) in [p[:3] for p in found], name


def test_an_entry_that_is_another_function_of_the_sandbox_is_rejected(firmware: Firmware) -> None:
    scale, init = firmware.box()["entries"]
    found = firmware.problems(firmware.patched(number(scale["word"]), struct.pack("<I", int(init["address"], 16))))
    assert ("box", "gate", number(scale["word"])) in [p[:3] for p in found]


def test_the_state_of_a_gate_is_host_memory_and_its_own(firmware: Firmware) -> None:
    window = firmware.box()["window"]["base"]
    neighbour = f"{number(firmware.box(1)['gate']['state']) + 36:#010x}"
    for value in (window, "0x00000100", neighbour):
        found = firmware.problems(policy=changed(firmware, "sandboxes.0.gate.state", value))
        assert ("box", "gate", number(value)) in [p[:3] for p in found], value


@pytest.mark.parametrize("path", ["sandboxes.0.imports.0.thunk", "gates.take", "gates.enter"])
def test_gate_code_in_memory_that_a_sandbox_writes_is_refused(firmware: Firmware, path: str) -> None:
    where = number(firmware.box()["window"]["base"]) + 0x100
    with pytest.raises(Rejected) as refused:
        parse(changed(firmware, path, f"{where | 1:#010x}"))
    assert refused.value.rule == "policy"


# -- the host ------------------------------------------------------------------------------------------------------


def spare(firmware: Firmware) -> int:
    """The address of the host's text SPARE, rounded up to 4."""
    for segment in firmware.image.segments:
        at = segment.data.find(SPARE.encode())
        if at >= 0:
            return segment.address + at + -(segment.address + at) % 4
    raise AssertionError("the text is not in the image")


@pytest.mark.parametrize(("kind", "branch"), [
    ("bl", encode.call), ("b.w", encode.branch_wide), ("beq.w", lambda d: encode.branch_wide(d, 0)),
    ("ble.w", lambda d: encode.branch_wide(d, 13)),
])
@pytest.mark.parametrize("offset", [0, 2, 6])
def test_a_host_branch_into_a_sandbox_past_its_gate_is_rejected(
    firmware: Firmware, kind: str, branch: Any, offset: int
) -> None:
    at = spare(firmware) + offset
    for box in firmware.policy["sandboxes"]:
        code = box["code"]
        for target in (number(code["start"]), number(box["entries"][0]["address"]), int(code["end"], 16) - 2):
            found = firmware.problems(firmware.patched(at, branch(target - at)))
            assert ("host", "host", at) in [p[:3] for p in found], (kind, hex(target))
    outside = int(firmware.box(1)["code"]["end"], 16) + 0x100
    assert firmware.problems(firmware.patched(at, branch(outside - at))) == []


def test_a_host_word_into_a_sandbox_is_rejected(firmware: Firmware) -> None:
    at = spare(firmware)
    for box in firmware.policy["sandboxes"]:
        start, end = number(box["code"]["start"]), int(box["code"]["end"], 16)
        for value in (start, start | 1, int(box["entries"][0]["address"], 16), end - 2, end - 1):
            found = firmware.problems(firmware.patched(at, struct.pack("<I", value)))
            assert ("host", "host", at) in [p[:3] for p in found], hex(value)
    assert firmware.problems(firmware.patched(at, struct.pack("<I", 0xFFFFFFFF))) == []


@pytest.mark.parametrize("shift", range(4))
def test_words_are_found_wherever_the_host_begins_and_ends(firmware: Firmware, shift: int) -> None:
    host = bytes(4 - shift) + struct.pack("<I", CODE_AT + 2)
    for more in range(4):
        assert nearby(firmware, host + bytes(more), HOST_AT + shift) == [("host", "host", HOST_AT + 4, "word")]


def nearby(firmware: Firmware, host: bytes, at: int = HOST_AT) -> list[Problem]:
    """Problems of host bytes that end 8 bytes before a sandbox's code, in an image made by hand."""
    box = replace(parse(firmware.policy).sandboxes[0], gate=None, entries=())
    code = gates.Range(CODE_AT, CODE_AT + 0x100)
    policy = replace(parse(firmware.policy), sandboxes=(replace(box, code=code, constants=()),))
    image = Image((Segment(at, at, len(host), host), Segment(CODE_AT, CODE_AT, 0x100, bytes(0x100))))
    return [("host", "host", c.address, c.kind) for c in gates.past_the_gates(policy, image)]


@pytest.mark.parametrize("encoding", [0xE000 | 0x1E, 0xD000 | 0x1E, 0xDD00 | 0x1E, 0xB100 | 0x1E << 3, 0xB900 | 0x1E << 3])
def test_short_branches_into_a_sandbox_are_found(firmware: Firmware, encoding: int) -> None:
    """B T2, B<c> T1, CBZ and CBNZ, at a distance of 0x40 bytes; one halfword less stays in the host."""
    host = struct.pack("<H", encoding) + bytes(0x36)
    assert nearby(firmware, host) == [("host", "host", HOST_AT, "branch")]
    shorter = encoding - (8 if encoding < 0xC000 else 1)
    assert nearby(firmware, struct.pack("<H", shorter) + bytes(0x36)) == []


def test_the_host_does_not_run_on_into_a_sandbox(firmware: Firmware) -> None:
    start = number(firmware.box()["code"]["start"])
    filler = [s for s in firmware.image.segments if s.address + len(s.data) <= start and s.address < 0x20000000][-1]
    grown = filler.data.ljust(start - filler.address, b"\0")
    image = Image(tuple(replace(s, data=grown) if s is filler else s for s in firmware.image.segments))
    assert ("box", "host", start - 2) in [p[:3] for p in firmware.problems(image)]


def listed(firmware: Firmware, at: int, kind: str, target: int) -> dict[str, Any]:
    row = {"address": f"{at:#010x}", "kind": kind, "target": f"{target:#010x}", "why": "a test"}
    return changed(firmware, "gates.coincidences", [*firmware.policy["gates"]["coincidences"], row])


def test_a_coincidence_is_accepted_only_as_it_is_listed(firmware: Firmware) -> None:
    at, target = spare(firmware), number(firmware.box()["code"]["start"]) + 0x10
    image = firmware.patched(at, struct.pack("<I", target))
    assert firmware.problems(image, listed(firmware, at, "word", target)) == []
    for other in ((at, "branch", target), (at, "word", target + 1), (at + 4, "word", target)):
        assert {p[2] for p in firmware.problems(image, listed(firmware, *other))} == {at, other[0]}, other


def test_a_listed_coincidence_that_does_not_occur_is_refused(firmware: Firmware) -> None:
    at, target = spare(firmware), number(firmware.box()["code"]["start"])
    found = firmware.problems(policy=listed(firmware, at, "word", target))
    assert [p[:3] for p in found] == [("host", "host", at)]


# -- the policy's form ---------------------------------------------------------------------------------------------


def without_gates(firmware: Firmware) -> dict[str, Any]:
    policy = json.loads(json.dumps(firmware.policy))
    del policy["gates"]
    for box in policy["sandboxes"]:
        del box["gate"]
        for row in (*box["entries"], *box["imports"]):
            for key in ("word", "stub", "clears", "thunk"):
                row.pop(key, None)
    return policy  # type: ignore[no-any-return]


def test_a_policy_without_gates_is_proved_but_its_gates_count_as_unchecked(firmware: Firmware) -> None:
    report = verify(firmware.elf, json.dumps(without_gates(firmware)).encode()).report
    assert report.accepted
    assert not report.gates


@pytest.mark.parametrize("path", [
    "gates", "sandboxes.0.gate", "sandboxes.1.gate", "sandboxes.0.entries.0.word", "sandboxes.1.entries.1.word",
    "sandboxes.0.imports.0.thunk", "gates.enter", "gates.exit", "gates.take", "gates.import", "gates.coincidences", "gates.switch",
    "sandboxes.0.gate.state", "sandboxes.0.gate.return",
])
def test_gates_that_are_declared_in_part_are_refused(firmware: Firmware, path: str) -> None:
    policy = json.loads(json.dumps(firmware.policy))
    target = policy
    *parents, last = path.split(".")
    for key in parents:
        target = target[int(key)] if key.isdigit() else target[key]
    del target[last]
    with pytest.raises(Rejected) as refused:
        parse(policy)
    assert refused.value.rule == "policy"


@pytest.mark.parametrize("clears", [["r4"], ["s0"], ["s5-s4"], ["s0-s16"], ["r1 "], [1], "r1", ["s-1-s3"]])
def test_registers_that_no_stub_clears_are_refused(firmware: Firmware, clears: Any) -> None:
    with pytest.raises(Rejected) as refused:
        parse(changed(firmware, "sandboxes.0.entries.0.clears", clears))
    assert refused.value.rule == "policy"


@pytest.mark.parametrize("path", [path for path in MOVED if path.split(".")[-1] not in ("word", "descriptor", "state")])
@pytest.mark.parametrize("address", ["0xffffffff", "0x00000001", "0xfffffff1"])
def test_gates_at_the_edges_of_memory_are_no_crash(firmware: Firmware, path: str, address: str) -> None:
    assert firmware.problems(policy=changed(firmware, path, address))


@pytest.mark.parametrize("key", ["entries.0.word", "gate.descriptor", "gate.state"])
@pytest.mark.parametrize("address", ["0xffffffff", "0x00000000", "0xfffffff0"])
def test_words_at_the_edges_of_memory_are_no_crash(firmware: Firmware, key: str, address: str) -> None:
    assert firmware.problems(policy=changed(firmware, f"sandboxes.0.{key}", address))


def test_a_stub_without_declared_gates_is_refused(firmware: Firmware) -> None:
    policy = without_gates(firmware)
    policy["sandboxes"][0]["entries"][0]["stub"] = "0x00000101"
    with pytest.raises(Rejected):
        parse(policy)


# -- decoding branches ---------------------------------------------------------------------------------------------

DISASSEMBLER = capstone.Cs(capstone.CS_ARCH_ARM, capstone.CS_MODE_THUMB | capstone.CS_MODE_MCLASS)
DISASSEMBLER.detail = True
BRANCH = re.compile(r"(b|bl|cbn?z|b(eq|ne|hs|lo|mi|pl|vs|vc|hi|ls|ge|lt|gt|le))(\.w)?")
AT = 0x02000000


def by_capstone(first: int, second: int) -> int | None:
    """The target of the direct branch that capstone sees."""
    found = next(DISASSEMBLER.disasm(struct.pack("<HH", first, second), AT, 1), None)
    if found is None or not BRANCH.fullmatch(found.mnemonic):
        return None
    last = found.operands[-1]
    return last.imm & 0xFFFFFFFF if last.type == capstone.arm.ARM_OP_IMM else None


def test_all_short_branches_are_decoded_as_capstone_does() -> None:
    for first in range(0xE800):
        assert branch_target(AT, first, 0xFFFF) == by_capstone(first, 0xFFFF), hex(first)


def test_wide_branches_are_decoded_as_capstone_does() -> None:
    choose = random.Random(7)
    branches = 0
    for _ in range(20_000):
        first, second = choose.randrange(0xE800, 0x10000), choose.randrange(0x10000)
        if choose.random() < 0.8:
            first = 0xF000 | first & 0x7FF
        expected = by_capstone(first, second)
        branches += expected is not None
        assert branch_target(AT, first, second) == expected, (hex(first), hex(second))
    assert branches > 5_000


# -- what the user sees --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("declared", "said", "text"), [
    (True, "checked", "gates and host checked"), (False, "not declared", "NOT CHECKED"),
])
def test_verify_and_check_say_whether_the_gates_were_checked(
    firmware: Firmware, tmp_path: Path, declared: bool, said: str, text: str
) -> None:
    elf, policy, certificate, out = (tmp_path / name for name in ("fw.elf", "policy.json", "cert.json.gz", "out.json"))
    elf.write_bytes(firmware.elf)
    policy.write_text(json.dumps(firmware.policy if declared else without_gates(firmware)))
    common = [str(elf), "--policy", str(policy), "--json", str(out)]
    for command, arguments in ((verify_command, ["--certificate", str(certificate)]), (check_command, [str(certificate)])):
        done = CliRunner().invoke(command, [*common, *arguments])
        assert done.exit_code == 0, done.output
        assert text in done.output
        assert json.loads(out.read_text())["gates"] == said


def test_a_rejected_gate_is_explained(firmware: Firmware, tmp_path: Path) -> None:
    at = number(firmware.policy["gates"]["enter"])
    first = firmware.image.segments[0]
    place = firmware.elf.index(first.data) + at - first.address
    elf, policy = tmp_path / "fw.elf", tmp_path / "policy.json"
    elf.write_bytes(firmware.elf[:place] + b"\0" + firmware.elf[place + 1 :])
    policy.write_text(json.dumps(firmware.policy))
    done = CliRunner().invoke(verify_command, [str(elf), "--policy", str(policy)])
    assert done.exit_code == 1
    assert f"rule 'gate' at {at:#010x} in ringfence_enter" in done.output
