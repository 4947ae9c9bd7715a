"""Whole firmwares of other shapes: two sandboxes, C++ with constructors and virtual calls, LTO, trap mode, -O0."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from ringfence.toolchain.build import FirmwareRequest, build_firmware
from ringfence.toolchain.close import SandboxInput
from ringfence.toolchain.gcc import Toolchain
from ringfence.toolchain.link import HostInput
from ringfence.toolchain.report import report_lines
from ringfence.toolchain.spec import SandboxSpec
from support.small_firmware import CPU, HOST, LINK_FLAGS, write_files

CPP = """
template <class T> struct Stack {
    T items[8]; int n = 0;
    void push(T t) { if (n < 8) items[n++] = t; }
    virtual T top() { return n ? items[n - 1] : T(); }
    virtual ~Stack() {}
};
struct Twice : Stack<int> { int top() override { return 2 * Stack<int>::top(); } };
static Twice numbers;
Stack<int> *current = &numbers;
extern "C" int count(int n) { current->push(n); return current->top(); }
"""
# The second sandbox is also called by an import of the first.
HOST_OF_TWO = "int count(int n);\n" + HOST.replace("return n + 1;", "return n + count(3) - 5;").replace(
    "scale(4) ==", "count(21) == 42 && scale(4) ==")


def compile_in(folder: Path, name: str, *flags: str) -> Path:
    output = (folder / name).with_suffix(".o")
    driver = "arm-none-eabi-g++" if name.endswith("cpp") else "arm-none-eabi-gcc"
    common = [*CPU, "-g", "-ffunction-sections", "-fdata-sections"]
    subprocess.run([driver, *common, *flags, "-c", folder / name, "-o", output], check=True)
    return output


@pytest.mark.parametrize(("flags", "mode", "shadow"), [
    (["-O2"], "mask", "stack"), (["-O0"], "mask", "stack"), (["-Os"], "trap", "words"), (["-O2", "-flto"], "mask", "words"),
])
def test_two_sandboxes_are_certified_and_run(tmp_path: Path, flags: list[str], mode: str, shadow: str) -> None:
    write_files(tmp_path)
    (tmp_path / "main.c").write_text(HOST_OF_TWO)
    (tmp_path / "other.cpp").write_text(CPP)
    box = SandboxSpec.from_options(name="box", exports=["scale(int n) -> int"], imports=["report(int n) -> int"],
                                   heap=256, window="4K", mode=mode, shadow=shadow)
    other = SandboxSpec.from_options(name="other", exports=["count(int n) -> int"], heap="1K", mode=mode)
    lto = [flag for flag in flags if "lto" in flag]
    request = FirmwareRequest(
        tmp_path / "fw.elf",
        Toolchain.find("arm-none-eabi-gcc", CPU),
        HostInput((compile_in(tmp_path, "main.c", *flags),), tmp_path / "vendor.ld", (*LINK_FLAGS, *lto)),
        (SandboxInput(box, (compile_in(tmp_path, "box.c", *flags),)),
         SandboxInput(other, (compile_in(tmp_path, "other.cpp", "-fno-exceptions", "-fno-rtti", *flags),), ("stdc++",))),
    )
    report = build_firmware(request, tmp_path / "work").report
    assert [(box["mode"], box["shadow"]) for box in report["sandboxes"]] == [(mode, shadow), (mode, "stack")]
    ram = report["sandboxes"][0]["ram"]
    assert ram["shadow"] == (8 if shadow == "words" else ram["stack"])
    assert ("words for return addresses" in "\n".join(report_lines(report))) is (shadow == "words")
    done = subprocess.run(
        ["qemu-system-arm", "-M", "mps2-an385", "-nographic", "-semihosting-config", "enable=on,target=native",
         "-kernel", tmp_path / "fw.elf"], timeout=20, check=False, stdin=subprocess.DEVNULL)
    assert done.returncode == 0
