"""The benchmark programs: what each is made of, and the input that it gets.

`programs/NAME.c` defines `bench`; third-party sources come from Debian source packages (sources.py) or from headers
that Debian packages (libstb-dev, newlib). Inputs are made here and are the same everywhere.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_PNG = ROOT / "examples" / "image_decoder" / "pictures" / "pattern.png"


@dataclass(frozen=True)
class Program:
    """One benchmark. `package`: the Debian source package, `files` and `includes` are paths inside of it; `library`:
    what the figures are about; `bounded`: it runs in `make test` too."""

    name: str
    library: str
    input: Callable[[], bytes]
    package: str | None = None
    files: tuple[str, ...] = ()
    includes: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    libraries: tuple[str, ...] = ()
    heap: str = "8K"
    stack: str = "auto"
    bounded: bool = False


def text() -> bytes:
    """3,000 bytes that look like a C program, from a fixed pseudo-random sequence."""
    words = ("int", "sandbox", "for", "the", "window", "x", "=", "0x1f", "+", "1024", ";", "{", "}", "/* guard */",
             '"ringfence"', "(", ")", "return", "y", "3.14", "while", "<", "slot", "// line\n", "\n    ", "call")  # fmt: skip
    state, pieces, length = 1, [], 0
    while length < 3000:
        state = (state * 1103515245 + 12345) & 0x7FFFFFFF
        pieces.append(words[(state >> 16) % len(words)])
        length += len(pieces[-1]) + 1
    return " ".join(pieces)[:3000].encode()


def picture() -> bytes:
    return _PNG.read_bytes()


def _bearssl(*files: str) -> tuple[str, ...]:
    return tuple(f"src/{f}.c" for f in files)


_LUA = ("lapi lauxlib lcode lctype ldebug ldo ldump lfunc lgc llex lmem lobject lopcodes lparser lstate lstring ltable "
        "ltm lundump lvm lzio")  # fmt: skip
_LUA_FLAGS = ("-Dluai_jmpbuf=int", "-DLUAI_THROW(L,c)=__builtin_trap()", "-DLUAI_TRY(L,c,a)={a}",
              "-DLUA_USE_JUMPTABLE=0", "-Dluai_makeseed(L)=7u", "-DLUA_USE_C89")  # fmt: skip
_MBEDTLS = ('-DMBEDTLS_CONFIG_FILE="mbedtls_config.h"',)

_WRITTEN_HERE = ("base64 bitcount crc dijkstra edit_distance fft fir huffman matrix queens sort state_machine "
                 "strsearch")  # fmt: skip
KERNELS = tuple(Program(name, "written here", text, bounded=name == "crc") for name in _WRITTEN_HERE.split())

PROGRAMS = (
    *KERNELS,
    Program("list", "written here, newlib's malloc", text, heap="16K", bounded=True),
    Program("nbody", "written here, libgcc's soft-float, libm", text, libraries=("m",)),
    Program("newlib_qsort", "newlib", text),
    Program("newlib_printf", "newlib", text),
    Program("newlib_numbers", "newlib", text),
    Program("libm", "newlib", text, libraries=("m",)),
    Program("stb_image", "stb_image", picture, flags=("-isystem", "/usr/include/stb"), heap="52K"),
    Program("lz4_blocks", "lz4", text, "lz4", ("lib/lz4.c",), ("lib",), ("-DLZ4_MEMORY_USAGE=12",)),
    Program("zlib_stream", "zlib", text, "zlib",
            ("adler32.c", "crc32.c", "deflate.c", "inffast.c", "inflate.c", "inftrees.c", "trees.c", "zutil.c"), (".",),
            heap="40K"),
    Program("cjson", "cJSON", text, "cjson", ("cJSON.c",), (".",), libraries=("m",), heap="16K"),
    Program("mbedtls_aes", "mbedtls", text, "mbedtls", ("library/aes.c", "library/platform_util.c"), ("include",),
            _MBEDTLS),
    Program("mbedtls_sha", "mbedtls", text, "mbedtls",
            ("library/sha256.c", "library/sha512.c", "library/platform_util.c"), ("include",), _MBEDTLS),
    Program("mbedtls_bignum", "mbedtls", text, "mbedtls",
            ("library/bignum.c", "library/constant_time.c", "library/platform_util.c"), ("include",), _MBEDTLS,
            heap="16K"),
    Program("bearssl_ec", "BearSSL", text, "bearssl", _bearssl("ec/ec_c25519_m15", "codec/ccopy", "int/i15_muladd"),
            ("inc", "src")),
    Program("bearssl_chapol", "BearSSL", text, "bearssl",
            _bearssl("symcipher/chacha20_ct", "symcipher/poly1305_ctmul32", "symcipher/aes_ct",
                     "symcipher/aes_ct_enc", "symcipher/aes_ct_ctr", "hash/ghash_ctmul32", "aead/gcm",
                     "codec/enc32le", "codec/dec32le", "codec/enc32be", "codec/dec32be", "codec/ccopy"),
            ("inc", "src")),
    Program("nanopb", "nanopb", text, "nanopb", ("pb_common.c", "pb_decode.c", "pb_encode.c"), (".",)),
    Program("xxhash", "xxHash", text, "xxhash", ("xxhash.c",), (".",), ("-DXXH_NO_STREAM=0", "-DXXH_NO_XXH3")),
    Program("lua_script", "Lua", text, "lua5.4", tuple(f"src/{f}.c" for f in _LUA.split()), ("src",), _LUA_FLAGS,
            libraries=("m",), heap="40K", stack="3584"),
)  # fmt: skip


def by_name(names: list[str]) -> list[Program]:
    """The programs of these names, all for none; KeyError names one that does not exist."""
    known = {p.name: p for p in PROGRAMS}
    return [known[name] for name in names] if names else list(PROGRAMS)
