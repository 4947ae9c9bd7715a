"""`build_firmware` publishes a certified firmware that runs, or nothing at all."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from ringfence.toolchain.build import FirmwareRequest, NotCertified, build_firmware, check_flash_image
from ringfence.toolchain.close import SandboxInput
from ringfence.toolchain.errors import RingfenceError
from ringfence.toolchain.gcc import Toolchain
from ringfence.toolchain.link import HostInput
from ringfence.toolchain.publish import Outputs
from ringfence.toolchain.spec import SandboxSpec
from ringfence.verify.recheck import recheck
from support.raw_elf import Load, raw_elf
from support.small_firmware import CPU, LINK_FLAGS, OUTPUTS, REFUSED_ALIASES, write_files


def compiled(folder: Path, name: str, text: str | None = None) -> Path:
    source = folder / name
    if text is not None:
        source.write_text(text)
    output = source.with_suffix(".o")
    flags = [*CPU, "-O2", "-g", "-ffunction-sections", "-fdata-sections"]
    subprocess.run(["arm-none-eabi-gcc", *flags, "-c", source, "-o", output], check=True)
    return output


def request_in(folder: Path, **options: object) -> FirmwareRequest:
    write_files(folder)
    settings = {"name": "box", "exports": ["scale(int n) -> int"], "imports": ["report(int n) -> int"], "heap": "256"}
    spec = SandboxSpec.from_options(**(settings | options))  # type: ignore[arg-type]
    host = HostInput((compiled(folder, "main.c"),), folder / "vendor.ld", tuple(LINK_FLAGS))
    return FirmwareRequest(folder / "fw.elf", Toolchain.find("arm-none-eabi-gcc", CPU), host,
                           (SandboxInput(spec, (compiled(folder, "box.c"),)),))


def published(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.iterdir() if p.name.startswith((".fw.", "fw.")))


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("built")
    build_firmware(request_in(folder), folder / "work")
    return folder


def test_all_outputs_are_published_and_nothing_else(built: Path) -> None:
    assert published(built) == sorted(OUTPUTS)


def test_the_certified_firmware_runs_and_gives_the_right_result(built: Path) -> None:
    done = subprocess.run(
        ["qemu-system-arm", "-M", "mps2-an385", "-nographic", "-semihosting-config", "enable=on,target=native",
         "-kernel", built / "fw.elf"], timeout=20, check=False, stdin=subprocess.DEVNULL)
    assert done.returncode == 0


def test_the_certificate_that_is_published_checks(built: Path) -> None:
    parts = (built / "fw.elf", built / "fw.policy.json", built / "fw.cert.json.gz")
    assert recheck(*(p.read_bytes() for p in parts)).report.accepted
    assert json.loads(gzip.decompress((built / "fw.cert.json.gz").read_bytes()))


def test_the_flash_image_holds_the_certified_code(built: Path) -> None:
    policy = json.loads((built / "fw.policy.json").read_text())
    start, end = (int(policy["sandboxes"][0]["code"][key], 16) for key in ("start", "end"))
    image = (built / "fw.bin").read_bytes()
    elf = (built / "fw.elf").read_bytes()
    assert start < end <= len(image) < 1 << 16
    assert image[start:end] in elf


def test_the_policy_states_what_was_declared(built: Path) -> None:
    box = json.loads((built / "fw.policy.json").read_text())["sandboxes"][0]
    assert [e["name"] for e in box["entries"]] == ["scale", "__ringfence_init"]
    assert [(i["name"], i["returns"]) for i in box["imports"]] == [("report", True)]
    assert box["confine"] == "writes"


def test_the_report_gives_sizes_and_the_verdict(built: Path) -> None:
    report = json.loads((built / "fw.report.json").read_text())
    assert report["verdict"] == "certified"
    assert report["sandboxes"][0]["ram"]["stack"] >= report["sandboxes"][0]["stack_needed"] + 40


def test_a_firmware_that_is_not_certified_leaves_no_output_not_even_old_ones(tmp_path: Path) -> None:
    request = replace(request_in(tmp_path), aliases=tuple(REFUSED_ALIASES))
    for path in Outputs(request.output).all():
        path.write_text("old")
    with pytest.raises(NotCertified) as caught:
        build_firmware(request, tmp_path / "work")
    assert caught.value.exit_code == 1
    assert published(tmp_path) == []


def test_a_firmware_that_does_not_link_leaves_no_output(tmp_path: Path) -> None:
    request = request_in(tmp_path)
    broken = compiled(tmp_path, "main.c", "int missing(void); void Reset_Handler(void) { missing(); }")
    (tmp_path / "fw.hex").write_text("old")
    with pytest.raises(RingfenceError, match="missing"):
        build_firmware(replace(request, host=replace(request.host, objects=(broken,))), tmp_path / "work")
    assert published(tmp_path) == []


def test_an_output_that_cannot_be_written_leaves_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    request = request_in(tmp_path)
    real = os.replace

    def fail(source: str, target: Path) -> None:
        if str(target).endswith(".cert.json.gz"):
            raise OSError(28, "No space left on device", str(target))
        real(source, target)

    monkeypatch.setattr("ringfence.toolchain.publish.os.replace", fail)
    with pytest.raises(RingfenceError, match="No space left"):
        build_firmware(request, tmp_path / "work")
    assert published(tmp_path) == []


def test_a_verifier_that_breaks_down_is_a_rejection(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("no solver")

    monkeypatch.setattr("ringfence.toolchain.build.verify", broken)
    with pytest.raises(NotCertified, match="no solver"):
        build_firmware(request_in(tmp_path), tmp_path / "work")
    assert published(tmp_path) == []


def test_two_builds_of_the_same_input_are_the_same(built: Path, tmp_path: Path) -> None:
    request = request_in(tmp_path)
    build_firmware(request, tmp_path / "work")
    for name in ("fw.bin", "fw.hex", "fw.policy.json", "fw.map.json"):
        assert (tmp_path / name).read_bytes() == (built / name).read_bytes(), name


@pytest.mark.parametrize(("flag", "message"), [
    ("-s", "relocations"), ("-Wl,-x", "tell code from data"), ("-Tother.ld", "linker_script"), ("-pie", "fixed"),
])
def test_link_flags_that_would_spoil_rewriting_are_refused(tmp_path: Path, flag: str, message: str) -> None:
    request = request_in(tmp_path)
    host = replace(request.host, link_flags=(*request.host.link_flags, flag))
    with pytest.raises(RingfenceError, match=message):
        build_firmware(replace(request, host=host), tmp_path / "work")


def test_two_sandboxes_with_one_name_are_refused(tmp_path: Path) -> None:
    request = request_in(tmp_path)
    with pytest.raises(RingfenceError, match="two sandboxes are called 'box'"):
        build_firmware(replace(request, sandboxes=request.sandboxes * 2), tmp_path / "work")


def test_no_sandbox_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RingfenceError, match="no sandbox"):
        build_firmware(replace(request_in(tmp_path), sandboxes=()), tmp_path / "work")


def test_a_declared_stack_that_is_too_small_is_refused_with_the_number_needed(tmp_path: Path) -> None:
    request = request_in(tmp_path, stack=48)
    deep = compiled(tmp_path, "deep.c", "int report(int); int scale(int n) { volatile char room[500]; room[n] = 1; "
                                        "return report(room[3]); }")
    box = replace(request.sandboxes[0], objects=(deep,))
    with pytest.raises(RingfenceError, match=r"needs \d+ bytes of stack .* stack= gives 48"):
        build_firmware(replace(request, sandboxes=(box,)), tmp_path / "work")


def test_a_window_that_is_larger_than_the_memory_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RingfenceError):
        build_firmware(request_in(tmp_path, window="8M"), tmp_path / "work")
    assert published(tmp_path) == []


STRONG = "void {0}(void) {{ for (;;); }}"


def test_a_hosts_own_fault_handler_must_call_ringfence(tmp_path: Path) -> None:
    request = request_in(tmp_path)
    own = compiled(tmp_path, "own.c", STRONG.format("HardFault_Handler"))
    host = replace(request.host, objects=(*request.host.objects, own))
    with pytest.raises(RingfenceError, match="HardFault_Handler does not hand the faults"):
        build_firmware(replace(request, host=host), tmp_path / "work")


def test_a_hosts_own_fault_handler_that_calls_ringfence_is_accepted(tmp_path: Path) -> None:
    request = request_in(tmp_path)
    own = compiled(tmp_path, "own.c", "int ringfence_fault(void); void BusFault_Handler(void)"
                                      "{ if (ringfence_fault()) return; for (;;); }")
    build_firmware(replace(request, host=replace(request.host, objects=(*request.host.objects, own))), tmp_path / "work")
    assert published(tmp_path) == sorted(OUTPUTS)


def test_a_vector_table_without_the_fault_handler_is_refused(tmp_path: Path) -> None:
    request = request_in(tmp_path)
    text = (tmp_path / "main.c").read_text().replace("Reset_Handler, HardFault_Handler,", "Reset_Handler, Reset_Handler,")
    host = replace(request.host, objects=(compiled(tmp_path, "main.c", text),))
    with pytest.raises(RingfenceError, match="vector table"):
        build_firmware(replace(request, host=host), tmp_path / "work")


@pytest.mark.parametrize("enables", [False, True])
def test_a_fault_that_leads_elsewhere_may_only_be_there_if_it_is_not_enabled(tmp_path: Path, enables: bool) -> None:
    request = request_in(tmp_path)
    text = (tmp_path / "main.c").read_text().replace("BusFault_Handler, UsageFault_Handler,", "BusFault_Handler, Reset_Handler,")
    if enables:
        begin = "void Reset_Handler(void)\n{"
        assert begin in text
        text = text.replace(begin, f"void ringfence_enable_faults(unsigned char priority);\n{begin} ringfence_enable_faults(255);")
    firmware = replace(request, host=replace(request.host, objects=(compiled(tmp_path, "main.c", text),)))
    if enables:
        with pytest.raises(RingfenceError, match=r"enables a fault whose entry .* is not UsageFault_Handler"):
            build_firmware(firmware, tmp_path / "work")
    else:
        notes = build_firmware(firmware, tmp_path / "work").report["notes"]
        assert any("UsageFault_Handler entry is not UsageFault_Handler" in note for note in notes)


def test_an_undeclared_pointer_draws_a_warning(tmp_path: Path) -> None:
    request = request_in(tmp_path)
    text = "int report(int *p); int scale(int *p) { return report(p) + *p; }"
    box = replace(request.sandboxes[0], objects=(compiled(tmp_path, "box.c", text),))
    notes = build_firmware(replace(request, sandboxes=(box,)), tmp_path / "work").report["notes"]
    assert any("export scale: parameter p is a pointer" in note for note in notes)


def test_a_flash_image_that_is_not_what_was_certified_is_refused() -> None:
    elf = raw_elf([Load(0x100, b"host code"), Load(0x20000000, b"data", load=0x120)])
    image = b"host code" + bytes(0x120 - 0x109) + b"data"
    check_flash_image(image, elf)
    for wrong in (image[:-1] + b"x", b"x" + image[1:], image[:-4], b""):
        with pytest.raises(RingfenceError, match="flash image differs"):
            check_flash_image(wrong, elf)
