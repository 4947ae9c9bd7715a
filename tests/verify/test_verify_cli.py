"""`ringfence verify` and `check`: verdicts, exit codes, messages; nothing passes by default."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from ringfence.verify.cli import check_command, explain_command, tcb_command, verify_command
from support.corpus import CONST_END, POLICY, read_corpus
from support.mutate import file_offset

CASES = {c.name: c for c in read_corpus(Path(__file__).parent / "corpus")}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RINGFENCE_CACHE", str(tmp_path / "cache"))
    return tmp_path


def build(folder: Path, case: str) -> tuple[str, str]:
    CASES[case].build(folder)
    (folder / "policy.json").write_bytes(CASES[case].policy())
    return str(folder / "case.elf"), str(folder / "policy.json")


def verify(*arguments: str) -> Result:
    return CliRunner().invoke(verify_command, list(arguments))


def check(*arguments: str) -> Result:
    return CliRunner().invoke(check_command, list(arguments))


def test_a_certified_image_exits_0_and_its_certificate_checks(folder: Path) -> None:
    elf, policy = build(folder, "returns/shadow")
    certificate, report = folder / "cert.gz", folder / "report.json"
    done = verify(elf, "--policy", policy, "--certificate", str(certificate), "--json", str(report))
    assert done.exit_code == 0, done.output
    assert "certified" in done.output
    assert json.loads(report.read_text())["verdict"] == "certified"
    assert check(elf, "--policy", policy, str(certificate)).exit_code == 0


def test_a_rejection_names_rule_address_function_instruction_and_counterexample(folder: Path) -> None:
    elf, policy = build(folder, "stores/mask_dropped")
    certificate, report = folder / "cert.gz", folder / "report.json"
    done = verify(elf, "--policy", policy, "--certificate", str(certificate), "--json", str(report))
    assert done.exit_code == 1
    for expected in ("rule 'store'", "0x00010000", "in f", "STR", "counterexample: r1 = ", "what to do"):
        assert expected in done.output, done.output
    assert not certificate.exists()
    failure = json.loads(report.read_text())["failures"][0]
    assert failure["rule"] == "store"
    value = failure["counterexample"]["r1"] + 4
    assert not 0x2001FF00 <= value <= 0x20030108 - 4


def test_a_rejection_leaves_no_certificate_of_an_earlier_run(folder: Path) -> None:
    elf, policy = build(folder, "stores/masked")
    certificate, report = folder / "cert.gz", folder / "report.json"
    arguments = ("--policy", policy, "--certificate", str(certificate), "--json", str(report))
    assert verify(elf, *arguments).exit_code == 0
    assert certificate.exists()
    build(folder, "stores/mask_dropped")
    assert verify(elf, *arguments).exit_code == 1
    assert not certificate.exists()
    Path(policy).write_text("{}")
    assert verify(elf, *arguments).exit_code == 2
    assert not report.exists()


def test_the_second_run_asks_no_solver(folder: Path) -> None:
    elf, policy = build(folder, "stores/masked")
    assert "(0 proved now" not in verify(elf, "--policy", policy).output
    assert "(0 proved now" in verify(elf, "--policy", policy).output
    assert "(0 proved now" not in verify(elf, "--policy", policy, "--no-cache").output


@pytest.mark.parametrize("content", [b"", b"\x7fELF", b"garbage" * 50], ids=["empty", "magic only", "garbage"])
def test_what_is_not_an_elf_exits_2_with_one_message(folder: Path, content: bytes) -> None:
    _, policy = build(folder, "stores/masked")
    bad = folder / "bad.elf"
    bad.write_bytes(content)
    done = verify(str(bad), "--policy", policy)
    assert done.exit_code == 2
    assert "Traceback" not in done.output
    assert "REJECTED: elf" in done.output


def test_every_truncation_is_refused(folder: Path) -> None:
    elf, policy = build(folder, "stores/masked")
    whole = Path(elf).read_bytes()
    loaded = file_offset(whole, CONST_END - 1) + 1
    for size in [*range(0, 200, 7), 400, 1000, loaded - 1]:
        cut = folder / "cut.elf"
        cut.write_bytes(whole[:size])
        assert verify(str(cut), "--policy", policy).exit_code in (1, 2), size


def test_missing_files_exit_2(folder: Path) -> None:
    elf, policy = build(folder, "stores/masked")
    assert verify(str(folder / "none.elf"), "--policy", policy).exit_code == 2
    assert verify(elf, "--policy", str(folder / "none.json")).exit_code == 2
    assert verify(elf).exit_code == 2
    assert check(elf, "--policy", policy, str(folder / "none.gz")).exit_code == 2


def test_a_hostile_policy_exits_2(folder: Path) -> None:
    elf, policy = build(folder, "stores/masked")
    for text in ("{}", "[]", json.dumps(POLICY | {"extra": 1}), '{"version": 1, "version": 1}', "[" * 100_000):
        Path(policy).write_text(text)
        done = verify(elf, "--policy", policy)
        assert done.exit_code == 2, text[:40]
        assert "policy" in done.output


def test_a_policy_without_sandboxes_certifies_nothing(folder: Path) -> None:
    elf, policy = build(folder, "stores/masked")
    Path(policy).write_text(json.dumps(POLICY | {"sandboxes": []}))
    assert verify(elf, "--policy", policy).exit_code == 2


def certificate_of(folder: Path, case: str) -> tuple[str, str, bytes]:
    elf, policy = build(folder, case)
    file = folder / "cert.gz"
    assert verify(elf, "--policy", policy, "--certificate", str(file)).exit_code == 0
    return elf, policy, file.read_bytes()


def test_a_certificate_of_something_else_is_refused(folder: Path) -> None:
    _, _, foreign = certificate_of(folder, "returns/leaf")
    elf, policy = build(folder, "returns/shadow")
    file = folder / "cert.gz"
    file.write_bytes(foreign)
    done = check(elf, "--policy", policy, str(file))
    assert done.exit_code == 1
    assert "another ELF" in done.output


def test_a_certificate_for_another_policy_is_refused(folder: Path) -> None:
    elf, policy, _ = certificate_of(folder, "returns/leaf")
    Path(policy).write_bytes(Path(policy).read_bytes() + b" ")
    done = check(elf, "--policy", policy, str(folder / "cert.gz"))
    assert done.exit_code == 1
    assert "another policy" in done.output


def test_a_truncated_or_altered_certificate_is_refused(folder: Path) -> None:
    elf, policy, good = certificate_of(folder, "returns/saved_on_both_paths")
    value = json.loads(gzip.decompress(good))
    functions = value["sandboxes"]["box"]
    entry = next(f for f in functions if f["entry"] == 0x10000)
    altered = []
    for change in (
        lambda f: f.update(need=0),
        lambda f: f.update(need=-1),
        lambda f: f.update(need=1 << 40),
        lambda f: f.update(blocks=[]),
        lambda f: f.update(extra=1),
        lambda f: [b.__setitem__(1, 4) for b in f["blocks"]],
        lambda f: [b.__setitem__(2, 2) for b in f["blocks"]],
        lambda f: [b.__setitem__(3, 1 << 31) for b in f["blocks"]],
        lambda f: [b[4].append([0, "const", 5, 0]) for b in f["blocks"]],
        lambda f: [b[4].append([13, "const", 5, 0]) for b in f["blocks"]],
        lambda f: [b[4].append([14, "ra", 0, 0]) for b in f["blocks"]],
        lambda f: f["blocks"].append(f["blocks"][0]),
    ):
        copy = json.loads(json.dumps(value))
        change(next(f for f in copy["sandboxes"]["box"] if f["entry"] == entry["entry"]))
        altered.append(gzip.compress(json.dumps(copy).encode()))
    altered += [good[:-9], good[:20], b"", gzip.compress(b"{}"), gzip.compress(b"[" * 100_000)]
    altered.append(gzip.compress(json.dumps(value | {"sandboxes": {}}).encode()))
    altered.append(gzip.compress(json.dumps(value | {"sandboxes": {"box": []}}).encode()))
    for number, content in enumerate(altered):
        (folder / "cert.gz").write_bytes(content)
        done = check(elf, "--policy", policy, str(folder / "cert.gz"))
        assert done.exit_code in (1, 2), (number, done.output)
        assert "certified:" not in done.output


def test_explain_knows_every_rule_and_addresses(folder: Path) -> None:
    elf, _ = build(folder, "stores/masked")
    runner = CliRunner()
    assert "masks the pointer" in runner.invoke(explain_command, ["call"]).output
    for rule in {rule for case in CASES.values() for rule, _ in case.rejections}:
        assert runner.invoke(explain_command, [rule]).exit_code == 0, rule
    assert runner.invoke(explain_command, ["nonsense"]).exit_code == 2
    assert "f+0x4" in runner.invoke(explain_command, ["0x10004", "--elf", elf]).output


def test_tcb_lists_the_kernel_and_apart_from_it_what_is_trusted_on_the_device() -> None:
    output = CliRunner().invoke(tcb_command, []).output
    kernel, _, device = output.partition("on the device")
    assert "kernel/safety.py" in kernel
    assert "prover" not in output
    assert "runtime" not in kernel
    assert "runtime/switch.S" in device
    assert "sandbox_libc" not in device  # it runs inside sandboxes
    assert kernel.count("total") == device.count("total") == 1


def test_a_bad_address_map_is_found_before_anything_is_written(folder: Path) -> None:
    elf, policy = build(folder, "stores/masked")
    bad, certificate = folder / "map.json", folder / "cert.gz"
    for content in ("not json", "[1]", "[[" * 50_000):
        bad.write_text(content)
        done = verify(elf, "--policy", policy, "--map", str(bad), "--certificate", str(certificate))
        assert done.exit_code == 2
        assert "address map" in done.output
        assert not certificate.exists()


def test_what_is_published_has_the_permissions_of_any_new_file(folder: Path) -> None:
    elf, policy = build(folder, "stores/masked")
    certificate = folder / "cert.gz"
    assert verify(elf, "--policy", policy, "--certificate", str(certificate)).exit_code == 0
    assert certificate.stat().st_mode == Path(policy).stat().st_mode
