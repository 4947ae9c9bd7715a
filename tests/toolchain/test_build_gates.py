"""Gates in a certified firmware: arguments on the stack, structures, function pointers; and what the policy says of them."""

from __future__ import annotations

import hashlib
import json
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ringfence.toolchain.build import FirmwareRequest, build_firmware
from ringfence.toolchain.close import SandboxInput
from ringfence.toolchain.debuginfo import undeclared_pointers
from ringfence.toolchain.elffile import LinkedElf
from ringfence.toolchain.gates import generate
from ringfence.toolchain.gcc import Toolchain
from ringfence.toolchain.link import HostInput
from ringfence.toolchain.spec import SandboxSpec
from ringfence.verify.kernel.check import Report, check
from ringfence.verify.recheck import read_certificate
from support.small_firmware import CPU, HOST, LINK_FLAGS, write_files

EXPORTS = [
    "weigh(int a, int b, int c, int d, int e, int64 f, int16_t g) -> int64",
    "turn(struct point[int*2] p, int times) -> struct point[int*2]",
    "give(which) -> function", "(*call)(int n, int64 m) -> int error -77",
]
SANDBOX = r"""
#include <stdint.h>
struct point { int x, y; };
__attribute__((optimize("O0"))) int64_t weigh(int a, int b, int c, int d, int e, int64_t f, int16_t g)
{
    e *= 2, f *= 3, g = (int16_t)(g + 1); /* a callee may change its arguments on the stack */
    return a + 2 * b + 3 * c + 4 * d + e + f + g;
}
struct point turn(struct point p, int times)
{
    while (times-- > 0)
        p = (struct point){-p.y, p.x};
    return p;
}
static int triple(int n, int64_t m) { return 3 * n + (int)m; }
__attribute__((naked)) static int deep(int n, int64_t m)
{
    (void)n, (void)m;
    __asm__ volatile("sub sp, #400\n subs r0, r0, r2\n add sp, #400\n bx lr");
}
typedef int (*function)(int, int64_t);
static const function functions[] = {triple, deep};
function give(unsigned which) { return functions[which & 1]; }
"""
MAIN = HOST.replace("int scale(int n);", """
struct point { int x, y; };
#include "ringfence_box.h"
static int all_right(void)
{
    struct point p = turn((struct point){3, 4}, 1);
    ringfence_function triple = give(0);
    if (weigh(1, 2, 3, 4, 5, -600000000000LL, 7) != 1 + 4 + 9 + 16 + 10 - 1800000000000LL + 8)
        return 1;
    if (p.x != -4 || p.y != 3)
        return 2;
    if (call(triple, 5, 6) != 21 || call(give(1), 5, 6) != -1)
        return 3;
    if (call((ringfence_function)((uintptr_t)triple + 8), 5, 6) != -77 ||
        ringfence_last_status(&ringfence_box) != RINGFENCE_ERROR_FUNCTION)
        return 4;
    return call(triple, 1, 1) == 4 ? 0 : 5;
}""").replace("leave(scale(4) == 4 * 3 + 1 + 7 && initialised == 5 ? 0 : 1);", "leave(all_right());")


def compiled(folder: Path, name: str) -> Path:
    output = folder / f"{name}.o"
    runtime = Path(__file__).parents[2] / "toolchain" / "runtime"
    subprocess.run(["arm-none-eabi-gcc", *CPU, "-O1", "-g", "-ffunction-sections", "-fdata-sections", "-I", runtime,
                    "-I", folder, "-c", folder / name, "-o", output], check=True)
    return output


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = write_files(tmp_path_factory.mktemp("gates"))
    (folder / "main.c").write_text(MAIN)
    (folder / "box.c").write_text(SANDBOX)
    spec = SandboxSpec.from_options(name="box", exports=EXPORTS, heap="256")
    (folder / "ringfence_box.h").write_text(generate(spec).header)
    host = HostInput((compiled(folder, "main.c"),), folder / "vendor.ld", tuple(LINK_FLAGS))
    build_firmware(FirmwareRequest(folder / "fw.elf", Toolchain.find("arm-none-eabi-gcc", CPU), host,
                                   (SandboxInput(spec, (compiled(folder, "box.c"),)),)), folder / "work")
    return folder


def test_the_certified_firmware_passes_stack_arguments_structures_and_pointers(built: Path) -> None:
    done = subprocess.run(
        ["qemu-system-arm", "-M", "mps2-an385", "-nographic", "-semihosting-config", "enable=on,target=native",
         "-kernel", built / "fw.elf"], timeout=20, check=False, stdin=subprocess.DEVNULL)
    assert done.returncode == 0


def test_slots_are_branches_where_the_gates_look_at_them(built: Path) -> None:
    """triple() could stand in the table; but then nobody could tell its address from a forged one."""
    policy = policy_of(built)
    elf, box = LinkedElf((built / "fw.elf").read_bytes()), policy["sandboxes"][0]
    places = {s.name: s.value for s in elf.symbols}
    assert places["triple"] < int(box["slots"]["start"], 16)


def test_the_words_above_the_stack_are_in_the_window_and_hold_nothing_else(built: Path) -> None:
    box = policy_of(built)["sandboxes"][0]
    words = SandboxSpec.from_options(name="box", exports=EXPORTS, heap="256").stack_words
    assert words == 5
    end = int(box["window"]["base"], 16) + box["window"]["size"]
    assert int(box["stack"]["high"], 16) + 4 * words <= end


def test_the_host_may_enter_through_slots_only_if_the_stack_suffices_for_each(built: Path) -> None:
    """The same proof for less stack: enough for the exports, but not for the function that only the host calls."""
    policy = policy_of(built)
    box = policy["sandboxes"][0]
    assert box["pointers"] is True
    box["stack"]["low"] = f"{int(box['stack']['high'], 16) - 200:#x}"
    for keys in (policy, box, *box["entries"]):  # the descriptor has the old bound: of no concern here
        for key in ("gates", "gate", "word", "stub", "clears"):
            keys.pop(key, None)
    rejected = checked_against(built, policy)
    assert not rejected.accepted
    slots = range(int(box["slots"]["start"], 16), int(box["slots"]["end"], 16), 4)
    assert {(f.rule, f.address in slots) for f in rejected.failures} == {("stack", True)}
    del box["pointers"]
    assert checked_against(built, policy).accepted


def test_what_contradicts_the_source_draws_a_warning(built: Path) -> None:
    """Pointers declared as numbers, structures of another size, numbers that are structures; the real ones draw none."""
    elf = (built / "fw.elf").read_bytes()

    def warnings(*exports: str) -> list[str]:
        return undeclared_pointers(elf, [SandboxSpec.from_options(name="box", exports=list(exports), heap="256")])

    assert warnings(*EXPORTS) == []
    (smaller, result) = warnings("turn(struct point[int*1] p, int times) -> struct point[int*3]")
    assert "parameter p is declared as a structure of 4 bytes, and is of 8 bytes" in smaller
    assert "the result is declared as a structure of 12 bytes, and is of 8 bytes" in result
    (number, result) = warnings("turn(int64 p, int times) -> int64")
    assert "parameter p is a structure in the source: declare it as struct NAME[8]" in number
    assert "the result is a structure" in result
    (none,) = warnings("give(struct s[4] which) -> function")
    assert "is no structure in the source" in none
    (count,) = warnings("give() -> function")
    assert "the source has 1 parameters, the prototype 0" in count


def checked_against(folder: Path, policy: dict[str, Any]) -> Report:
    """The kernel's verdict on the built firmware with its certificate, made out to another policy."""
    text = json.dumps(policy).encode()
    certificate = read_certificate((folder / "fw.cert.json.gz").read_bytes())
    digest = hashlib.sha256(text).hexdigest()
    return check((folder / "fw.elf").read_bytes(), text, replace(certificate, policy_sha256=digest))


def policy_of(folder: Path) -> dict[str, Any]:
    policy: dict[str, Any] = json.loads((folder / "fw.policy.json").read_text())
    return policy
