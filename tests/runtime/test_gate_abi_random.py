"""Random prototypes: what one side passes through a gate is what the other side's compiler expects, byte for byte.

Each function mixes all bytes of its arguments into its result. It is compiled in the sandbox and in the host; each side
compares the other's result, which came through the gates, with its own. So `aapcs.py` is compared with gcc.
"""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from runtime.rig import DEVICE, M3, M4_SOFTFP, M4F, Placed, build, qemu

from ringfence.toolchain.prototypes import MAX_ARGUMENT_WORDS, Prototype
from ringfence.toolchain.spec import SandboxSpec

FUNCTIONS = 32  # one bit each
SCALARS = {"int": "int", "uint8": "uint8_t", "int16": "int16_t", "uint64": "uint64_t", "int64": "int64_t", "float": "float",
           "double": "double"}
MEMBERS = ("int", "uint8", "int16", "int64", "float", "double")

HEAD = """
#include <stdint.h>
#include "start.h"
static inline uint32_t mix(uint32_t hash, const void *data, unsigned size)
{
    for (unsigned i = 0; i < size; i++)
        hash = hash * 16777619u ^ ((const uint8_t *)data)[i];
    return hash;
}
static inline int same_bytes(const void *a, const void *b, unsigned size) { return mix(1, a, size) == mix(1, b, size); }
#define COMPARE(result, name, arguments)                                        \\
    {                                                                           \\
        const result one = name arguments, two = host_##name arguments;         \\
        different |= (uint32_t)!same_bytes(&one, &two, sizeof one) << index++; \\
    }
static const char data[16] __attribute__((used)) = "0123456789abcde";
"""
HOST = """
#include "ringfence.h"
#include "ringfence_abi.h"
void SVC_Handler(void) {} void PendSV_Handler(void) {} void SysTick_Handler(void) {}
static void show(const char *key, uint32_t value) { print(key); print_hex(value); print("\\n"); }
int host_main(void)
{
    uint32_t different = 0, index = 0;
    %s
    show("exports=", different);
    show("imports=", imports_differ());
    show("status=", ringfence_last_status(&ringfence_abi));
    print("done\\n");
    return 0;
}
"""


class Function:
    """A random function: its prototype, its C code, and arguments to call it with."""

    def __init__(self, rng: random.Random, number: int) -> None:
        self.name = f"f{number}"
        self._rng = rng
        self._number = number
        self.structures: list[str] = []
        kinds = [self._kind(f"{number}_{i}") for i in range(rng.randint(0, rng.choice([3, 6, 12])))]
        self._parameters = [(f"p{i}", *kind) for i, kind in enumerate(kinds)]
        self._result = self._kind(f"{number}_r", result=True)
        while sum(p.shape.words for p in Prototype.parse(self.prototype()).parameters) > MAX_ARGUMENT_WORDS:
            self._parameters.pop()

    def _kind(self, tag: str, result: bool = False) -> tuple[str, str, str, int]:
        """Type in the prototype, type in C, member type ("" for scalars and buffers), count."""
        choice = self._rng.random()
        if choice < 0.1 and not result:
            return "in", "const void *", "", 0
        if choice < 0.65:
            scalar = self._rng.choice(list(SCALARS))
            return scalar, SCALARS[scalar], "", 1
        member, count = self._rng.choice(MEMBERS), self._rng.randint(1, 6)
        self.structures.append(f"struct s{tag} {{ {SCALARS[member]} m[{count}]; }};\n")
        return f"struct s{tag}[{member}*{count}]", f"struct s{tag}", member, count

    def prototype(self, prefix: str = "") -> str:
        parameters = [f"in {n}[16]" if t == "in" else f"{t} {n}" for n, t, *_ in self._parameters]
        return f"{prefix}{self.name}({', '.join(parameters)}) -> {self._result[0]}"

    def head(self, prefix: str) -> str:
        parameters = ", ".join(f"{c} {n}" for n, _, c, *_ in self._parameters) or "void"
        return f"{self._result[1]} {prefix}{self.name}({parameters})"

    def definition(self, prefix: str) -> str:
        lines = [f"uint32_t hash = {self._number}u;"]
        lines += [f"hash = mix(hash, {n if t == 'in' else f'&{n}'}, {16 if t == 'in' else f'sizeof {n}'});"
                  for n, t, *_ in self._parameters]
        _, ctype, member, count = self._result
        if member:
            values = ", ".join(f"({SCALARS[member]})((hash >> 8) + {i}u)" for i in range(count))
            lines.append(f"return ({ctype}){{{{{values}}}}};")
        else:
            lines.append(f"return ({ctype})(hash >> 8);")
        return f"{self.head(prefix)}\n{{\n    " + "\n    ".join(lines) + "\n}\n"

    def comparison(self) -> str:
        arguments = ", ".join(self._value(t, c, m, n) for _, t, c, m, n in self._parameters)
        return f"    COMPARE({self._result[1]}, {self.name}, ({arguments}))\n"

    def _value(self, kind: str, ctype: str, member: str, count: int) -> str:
        if kind == "in":
            return "data"
        values = ", ".join(self._number_of(member or kind) for _ in range(count))
        return f"(({ctype}){{{{{values}}}}})" if member else f"({ctype}){values}"

    def _number_of(self, kind: str) -> str:
        if kind in ("float", "double"):
            return f"{self._rng.randint(-10 ** 6, 10 ** 6) / 64}"
        return {"uint8": lambda r: str(r.randrange(256)), "int16": lambda r: str(r.randint(-9999, 9999)),
                "int": lambda r: str(r.randint(-10 ** 9, 10 ** 9))}.get(
                    kind, lambda r: f"{r.getrandbits(62):#x}LL")(self._rng)


def run_random(work: Path, seed: int, cpu: tuple[str, ...]) -> dict[str, int]:
    """Build and run FUNCTIONS random functions; the bits of those that differ."""
    rng = random.Random(seed)
    functions = [Function(rng, i) for i in range(FUNCTIONS)]
    common = HEAD + "".join(s for f in functions for s in f.structures) + "".join(
        f"{f.head('host_')};\n" for f in functions)
    comparisons = "".join(f.comparison() for f in functions)
    (work / "random_box.c").write_text(
        common + "".join(f.definition("") for f in functions)
        + f"uint32_t imports_differ(void)\n{{\n    uint32_t different = 0, index = 0;\n{comparisons}    return different;\n}}\n")
    (work / "random_host.c").write_text(
        common + "".join(f.definition("host_") for f in functions) + HOST % comparisons)
    spec = SandboxSpec.from_options(
        name="abi", heap="4K", window="32K", imports=[f.prototype("host_") for f in functions],
        exports=[*(f.prototype() for f in functions), "imports_differ() -> unsigned error 0xFFFFFFFF"])
    firmware = build(work, [(Placed(spec, 0x20100000), [work / "random_box.c"])],
                     [DEVICE / "start.c", work / "random_host.c"], optimise="-O1", cpu=cpu)
    return qemu(firmware, "", machine="mps2-an385" if cpu == M3 else "mps2-an386")


@pytest.mark.parametrize(("cpu", "seed"), [(M3, 110), (M4F, 2), (M4F, 3), (M4_SOFTFP, 4)], ids=lambda v: str(v)[-20:])
def test_random_prototypes_agree_with_the_compiler(tmp_path: Path, cpu: tuple[str, ...], seed: int) -> None:
    seen = run_random(tmp_path, seed, cpu)
    assert {k: seen.get(k) for k in ("exports", "imports", "status", "done")} == {
        "exports": 0, "imports": 0, "status": 0, "done": 1}
