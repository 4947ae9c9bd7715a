"""Firmware for Cortex-M4 and M7: the FPU and the DSP instructions go through the whole build, or are refused clearly."""

from __future__ import annotations

import functools
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from ringfence.toolchain.build import FirmwareRequest, build_firmware, check_request
from ringfence.toolchain.close import SandboxInput
from ringfence.toolchain.errors import RingfenceError
from ringfence.toolchain.gates import RUNTIME_DIR, generate
from ringfence.toolchain.gcc import Toolchain
from ringfence.toolchain.link import HostInput
from ringfence.toolchain.spec import EXCEPTION_ROOM, FP_EXCEPTION_ROOM, SandboxSpec
from ringfence.verify.kernel.rejected import Rejected
from ringfence.verify.verifier import verify
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


Build = Callable[[str], Path]
every_case = pytest.mark.parametrize("name", CASES)


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Build:
    """Builds a case with `ringfence build`, once; gives its folder."""

    @functools.cache
    def build_case(name: str) -> Path:
        folder = tmp_path_factory.mktemp(name)
        (folder / "build.json").write_text(json.dumps(prepared(folder, CASES[name])))
        done = ringfence(folder, "build", "build.json", "--no-cache")
        assert done.returncode == 0, done.stderr
        return folder

    return build_case


def policy_of(folder: Path) -> dict[str, Any]:
    policy: dict[str, Any] = json.loads((folder / "fw.policy.json").read_text())
    return policy


@every_case
def test_the_certified_firmware_computes_what_the_build_machine_computes(build: Build, name: str) -> None:
    case, folder = CASES[name], build(name)
    done = subprocess.run(
        ["qemu-system-arm", "-M", case.machine, "-nographic", "-semihosting-config", "enable=on,target=native",
         "-kernel", folder / "fw.elf"],
        timeout=20, check=False, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    expected = native(folder, case)
    assert len(set(expected.split())) > 8
    assert (done.returncode, done.stdout) == (0, expected)


@every_case
def test_the_policy_names_the_architecture_and_the_fpu_and_leaves_room_for_its_frame(build: Build, name: str) -> None:
    case, policy = CASES[name], policy_of(build(name))
    assert (policy["arch"], policy["fpu"]) == ("armv7e-m", case.fpu)
    assert policy["sandboxes"][0]["stack"]["room"] == (FP_EXCEPTION_ROOM if case.fpu else EXCEPTION_ROOM)


@pytest.mark.parametrize("name", ["m4f-hard", "m4-soft"])
def test_the_certificate_checks(build: Build, name: str) -> None:
    done = ringfence(build(name), "check", "fw.elf", "fw.cert.json.gz", "--policy", "fw.policy.json")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(("name", "lesser", "rules"), [
    ("m4-soft", {"arch": "armv7-m"}, {"instruction"}), ("m4f-dsp", {"fpu": False}, {"gate"}),
    ("m4f-hard", {"fpu": False}, {"gate", "instruction"}), ("m7-hard", {"fpu": "fpv5-sp-d16"}, {"instruction"}),
])
def test_the_same_firmware_is_rejected_for_a_core_that_has_less(
    build: Build, name: str, lesser: dict[str, Any], rules: set[str]
) -> None:
    folder = build(name)
    report = verify((folder / "fw.elf").read_bytes(), json.dumps(policy_of(folder) | lesser).encode(), None).report
    assert not report.accepted
    assert {f.rule for f in report.failures} == rules


def test_too_little_room_for_the_frame_of_an_fpu_is_rejected(build: Build) -> None:
    folder = build("m4f-hard")
    policy = policy_of(folder)
    policy["sandboxes"][0]["stack"]["room"] = 104
    with pytest.raises(Rejected, match="108 bytes"):
        verify((folder / "fw.elf").read_bytes(), json.dumps(policy).encode(), None)


@every_case
def test_the_program_uses_the_instructions_that_it_is_about(build: Build, name: str) -> None:
    text = subprocess.run(["arm-none-eabi-objdump", "-d", "-j.ringfence.box.code", build(name) / "fw.elf"], check=True,
                          capture_output=True, text=True).stdout
    wanted = ["vmul.f32", "vdiv.f32", "vstr"] if CASES[name].floating else ["smlad", "qadd", "uadd8"]
    assert all(f"\t{mnemonic}" in text for mnemonic in wanted)
    assert ("\tvadd.f64" in text) == (CASES[name].fpu == "fpv5-d16")


def test_the_single_steps_find_the_fpu_in_the_linked_file(build: Build, tmp_path: Path) -> None:
    """link-script, link, rewrite, again with the room that was missing, verify: no step is told the flags."""
    work = shutil.copytree(build("m4f-hard"), tmp_path / "steps")
    parts = work / "ringfence-build" / "fw"
    spec = json.loads((work / "build.json").read_text())["sandboxes"][0]
    (work / "box.json").write_text(json.dumps(spec))
    support = [p for p in sorted(parts.glob("*.o")) if p.name not in ("box.libc.o", "box.linked.o")]
    script = ["link-script", "vendor.ld", "--sandbox", "box.json", "-o", "again.ld", "--layout", "again.json",
              "--measured", str(parts / "measure.elf")]
    for needs in ([], ["--needs", "needs.json"], ["--needs", "needs.json"]):
        done = ringfence(work, *script, *needs)
        assert done.returncode == 0, done.stderr
        subprocess.run(["arm-none-eabi-gcc", *M4F, *LINK_FLAGS, "-Wl,--emit-relocs", "-Wl,-z,max-page-size=4",
                        "-Tagain.ld", "main.o", *support, "-o", "linked.elf"], cwd=work, check=True)
        done = ringfence(work, "rewrite", "linked.elf", "--sandbox", "box.json", "--layout", "again.json", "-o",
                         "out.elf", "--policy", "out.policy.json", "--needs", "needs.json", "--part", "mps2-an386")
        if done.returncode == 0:
            break
    assert done.returncode == 0, done.stderr
    policy = json.loads((work / "out.policy.json").read_text())
    assert (policy["fpu"], policy["sandboxes"][0]["stack"]["room"]) == ("fpv4-sp-d16", FP_EXCEPTION_ROOM)
    assert ringfence(work, "verify", "out.elf", "--policy", "out.policy.json").returncode == 0


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


@pytest.mark.parametrize(("flag", "message"), [
    ("-mfloat-abi=soft", "-mfloat-abi=soft choose armv7e-m, no FPU"), ("-mcpu=cortex-m7", "choose .*FPU fpv5"),
])
def test_link_flags_that_disagree_are_refused(tmp_path: Path, flag: str, message: str) -> None:
    request = request_in(tmp_path)
    host = replace(request.host, link_flags=(*LINK_FLAGS, *(f for f in M4F if "fpu" not in f), flag))
    tools = Toolchain.find("arm-none-eabi-gcc", ["-mcpu=cortex-m4", "-mthumb", "-mfloat-abi=hard"])
    refused(replace(request, host=host, tools=tools), message)
    agreeing = replace(request.host, link_flags=(*LINK_FLAGS, *M4F))
    check_request(replace(request, host=agreeing))


def test_a_library_that_needs_more_than_the_flags_say_is_refused(tmp_path: Path) -> None:
    """An archive is not opened before the link; what the linker made of it is looked at."""
    request = request_in(tmp_path)
    (tmp_path / "fast.S").write_text(
        ".syntax unified\n.thumb\n.fpu fpv5-d16\n.global fast\n.thumb_func\nfast: vadd.f64 d0, d0, d0\nbx lr\n")
    compiled(tmp_path, "fast.S", M4F)
    archive = tmp_path / "libfast.a"
    subprocess.run(["arm-none-eabi-ar", "rcs", archive, tmp_path / "fast.o"], check=True)
    (tmp_path / "main.c").write_text((tmp_path / "main.c").read_text().replace(
        "    results();", "    extern void fast(void); fast();\n    results();"))
    compiled(tmp_path, "main.c", M4F, "-DFPU=1")
    host = HostInput((tmp_path / "main.o", archive), tmp_path / "vendor.ld", tuple(LINK_FLAGS))
    refused(FirmwareRequest(request.output, request.tools, host, request.sandboxes), "is linked from code for .*fpv5-d16")


def test_with_soft_float_nothing_may_use_the_fpu_not_even_assembly_of_the_hosts(tmp_path: Path) -> None:
    """An interrupt would stack its registers in the sandbox's stack, where there is no room for them."""
    case = CASES["m4-soft"]
    spec = prepared(tmp_path, case)["sandboxes"][0]
    spec.pop("objects")
    (tmp_path / "save.S").write_text(".syntax unified\n.thumb\n.fpu fpv4-sp-d16\nvpush {s16-s31}\nvpop {s16-s31}\nbx lr\n")
    host = HostInput((tmp_path / "main.o", compiled(tmp_path, "save.S", case.cpu)), tmp_path / "vendor.ld",
                     tuple(LINK_FLAGS))
    box = SandboxInput(SandboxSpec.from_options(**spec), (tmp_path / "box.o",))
    tools = Toolchain.find("arm-none-eabi-gcc", case.cpu)
    refused(FirmwareRequest(tmp_path / "fw.elf", tools, host, (box,)), r"save\.o is compiled for .*FPU fpv4-sp-d16")


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
    ("-mcpu=cortex-m4", ("armv7e-m", False, False)),
    ("-march=armv7e-m+fp -mfloat-abi=hard", ("armv7e-m", "fpv4-sp-d16", True)),
    ("-mcpu=cortex-m4 -mfpu=fpv4-sp-d16", ("armv7e-m", False, False)),
    ("-mcpu=cortex-m4 -mfloat-abi=softfp", ("armv7e-m", "fpv4-sp-d16", False)),
    ("-mcpu=cortex-m7 -mfpu=fpv5-sp-d16 -mfloat-abi=hard", ("armv7e-m", "fpv5-sp-d16", True)),
    ("-mcpu=cortex-m7 -mfloat-abi=hard", ("armv7e-m", "fpv5-d16", True)),
])
def test_the_compiler_says_what_its_flags_mean(flags: str, expected: tuple[Any, ...]) -> None:
    target = Toolchain.find("arm-none-eabi-gcc", [*flags.split(), "-mthumb"]).target
    assert (target.arch, target.fpu, target.hard) == expected
