"""examples/image_decoder: the decoder works in its sandbox, and the control loop does not notice it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from io import BytesIO
from pathlib import Path

import pytest
from elftools.elf.elffile import ELFFile
from emulator import EXAMPLES, Run, run_firmware, scons

EXAMPLE = EXAMPLES / "image_decoder"
FIRMWARE = {"plain": "firmware-plain.elf", "sandboxed": "firmware.elf"}
PUBLISHED = ("firmware.bin", "firmware.hex", "firmware.policy.json", "firmware.cert.json.gz")
OVERHEAD_LIMIT = 1.5  # instructions, sandboxed over plain: far more than measured, far less than emulation would cost
LATEST_INSTRUCTIONS = 32


@pytest.fixture(scope="module", params=sorted(FIRMWARE))
def run(request: pytest.FixtureRequest, image_decoder: Path) -> Run:
    return run_firmware(image_decoder / FIRMWARE[request.param])


def numbers(run: Run, picture: str, *names: str) -> tuple[int, ...]:
    """The decimal values of `name=value` in the lines about a picture."""
    text = " ".join(line for line in run.lines if line.startswith(f"{picture}:"))
    found = dict(re.findall(r"(\w+)=(\d+)\b", text))
    return tuple(int(found[name]) for name in names)


def test_the_firmware_says_that_every_check_held(run: Run) -> None:
    assert run.status == 0, "\n".join(run.lines)
    assert run.lines[-1] == "image_decoder: ok"
    assert not [line for line in run.lines if "FAILED" in line or "fault" in line]


@pytest.mark.parametrize("picture", ["png", "jpeg"])
def test_pixels_are_those_of_the_decoder_on_the_build_machine(run: Run, picture: str, image_decoder: Path) -> None:
    header = (image_decoder / "expected.h").read_text()
    match = re.search(rf"EXPECTED_{picture.upper()}_FNV 0x([0-9a-f]{{8}})u", header)
    assert match is not None
    assert any(f"{picture}: checksum={match[1]} " in line for line in run.lines)


@pytest.mark.parametrize("picture", ["png", "jpeg"])
def test_the_control_loop_misses_no_step_and_is_never_late(run: Run, picture: str) -> None:
    steps, due, latest = numbers(run, picture, "steps", "due", "latest")
    assert due > 50  # decoding takes many periods, or this test shows nothing
    assert abs(steps - due) <= 1
    assert latest <= LATEST_INSTRUCTIONS


def test_an_import_reaches_the_host(run: Run) -> None:
    assert "log: unknown image type" in run.lines


@pytest.mark.parametrize("picture", ["png", "jpeg"])
def test_the_sandbox_costs_less_than_half_again(picture: str, image_decoder: Path) -> None:
    plain, sandboxed = (
        numbers(run_firmware(image_decoder / FIRMWARE[kind]), picture, "instructions")[0]
        for kind in ("plain", "sandboxed"))
    assert plain < sandboxed < OVERHEAD_LIMIT * plain


# The decoder's library at these levels is rewritten, certified and run by tests/toolchain/test_rewrite.py, too.
FURTHER = [pytest.param(level, "mask", marks=pytest.mark.long) for level in ("-O1", "-O3", "-Og")]


@pytest.mark.slow
@pytest.mark.parametrize(("level", "mode"), [("-O0", "mask"), ("-Os", "mask"), ("-O2", "trap"), *FURTHER])
def test_the_decoder_is_certified_and_works_at_every_optimisation_level_and_in_trap_mode(level: str, mode: str) -> None:
    folder = f"build/{level}-{mode}"
    build = scons("image_decoder", f"BUILD={folder}", f"OPT={level}", f"MODE={mode}", f"{folder}/firmware.elf")
    assert build.status == 0, build.output
    result = run_firmware(EXAMPLE / folder / "firmware.elf")
    assert result.lines[-1] == "image_decoder: ok", "\n".join(result.lines)


def test_everything_is_published_beside_the_elf(image_decoder: Path) -> None:
    assert [name for name in PUBLISHED if not (image_decoder / name).is_file()] == []
    policy = json.loads((image_decoder / "firmware.policy.json").read_text())
    assert [box["name"] for box in policy["sandboxes"]] == ["codec"]


def test_the_published_elf_verifies_and_a_changed_one_does_not(image_decoder: Path, tmp_path: Path) -> None:
    elf, policy = image_decoder / "firmware.elf", image_decoder / "firmware.policy.json"
    assert ringfence("verify", elf, "--policy", policy) == 0
    box = json.loads(policy.read_text())["sandboxes"][0]
    changed = with_word_changed(elf.read_bytes(), int(box["entries"][0]["address"], 16) & ~1)
    (tmp_path / "changed.elf").write_bytes(changed)
    assert ringfence("verify", tmp_path / "changed.elf", "--policy", policy) == 1


def test_a_second_build_does_nothing(image_decoder: Path) -> None:
    build = scons("image_decoder")
    assert build.status == 0
    assert [line for line in build.output.splitlines() if not line.startswith("scons:")] == []


def ringfence(*arguments: str | Path) -> int:
    """The exit status of the command line."""
    command = [Path(sys.executable).parent / "ringfence", *arguments]
    return subprocess.run([str(c) for c in command], capture_output=True, check=False).returncode


def with_word_changed(elf: bytes, address: int) -> bytes:
    """The ELF with the instruction at `address` replaced by `svc #0` twice, which no sandbox may execute."""
    offset = next(ELFFile(BytesIO(elf)).address_offsets(address, 4))
    return elf[:offset] + b"\x00\xdf\x00\xdf" + elf[offset + 4 :]


def test_the_demo_ends_with_ok(image_decoder: Path) -> None:
    done = subprocess.run([sys.executable, EXAMPLES / "demo.py"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "demo: ok"), done.stdout
    assert image_decoder.is_dir()


def test_the_demo_fails_when_a_step_fails(image_decoder: Path, tmp_path: Path) -> None:
    """Without an emulator on PATH the firmware cannot run, so nothing may be called ok."""
    done = subprocess.run([sys.executable, EXAMPLES / "demo.py"], capture_output=True, text=True, check=False,
                          env={"PATH": str(tmp_path)})
    assert done.returncode == 1
    assert done.stdout.splitlines()[-1].startswith("demo: FAILED: qemu-system-arm is not installed")
    assert "Traceback" not in done.stderr
    assert image_decoder.is_dir()
