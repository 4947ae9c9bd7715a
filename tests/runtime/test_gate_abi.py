"""What the procedure call standard can pass goes through the gates unchanged, with and without an FPU."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path

import pytest
from runtime.rig import DEVICE, M3, M4_SOFTFP, M4F, Placed, build, qemu

from ringfence.toolchain.spec import SandboxSpec

OK, FAULT, DEAD, FUNCTION_ERROR = 0, 6, 3, 7
FAULT_FUNCTION, FAULT_STACK, FAULT_ABORTED = 4, 2, 11
JUNK = 0x7FABCDEF
MODES, HOST_FPSCR = 0x07C00000, 0xF7C0009F

FUNCTIONS = [
    "stacked(int a, int b, int c, int d, int e, int16_t f, uint8_t g) -> int",
    "stacked64(int a, int64 b, int c, uint64 d, int e) -> int64",
    "hole(int a, int64 b) -> uint64",
    "points(struct point[int*2] p, struct point[int*2] q) -> struct point[int*2]",
    "split(int a, int b, int c, struct block[int*5] v, int d) -> int",
    "colour(struct colour[3] c, int n) -> struct colour[3]",
    "when(int a, struct date[int64*2] d) -> struct date[int64*2]",
    "floats(float a, double b, float c, int n) -> float",
    "doubles(double a, double b, double c) -> double",
    "spilled(double a, double b, double c, double d, double e, double f, double g, float h, struct vector[float*3] i, "
    "double j, float k, int l) -> double",
    "vectors(struct vector[float*3] v, float k) -> struct vector[float*3]",
    "complex_(struct pair[double*2] p, struct pair[double*2] q) -> struct pair[double*2]",
    "single(struct single[float*1] s) -> struct single[float*1]",
]
EXPORTS = [
    *FUNCTIONS, "imports_differ() -> unsigned error 0xFFFFFFFF", "scaled(in s[n], n, float gain, double offset) -> double",
    "stop()", "give(which) -> function", "offer(which) -> int", "(*calculate)(int x, int64 y) -> int error -77",
    "(*look_at)(in text[size], size) -> int",
]
FP_EXPORTS = [
    "twice_fp(float x) -> float", "fp_registers(float a, double b, int c) -> pointer", "no_registers() -> pointer",
    "clobber_fp(int then_trap) -> int", "import_fp(which) -> unsigned error 99", "spin_fp(rounds) -> float", "endless_fp()",
]
IMPORTS = [*(f"host_{text}" for text in FUNCTIONS), "host_keeps(function f) -> int", "host_use(which)"]

VARIANTS = {
    "m3": (M3, "mps2-an385", "-O2"), "m3-O0": (M3, "mps2-an385", "-O0"), "m4f-hard": (M4F, "mps2-an386", "-O2"),
    "m4f-hard-O0": (M4F, "mps2-an386", "-O0"), "m4f-softfp": (M4_SOFTFP, "mps2-an386", "-Os"),
}
HARD = ("m4f-hard", "m4f-hard-O0")

Run = Callable[..., dict[str, int]]


def _placed(fpu: bool) -> Placed:
    return Placed(SandboxSpec.from_options(name="abi", exports=EXPORTS + (FP_EXPORTS if fpu else []), imports=IMPORTS,
                                           heap="4K", window="32K"), 0x20100000)


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    @functools.cache
    def firmware(variant: str) -> Path:
        cpu, _, level = VARIANTS[variant]
        return build(tmp_path_factory.mktemp("abi"), [(_placed(cpu != M3), [DEVICE / "abi_box.c"])],
                     [DEVICE / "start.c", DEVICE / "abi_host.c"], optimise=level, cpu=cpu)

    def run_scenario(variant: str, scenario: str) -> dict[str, int]:
        seen = qemu(firmware(variant), scenario, machine=VARIANTS[variant][1])
        assert seen["done"], "the host did not reach its last line"
        return seen

    return run_scenario


every_variant = pytest.mark.parametrize("variant", VARIANTS)
with_fpu = pytest.mark.parametrize("variant", [v for v in VARIANTS if v.startswith("m4f")])
around = pytest.mark.parametrize("around", ["", " psp"])


def at(key: str, index: int) -> str:
    return f"{key}.{index:#010x}"


@every_variant
@around
def test_arguments_and_results_of_every_kind_go_through_exports_and_imports(run: Run, variant: str, around: str) -> None:
    """Stack arguments, 64-bit values, structures in registers, on the stack, in both and in memory, float and double."""
    seen = run(variant, "values" + around)
    assert seen["compared"] == len(FUNCTIONS)
    assert (seen["exports"], seen["imports"], seen["status"], seen["scaled"]) == (0, 0, OK, 1)


@every_variant
def test_a_call_that_cannot_be_completed_gives_the_error_value_whatever_its_type(run: Run, variant: str) -> None:
    seen = run(variant, "errors")
    assert seen["stop"] == FAULT
    assert [seen[k] for k in ("complex", "points", "vectors", "floats", "doubles", "single")] == [1] * 6
    assert (seen["stacked"], seen["dead"], seen["reset"], seen["again"]) == (0xFFFFFFFF, DEAD, OK, 1)


@every_variant
def test_a_function_pointer_of_the_sandboxs_is_callable(run: Run, variant: str) -> None:
    seen = run(variant, "pointers")
    assert (seen["triple"], seen["negate"], seen["reads"]) == (22, -12 & 0xFFFFFFFF, 3 + ord("a"))
    assert (seen["status"], seen["offered"]) == (OK, 1)


@every_variant
@pytest.mark.parametrize("case", range(8))
def test_a_forged_or_stale_function_pointer_is_an_error_and_does_no_harm(run: Run, variant: str, case: int) -> None:
    """NULL, the host's RAM, no Thumb bit, inside a slot, before and behind the table, an unused slot, the last address."""
    seen = run(variant, "pointers")
    assert seen[at("forged", case)] == -77 & 0xFFFFFFFF
    assert seen[at("forged.status", case)] == FUNCTION_ERROR


@every_variant
def test_a_function_that_a_sandbox_gives_out_is_checked(run: Run, variant: str) -> None:
    """As an export's result and as an import's argument: slots and NULL pass."""
    seen = run(variant, "pointers")
    good = [0, 1, 2]
    for i in range(9):
        null = i == 8
        expected = OK if i in good or null else FUNCTION_ERROR
        assert (seen[at("function", i)], seen[at("function.status", i)]) == (int(i in good), expected), i
        assert seen[at("offer.kept", i)] == int(i in good), i
        assert seen[at("offer.kind", i)] == (0 if i in good or null else FAULT_FUNCTION), i


# ---- floating-point registers ----

@with_fpu
@around
def test_no_floating_point_register_carries_anything_of_the_hosts(run: Run, variant: str, around: str) -> None:
    seen = run(variant, "registers" + around)
    for key in ("none", "some"):
        words = [seen[at(key, i)] for i in range(37)]
        assert words[32] == HOST_FPSCR & MODES, "rounding and flushing are inherited, flags are not"
        vfp, core = words[:32], words[33:]
        expected_vfp, expected_core = [0] * 32, [0] * 4
        if key == "some" and variant in HARD:
            expected_vfp[0], expected_vfp[3], expected_core[0] = 0x3F800000, 0x40000000, 77
        elif key == "some":
            expected_core = [0x3F800000, 0, 0, 0x40000000]
        assert (vfp, core) == (expected_vfp, expected_core)


@with_fpu
@around
def test_callee_saved_floating_point_registers_and_fpscr_survive(run: Run, variant: str, around: str) -> None:
    """A return, a trap, a refused call, a call with imports."""
    seen = run(variant, "registers" + around)
    assert [seen[f"keeps.{k}"] for k in ("none", "some", "clobber", "trap", "dead", "import")] == [0] * 6
    assert (seen["trap.status"], seen["dead.status"]) == (FAULT, DEAD)


@with_fpu
def test_imports_keep_the_sandboxs_floating_point_registers_and_show_none_of_the_hosts(run: Run, variant: str) -> None:
    seen = run(variant, "registers")
    assert seen["import"] == 0
    assert seen["import.fpscr"] == HOST_FPSCR, "the host's code runs with the host's rounding mode"


@with_fpu
@around
def test_interrupts_with_floating_point_on_both_sides_lose_no_register(run: Run, variant: str, around: str) -> None:
    seen = run(variant, "interrupts" + around)
    assert (seen["keeps.spin"], seen["spin"]) == (0, 1)
    assert seen["ticks"] > 50
    assert (seen["keeps.abort"], seen["acted"], seen["abort.status"]) == (0, 1, FAULT)
    assert (seen["abort.reset"], seen["abort.again"]) == (OK, 1)
