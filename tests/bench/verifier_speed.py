"""How fast the verifier is, on real libraries in one sandbox: newlib, libm, libgcc and stb libraries.

    python -m bench.verifier_speed

Sandboxes of growing size are rewritten, certified and re-checked. One-core figures are instructions of the sandbox per
second of processor time, children included; only the gain of a second core is taken from the clock, as it must be.
Writes build/bench/verifier.json and build/bench/verifier.png. Ends with status 1 if something is not certified.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path

from bench.programs import ROOT
from ringfence.verify.kernel.image import read_image
from ringfence.verify.prover.parallel import cores
from ringfence.verify.recheck import Outcome, recheck, write_certificate
from ringfence.verify.symbols import function_starts
from ringfence.verify.verifier import verify
from support.rewriter_lab import build, policy, rewritten

FOLDER = ROOT / "build" / "bench"
_BUSY = 0.7  # of each core: the benchmark itself keeps one busy
REPEATS = 3  # the best of so many: other work on the machine only ever makes it slower
STEPS = (1, 2, 3, 4)  # how many of the parts below go into a sandbox

_DOUBLE = (
    "acos acosh asin asinh atan atanh cbrt ceil cos cosh erf erfc exp exp2 expm1 fabs floor j0 j1 lgamma log log10 "
    "log1p log2 rint round sin sinh sqrt tan tanh tgamma trunc y0 y1"
)
_TWO = "atan2 copysign fdim fmax fmin fmod hypot nextafter pow remainder"


def _calls(suffix: str) -> str:
    kind = "float" if suffix else "double"
    one = "".join(f"x += {name}{suffix}(x);" for name in _DOUBLE.split())
    two = "".join(f"x += {name}{suffix}(x, 2);" for name in _TWO.split())
    return f"{kind} x = n; {one}{two} n += (int)x;"


_ASSERT = "void __assert_func(const char *f, int l, const char *n, const char *e) { __builtin_trap(); }"  # without stdio


# What each step adds to the sandbox: declarations, and statements that use the library.
PARTS: Mapping[str, tuple[str, str]] = {
    "libm": ("#include <math.h>", f"{{ {_calls('')} }}"),
    "libm, float": ("", f"{{ {_calls('f')} }}"),
    "stdlib": (
        "#include <ctype.h>\n#include <stdlib.h>\n#include <string.h>\n#include <sys/types.h>\n#include <regex.h>\n"
        "static int order(const void *a, const void *b) { return *(const int *)a - *(const int *)b; }",
        "{ int a[8] = {n, 3, 2}; qsort(a, 8, sizeof *a, order);"
        ' n += strtod(text, 0) + strtol(text, 0, 0) + a[0]; regex_t r;'
        ' n += regcomp(&r, text, REG_EXTENDED); n += regexec(&r, "abc", 0, 0, 0); regfree(&r); }',
    ),
    "stb_image": (
        "#define STB_IMAGE_IMPLEMENTATION\n#define STBI_ASSERT(x)\n#define STBI_ONLY_PNG\n#define STBI_ONLY_JPEG\n#define STBI_NO_STDIO\n#define STBI_NO_SIMD\n#define STBI_NO_THREAD_LOCALS\n"
        '#include "/usr/include/stb/stb_image.h"',
        "{ int w, h, c; n += (int)stbi_load_from_memory((void *)text, n, &w, &h, &c, 3); n += w; }",
    ),
    "stdio": (
        "#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>",
        'float f; sprintf(text, "%d %g %s", n, n * 0.5, "x"); sscanf(text, "%d %f", &n, &f); printf("%s", text);',
    ),
}


@lru_cache
def firmware(parts: int) -> tuple[bytes, bytes]:
    """The ELF file of one sandbox with the first `parts` of PARTS, rewritten, and its policy."""
    declarations, uses = zip(*list(PARTS.values())[:parts], strict=True)
    body = "\n".join(uses)
    source = "\n".join([*declarations, _ASSERT, f"int run(int n) {{ static char text[200];\n{body}\nreturn n; }}"])
    image = build(source, "-O2", stack=0x10000, libs="-lm -lc -lgcc")
    result = rewritten(image)
    return result.elf, policy(image, result)


def processor_time() -> float:
    """Seconds of this process and of its children that have ended."""
    return sum(os.times()[:4])


def fastest(clock: Callable[[], float], work: Callable[[], Outcome]) -> tuple[float, Outcome]:
    """Seconds, by `clock`, of the fastest of REPEATS runs; and what came out. SystemExit if it is not certified."""
    times = []
    for _ in range(REPEATS):
        start = clock()
        outcome = work()
        times.append(clock() - start)
        if not outcome.report.accepted:
            failures = "; ".join(f"{f.rule} at {f.address or 0:#x}: {f.detail}" for f in outcome.report.failures[:5])
            sys.exit(f"verifier_speed: the sandbox is not certified: {failures}")
    return min(times), outcome


def measure(parts: int) -> dict[str, float]:
    """Sizes, and instructions per second of processor time on one core.

    cold: no cache. theorems: all proofs are in the cache, as after a change elsewhere; invariants are looked for again.
    warm: the sandbox itself has been verified before. check: of the certificate, by the kernel alone.
    """
    elf, rules = firmware(parts)
    with tempfile.TemporaryDirectory() as folder:
        cache = Path(folder) / "cache.sqlite"
        cold, outcome = fastest(processor_time, lambda: verify(elf, rules))
        verify(elf, rules, cache)
        warm, _ = fastest(processor_time, lambda: verify(elf, rules, cache))
        theorems, _ = fastest(processor_time, lambda: verify(elf, rules, proofs_only(cache)))
    if outcome.certificate is None:
        sys.exit("verifier_speed: certified without a certificate")
    certificate = write_certificate(outcome.certificate)
    check, _ = fastest(processor_time, lambda: recheck(elf, rules, certificate))
    report = outcome.report
    seconds = {"cold": cold, "theorems": theorems, "warm": warm, "check": check}
    return {
        "parts": parts, "code_bytes": code_bytes(elf, rules), "instructions": report.instructions,
        "obligations": report.obligations, "theorems": report.theorems, "certificate_bytes": len(certificate),
        **{f"{name}_seconds": round(s, 3) for name, s in seconds.items()},
        **{f"{name}_per_second": round(report.instructions / s) for name, s in seconds.items()},
    }  # fmt: skip


def proofs_only(cache: Path) -> Path:
    """The cache without what it remembers of sandboxes."""
    copy = Path(shutil.copy(cache, cache.with_suffix(".proofs")))
    with sqlite3.connect(copy) as connection:
        connection.execute("delete from invariants")
    connection.close()
    return copy


def code_bytes(elf: bytes, rules: bytes) -> int:
    """Bytes of sandboxed code: what was executed, from the lowest to the highest function, traps at the end apart."""
    box = json.loads(rules)["sandboxes"][0]
    start, slots = int(box["code"]["start"], 16), int(box["slots"]["start"], 16)
    starts = [a for a in function_starts(elf) if start <= a < slots]
    code = read_image(elf).read(start, slots - start) or b""
    return len(code[: max(starts) - start]) + len(code[max(starts) - start :].rstrip(b"\0\xde\xf0\xf3"))


def second_core(parts: int) -> dict[str, float]:
    """Cold verification by the clock, with one process and with two; nothing where other work keeps the cores busy."""
    load = round(os.getloadavg()[0], 1)
    if cores() < 2 or load > _BUSY * cores():
        return {"load": load}
    elf, rules = firmware(parts)
    one, _ = fastest(time.perf_counter, lambda: verify(elf, rules))
    two, outcome = fastest(time.perf_counter, lambda: verify(elf, rules, jobs=2))
    per_second = round(outcome.report.instructions / two)
    return {"load": load, "one_core_seconds": round(one, 3), "two_cores_seconds": round(two, 3),
            "cold_two_cores_per_second": per_second, "second_core_gain": round(one / two, 2)}  # fmt: skip


def spread(rows: Sequence[Mapping[str, float]], what: str) -> float:
    """Slowest by fastest of the sizes, in seconds per instruction: 1 if the cost is linear and all code is alike."""
    costs = [row[f"{what}_seconds"] / row["instructions"] for row in rows]
    return round(max(costs) / min(costs), 2)


def draw(rows: Sequence[Mapping[str, float]], path: Path) -> None:
    """Seconds by instructions, on one core."""
    import matplotlib  # noqa: PLC0415  # slow to load, and needed only here

    matplotlib.use("Agg")
    from matplotlib import pyplot  # noqa: PLC0415

    figure, axes = pyplot.subplots(figsize=(6, 4.5))
    for what in ("cold", "theorems", "warm", "check"):
        axes.plot([r["instructions"] for r in rows], [r[f"{what}_seconds"] for r in rows], marker="o", label=what)
    axes.set_xlim(left=0)
    axes.set_ylim(bottom=0)
    axes.set_xlabel("instructions of the sandbox")
    axes.set_ylabel("seconds of one core")
    axes.set_title("What verification costs")
    axes.grid(alpha=0.3)
    axes.legend()
    figure.tight_layout()
    figure.savefig(path, dpi=120)
    pyplot.close(figure)


def main() -> int:
    FOLDER.mkdir(parents=True, exist_ok=True)
    rows = [measure(parts) for parts in STEPS]
    largest = rows[-1]
    linear = {f"{what}_spread": spread(rows, what) for what in ("cold", "theorems", "warm", "check")}
    result = {**largest, **second_core(STEPS[-1]), **linear, "sizes": rows, "libraries": list(PARTS)}
    (FOLDER / "verifier.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    draw(rows, FOLDER / "verifier.png")
    gain = f"{result['second_core_gain']} times" if "second_core_gain" in result else "not measured, the machine is busy"
    print(
        f"verifier: {largest['instructions']} instructions, {largest['code_bytes'] // 1024} KB of sandboxed code: "
        f"cold {largest['cold_per_second']}/s, warm {largest['warm_per_second']}/s, check {largest['check_per_second']}/s "
        f"on one core; a second core: {gain}"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
