"""`ringfence explain --fault`: five words from a device, in words. (Whole firmware: tests/runtime/test_faults.py.)"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from ringfence.verify.cli import explain_command
from ringfence.verify.fault_record import CFSR_BITS, KINDS, FaultRecord, explain_fault
from ringfence.verify.kernel.rejected import Rejected
from ringfence.verify.source import AddressMap
from support.raw_elf import Load, raw_elf

RUNTIME = Path(__file__).resolve().parents[2] / "toolchain" / "runtime"
ELF = raw_elf([Load(0x100, b"\x00\xbf" * 8)])  # NOPs
WORDS = (0x200, 9, 0x102, 0x8200, 0xA0000000)
words = st.integers(0, 0xFFFFFFFF)


def test_the_kinds_are_those_of_the_header() -> None:
    text = (RUNTIME / "ringfence.h").read_text()
    body = re.search(r"enum ringfence_fault_kind \{(.*?)\};", text, re.DOTALL)
    assert body is not None
    assert len(re.findall(r"RINGFENCE_FAULT_\w+(?=,| =)", re.sub(r"/\*.*?\*/", "", body[1]))) == len(KINDS)


def test_the_kinds_have_the_names_that_the_device_gives_them() -> None:
    text = (RUNTIME / "faults.c").read_text()
    names = re.search(r"names\[\] = \{(.*?)\}", text, re.DOTALL)
    assert names is not None
    assert re.findall(r'"([^"]+)"', names[1]) == [name for name, _ in KINDS]


def test_the_words_are_the_fields_of_the_structure_in_their_order() -> None:
    text = re.sub(r"/\*.*?\*/", "", (RUNTIME / "ringfence.h").read_text(), flags=re.DOTALL)
    body = re.search(r"struct ringfence_fault \{(.*?)\};", text, re.DOTALL)
    assert body is not None
    assert re.findall(r"(\w+);", body[1]) == ["sandbox", "kind", "pc", "cfsr", "address"]


def test_each_bit_of_the_fault_status_has_one_row() -> None:
    bits = [bit for bit, _, _ in CFSR_BITS]
    assert sorted(set(bits)) == bits
    for bit, name, _ in CFSR_BITS:
        assert FaultRecord(0, 9, 0, 1 << bit, 0).status()[0].startswith(f"{name}: ")


@given(st.tuples(words, words, words, words, words), st.sampled_from(["{:08x}", "0x{:08x}", "{:X}", "0x{:x}"]),
       st.sampled_from([" ", ", ", "\t", "\n"]), st.sampled_from(["", "ringfence-fault: ", "0x20000010: "]))
def test_a_record_is_read_in_every_usual_form(record: tuple[int, ...], form: str, between: str, label: str) -> None:
    assert FaultRecord.parse(label + between.join(form.format(w) for w in record)) == FaultRecord(*record)


def test_a_debuggers_dump_is_read() -> None:
    dump = "0x200001a4 <__rf_box_state+40>:\t0x00000200\t0x00000009\t0x00000102\t0x00008200\n0x200001b4 <x>:\t0xa0000000\n"
    assert FaultRecord.parse(dump) == FaultRecord(*WORDS)


@pytest.mark.parametrize("text", ["", "1 2 3 4", "1 2 3 4 5 6", "1 2 3 4 xyz", "1 2 3 4 123456789", "ringfence-fault:",
                                  "1 2 3 4 -5", "é"])
def test_anything_else_is_not_a_record(text: str) -> None:
    with pytest.raises(ValueError, match="5 words"):
        FaultRecord.parse(text)


@given(words, words, words, words, words)
def test_every_record_can_be_explained(sandbox: int, kind: int, pc: int, cfsr: int, address: int) -> None:
    record = FaultRecord(sandbox, kind, pc, cfsr, address)
    assert explain_fault(record, ELF, None, AddressMap([])).startswith("sandbox ")


def test_an_explanation_gives_kind_pc_instruction_address_and_status() -> None:
    text = explain_fault(FaultRecord(*WORDS), ELF, None, AddressMap([]))
    for part in ("bus fault", "0x00000102", "NOP", "data address: 0xa0000000", "PRECISERR", "BFARVALID", "what to do"):
        assert part in text


def test_an_address_is_given_only_where_the_status_says_that_it_is_one() -> None:
    assert "data address" not in explain_fault(FaultRecord(0, 9, 0x102, 0x400, 0x1234), ELF, None, AddressMap([]))
    assert "data address" in explain_fault(FaultRecord(0, 10, 0x102, 0, 0x1234), ELF, None, AddressMap([]))


def test_a_file_that_is_no_elf_is_refused() -> None:
    with pytest.raises(Rejected):
        explain_fault(FaultRecord(*WORDS), b"nonsense", None, AddressMap([]))


@pytest.mark.parametrize(("arguments", "message"), [
    (["--fault", "1 2 3 4 5"], "--fault needs --elf"),
    (["--fault", "1 2 3 4", "--elf", "fw.elf"], "5 words"),
    (["--fault", "1 2 3 4 5", "--elf", "no-such-file"], "cannot read"),
    (["--fault", "1 2 3 4 5", "--elf", "bad.elf"], "cannot use bad.elf"),
    (["--fault", "1 2 3 4 5", "--elf", "fw.elf", "--policy", "bad.json"], "cannot use bad.json"),
    (["--fault", "1 2 3 4 5", "--elf", "fw.elf", "--map", "bad.json"], "cannot read the address map"),
])
def test_wrong_input_is_one_message_and_exit_status_2(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("fw.elf").write_bytes(ELF)
    Path("bad.elf").write_bytes(b"nonsense")
    Path("bad.json").write_text("{")
    result = CliRunner().invoke(explain_command, arguments)
    assert result.exit_code == 2
    assert message in result.output
    assert "Traceback" not in result.output


def test_the_command_explains_a_record(tmp_path: Path) -> None:
    (tmp_path / "fw.elf").write_bytes(ELF)
    result = CliRunner().invoke(explain_command, ["--fault", "200 9 102 8200 a0000000", "--elf", str(tmp_path / "fw.elf")])
    assert result.exit_code == 0
    assert "bus fault" in result.output
