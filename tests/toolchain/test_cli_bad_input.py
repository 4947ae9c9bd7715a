"""Bad input gives one clear message, exit 2, no output file and no traceback; the single steps work together."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from ringfence.toolchain.cli import main
from support.small_firmware import CPU, LINK_FLAGS, OUTPUTS, REFUSED_ALIASES, write_files

SPEC = {"name": "box", "exports": ["scale(int n) -> int"], "imports": ["report(int n) -> int"], "heap": 256}


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    returncode: int
    stdout: str
    stderr: str


def ringfence(*arguments: str | Path, cwd: Path, **environment: str) -> Done:
    """Run the command in this process (starting one takes a second); a traceback would be an exception here."""
    before = os.getcwd()
    os.chdir(cwd)
    try:
        result = CliRunner(env=environment).invoke(main, [str(a) for a in arguments])
    finally:
        os.chdir(before)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return Done(result.exit_code, result.stdout, result.stderr)


def refused(done: Done, *texts: str, code: int = 2) -> None:
    """One message and the right exit code."""
    assert done.returncode == code, done.stderr
    assert "internal error" not in done.stderr
    assert done.stderr.count("ringfence: ") == 1
    for text in texts:
        assert text in done.stderr


def gcc(folder: Path, *arguments: str) -> None:
    subprocess.run(["arm-none-eabi-gcc", *CPU, *arguments], cwd=folder, check=True)


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = write_files(tmp_path_factory.mktemp("compiled"))
    gcc(folder, "-O2", "-g", "-ffunction-sections", "-c", "main.c", "box.c")
    return folder


@pytest.fixture
def folder(compiled: Path, tmp_path: Path) -> Path:
    return shutil.copytree(compiled, tmp_path / "work")


def configure(folder: Path, box: dict[str, Any] | None = None, **changes: Any) -> Path:
    config: dict[str, Any] = {
        "output": "fw.elf", "cpu_flags": CPU, "link_flags": LINK_FLAGS, "objects": ["main.o"],
        "linker_script": "vendor.ld", "sandboxes": [SPEC | {"objects": ["box.o"]} | (box or {})]}
    path = folder / "fw.json"
    path.write_text(json.dumps(config | changes))
    return path


def outputs(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.iterdir() if p.name in OUTPUTS)


@pytest.fixture(scope="module")
def built(compiled: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A firmware built by `ringfence build`; not to be changed."""
    folder = shutil.copytree(compiled, tmp_path_factory.mktemp("cli") / "work")
    done = ringfence("build", configure(folder), cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder


def test_build_publishes_and_verify_and_check_agree(built: Path) -> None:
    assert outputs(built) == sorted(OUTPUTS)
    verified = ringfence("verify", "fw.elf", "--policy", "fw.policy.json", cwd=built)
    assert verified.returncode == 0, verified.stderr
    checked = ringfence("check", "fw.elf", "--policy", "fw.policy.json", "fw.cert.json.gz", cwd=built)
    assert checked.returncode == 0, checked.stderr


def test_report_prints_what_build_printed(built: Path) -> None:
    done = ringfence("report", "fw.report.json", cwd=built)
    assert done.returncode == 0
    assert "fw.elf: certified" in done.stdout
    assert "sandbox box (mask, writes confined)" in done.stdout


def test_a_rejected_build_exits_1_and_leaves_nothing(folder: Path) -> None:
    aliases = [list(alias) for alias in REFUSED_ALIASES]
    (folder / "fw.elf").write_text("old")
    refused(ringfence("build", configure(folder, aliases=aliases), cwd=folder), "REJECTED", code=1)
    assert outputs(folder) == []


@pytest.mark.parametrize(("box", "changes", "text"), [
    ({}, {"compiler": "arm-nowhere-eabi-gcc"}, "'arm-nowhere-eabi-gcc' was not found"),
    ({}, {"compiler": "gcc"}, "not a GNU Arm cross compiler"),
    ({}, {"cpu_flags": ["-mcpu=cortex-m99"]}, "cortex-m99"),
    ({}, {"cpu_flags": [*CPU, "-mbig-endian"]}, "little-endian"),
    ({"exports": ["missing() -> int"]}, {}, "no source defines the export 'missing'"),
    ({"imports": []}, {}, "report: used by scale()"),
    ({"window": "20K"}, {}, "not a power of two"),
    ({"window": "8M"}, {}, "RAM"),
    ({"window": 1 << 30}, {}, "not a power of two from"),
    ({"heap": "3M", "window": "1M"}, {}, "do not fit into the window"),
    ({"objects": ["none.o"]}, {}, "none.o: no such file"),
    ({"unknown": 1}, {}, "unknown"),
    ({}, {"unknown": 1}, "unknown key unknown"),
    ({}, {"linker_script": "none.ld"}, "none.ld"),
    ({}, {"part": "stm99"}, "unknown part 'stm99'"),
    ({}, {"sandboxes": []}, "no sandbox"),
    ({}, {"sandboxes": [SPEC | {"objects": ["box.o"]}] * 2}, "two sandboxes are called 'box'"),
    ({}, {"objects": "main.o"}, "objects must be a list"),
])
def test_a_build_file_with_a_mistake_is_refused(
    folder: Path, box: dict[str, Any], changes: dict[str, Any], text: str
) -> None:
    config = configure(folder, box, **changes)
    refused(ringfence("build", config, cwd=folder), text)


@pytest.mark.parametrize("content", ["", "{", "[]", "\x00", '{"output": 1}'])
def test_an_unreadable_build_file_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "fw.json").write_text(content)
    refused(ringfence("build", "fw.json", cwd=tmp_path), "fw.json")


def test_a_missing_toolchain_is_refused(folder: Path, tmp_path: Path) -> None:
    refused(ringfence("build", configure(folder), cwd=folder, PATH=str(tmp_path)), "arm-none-eabi-gcc", "not found")


# -- the single steps ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def steps(built: Path) -> Path:
    """The intermediates of a build, and a layout for `ringfence rewrite`."""
    folder = built
    (folder / "box.json").write_text(json.dumps(SPEC))
    done = ringfence("link-script", "vendor.ld", "--sandbox", "box.json", "-o", "again.ld", "--layout", "again.json",
                     "--measured", folder / "ringfence-build/fw/measure.elf", cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder


def rewrite(folder: Path, elf: str | Path) -> Done:
    return ringfence("rewrite", elf, "--sandbox", "box.json", "--layout", "again.json", "-o", "out.elf",
                     "--policy", "out.policy.json", "--needs", "needs.json", cwd=folder)


def test_the_single_steps_lead_to_a_certified_file(steps: Path, tmp_path: Path) -> None:
    """link-script, link, rewrite, again with the room that was missing, verify: with the user's own link command."""
    work = shutil.copytree(steps, tmp_path / "steps")
    parts = work / "ringfence-build" / "fw"
    objects = [str(p) for p in sorted(parts.glob("*.o")) if p.name not in ("box.libc.o", "box.linked.o")]

    def link(script: str) -> None:
        gcc(work, *LINK_FLAGS, "-Wl,--emit-relocs", "-Wl,-z,max-page-size=4", f"-T{script}", "main.o", *objects,
            "-o", "linked.elf")

    link("again.ld")
    for _ in range(3):
        done = rewrite(work, "linked.elf")
        if done.returncode == 0:
            break
        refused(done, "does not suffice")
        assert not (work / "out.elf").exists()
        again = ringfence("link-script", "vendor.ld", "--sandbox", "box.json", "-o", "again.ld", "--layout",
                          "again.json", "--measured", parts / "measure.elf", "--needs", "needs.json", cwd=work)
        assert again.returncode == 0, again.stderr
        link("again.ld")
    assert done.returncode == 0, done.stderr
    verified = ringfence("verify", "out.elf", "--policy", "out.policy.json", cwd=work)
    assert verified.returncode == 0, verified.stderr


def damaged(elf: bytes, how: str) -> bytes:
    if how == "big-endian":
        return elf[:5] + b"\x02" + elf[6:]
    if how == "not ARM":
        return elf[:18] + b"\x03\x00" + elf[20:]
    if how == "64-bit":
        return elf[:4] + b"\x02" + elf[5:]
    return elf[: {"empty": 0, "header only": 40, "half": len(elf) // 2, "all but the end": len(elf) - 100}[how]]


@pytest.mark.parametrize(("how", "text"), [
    ("big-endian", "big-endian"), ("not ARM", "not a 32-bit ARM"), ("64-bit", "not a 32-bit ARM"),
    ("empty", "not an ELF"), ("header only", "not an ELF"), ("half", "truncated"), ("all but the end", "truncated"),
])
def test_a_damaged_elf_is_refused_by_rewrite(steps: Path, tmp_path: Path, how: str, text: str) -> None:
    bad = tmp_path / "bad.elf"
    bad.write_bytes(damaged((steps / "ringfence-build/fw/round1.elf").read_bytes(), how))
    refused(rewrite(steps, bad), text)
    assert not (steps / "out.elf").exists()
    assert not (steps / "out.policy.json").exists()


@pytest.mark.parametrize("how", ["big-endian", "not ARM", "64-bit", "empty", "header only", "half"])
def test_a_damaged_elf_is_refused_by_verify(built: Path, tmp_path: Path, how: str) -> None:
    bad = tmp_path / "bad.elf"
    elf = (built / "fw.elf").read_bytes()
    bad.write_bytes(elf[:300] if how == "half" else damaged(elf, how))
    refused(ringfence("verify", bad, "--policy", "fw.policy.json", cwd=built))


def test_an_elf_without_relocations_is_refused(steps: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad.elf"
    source = steps / "ringfence-build" / "fw" / "round1.elf"
    subprocess.run(["arm-none-eabi-objcopy", "--remove-relocations=*", source, bad], check=True)
    refused(rewrite(steps, bad), "no relocations", "--emit-relocs")


def test_an_object_is_not_an_executable(steps: Path) -> None:
    refused(rewrite(steps, "main.o"), "an object file")


def test_a_missing_file_is_refused(steps: Path) -> None:
    refused(rewrite(steps, "none.elf"), "cannot read none.elf")
    refused(ringfence("report", "none.json", cwd=steps), "cannot read none.json")
    refused(ringfence("verify", "none.elf", "--policy", "fw.policy.json", cwd=steps), "none.elf")
    refused(ringfence("verify", "fw.elf", "--policy", "none.json", cwd=steps), "none.json")


@pytest.mark.parametrize("content", [
    b"", b"{", b"[]", b'{"memory": [], "layout": {"sandboxes": [{"name": 1}], "regions": []}}', b"\xff", b"null",
])
def test_a_hostile_layout_is_refused(steps: Path, tmp_path: Path, content: bytes) -> None:
    bad = tmp_path / "bad.json"
    bad.write_bytes(content)
    refused(ringfence("rewrite", "ringfence-build/fw/round1.elf", "--sandbox", "box.json", "--layout", bad, "-o",
                      "out.elf", "--policy", "out.policy.json", cwd=steps), "bad.json")
    assert not (steps / "out.elf").exists()


@pytest.mark.parametrize("content", [
    b"", b"{", b"[]", b"null", b"[" * 100_000, b'{"version": 1, "version": 1}', b'{"version": 2}', b"\xff\xfe",
    b'{"version": 1e999}', b'{"version": NaN}',
])
def test_a_hostile_policy_is_refused(built: Path, tmp_path: Path, content: bytes) -> None:
    bad = tmp_path / "bad.json"
    bad.write_bytes(content)
    refused(ringfence("verify", "fw.elf", "--policy", bad, "--certificate", tmp_path / "out.gz", cwd=built))
    assert not (tmp_path / "out.gz").exists()


@pytest.mark.parametrize("arguments", [[], ["nonsense"], ["build"], ["rewrite", "a.elf"], ["verify", "--bogus"]])
def test_wrong_usage_exits_2(tmp_path: Path, arguments: list[str]) -> None:
    done = ringfence(*arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert "Usage" in done.stderr + done.stdout


def test_the_installed_command_exits_as_the_function_does(tmp_path: Path) -> None:
    """One run as a process: exit code, message on stderr, no traceback."""
    command = [sys.executable, "-m", "ringfence.toolchain.cli", "build", "none.json"]
    done = subprocess.run(command, cwd=tmp_path, text=True, check=False, capture_output=True)
    assert done.returncode == 2
    assert done.stderr.startswith("ringfence: cannot read none.json")
    assert "Traceback" not in done.stderr


def test_an_unforeseen_exception_is_one_message(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise KeyError("oops")

    monkeypatch.setattr("ringfence.toolchain.cli.read_config", broken)
    done = ringfence("build", "fw.json", cwd=tmp_path)
    assert done.returncode == 2
    assert "internal error: KeyError" in done.stderr


def test_help_lists_every_command(tmp_path: Path) -> None:
    done = ringfence("--help", cwd=tmp_path)
    assert done.returncode == 0
    for command in ("build", "link-script", "rewrite", "verify", "check", "explain", "report", "tcb"):
        assert f"\n  {command}" in done.stdout
