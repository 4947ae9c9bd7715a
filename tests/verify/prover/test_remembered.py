"""Invariants are remembered between runs; what is remembered is never trusted, and is not needed."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from ringfence.verify import verifier
from ringfence.verify.kernel.proof import Certificate, Invariant, SandboxProof
from ringfence.verify.recheck import read_certificate, write_certificate
from ringfence.verify.verifier import verify
from support.corpus import read_corpus


@pytest.fixture(scope="module")
def firmware(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, bytes]:
    case = next(c for c in read_corpus(Path(__file__).parents[1] / "corpus") if c.name == "stores/masked")
    return case.build(tmp_path_factory.mktemp("remembered")), case.policy()


def forbid_the_search(monkeypatch: pytest.MonkeyPatch) -> None:
    def search(*_: object) -> SandboxProof:
        raise AssertionError("the invariants were looked for again")

    monkeypatch.setattr(verifier, "find_invariants", search)


def test_an_unchanged_sandbox_is_not_explored_again(
    firmware: tuple[bytes, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elf, policy = firmware
    cache = tmp_path / "cache.sqlite"
    first = verify(elf, policy, cache).certificate
    forbid_the_search(monkeypatch)
    second = verify(elf, policy, cache).certificate
    assert first is not None
    assert second is not None
    assert write_certificate(first) == write_certificate(second)


def test_another_byte_of_code_is_another_sandbox(
    firmware: tuple[bytes, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elf, policy = firmware
    cache = tmp_path / "cache.sqlite"
    assert verify(elf, policy, cache).report.accepted
    forbid_the_search(monkeypatch)
    at = elf.index(b"\xf3\xde")  # a trap of an unused slot
    with pytest.raises(AssertionError):
        verify(elf[:at] + b"\xf4" + elf[at + 1 :], policy, cache)


def test_a_rejected_sandbox_is_not_remembered(
    firmware: tuple[bytes, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elf, policy = firmware
    cache = tmp_path / "cache.sqlite"
    guard = elf.index(b"\xc2\xf2")  # movt
    broken = elf[:guard] + b"\x00\xbf\x00\xbf" + elf[guard + 4 :]
    assert not verify(broken, policy, cache).report.accepted
    forbid_the_search(monkeypatch)
    with pytest.raises(AssertionError):
        verify(broken, policy, cache)


def claims(cache: Path, new: bytes | None = None) -> bytes:
    connection = sqlite3.connect(cache)
    with connection:
        (found,) = connection.execute("select claims from invariants").fetchone()
        if new is not None:
            connection.execute("update invariants set claims = ?", (new,))
    connection.close()
    return bytes(found)


def test_damaged_or_poisoned_claims_change_no_verdict(firmware: tuple[bytes, bytes], tmp_path: Path) -> None:
    elf, policy = firmware
    cache = tmp_path / "cache.sqlite"
    honest = verify(elf, policy, cache).certificate
    assert honest is not None
    good = read_certificate(claims(cache))
    (key, proof), *_ = good.sandboxes.items()
    entry, function = min(proof.functions.items())
    bogus = type(function)(entry, function.need, {entry + 2: Invariant(4, True, 1 << 20)}, {})
    poisons = [b"", b"not gzip", write_certificate(Certificate("", "", {}))]
    poisons.append(write_certificate(Certificate("", "", {key: SandboxProof({})})))
    poisons.append(write_certificate(Certificate("", "", {key: SandboxProof({**proof.functions, entry: bogus})})))
    for poison in poisons:
        claims(cache, poison)
        certificate = verify(elf, policy, cache).certificate
        assert certificate is not None, poison
        assert write_certificate(certificate) == write_certificate(honest)
        assert read_certificate(claims(cache)) == good, "the good claims replace the bad ones"
