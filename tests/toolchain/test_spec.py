"""What the user asks for is checked once, and every refusal says what is wrong."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringfence.toolchain.errors import RingfenceError
from ringfence.toolchain.prototypes import Prototype
from ringfence.toolchain.spec import MmioRange, SandboxSpec, check_distinct, parse_size


def codec(**changes: Any) -> SandboxSpec:
    options: dict[str, Any] = {
        "name": "codec", "exports": ["decode(in data[size], size, out pixels[cap], cap) -> int"],
        "imports": ["log_line(in text[len], len)"], "window": "64K", "heap": "48K"}
    return SandboxSpec.from_options(**(options | changes))


# ---- prototypes ----

@pytest.mark.parametrize(("text", "declaration"), [
    ("decode(in data[size], size, out pixels[cap], cap) -> int",
     "int decode(const void *data, unsigned size, void *pixels, unsigned cap)"),
    ("f() -> uint64", "uint64_t f(void)"),
    ("f(void) -> void", "void f(void)"),
    ("f()", "void f(void)"),
    ("scale(int8_t n, inout uint8_t p[n*4])", "void scale(int8_t n, uint8_t *p)"),
    ("find(pointer handle, unsigned char c) -> pointer", "void *find(void *handle, unsigned char c)"),
    ("show(in const char text[32])", "void show(const char *text)"),
    ("mix(float a, double b, long double c) -> float", "float mix(float a, double b, double c)"),
    ("count(uint64_t n, long long m) -> unsigned long long", "unsigned long long count(uint64_t n, long long m)"),
    ("move(struct point[int*2] by, n) -> struct point[int*2]", "struct point move(struct point by, unsigned n)"),
    ("on_event(function handler)", "void on_event(ringfence_function handler)"),
    ("(*handler)(int code, in data[n], n) -> int",
     "int handler(ringfence_function ringfence_target, int code, const void *data, unsigned n)"),
])
def test_a_prototype_becomes_the_hosts_c_declaration(text: str, declaration: str) -> None:
    assert Prototype.parse(text).declaration == declaration


@pytest.mark.parametrize(("text", "error"), [
    ("f() -> int", -1), ("f() -> unsigned", 0), ("f() -> pointer", 0), ("f() -> int64", -1), ("f() -> uint64_t", 0),
    ("f() -> int error 7", 7), ("f() -> int error -2", -2), ("f() -> uint8 error 0xff", 255), ("f()", 0),
])
def test_the_error_value_has_a_sensible_default_and_can_be_chosen(text: str, error: int) -> None:
    assert Prototype.parse(text).error == error


def test_sizes_are_products_of_numbers_and_parameters() -> None:
    size = Prototype.parse("f(w, h, out p[w*h*3*2])").parameters[2].size
    assert size is not None
    assert (size.constant, size.names) == (6, ("w", "h"))


@pytest.mark.parametrize(("text", "complaint"), [
    ("", "expected a function name"),
    ("decode", "expected '('"),
    ("decode(", "without a name"),
    ("decode(in data[size], size", "expected ')'"),
    ("decode(in data, size)", "buffer 'data' has no size"),
    ("decode(data[size], size)", "has no direction"),
    ("decode(in data[size])", "uses 'size', which is not a value parameter"),
    ("decode(in size[size])", "uses 'size', which is not a value parameter"),
    ("decode(pointer p, in data[p])", "uses 'p', which is not a value parameter"),
    ("decode(in data[n+1], n)", "unexpected character '+'"),
    ("decode(in data[0])", "0 bytes makes no sense"),
    ("decode(in data[0x100000000])", "makes no sense"),
    ("decode(in data[-1])", "not '-'"),
    ("decode(in uint16_t data[8])", "wider than a byte"),
    ("decode(char *text)", "written as a C pointer"),
    ("decode(uint64_t n, in data[n])", "uses 'n', which is not a value parameter of at most 32 bits"),
    ("decode(float n, in data[n])", "uses 'n', which is not a value parameter of at most 32 bits"),
    ("decode(function n, in data[n])", "uses 'n', which is not a value parameter of at most 32 bits"),
    ("decode(struct s[4] n, in data[n])", "uses 'n', which is not a value parameter of at most 32 bits"),
    ("decode() -> float error 1", "has no error value"),
    ("decode() -> struct point[8] error 1", "has no error value"),
    ("decode(struct point p)", "the size of struct point is not given"),
    ("decode(struct point)", "the size of struct point is not given"),
    ("decode(struct point[8])", "expected a parameter name"),
    ("decode(struct point[0] p)", "struct point of 0 bytes"),
    ("decode(struct point[int*65] p)", "struct point of 260 bytes"),
    ("decode(struct point[int] p)", "expected '*'"),
    ("decode(struct point[void*2] p)", "cannot be made of void"),
    ("decode(struct point[n*2] p, n)", "unknown type 'n'"),
    ("decode(struct point[int*n] p, n)", "expected a number, found 'n'"),
    ("decode(struct while[8] p)", "is a C keyword"),
    ("decode(in function f[4])", "wider than a byte"),
    ("(*decode(int a)", "expected ')'"),
    ("(decode)(int a)", "expected '*'"),
    ("*decode(int a)", "expected a function name"),
    ("decode(int)", "has no name of its own"),
    ("decode(void x)", "cannot be void"),
    ("decode(n, n)", "two parameters are called 'n'"),
    ("decode() -> ", "no result type"),
    ("decode() -> int error", "the error value is a number"),
    ("decode() -> uint8_t error 256", "does not fit"),
    ("decode() -> unsigned error -1", "does not fit"),
    ("decode() -> void error 1", "no error value"),
    ("decode() -> noreturn error 1", "unknown type 'noreturn'"),
    ("decode() int", "unexpected 'int'"),
    ("while()", "is a C keyword"),
    ("__rf_x()", "belongs to Ringfence"),
    ("f(in out[4])", "has no name of its own"),
    ("f(ringfence_c)", "belongs to Ringfence"),
    ("f(1)", "without a name"),
    ("f(,)", "without a name"),
    ("zürich()", "is not a C identifier"),
])
def test_what_is_not_a_prototype_is_refused_with_the_reason(text: str, complaint: str) -> None:
    with pytest.raises(RingfenceError) as caught:
        Prototype.parse(text)
    assert complaint in caught.value.message
    assert repr(text) in caught.value.message
    assert caught.value.hint


@given(st.text(alphabet="abin out[]()*->,0x9_ errorintvoid", max_size=40))
def test_any_text_is_a_prototype_or_a_ringfence_error(text: str) -> None:
    try:
        prototype = Prototype.parse(text)
    except RingfenceError:
        return
    assert Prototype.parse(prototype.text) == prototype


# ---- sizes ----

@pytest.mark.parametrize(("value", "size"), [
    (4096, 4096), ("4096", 4096), ("0x400", 1024), ("48K", 49152), (" 1 M ", 1 << 20), ("64kB", 65536), ("64KiB", 65536),
    (0, 0)])
def test_sizes_are_numbers_or_text_with_a_unit(value: int | str, size: int) -> None:
    assert parse_size(value, "heap") == size


@pytest.mark.parametrize("value", ["", "K", "4G", "-4", "4.5K", -1, 1 << 32, "4096M", True, None, 1.5, "0x"])
def test_what_is_not_a_size_is_refused(value: Any) -> None:
    with pytest.raises(RingfenceError, match="heap"):
        parse_size(value, "heap")


# ---- options ----

def test_options_become_a_spec() -> None:
    spec = codec(stack="1K", mode="trap", mmio=[("0x40004000", 0x40004010, "UART0")])
    assert (spec.window, spec.stack, spec.heap, spec.mode) == (65536, 1024, 49152, "trap")
    assert spec.mmio == (MmioRange(0x40004000, 0x40004010, "UART0"),)
    assert [p.name for p in (*spec.exports, *spec.imports)] == ["decode", "log_line"]


def test_auto_is_none_and_sizes_are_rounded_up_to_8() -> None:
    spec = codec(window="auto", stack="auto", heap=1001)
    assert (spec.window, spec.stack, spec.heap) == (None, None, 1008)


def test_one_prototype_may_be_given_without_a_list() -> None:
    assert codec(exports="f(int n)").exports == (Prototype.parse("f(int n)"),)


@pytest.mark.parametrize(("changes", "complaint"), [
    ({"name": "2fast"}, "sandbox name '2fast' is not a C identifier"),
    ({"name": "a-b"}, "not a C identifier"),
    ({"name": "int"}, "C keyword"),
    ({"name": ""}, "not a C identifier"),
    ({"exports": []}, "exports nothing"),
    ({"exports": ["f()", "f(int n)"]}, "declares 'f' twice"),
    ({"imports": ["decode()"]}, "declares 'decode' twice"),
    ({"exports": ["f(struct s[256] a)"]}, "64 words of arguments"),
    ({"exports": ["(*f)(int n)"]}, "exports nothing"),
    ({"exports": ["f()", "(*f)(int n)"]}, "declares 'f' twice"),
    ({"exports": ["f()", "(*g)() -> noreturn"]}, "cannot be noreturn"),
    ({"imports": ["(*f)(int n)"]}, "import 'f' is written as a pointer"),
    ({"exports": ["f() -> noreturn"]}, "cannot be noreturn"),
    ({"imports": ["f(struct s[256] a)"]}, "64 words of arguments"),
    ({"exports": [7]}, "7 is not a prototype"),
    ({"window": "48K"}, "not a power of two"),
    ({"window": 256}, "not a power of two from 512"),
    ({"window": "1G", }, "is not a size"),
    ({"window": "32K"}, "do not fit into the window"),
    ({"stack": 16}, "cannot hold the 40 bytes"),
    ({"stack": "20K"}, "do not fit into the window"),
    ({"heap": 0}, "no room for copies"),
    ({"heap": 0, "exports": ["f() -> struct s[8]"]}, "no room for copies"),
    ({"mode": "strict"}, "mode is 'strict'"),
    ({"confine": "all"}, "confine is 'all'"),
    ({"shadow": "word"}, "shadow is 'word'"),
    ({"mmio": [(0x40004010, 0x40004000, "UART0")]}, "is empty"),
    ({"mmio": [(0x40004000, 0x40004010)]}, "is not a range"),
])
def test_bad_options_are_refused_with_the_reason(changes: dict[str, Any], complaint: str) -> None:
    with pytest.raises(RingfenceError) as caught:
        codec(**changes)
    assert complaint in caught.value.message


@pytest.mark.parametrize(("option", "value"), [("confine", "writes"), ("confine", "reads"), ("shadow", "stack"), ("shadow", "words")])
def test_what_is_confined_and_how_survives_as_json(option: str, value: str) -> None:
    spec = codec(**{option: value})
    assert getattr(spec, option) == value
    assert SandboxSpec.from_json(spec.to_json()) == spec


def test_a_sandbox_without_buffers_needs_no_heap() -> None:
    assert codec(exports=["f(int n)"], heap=0).heap == 0


def test_ways_to_call_pointers_are_written_among_the_exports_and_kept_apart() -> None:
    spec = codec(exports=["f(int n)", "(*g)(int a, int b, int c, int d, int64 e)"])
    assert [p.name for p in spec.exports] == ["f"]
    assert [p.name for p in spec.pointers] == ["g"]
    assert spec.stack_words == 2
    assert SandboxSpec.from_json(spec.to_json()) == spec
    with pytest.raises(RingfenceError, match="unknown keys: pointers"):
        SandboxSpec.from_json('{"name": "a", "exports": ["f()"], "pointers": []}')
    with pytest.raises(RingfenceError, match="'codec' and 'other' both export 'g'"):
        check_distinct([spec, codec(name="other", exports=["g()"])])


def test_two_sandboxes_of_one_name_or_with_one_export_are_refused() -> None:
    check_distinct([codec(), codec(name="other", exports=["encode()"])])
    with pytest.raises(RingfenceError, match="two sandboxes are called 'codec'"):
        check_distinct([codec(), codec()])
    with pytest.raises(RingfenceError, match="'codec' and 'other' both export 'decode'"):
        check_distinct([codec(), codec(name="other")])


# ---- JSON ----

def test_json_gives_the_same_spec_back() -> None:
    spec = codec(stack="1K", mmio=[(0x40004000, 0x40004010, "UART0")], region="RAM", code_region="FLASH")
    assert SandboxSpec.from_json(spec.to_json()) == spec


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"name": 3}', '{"name": "a", "exports": ["f()"], "extra": 1}'])
def test_other_json_is_refused(text: str) -> None:
    with pytest.raises(RingfenceError, match="sandbox description"):
        SandboxSpec.from_json(text)
