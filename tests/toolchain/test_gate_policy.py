"""What a build's policy says of its gates: every address is there, and without them nothing is published."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from ringfence.toolchain import policy as policy_module
from ringfence.toolchain.build import FirmwareRequest, NotCertified, build_firmware
from ringfence.toolchain.close import SandboxInput
from ringfence.toolchain.errors import RingfenceError
from ringfence.toolchain.gate_policy import declare_gates
from ringfence.toolchain.gcc import Toolchain
from ringfence.toolchain.image import ElfFile
from ringfence.toolchain.link import HostInput
from ringfence.toolchain.publish import Outputs
from ringfence.toolchain.spec import SandboxSpec
from support.small_firmware import CPU, LINK_FLAGS, write_files


@pytest.fixture
def request_(tmp_path: Path) -> FirmwareRequest:
    """The small firmware, compiled and not built yet."""
    write_files(tmp_path)
    for name in ("main", "box"):
        flags = [*CPU, "-O2", "-ffunction-sections"]
        subprocess.run(["arm-none-eabi-gcc", *flags, "-c", tmp_path / f"{name}.c", "-o", tmp_path / f"{name}.o"],
                       check=True)
    box = SandboxSpec.from_options(name="box", exports=["scale(int n) -> int"], imports=["report(int n) -> int"],
                                   heap=256, window="4K")
    host = HostInput((tmp_path / "main.o",), tmp_path / "vendor.ld", tuple(LINK_FLAGS))
    return FirmwareRequest(tmp_path / "fw.elf", Toolchain.find("arm-none-eabi-gcc", CPU), host,
                           (SandboxInput(box, (tmp_path / "box.o",)),))


def test_a_build_declares_every_part_of_its_gates_and_reports_the_check(request_: FirmwareRequest, tmp_path: Path) -> None:
    built = build_firmware(request_, tmp_path / "work")
    policy = json.loads(built.outputs.policy.read_text())
    box = policy["sandboxes"][0]
    assert built.report["verification"]["gates"] == "checked"
    assert {"enter", "switch", "exit", "take", "import", "coincidences"} <= set(policy["gates"])
    assert [(e["name"], "stub" in e, e.get("clears")) for e in box["entries"]] == [
        ("scale", True, ["r1", "r2", "r3"]), ("__ringfence_init", False, None)]
    assert len({e["word"] for e in box["entries"]}) == 2
    assert all(int(i["thunk"], 16) & 1 for i in box["imports"])


def test_without_declared_gates_nothing_is_published(
    request_: FirmwareRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(policy_module, "declare_gates", lambda *_: None)
    with pytest.raises(NotCertified, match="does not declare the gates"):
        build_firmware(request_, tmp_path / "work")
    assert not any(path.exists() for path in Outputs(request_.output).all())


def test_a_link_that_lost_a_gate_is_refused() -> None:
    stripped = ElfFile("fw.elf", bytes(64), True, 0, (), ())
    with pytest.raises(RingfenceError, match="lost the symbol ringfence_enter"):
        declare_gates({"fpu": False, "sandboxes": []}, [], stripped, b"")
