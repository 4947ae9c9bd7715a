"""The C half of one sandbox's gates: exports whose arguments or results assembly alone cannot pass, and imports.

Generated functions pass their arguments word by word as `aapcs.py` places them; what the two variants of the calling
standard do differently stands in `#ifdef __ARM_PCS_VFP`. Structures of the user's are passed as structures of the same
members without names, so the generated files need none of the user's headers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

from ringfence.toolchain.aapcs import Location
from ringfence.toolchain.prototypes import (
    DOUBLE,
    FLOAT,
    FUNCTION,
    POINTER,
    VOID,
    ByteCount,
    CType,
    Parameter,
    Prototype,
)
from ringfence.toolchain.spec import SandboxSpec

_UINT32 = CType("uint32_t", 32, False)
_UINT64 = CType("uint64_t", 64, False, align8=True)
_RESULT = "ringfence_result"


def is_direct(prototype: Prototype) -> bool:
    """Whether host and sandbox agree on all argument and result words, so that assembly alone can pass them."""
    result = prototype.result
    if result.is_struct:
        same_result = result.bits <= 32
    else:
        same_result = result not in (POINTER, FUNCTION) and (result.bits in (0, 32, 64))
    whole_words = all(p.type.bits % 32 == 0 for p in prototype.parameters if p.type.is_struct)
    return (same_result and whole_words and not prototype.buffers and not prototype.stack_words
            and not prototype.by_pointer)


def c_source(spec: SandboxSpec, note: str) -> str:
    """The C file: the sandbox's state, its exports' gates and its imports' thunks."""
    gated = [p for p in (*spec.exports, *spec.pointers) if not is_direct(p)]
    parts = [f'{note}#define RINGFENCE_NO_PROTOTYPES\n#include "ringfence_{spec.name}.h"\n#include "gate.h"\n',
             f"struct ringfence_state __rf_{spec.name}_state __attribute__((used));\n",
             _structures((*gated, *spec.imports))]
    parts += [_by_variant(partial(_export_gate, spec, p)) for p in gated]
    parts += [_by_variant(partial(_import_thunk, spec, p)) for p in spec.imports]
    return "\n".join(part for part in parts if part)


def _by_variant(text: Callable[[bool], str]) -> str:
    soft, hard = text(False), text(True)
    return soft if soft == hard else f"#ifdef __ARM_PCS_VFP\n{hard}#else\n{soft}#endif\n"


# ---- values and their words ----

def _members(ctype: CType) -> tuple[CType, int]:
    """What the stand-in for a structure is made of, and how many."""
    if ctype.floats:
        return (DOUBLE if ctype.align8 else FLOAT), ctype.floats
    words = ctype.shape.words
    return (_UINT64, words // 2) if ctype.align8 else (_UINT32, words)


def _c_type(ctype: CType) -> str:
    """The type in generated code: stand-ins for structures."""
    if not ctype.is_struct:
        return ctype.c
    member, count = _members(ctype)
    return f"struct ringfence_{member.c}_{count}"


def _structures(prototypes: Iterable[Prototype]) -> str:
    used = {t for p in prototypes for t in (p.result, *(q.type for q in p.parameters)) if t.is_struct}
    lines = {f"{_c_type(t)} {{\n    {_members(t)[0].c} part[{_members(t)[1]}];\n}};\n" for t in used}
    return "".join(sorted(lines))


def _declare(ctype: str, name: str) -> str:
    return f"{ctype}{'' if ctype.endswith('*') else ' '}{name}"


def _scalar_words(ctype: CType, value: str) -> list[str]:
    """C expressions for the words of a value that is no structure."""
    if ctype == FLOAT:
        return [f"ringfence_float_word({value})"]
    if ctype.bits <= 32:
        return [f"(uint32_t){value}"]
    whole = f"ringfence_double_words({value})" if ctype == DOUBLE else f"(uint64_t){value}"
    return [f"(uint32_t){whole}", f"(uint32_t)({whole} >> 32)"]


def _words(ctype: CType, value: str) -> list[str]:
    """C expressions for the words of a value; bytes of the last word that are not the value's are zero."""
    if not ctype.is_struct:
        return _scalar_words(ctype, value)
    member, count = _members(ctype)
    words = [w for i in range(count) for w in _scalar_words(member, f"{value}.part[{i}]")]
    if ctype.bits % 32:
        words[-1] += f" & {(1 << ctype.bits % 32) - 1:#x}u"
    return words


def _scalar(ctype: CType, words: list[str]) -> str:
    if ctype == FLOAT:
        return f"ringfence_word_float({words[0]})"
    if ctype.bits <= 32:
        return f"({ctype.c}){words[0]}"
    whole = f"((uint64_t){words[1]} << 32 | {words[0]})"
    return f"ringfence_words_double({whole})" if ctype == DOUBLE else f"({ctype.c}){whole}"


def _initialiser(ctype: CType, words: list[str]) -> str:
    """C initialiser of a value with these words."""
    if not ctype.is_struct:
        return _scalar(ctype, words)
    member, count = _members(ctype)
    step = member.shape.words
    return "{{" + ", ".join(_scalar(member, words[i * step:(i + 1) * step]) for i in range(count)) + "}}"


def _bytes(size: ByteCount | None, values: dict[str, str]) -> str:
    """C expression for a buffer's size, saturating; `values` gives the C expression of each parameter."""
    assert size is not None
    factors = [f"(uint32_t){values[name]}" for name in size.names]
    if size.constant != 1 or not factors:
        factors.append(f"{size.constant}u")
    expression = factors[0]
    for factor in factors[1:]:
        expression = f"ringfence_times({expression}, {factor})"
    return expression


def _signature(prototype: Prototype, hard: bool) -> str:
    """The function as its callers see it, with stand-ins for structures."""
    in_memory = prototype.result.in_memory(hard)
    parameters = [f"void *{_RESULT}"] if in_memory else []
    parameters += [f"{FUNCTION.c} ringfence_target"] if prototype.by_pointer else []
    parameters += [_declare(_c_type(p.type), p.name) if p.type.is_struct else p.declaration
                   for p in prototype.parameters]
    result = "void" if in_memory else _c_type(prototype.result)
    return _declare(result, f"{prototype.name}({', '.join(parameters) or 'void'})")


# ---- exports ----

def _export_gate(spec: SandboxSpec, prototype: Prototype, hard: bool) -> str:
    """C gate of an export: copies buffers, places the argument words, checks and narrows the result."""
    call, result = "&ringfence_c", prototype.result
    values = {p.name: p.name for p in prototype.parameters}
    buffers = {i: p for i, p in enumerate(prototype.parameters) if p.is_buffer}
    in_memory = result.in_memory(hard)
    entry = f"__rf_{spec.name}_entry_{prototype.name}"
    function = ", ringfence_target" if prototype.by_pointer else ""
    lines = [
        "struct ringfence_call ringfence_c;",
        *(["struct ringfence_copy ringfence_b;", "uint32_t ringfence_a;"] if in_memory else []),
        *(f"struct ringfence_copy ringfence_b{i};" for i, p in buffers.items() if p.direction != "in"),
        *(f"uint32_t ringfence_a{i};" for i in buffers), "",
        f"ringfence_begin({call}, &ringfence_{spec.name});",
        *([f"ringfence_a = ringfence_make_room({call}, {_RESULT}, {result.bytes}u, &ringfence_b);"]
          if in_memory else []),
        *(_copy_in(call, i, p, values) for i, p in buffers.items()),
        *_place_arguments(call, prototype, hard),
        f"ringfence_run{'_pointer' if function else ''}({call}, &{entry}{function});",
        *_end(call, prototype, hard)]
    body = "".join(f"    {line}\n" if line else "\n" for line in lines)
    signature = _signature(prototype, hard)
    return f"extern const struct ringfence_entry {entry};\n\n{signature};\n{signature}\n{{\n{body}}}\n"


def _copy_in(call: str, index: int, parameter: Parameter, values: dict[str, str]) -> str:
    step = {"in": "copy_in", "out": "make_room", "inout": "copy_both"}[parameter.direction]
    back = "" if parameter.direction == "in" else f", &ringfence_b{index}"
    return f"ringfence_a{index} = ringfence_{step}({call}, {parameter.name}, {_bytes(parameter.size, values)}{back});"


def _place_arguments(call: str, prototype: Prototype, hard: bool) -> list[str]:
    words = [["ringfence_a"]] if prototype.result.in_memory(hard) else []
    words += [[f"ringfence_a{i}"] if p.is_buffer else _words(p.type, p.name)
              for i, p in enumerate(prototype.parameters)]
    return [_place_word(call, where, word) for places, values in zip(prototype.places(hard=hard), words, strict=True)
            for where, word in zip(places, values, strict=True)]


def _place_word(call: str, where: Location, word: str) -> str:
    if where.kind == "stack":
        return f"ringfence_stack_argument({call}, {where.index}, {word});"
    return f"ringfence_c.words.{'core' if where.kind == 'core' else 'fp'}[{where.index}] = {word};"


def _end(call: str, prototype: Prototype, hard: bool) -> list[str]:
    """The gate's last lines: give the sandbox back, then the result or the declared error value."""
    result, end = prototype.result, f"ringfence_end({call});"
    if result.in_memory(hard):
        return [f"ringfence_end_memory({call}, {_RESULT}, {result.bytes}u);"]
    if result is VOID:
        return [end]
    if result.is_struct or result.floats:  # ringfence_end() clears the words of a call that failed
        bank = "fp" if hard and result.shape.in_vfp else "core"
        value = _initialiser(result, [f"ringfence_c.words.{bank}[{i}]" for i in range(result.shape.words)])
        return [end, f"return {f'({_c_type(result)})' if result.is_struct else ''}{value};"]
    kind = {POINTER: "pointer", FUNCTION: "function"}.get(result, "words" if result.bits == 64 else "word")
    return [f"return ({result.c})ringfence_end_{kind}({call}, {_literal(prototype)});"]


def _literal(prototype: Prototype) -> str:
    """The error value as a C constant without sign, wide enough for the result."""
    wide = prototype.result.bits == 64
    return f"{prototype.error & (2 ** 64 - 1 if wide else 2 ** 32 - 1):#x}{'ull' if wide else 'u'}"


# ---- imports ----

def _import_thunk(spec: SandboxSpec, prototype: Prototype, hard: bool) -> str:
    """C half of an import's gate: fetch, check and convert the arguments, call the host, hand the result back."""
    sandbox, name = f"&ringfence_{spec.name}", f"__rf_{spec.name}_thunk_{prototype.name}"
    places = prototype.places(hard=hard)
    used = {w.index for words in places for w in words if w.kind == "core"}
    registers = range(1 + max(used, default=-1))
    signature = [f"uint32_t ringfence_r{i}" for i in registers]
    holes = [f"(void)ringfence_r{i};" for i in registers if i not in used]  # before a pair of registers
    hidden = places.pop(0) if prototype.result.in_memory(hard) else None
    in_vfp = {i for i, words in enumerate(places) if words and words[0].kind == "vfp"}
    signature += [_declare(_c_type(p.type), f"ringfence_v{i}")
                  for i, p in enumerate(prototype.parameters) if i in in_vfp]
    values = {p.name: f"ringfence_v{i}" for i, p in enumerate(prototype.parameters)}
    in_order = sorted(enumerate(prototype.parameters), key=lambda item: item[1].is_buffer)  # sizes before buffers
    lines = [_import_value(sandbox, i, p, _fetch(sandbox, places[i]), values) for i, p in in_order if i not in in_vfp]
    arguments = [f"ringfence_v{i}" for i in range(len(prototype.parameters))]
    if hidden:
        size = prototype.result.bytes
        where = _fetch(sandbox, hidden)[0]
        lines.append(f"void *ringfence_to = ringfence_check({sandbox}, {where}, {size}u, RF_WRITE);")
        lines.append(f"uint64_t {_RESULT}[{-(-size // 8)}];")
        arguments.insert(0, _RESULT)
    call = f"{prototype.name}({', '.join(arguments)})"
    body = "".join(f"    {line}\n" for line in [*holes, *lines, *_call_host(spec, prototype, call, hard)])
    thunk = f"uint64_t {name}({', '.join(signature) or 'void'})"
    return f"extern {_signature(prototype, hard)};\n{thunk};\n__attribute__((used)) {thunk}\n{{\n{body}}}\n"


def _fetch(sandbox: str, places: Iterable[Location]) -> list[str]:
    return [f"ringfence_r{w.index}" if w.kind == "core" else f"ringfence_stack_word({sandbox}, {w.index})"
            for w in places]


def _import_value(sandbox: str, index: int, parameter: Parameter, words: list[str], values: dict[str, str]) -> str:
    """Declare `ringfence_vN`, the checked argument as the host's function wants it."""
    if parameter.is_buffer:
        access = "RF_READ" if parameter.direction == "in" else "RF_WRITE"
        size = _bytes(parameter.size, values)
        return f"void *ringfence_v{index} = ringfence_check({sandbox}, {words[0]}, {size}, {access});"
    value = _initialiser(parameter.type, words)
    if parameter.type == FUNCTION:
        value = f"ringfence_check_function({sandbox}, {words[0]})"
    return f"{_declare(_c_type(parameter.type), f'ringfence_v{index}')} = {value};"


def _call_host(spec: SandboxSpec, prototype: Prototype, call: str, hard: bool) -> list[str]:
    sandbox, result = f"&ringfence_{spec.name}", prototype.result
    done = f"ringfence_import_done({sandbox});"
    if not prototype.returns:
        return [f"{call};", f"ringfence_reject({sandbox}, RINGFENCE_FAULT_EXIT, 0);"]
    if result.in_memory(hard):
        give = f"ringfence_give_result(ringfence_to, {_RESULT}, {result.bytes}u);"
        return [f"{call};", done, give, "return 0;"]
    if result is VOID:
        return [f"{call};", done, "return 0;"]
    words = _words(result, "ringfence_x")
    if hard and result.shape.in_vfp:
        back = [*(f"__rf_{spec.name}_state.fp_result[{i}] = {w};" for i, w in enumerate(words)), "return 0;"]
    else:
        back = [f"return (uint64_t)({words[1]}) << 32 | ({words[0]});" if len(words) == 2 else f"return {words[0]};"]
    return [f"{_declare(_c_type(result), 'ringfence_x')} = {call};", done, *back]
