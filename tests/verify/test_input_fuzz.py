"""Damaged ELF files, policies and certificates: always a verdict in time, never a traceback, never an unsound acceptance.

The seed is fixed here; `make fuzz-inputs` goes on for as long as one likes, guided by coverage. The command line is run on
some of the same inputs: one message, exit code 1 or 2, whatever the bytes.
"""

from __future__ import annotations

import gzip
import itertools
import json
import random
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringfence.verify.kernel.policy import parse_policy
from ringfence.verify.kernel.rejected import Rejected
from ringfence.verify.recheck import read_certificate
from support.input_fuzz import TARGETS, Malformed, Seed, first_input, inputs, judged, limits, small_seed

INPUTS = {"elf": 500, "policy": 1500, "certificate": 800, "packed": 1500, "debug": 250}


@pytest.fixture(scope="module")
def seed(tmp_path_factory: pytest.TempPathFactory) -> Seed:
    return small_seed(tmp_path_factory.mktemp("seed"))


@pytest.mark.parametrize("name", TARGETS)
def test_the_unharmed_input_is_accepted(name: str, seed: Seed) -> None:
    assert judged(TARGETS[name](seed), first_input(name, seed)) == "accepted"


@pytest.mark.parametrize("name", TARGETS)
def test_damaged_input_gets_a_verdict_in_time(name: str, seed: Seed) -> None:
    """Anything but an end with Rejected, or an acceptance that a second reader objects to, is raised here."""
    ends: Counter[str] = Counter()
    target = TARGETS[name](seed)
    for data in itertools.islice(inputs(name, seed, random.Random(f"ci {name}")), INPUTS[name]):
        with limits(memory=None):
            ends[judged(target, data)] += 1
    assert ends["accepted"] < INPUTS[name] // 2 or name == "debug", ends


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["0x0", "0xffffffff"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@given(JSON, st.sampled_from(["version", "arch", "fpu", "ram", "host_ram", "aliases", "sandboxes", "gates"]))
@settings(max_examples=80)
def test_any_json_in_a_policy_is_accepted_or_refused(seed: Seed, value: object, key: str) -> None:
    text = json.dumps(json.loads(seed.policy) | {key: value}).encode()
    assert judged(TARGETS["policy"](seed), text) in ("policy", "placement", "certificate", "accepted")


@given(JSON, st.sampled_from(["version", "elf_sha256", "policy_sha256", "sandboxes", "theorems"]))
@settings(max_examples=80)
def test_any_json_in_a_certificate_is_accepted_or_refused(seed: Seed, value: object, key: str) -> None:
    text = json.dumps(json.loads(gzip.decompress(seed.certificate)) | {key: value}).encode()
    assert judged(TARGETS["certificate"](seed), text) in ("accepted", "certificate")


@given(st.binary(max_size=300))
@settings(max_examples=100)
def test_no_short_bytes_are_anything(data: bytes) -> None:
    for parse in (parse_policy, read_certificate):
        with pytest.raises(Rejected):
            parse(data)


def test_the_second_reader_objects_to_what_it_should(seed: Seed) -> None:
    """The oracle is not blind: had the parser let these pass, it would notice."""
    from support.input_fuzz import _check_policy, _strict  # noqa: PLC0415

    policy = json.loads(seed.policy)
    policy["sandboxes"][0]["mmio"] = [dict(policy["sandboxes"][0]["code"])]
    with pytest.raises(Malformed):
        _check_policy(json.dumps(policy).encode(), None)
    with pytest.raises(Malformed):
        _strict(b'{"a": 1, "a": 2}')


# -- the command line ------------------------------------------------------------------------------------------------


def command(*arguments: str | Path, environment: Path) -> subprocess.CompletedProcess[str]:
    program = "import sys; from ringfence.verify.cli import verify_command, check_command; "
    program += "{'verify': verify_command, 'check': check_command}[sys.argv.pop(1)]()"
    return subprocess.run(
        [sys.executable, "-c", program, *map(str, arguments)], capture_output=True, text=True, check=False, timeout=60,
        env={"RINGFENCE_CACHE": str(environment), "PATH": "/usr/bin:/bin", "LC_ALL": "C"},
    )  # fmt: skip


HOSTILE = {
    "empty": b"",
    "zeros": bytes(4096),
    "an ELF header and nothing else": b"\x7fELF\x01\x01\x01".ljust(16, b"\0") + b"\x02\0\x28\0" + b"\xff" * 60,
    "a key that is half a character": b'{"\\ud800": 1}',
    "a key that would be a second message": json.dumps({"a\nringfence: certified\x1b[2J": 1}).encode(),
    "not a number": b'{"version": NaN}',
    "brackets": b"[" * 200_000,
    "digits": b"9" * 200_000,
}


@pytest.mark.parametrize(
    ("place", "what"),
    [*(("certificate", what) for what in HOSTILE), ("elf", "empty"), ("elf", "an ELF header and nothing else")]
    + [("policy", what) for what in HOSTILE if "key" in what or what == "empty"],
)
def test_garbage_gets_one_message_and_no_traceback(place: str, what: str, seed: Seed, tmp_path: Path) -> None:
    files = {"elf": seed.elf, "policy": seed.policy, "certificate": seed.certificate}
    files[place] = gzip.compress(HOSTILE[what]) if place == "certificate" else HOSTILE[what]
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    verb: list[str | Path] = (
        ["check", tmp_path / "elf", tmp_path / "certificate"]
        if place == "certificate"
        else ["verify", tmp_path / "elf"]
    )
    done = command(*verb, "--policy", tmp_path / "policy", environment=tmp_path)
    assert done.returncode == (1 if place == "certificate" else 2), done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    assert done.stderr.count("ringfence:") == 1, done.stderr
    assert len(done.stderr.splitlines()) == 2, done.stderr  # what is wrong, and what to do
    assert len(done.stderr) < 1000


def test_the_unharmed_files_pass_the_command_line(seed: Seed, tmp_path: Path) -> None:
    for name, data in (("elf", seed.elf), ("policy", seed.policy), ("certificate", seed.certificate)):
        (tmp_path / name).write_bytes(data)
    done = command(
        "check", tmp_path / "elf", tmp_path / "certificate", "--policy", tmp_path / "policy", environment=tmp_path
    )
    assert done.returncode == 0, done.stderr
