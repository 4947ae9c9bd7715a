"""A firmware with confine="reads", built, certified and run in QEMU: constants and constructors work, secrets stay."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from ringfence.toolchain.build import FirmwareRequest, build_firmware
from ringfence.toolchain.close import SandboxInput
from ringfence.toolchain.gates import RUNTIME_DIR
from ringfence.toolchain.gcc import Toolchain
from ringfence.toolchain.link import HostInput
from ringfence.toolchain.report import read_report, report_lines
from ringfence.toolchain.spec import SandboxSpec
from support.small_firmware import CPU, HOST, LINK_FLAGS, write_files

WRONG, RAM_SEEN, FLASH_SEEN, STRAY_LOAD = 1, 2, 4, 8  # bits of the firmware's exit status
BOX = r"""
int report(int n);
static const char *const names[] = {"zero", "one", "three"};
static int add(int n) { return n + 2; }
static int triple(int n) { return n * 3; }
static const struct { signed char weight; int (*call)(int); } steps[] = {{1, add}, {-2, triple}};
static int constructed;
__attribute__((constructor)) static void construct(void) { constructed = 11; }
int peek(int where) { return *(volatile int *)where; }
int scale(int n)
{
    const char *name = names[n & 1 ? 2 : 1];
    int sum = constructed;
    for (int i = 0; i < 2; i++)
        sum += steps[i].weight * steps[i].call(n);
    while (*name)
        sum = sum * 3 + *name++;
    return report(sum);
}
"""
MAIN = HOST.replace("leave(scale(4) == 4 * 3 + 1 + 7 && initialised == 5 ? 0 : 1)", "leave(look())").replace("void Reset_Handler(void);", r"""
#include "RUNTIME/ringfence.h"
int peek(int where);
int ram_secret = 0x5ec2e7;
const int flash_secret = 0xc0de5;
extern int expected(int n);
static int look(void)
{
    int status = scale(4) == expected(4) && scale(5) == expected(5) ? 0 : 1;
    const struct ringfence_fault *fault;

    if (peek((int)&ram_secret) == ram_secret)
        status |= 2;
    if (peek((int)&flash_secret) == flash_secret)
        status |= 4;
    fault = ringfence_last_fault();
    return status | (fault != 0 && fault->kind == RINGFENCE_FAULT_LOAD ? 8 : 0);
}
void Reset_Handler(void);
""".replace("RUNTIME", str(RUNTIME_DIR)))
EXPECTED = r"""
int expected(int n)
{
    const char *name = n & 1 ? "three" : "one";
    int sum = 11 + (n + 2) - 2 * 3 * n;
    while (*name)
        sum = sum * 3 + *name++;
    return sum + 1; /* report() */
}
"""


def build(folder: Path, **options: str) -> Path:
    write_files(folder)
    objects = {}
    for name, text in (("main", MAIN), ("expected", EXPECTED), ("box", BOX)):
        (folder / f"{name}.c").write_text(text)
        subprocess.run(["arm-none-eabi-gcc", *CPU, "-O2", "-g", "-ffunction-sections", "-fdata-sections", "-c",
                        folder / f"{name}.c", "-o", folder / f"{name}.o"], check=True)  # fmt: skip
        objects[name] = folder / f"{name}.o"
    spec = SandboxSpec.from_options(name="box", exports=["scale(int n) -> int", "peek(int where) -> int"],
                                    imports=["report(int n) -> int"], heap="256", window="64K", **options)
    host = HostInput((objects["main"], objects["expected"]), folder / "vendor.ld", tuple(LINK_FLAGS))
    build_firmware(FirmwareRequest(folder / "fw.elf", Toolchain.find("arm-none-eabi-gcc", CPU), host,
                                   (SandboxInput(spec, (objects["box"],)),)), folder / "work")  # fmt: skip
    return folder


@pytest.mark.parametrize(
    ("confine", "mode", "status"),
    [("writes", "mask", RAM_SEEN | FLASH_SEEN), ("reads", "mask", 0), ("reads", "trap", STRAY_LOAD)],
)
def test_a_secret_of_the_host_is_read_unless_reads_are_confined(
    tmp_path: Path, confine: str, mode: str, status: int
) -> None:
    folder = build(tmp_path, confine=confine, mode=mode)
    done = subprocess.run(
        ["qemu-system-arm", "-M", "mps2-an385", "-nographic", "-semihosting-config", "enable=on,target=native",
         "-kernel", folder / "fw.elf"], timeout=20, check=False, stdin=subprocess.DEVNULL)  # fmt: skip
    assert done.returncode == status
    box = json.loads((folder / "fw.policy.json").read_text())["sandboxes"][0]
    assert (box["confine"], bool(box["constants"])) == (confine, confine == "writes")
    report = read_report((folder / "fw.report.json").read_bytes(), "report")
    assert f"sandbox box ({mode}, {confine} confined)" in "\n".join(report_lines(report))
