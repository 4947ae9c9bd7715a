"""confine="reads": loads are guarded like stores, or proved; what they may not read they do not get."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ringfence.toolchain.elffile import LinkedElf
from ringfence.toolchain.rewrite import RewriteResult
from ringfence.verify.verifier import verify
from support import rewriter_lab as lab

SECRET = 0x20000100  # host RAM
NOP_W = bytes.fromhex("aff30080")

# Loads that compilers seldom emit. r4 points into a buffer of numbers, 160 bytes behind its start; r7 is 24, r8 is 3.
SHAPES = {
    "register offset": "ldr r0, [r4, r7]",
    "register offset into the index": "ldr r7, [r4, r7]\n eors r0, r7",
    "register offset into the base": "mov r5, r4\n ldrsh r5, [r5, r7]\n eors r0, r5",
    "scaled register offset": "ldrsh r0, [r4, r8, lsl #3]\n ldrb r1, [r4, r8, lsl #2]",
    "large offset": "ldr.w r0, [r4, #400]\n ldrsb r1, [r4, #401]\n ldrh r2, [r4, #402]",
    "large negative, by register": "mvn r5, #100\n ldrb r0, [r4, r5]",
    "pair": "ldrd r0, r1, [r4, #-8]",
    "pair far away": "ldrd r0, r1, [r4, #380]",
    "pair that loads its base": "mov r5, r4\n ldrd r5, r1, [r5, #8]\n eors r0, r5",
    "pair, pre-indexed far": "ldrd r0, r1, [r4, #-160]!\n ldrd r2, r3, [r4, #320]!\n ldr r5, [r4]\n eors r0, r5",
    "post-indexed": "ldr r0, [r4], #100\n ldrsh r1, [r4], #-200\n ldrb r2, [r4]",
    "pre-indexed": "ldrh r0, [r4, #100]!\n ldrsb r1, [r4, #-200]!",
    "multiple": "ldmia r4!, {r0, r1, r2}\n ldmdb r4!, {r3, r5, r6}\n ldm r4, {r0, r2}",
    "multiple that loads its base": "mov r5, r4\n ldm r5, {r0, r1, r5}\n eors r0, r5",
    "exclusive": "ldrex r0, [r4, #4]\n clrex\n ldrexb r1, [r4]\n clrex\n ldrexh r2, [r4]\n clrex",
    "exclusive far": "ldrex r0, [r4, #400]\n clrex",
    "conditional": "cmp r8, #3\n ite eq\n ldreq r0, [r4, #4]\n ldrne r0, [r4, #8]",
    "conditional by register": "cmp r8, #3\n itet eq\n ldreq r0, [r4, r7]\n ldrne r1, [r4, r8]\n addeq r0, r0, #1",
    "conditional, flags still used": "cmp r8, #3\n itt ls\n ldrbls r1, [r4, #4]\n ldrhls r2, [r4, #300]\n adc r0, r0, r1",
    "stack by register": "sub sp, sp, #64\n str r0, [sp, #24]\n mov r0, #0\n ldr r0, [sp, r7]\n add sp, #64",
    "literals": "ldr r0, =0x12345678\n ldr r1, =pointer\n ldr r1, [r1]\n ldr r1, [r1, #12]\n eors r0, r1",
    "read, changed and written": "ldr r0, [r4, r7]\n add r0, r0, #1\n str r0, [r4, r7]\n ldr.w r1, [r4, #420]\n"
    " eor r1, r1, r0\n str.w r1, [r4, #420]",
    "an index that nothing else needs": "mov r5, r7\n ldrb r0, [r4, r5]\n eor r0, r0, #5\n strb r0, [r4, r5]\n mov r5, #1",
    "an index that is used in between": "mov r5, r7\n ldrb r0, [r4, r5]\n add r1, r5, #3\n strb r1, [r4, r5]\n mov r5, #1",
}  # fmt: skip

SHAPE = """
    .section .text.{name}, "ax"
    .thumb_func
    .type {name}, %function
{name}:
    push {{r4-r11, lr}}
    sub sp, sp, #12
    ldr r4, =buffer
    movs r0, #0
    movw r1, #0x1f35
1:  str r1, [r4, r0, lsl #2]
    mul r1, r1, r1
    add r1, r1, #0x5500
    adds r0, #1
    cmp r0, #150
    bne 1b
    ldr r4, =pointer
    ldr r4, [r4]
    movs r7, #24
    mov r8, #3
    movw r0, #0x100
    movw r1, #0x1111
    movw r2, #0x2222
    movw r3, #0x3333
    movw r5, #0x5555
    movw r6, #0x6666
    movw r9, #0x9999
    movw r10, #0xaaaa
    movw r11, #0xbbbb
    movw ip, #0xcccc
    movw lr, #0xdddd
    {body}
    eor r0, r0, r1
    eor r0, r0, r2
    eor r0, r0, r3
    eor r0, r0, r7
    {use}
    ldr r1, =buffer
    movs r2, #150
2:  ldr r3, [r1], #4
    eor r0, r3, r0, ror #7
    subs r2, #1
    bne 2b
    bl out
    add sp, sp, #12
    pop {{r4-r11, pc}}
    .ltorg
    .size {name}, . - {name}
"""
SOURCE = """
    .syntax unified
    .thumb
    .section .text.run, "ax"
    .global run
    .thumb_func
    .type run, %function
run:
    {choices}
    udf #1
    .size run, . - run
    {functions}
    .data
    .balign 4
pointer: .word buffer + 160
    .bss
    .balign 8
buffer: .space 1200
"""
USE_ALL = "\n".join(f"    eor r0, r0, {r}" for r in ("r5", "r6", "r9", "r10", "r11", "ip", "lr"))


def same(image: lab.Image, result: RewriteResult, argument: int) -> lab.Run:
    """Assert that the rewritten program does what it did, and neither reads nor writes elsewhere."""
    plain = lab.execute(image.elf, image.request, image.request.exports["run"], argument, watch=False)
    sandboxed = lab.execute(result.elf, image.request, result.exports["t"]["run"], argument)
    assert (plain.fault, sandboxed.fault, sandboxed.breaches) == (None, None, [])
    assert (plain.result, plain.output) == (sandboxed.result, sandboxed.output)
    return sandboxed


def image_of(*bodies: str, use: str = "nop", mode: str = "mask", fpu: str = "") -> lab.Image:
    """`run(i)` runs the i-th body."""
    choices = "\n".join(f"    cmp r0, #{i}\n    beq.w shape{i}" for i in range(len(bodies)))
    functions = "\n".join(SHAPE.format(name=f"shape{i}", body=body, use=use) for i, body in enumerate(bodies))
    source = SOURCE.format(choices=choices, functions=functions)
    return lab.build(source, "-O2", window=0x10000, mode=mode, assembly=True, confine="reads", fpu=fpu)


@pytest.fixture(scope="module", params=[("mask", "nop"), ("mask", USE_ALL), ("trap", USE_ALL)],
                ids=["mask", "mask-pressed", "trap-pressed"])  # fmt: skip
def shapes(request: pytest.FixtureRequest) -> tuple[lab.Image, RewriteResult]:
    """All shapes in one image; pressed: no register is free."""
    mode, use = request.param
    image = image_of(*SHAPES.values(), use=use, mode=mode)
    return image, lab.rewritten(image)


@pytest.mark.parametrize("shape", SHAPES)
def test_a_load(shapes: tuple[lab.Image, RewriteResult], shape: str) -> None:
    assert same(*shapes, list(SHAPES).index(shape)).output


def test_all_of_them_are_certified(shapes: tuple[lab.Image, RewriteResult]) -> None:
    assert lab.verdict(*shapes) == []


FLOATING = """
    vldr s0, [r4, #8]
    vldr d1, [r4, #400]
    vldmia r4!, {s4-s7}
    vldmdb r4!, {d4-d5}
    vldmia r4, {s12}
    cmp r8, #3
    ite eq
    vldreq s14, [r4, #-4]
    vldrne s15, [r4, #-8]
    vldr s16, =0x3f8ccccd
    vpush {d8}
    vpop {d9}
    vmov r2, r3, d1
    vmov r0, r1, d2
    vmov r5, r6, d4
    vmov r9, s12
    vmov r10, s14
    vmov r11, s18
"""


@pytest.mark.parametrize("mode", ["mask", "trap"])
def test_loads_of_floating_point_registers(mode: str) -> None:
    image = image_of(FLOATING, use=USE_ALL, mode=mode, fpu="fpv4-sp-d16")
    result = lab.rewritten(image)
    assert same(image, result, 0).output
    assert lab.verdict(image, result) == []


def counts(body: str) -> dict[str, int]:
    """Of the loads and stores of `body`: what was done about them, without what the code around it has."""
    found, around = (lab.rewritten(image_of(b)).stats["t"] for b in (body, "nop"))
    return {what: found[what] - around.get(what, 0) for what in found
            if what.startswith(("loads ", "stores ")) and found[what] != around.get(what, 0)}  # fmt: skip


def test_one_guard_serves_loads_and_stores() -> None:
    found = counts("ldr r0, [r4]\n str r0, [r4, #4]\n ldr r1, [r4, #-4]")
    assert found == {"loads guarded": 1, "stores guarded by an earlier guard": 1, "loads guarded by an earlier guard": 1}


def test_a_sum_is_formed_once_for_a_load_and_a_store() -> None:
    found = counts("ldr r0, [r4, r7, lsl #2]\n str r0, [r4, r7, lsl #2]")
    assert found == {"loads guarded": 1, "stores guarded by an earlier guard": 1}
    changed = counts("ldr r0, [r4, r7, lsl #2]\n adds r7, #1\n str r0, [r4, r7, lsl #2]")
    assert changed == {"loads guarded": 1, "stores guarded": 1}


def test_what_is_loaded_is_another_address() -> None:
    assert counts("ldr r5, [r4]\n ldr r0, [r5, #-40]")["loads guarded"] == 2


def test_the_stack_known_addresses_and_literals_need_no_guard() -> None:
    found = counts("str r0, [sp]\n ldr r0, [sp]\n ldr r1, =buffer\n ldr r1, [r1, #8]\n ldr r2, =0x12345678")
    assert found == {"stores on the stack": 1, "loads on the stack": 1, "loads at constant addresses": 1}


LITERALS = """
    .syntax unified
    .thumb
    .section .text.run, "ax"
    .global run
    .thumb_func
    .type helper, %function
helper: movs r0, #0
    bx lr
    .thumb_func
    .type run, %function
run:
    push {r4, r5, r7, lr}
    adr r7, 3f
    bl helper
    ldrd r4, r5, [r7]
    cmp r0, #0
    it eq
    ldreq r0, [r7, #4]
    bl out
    eor r0, r4, r5
    pop {r4, r5, r7, pc}
    .balign 8
3:  .word 0x12345678, 0x9abcdef0
    .size run, . - run
"""


@pytest.mark.parametrize("mode", ["mask", "trap"])
def test_a_pointer_to_literals_survives_a_call(mode: str) -> None:
    """A double that is loaded behind a call: its address is known again, so that no guard sends it into the window."""
    image = lab.build(LITERALS, "-O2", window=0x10000, mode=mode, assembly=True, confine="reads")
    result = lab.rewritten(image)
    assert same(image, result, 0).result == 0x12345678 ^ 0x9ABCDEF0
    assert lab.verdict(image, result) == []


PROGRAM = r"""
extern void out(int); int strcmp(const char *, const char *); void *malloc(unsigned);
void qsort(void *, unsigned, unsigned, int (*)(const void *, const void *));
static const char *const names[] = {"delta", "alpha", "charlie", "bravo"};
static int twice(int n) { return 2 * n; } static int square(int n) { return n * n; }
static const struct { short code; const char *text; int (*call)(int); } table[] = {{3, "two", twice}, {5, "one", square}};
static const double weights[] = {0.5, 1.25, 2.0};
static int compare(const void *a, const void *b) { return strcmp(*(const char *const *)a, *(const char *const *)b); }
struct list { struct list *next; int value; };
static int choose(int n) { switch (n) { case 0: return 7; case 1: return 3; case 2: return 9; case 3: return 1;
    case 4: return 12; case 5: out(77); return 6; default: return -1; } }
static void text(const char *s) { while (*s) out(*s++); }
int run(int n) {
    const char *sorted[4]; struct list *first = 0; double sum = 0; long long product = 1; volatile char local[16];
    for (int i = 0; i < 4; i++) sorted[i] = names[i];
    qsort(sorted, 4, sizeof sorted[0], compare);
    for (int i = 0; i < 4; i++) text(sorted[i]);
    for (int i = 0; i < 2; i++) { out(table[i].code); text(table[i].text); out(table[i].call(n + i)); }
    for (int i = 0; i < 3; i++) sum += weights[i] * (n + i);
    for (int i = 0; i < 10; i++) { struct list *l = malloc(sizeof *l); l->next = first; l->value = i * n; first = l; }
    for (struct list *l = first; l; l = l->next) product = product * 3 + l->value;
    for (int i = 0; i < 16; i++) local[i] = i * n;
    out((int)(sum * 8)); out((int)product); out((int)(product >> 32)); out(local[n & 15]);
    return choose(n % 6);
}
"""


@pytest.mark.parametrize(("level", "mode"), [("-O0", "mask"), ("-O2", "mask"), ("-O2", "trap")])
def test_a_program_with_constants_library_and_tables(level: str, mode: str) -> None:
    image = lab.build(PROGRAM, level, window=0x10000, mode=mode, confine="reads")
    result = lab.rewritten(image)
    assert all(len(same(image, result, argument).output) > 20 for argument in (2, 5))
    assert lab.verdict(image, result) == []


LATE = """
    .syntax unified
    .thumb
    .section .text.run, "ax"
    .global run
    .thumb_func
    .type run, %function
run:
    push {r4, lr}
    ldr r4, =pointer
    ldr r4, [r4]
    cmp r0, #3
    beq 1f
    ldr r0, [r4]
    mov lr, r0
    add r0, lr
    pop {r4, pc}
1:  movs r0, #1
    pop {r4, lr}
    bx lr
    .ltorg
    .size run, . - run
    .data
    .balign 4
pointer: .word pointer
"""


def test_the_hints_of_an_earlier_round_say_nothing_of_what_was_put_in() -> None:
    """The store to the return slot has the origin of the load that it was put in before, and must not be guarded."""
    image = lab.build(LATE, "-O2", window=0x10000, assembly=True, confine="reads")
    hints = lab.rewritten(image).needs["t"].guarded
    again = replace(image, request=replace(image.request, guarded=hints))
    result = lab.rewritten(again)
    assert hints
    same(again, result, 3)
    same(again, result, 4)
    assert lab.verdict(again, result) == []


FRAMES = """
extern void out(int);
__attribute__((noinline)) static int sum(const int *p, int n) { int s = 0; while (n--) s = s * 3 + *p++; return s; }
__attribute__((noinline)) static int frame(int n, int m) {
    int a[n], keep = m * 7;
    for (int i = 0; i < n; i++) a[i] = i * m;
    out(sum(a, n));
    { char b[m + 1]; for (int i = 0; i <= m; i++) b[i] = i; out(b[m] + sum(a, n)); }
    return a[n - 1] + keep; }
int run(int n) { return frame(5 + n, 3) + frame(20, n + 1); }
"""


@pytest.mark.parametrize("level", ["-O0", "-O2"])
def test_frames_of_a_size_that_only_the_program_knows(level: str) -> None:
    image = lab.build(FRAMES, level, window=0x10000, confine="reads")
    result = lab.rewritten(image)
    assert len(same(image, result, 4).output) == 4
    assert lab.verdict(image, result) == []


READING = """
typedef unsigned u32;
int words[100]; unsigned char bytes[256]; static const int constants[64] = {1, 2, 3};
__attribute__((noipa)) int counted(int x) { int s = 0; for (int i = 0; i < 100; i++) s += words[i] ^ x; return s; }
__attribute__((noipa)) int masked(int x) { return bytes[x & 255] + constants[x & 63]; }
__attribute__((noipa)) int checked(int x) { return (u32)x < 100 ? words[x] : 0; }
__attribute__((noipa)) int open(int x) { return words[x] + bytes[x]; }
int run(int x) { return x & 1 ? counted(x) + masked(x) : checked(x) + open(x & 15); }
"""


@pytest.fixture(scope="module", params=["-O2", "-Os"])
def reading(request: pytest.FixtureRequest) -> tuple[lab.Image, RewriteResult]:
    image = lab.build(READING, str(request.param), window=0x10000, confine="reads")
    return image, lab.rewritten(image)


def test_loads_in_range_are_proved(reading: tuple[lab.Image, RewriteResult]) -> None:
    image, result = reading
    assert lab.verdict(image, result) == []
    guarded = [pc for pc, what in result.stores.items() if what == "loads guarded"]
    symbols = {s.name: s for s in LinkedElf(result.elf).symbols}
    inside = {name: sum(symbols[name].value & ~1 <= pc < (symbols[name].value & ~1) + symbols[name].size
                        for pc in guarded) for name in ("counted", "masked", "checked", "open")}  # fmt: skip
    assert inside == {"counted": 0, "masked": 0, "checked": 0, "open": 2}
    assert same(image, result, 7).result != same(image, result, 8).result


def test_a_dropped_guard_is_missed(reading: tuple[lab.Image, RewriteResult]) -> None:
    image, result = reading
    code = next(s for s in LinkedElf(result.elf).sections if s.name == ".ringfence.t.code")
    elf = bytearray(result.elf)
    for at, why in result.made_by.items():
        place = code.place + at - code.address
        if why == "loads" and int.from_bytes(elf[place : place + 2], "little") & 0xFBF0 == 0xF2C0:  # movt
            elf[place : place + 4] = NOP_W
    missed = {f.address for f in verify(bytes(elf), lab.policy(image, result)).report.failures if f.rule == "load"}
    assert missed == {pc for pc, what in result.stores.items() if what == "loads guarded"} != set()


def test_writes_confined_alone_leave_loads_as_they_are() -> None:
    image = lab.build(READING, "-O2", window=0x10000)
    result = lab.rewritten(image)
    assert "loads" not in result.made_by.values()
    assert lab.verdict(image, result) == []


PEEK = "int run(int where) { return *(volatile int *)where; }"


def peeked(confine: str, where: int, mode: str = "mask") -> lab.Run:
    image = lab.build(PEEK, "-O2", window=0x10000, mode=mode, confine=confine)
    result = lab.rewritten(image)
    assert lab.verdict(image, result) == []
    return lab.execute(result.elf, image.request, result.exports["t"]["run"], where)


@pytest.mark.parametrize("where", [SECRET, 0x104, 0x2003F000, 0x20052000], ids=hex)
def test_host_memory_can_be_read_unless_reads_are_confined(where: int) -> None:
    """Outside memory cannot be read in the lab if reads are confined: an attempt would be a fault."""
    assert peeked("writes", where).fault is None
    assert (peeked("reads", where).fault, peeked("reads", where).breaches) == (None, [])


@pytest.mark.parametrize(("where", "traps"), [(SECRET, True), (0x104, True), (0x20040200, False)])
def test_mode_trap_stops_at_a_stray_load_and_only_there(where: int, traps: bool) -> None:
    run = peeked("reads", where, "trap")
    assert (run.fault is not None and "INSN_INVALID" in run.fault) == traps


def test_a_certified_image_is_not_one_with_confined_reads() -> None:
    """The verdict is for the policy: the same image under confine=reads is refused, by the rule `load`."""
    image = lab.build(PEEK, "-O2", window=0x10000)
    result = lab.rewritten(image)
    policy = lab.policy(image, result).replace(b'"confine": "writes"', b'"confine": "reads"')
    assert {f.rule for f in verify(result.elf, policy).report.failures} == {"load"}
