"""Firmware for Cortex-M4 and M7: the FPU and the DSP instructions go through the whole build, or are refused clearly."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ringfence.toolchain.build import FirmwareRequest, build_firmware
from ringfence.toolchain.close import SandboxInput
from ringfence.toolchain.errors import RingfenceError
from ringfence.toolchain.gates import RUNTIME_DIR, generate
from ringfence.toolchain.gcc import Toolchain
from ringfence.toolchain.link import HostInput
from ringfence.toolchain.spec import EXCEPTION_ROOM, FP_EXCEPTION_ROOM, SandboxSpec
from support.small_firmware import HOST, LINK_FLAGS, write_files

CODE_FLAGS = ["-O2", "-g", "-ffunction-sections", "-fdata-sections", "-ffp-contract=off"]

FLOATING = r"""
#include <stdint.h>
float level(float x);                       /* the host's */
static float history[8], *last = history;
static double total;
__attribute__((noinline)) static float blend(float a, float b, float part) { return a + (b - a) * part; }
float mix(float gain, int n, double bias, float offset)
{
    float *to = &history[n & 7];
    *to = blend(gain, *last, 0.25f) / 3.0f + level(offset) + (float)bias;
    last = to;
    return *to;
}
double sum(const float *samples, uint32_t size)
{
    for (uint32_t i = 0; i < size / sizeof *samples; i++)
        total += samples[i] * history[i & 7];
    return total;
}
int32_t rounded(float x, float y) { return (int32_t)(x * 1000.0f) - (int32_t)y; }
"""
FLOATING_EXPORTS = ["mix(float gain, int n, double bias, float offset) -> float", "sum(in samples[size], size) -> double",
                    "rounded(float x, float y) -> int32"]
FLOATING_HOST = r"""
float level(float x) { return x * 0.5f - 1.0f; }
__attribute__((noinline)) static void results(void)
{
    static float samples[16];
    for (int i = 0; i < 16; i++) {
        samples[i] = mix(1.0f + (float)i / 7.0f, i * 3, 0.1 * i, (float)i * 0.3f);
        float_result(samples[i]);
    }
    double all = sum(samples, sizeof samples);
    float_result((float)all);
    float_result((float)(all - (double)(float)all));
    word_result((uint32_t)rounded(samples[3], samples[11]));
}
"""

# The same function with the instructions and, on the build machine, with their definitions (ARMv7-M A7.7).
DSP = r"""
#include <stdint.h>
#ifdef __ARM_FEATURE_DSP
#include <arm_acle.h>
#else
static int32_t half(uint32_t x, int n) { return (int16_t)(x >> 16 * n); }
static int32_t __smlad(uint32_t x, uint32_t y, int32_t sum)
{
    return (int32_t)((uint32_t)sum + (uint32_t)(half(x, 0) * half(y, 0)) + (uint32_t)(half(x, 1) * half(y, 1)));
}
static int32_t __qadd(int32_t x, int32_t y)
{
    int64_t sum = (int64_t)x + y;
    return sum > INT32_MAX ? INT32_MAX : sum < INT32_MIN ? INT32_MIN : (int32_t)sum;
}
static uint32_t __uadd8(uint32_t x, uint32_t y)
{
    return ((x & 0x7F7F7F7Fu) + (y & 0x7F7F7F7Fu)) ^ ((x ^ y) & 0x80808080u);
}
#endif
static uint32_t sums[16];
int32_t dot(const uint32_t *x, uint32_t size)
{
    int32_t sum = 0, limited = 0;
    for (uint32_t i = 0; i + 1 < size / sizeof *x; i++) {
        sum = __smlad(x[i], x[i + 1], sum);
        limited = __qadd(limited, sum);
        sums[i & 15] = __uadd8(sums[(i + 1) & 15], x[i]);
    }
    return (int32_t)((uint32_t)limited ^ sums[5] ^ (uint32_t)sum);
}
"""
DSP_EXPORTS = ["dot(in x[size], size) -> int32"]
DSP_HOST = r"""
__attribute__((noinline)) static void results(void)
{
    static uint32_t x[64];
    for (uint32_t i = 0; i < 64; i++)
        x[i] = i * 0x9E3779B9u;
    for (uint32_t n = 2; n <= 64; n += 7)
        word_result((uint32_t)dot(x, 4 * n));
}
"""

COMMON = r"""
#include <stdint.h>
static char text[400], *end = text;
static void word_result(uint32_t word)
{
    for (int shift = 28; shift >= 0; shift -= 4)
        *end++ = "0123456789abcdef"[word >> shift & 15];
    *end++ = '\n';
}
static void float_result(float value)
{
    union { float value; uint32_t word; } both = {value};
    word_result(both.word);
}
"""
DEVICE_MAIN = HOST.partition("void Reset_Handler(void)\n{")[0].partition("int report")[2].partition("\n")[2] + r"""
void Reset_Handler(void)
{
    const uint32_t *from = &_sidata;
    for (uint32_t *to = &_sdata; to < &_edata;) *to++ = *from++;
    for (uint32_t *to = &_sbss; to < &_ebss;) *to++ = 0;
    if (FPU) {
        *(volatile uint32_t *)0xE000ED88u |= 0xFu << 20; /* CPACR */
        __asm__ volatile("dsb\n\tisb" ::: "memory");
    }
    results();
    register uint32_t r0 __asm__("r0") = 4, r1 __asm__("r1") = (uint32_t)text; /* SYS_WRITE0 */
    __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
    leave(0);
}
"""
NATIVE_MAIN = '#include <stdio.h>\nint main(void) { results(); return fputs(text, stdout) < 0; }\n'


@dataclass(frozen=True)
class Case:
    """A core, the machine that has it, and a program."""

    cpu: tuple[str, ...]
    machine: str
    fpu: Any
    floating: bool

    @property
    def program(self) -> tuple[str, str, list[str], list[str]]:
        if self.floating:
            return FLOATING, FLOATING_HOST, FLOATING_EXPORTS, ["level(float x) -> float"]
        return DSP, DSP_HOST, DSP_EXPORTS, []


M4F = ("-mcpu=cortex-m4", "-mthumb", "-mfpu=fpv4-sp-d16", "-mfloat-abi=hard")
M4 = ("-mcpu=cortex-m4", "-mthumb")
CASES = {
    "m4f-hard": Case(M4F, "mps2-an386", "fpv4-sp-d16", True),
    "m4f-softfp": Case((*M4F[:3], "-mfloat-abi=softfp"), "mps2-an386", "fpv4-sp-d16", True),
    "m7-hard": Case(("-mcpu=cortex-m7", "-mthumb", "-mfloat-abi=hard"), "mps2-an500", "fpv5-d16", True),
    "m4-soft": Case(M4, "mps2-an386", False, False),
    "m4f-dsp": Case(M4F, "mps2-an386", "fpv4-sp-d16", False),
}


def compiled(folder: Path, name: str, cpu: tuple[str, ...] = M4F, *flags: str) -> Path:
    output = (folder / name).with_suffix(".o")
    subprocess.run(["arm-none-eabi-gcc", *cpu, *CODE_FLAGS, *flags, "-I", folder, "-I", RUNTIME_DIR, "-c",
                    folder / name, "-o", output], check=True)
    return output


def prepared(folder: Path, case: Case) -> dict[str, Any]:
    """The objects in `folder`, and the build file for them."""
    box, host, exports, imports = case.program
    spec: dict[str, Any] = {"name": "box", "exports": exports, "imports": imports, "heap": "1K"}
    header = generate(SandboxSpec.from_options(**spec)).header
    write_files(folder)
    (folder / "ringfence_box.h").write_text(header)
    (folder / "box.c").write_text(box)
    (folder / "main.c").write_text(f'#include "ringfence_box.h"\n{COMMON}{host}{DEVICE_MAIN}')
    compiled(folder, "box.c", case.cpu)
    compiled(folder, "main.c", case.cpu, f"-DFPU={int(bool(case.fpu))}")
    return {"output": "fw.elf", "cpu_flags": list(case.cpu), "objects": ["main.o"], "linker_script": "vendor.ld",
            "link_flags": LINK_FLAGS, "sandboxes": [spec | {"objects": ["box.o"]}]}


def native(folder: Path, case: Case) -> str:
    """What the same functions give on the build machine."""
    box, host, *_ = case.program
    (folder / "native.c").write_text(box + COMMON.replace("#include <stdint.h>", "") + host + NATIVE_MAIN)
    subprocess.run(["gcc", "-O2", "-ffp-contract=off", folder / "native.c", "-o", folder / "native"], check=True)
    return subprocess.run([folder / "native"], check=True, capture_output=True, text=True).stdout


def ringfence(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "ringfence.toolchain.cli", *arguments], cwd=folder, text=True,
                          capture_output=True, check=False)


@pytest.fixture(scope="module", params=CASES, ids=list(CASES))
def built(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Case]:
    case, folder = CASES[request.param], tmp_path_factory.mktemp(request.param)
    (folder / "build.json").write_text(json.dumps(prepared(folder, case)))
    done = ringfence(folder, "build", "build.json", "--no-cache")
    assert done.returncode == 0, done.stderr
    return folder, case


def test_the_certified_firmware_computes_what_the_build_machine_computes(built: tuple[Path, Case]) -> None:
    folder, case = built
    done = subprocess.run(
        ["qemu-system-arm", "-M", case.machine, "-nographic", "-semihosting-config", "enable=on,target=native",
         "-kernel", folder / "fw.elf"], timeout=20, check=False, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    expected = native(folder, case)
    assert done.returncode == 0
    assert len(set(expected.split())) > 8
    assert (done.stdout or done.stderr) == expected


def test_the_policy_names_the_architecture_and_the_fpu_and_leaves_room_for_its_frame(built: tuple[Path, Case]) -> None:
    folder, case = built
    policy = json.loads((folder / "fw.policy.json").read_text())
    assert (policy["arch"], policy["fpu"]) == ("armv7e-m", case.fpu)
    assert policy["sandboxes"][0]["stack"]["room"] == (FP_EXCEPTION_ROOM if case.fpu else EXCEPTION_ROOM)


def test_the_certificate_checks_and_not_for_a_core_that_has_less(built: tuple[Path, Case]) -> None:
    folder, case = built
    check = ["check", "fw.elf", "fw.cert.json.gz", "--policy"]
    done = ringfence(folder, *check, "fw.policy.json")
    assert done.returncode == 0, done.stderr
    policy = json.loads((folder / "fw.policy.json").read_text())
    for lesser in ({"arch": "armv7-m"}, {"fpu": False}):
        if lesser.items() <= policy.items() or (case.floating and "arch" in lesser):
            continue  # this program needs no DSP instruction
        (folder / "lesser.json").write_text(json.dumps(policy | lesser))
        assert ringfence(folder, *check, "lesser.json").returncode == 1


def test_the_program_uses_the_instructions_that_it_is_about(built: tuple[Path, Case]) -> None:
    folder, case = built
    text = subprocess.run(["arm-none-eabi-objdump", "-d", "-j.ringfence.box.code", folder / "fw.elf"], check=True,
                          capture_output=True, text=True).stdout
    wanted = ["vmul.f32", "vdiv.f32", "vstr"] if case.floating else ["smlad", "qadd", "uadd8"]
    assert all(f"\t{name}" in text for name in wanted)


def request_in(folder: Path, **options: Any) -> FirmwareRequest:
    """The floating-point firmware for Cortex-M4F."""
    config = prepared(folder, CASES["m4f-hard"])
    box = {key: value for key, value in config["sandboxes"][0].items() if key != "objects"}
    return FirmwareRequest(
        folder / "fw.elf", Toolchain.find("arm-none-eabi-gcc", M4F),
        HostInput((folder / "main.o",), folder / "vendor.ld", tuple(LINK_FLAGS)),
        (SandboxInput(SandboxSpec.from_options(**(box | options)), (folder / "box.o",)),))


def refused(request: FirmwareRequest, message: str) -> None:
    with pytest.raises(RingfenceError, match=message):
        build_firmware(request, request.output.parent / "work")
    assert not request.output.exists()


@pytest.mark.parametrize(("name", "cpu", "message"), [
    ("box.c", (*M4F[:3], "-mfloat-abi=softfp"), r"box\.o is compiled for .*softfp.*flags say .*hard"),
    ("main.c", M4, r"main\.o is compiled for armv7e-m, no FPU.*flags say armv7e-m, FPU fpv4-sp-d16"),
    ("box.c", ("-mcpu=cortex-m7", "-mthumb", "-mfloat-abi=hard"), r"box\.o is compiled for .*FPU fpv5-d16"),
    ("box.c", ("-mcpu=cortex-m33", "-mthumb", "-mfloat-abi=hard"), r"box\.o is for ARMv8-M"),
    ("box.c", ("-mcpu=cortex-m4", "-mthumb", "-mfloat-abi=hard", "-mfpu=vfpv4"), r"box\.o is for an FPU that no"),
])
def test_an_object_that_disagrees_with_the_flags_is_named(
    tmp_path: Path, name: str, cpu: tuple[str, ...], message: str
) -> None:
    request = request_in(tmp_path)
    compiled(tmp_path, name, cpu, "-DFPU=0")
    refused(request, message)


def test_a_library_that_needs_more_than_the_flags_say_is_refused(tmp_path: Path) -> None:
    """An archive is not opened before the link; what the linker made of it is looked at."""
    request = request_in(tmp_path)
    (tmp_path / "fast.S").write_text(".syntax unified\n.thumb\n.fpu fpv5-d16\n.global fast\n.thumb_func\nfast: vadd.f64 d0, d0, d0\nbx lr\n")
    compiled(tmp_path, "fast.S", M4F)
    archive = tmp_path / "libfast.a"
    subprocess.run(["arm-none-eabi-ar", "rcs", archive, tmp_path / "fast.o"], check=True)
    (tmp_path / "main.c").write_text((tmp_path / "main.c").read_text().replace(
        "    results();", "    extern void fast(void); fast();\n    results();"))
    compiled(tmp_path, "main.c", M4F, "-DFPU=1")
    host = HostInput((tmp_path / "main.o", archive), tmp_path / "vendor.ld", tuple(LINK_FLAGS))
    refused(FirmwareRequest(request.output, request.tools, host, request.sandboxes), "is linked from code for .*fpv5-d16")


def test_a_declared_stack_must_hold_the_frame_of_an_fpu(tmp_path: Path) -> None:
    refused(request_in(tmp_path, stack=96), r"needs \d+ bytes of stack \(112 of them for interrupts\), stack= gives 96")


@pytest.mark.parametrize(("flags", "message"), [
    ("-mcpu=cortex-m0", "ARMv6-M: this core is not supported"), ("-mcpu=cortex-m33", "ARMv8-M"),
    ("-mcpu=cortex-m33 -mfloat-abi=hard", "ARMv8-M"), ("-mcpu=cortex-a9", "not supported"),
    ("-mcpu=cortex-m3 -mfloat-abi=hard", "lacks an FPU"), ("-mcpu=cortex-m4 -mfpu=neon -mfloat-abi=hard", "FPU that no"),
])
def test_flags_for_another_core_or_fpu_are_refused(flags: str, message: str) -> None:
    with pytest.raises(RingfenceError, match=message):
        Toolchain.find("arm-none-eabi-gcc", [*flags.split(), "-mthumb"])


@pytest.mark.parametrize(("flags", "expected"), [
    ("-mcpu=cortex-m3", ("armv7-m", False, False)), ("-march=armv7-m", ("armv7-m", False, False)),
    ("-mcpu=cortex-m4", ("armv7e-m", False, False)), ("-march=armv7e-m+fp -mfloat-abi=hard", ("armv7e-m", "fpv4-sp-d16", True)),
    ("-mcpu=cortex-m4 -mfpu=fpv4-sp-d16", ("armv7e-m", False, False)),
    ("-mcpu=cortex-m4 -mfloat-abi=softfp", ("armv7e-m", "fpv4-sp-d16", False)),
    ("-mcpu=cortex-m7 -mfpu=fpv5-sp-d16 -mfloat-abi=hard", ("armv7e-m", "fpv5-sp-d16", True)),
    ("-mcpu=cortex-m7 -mfloat-abi=hard", ("armv7e-m", "fpv5-d16", True)),
])
def test_the_compiler_says_what_its_flags_mean(flags: str, expected: tuple[Any, ...]) -> None:
    target = Toolchain.find("arm-none-eabi-gcc", [*flags.split(), "-mthumb"]).target
    assert (target.arch, target.fpu, target.hard) == expected
