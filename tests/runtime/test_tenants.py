"""Eight sandboxes in one firmware, each with its own window, stack, heap, entries, imports, device and library code."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from runtime.sandboxed import DEVICE, Box, build, qemu, values

from ringfence.toolchain.errors import RingfenceError
from ringfence.toolchain.spec import SandboxSpec
from ringfence.verify.kernel.policy import parse_policy
from ringfence.verify.kernel.rejected import Rejected
from ringfence.verify.recheck import recheck

REGISTERS = [0x40001008, 0x40002000, 0x40002020, 0x40004010, 0x40005010, 0x40006010, 0x40007010, 0x40009010]
ERROR = 0xFFFFFFFF
FAULT, OK = 6, 0


def tenant(number: int, imports: tuple[str, ...] = ("ask(int from, int to, int depth) -> int",)) -> Box:
    name = f"t{number}"
    exports = [
        f"{name}_count() -> unsigned error 0xffffffff", f"{name}_calls() -> unsigned",
        f"{name}_address(which) -> unsigned", f"{name}_poke(address, value)", f"{name}_device(value)",
        f"{name}_jump(address) -> unsigned", f"{name}_relay(int to, int depth) -> int error -1", f"{name}_fail()"]
    register = REGISTERS[number]
    spec = SandboxSpec.from_options(name=name, exports=exports, imports=imports, heap="1K", window="4K",
                                    mmio=[(register, register + 4, f"device of tenant {number}")])
    return Box(spec, (DEVICE / "tenant.c",), (f"TENANT={name}", f"NUMBER={number}", f"DEVICE={register:#x}"))


@pytest.fixture(scope="module")
def firmware(tmp_path_factory: pytest.TempPathFactory) -> Path:
    boxes = [tenant(i) for i in range(8)]
    return build(tmp_path_factory.mktemp("tenants"), boxes, [DEVICE / "tenants_host.c"])


@pytest.fixture(scope="module")
def policy(firmware: Path) -> Any:
    return json.loads(firmware.with_suffix(".policy.json").read_text())


@pytest.fixture(scope="module")
def seen(firmware: Path) -> dict[str, int]:
    return values(qemu(firmware, ""))


def expect(seen: dict[str, int], wanted: dict[str, int]) -> None:
    assert {key: seen.get(key) for key in wanted} == wanted


def test_all_eight_are_set_up_and_keep_a_state_of_their_own(seen: dict[str, int]) -> None:
    expect(seen, {"init": OK, "states.wrong": 0})


def test_each_has_its_own_copy_of_the_library_and_its_own_memory(seen: dict[str, int]) -> None:
    expect(seen, {"privacy.shared_code": 0, "privacy.outside": 0})


def test_no_store_of_one_reaches_another_the_host_or_the_others_device(seen: dict[str, int]) -> None:
    expect(seen, {"stores.pairs": 56, "stores.changed": 0, "host_word": 0x600D600D})


def test_each_reaches_its_own_device(seen: dict[str, int]) -> None:
    expect(seen, {"devices.wrong": 0})


def test_no_pointer_leads_into_another_sandbox_or_to_its_gates(seen: dict[str, int]) -> None:
    expect(seen, {"jumps.entered": 0})


def test_one_calls_another_through_the_host_up_to_all_eight_deep(seen: dict[str, int]) -> None:
    expect(seen, {"relay.direct": 1001, "relay.all": 8008, "relay.all.status": OK, "relay.nobody": 0})


def test_a_chain_that_comes_back_to_a_busy_sandbox_gets_an_error(seen: dict[str, int]) -> None:
    expect(seen, {"relay.too_far": 7})  # -1 from the refused gate, and one more for each of the eight


def test_a_failure_is_one_sandboxs_and_leaves_the_other_seven_alone(seen: dict[str, int]) -> None:
    expect(seen, {"failures.wrong": 0, "failures.disturbed": 0, "chain": 6, "chain.status": OK})


def test_a_sandbox_cannot_name_another_ones_function(tmp_path: Path) -> None:
    """`ask` is another tenant's export here: without an import it stays undefined."""
    with pytest.raises(RingfenceError, match="ask"):
        build(tmp_path, [tenant(0, imports=())], [DEVICE / "tenants_host.c"])


# ---- the policy of the whole image is one ----


def _box(policy: Any, i: int) -> Any:
    return policy["sandboxes"][i]


def _share_window(policy: Any) -> None:
    _box(policy, 1)["window"] = _box(policy, 0)["window"]
    _box(policy, 1)["stack"] = _box(policy, 0)["stack"]


def _slack_into_neighbour(policy: Any) -> None:
    first, second = sorted((b["window"] for b in policy["sandboxes"]), key=lambda w: int(w["base"], 16))[:2]
    first["slack_above"] = int(second["base"], 16) - int(first["base"], 16) - first["size"] + 4


def _shadow_in_neighbours_window(policy: Any) -> None:
    box, other = _box(policy, 0), _box(policy, 1)
    box["shadow"]["offset"] = int(other["window"]["base"], 16) - int(box["stack"]["low"], 16)


def _share_code(policy: Any) -> None:
    _box(policy, 0)["code"] = _box(policy, 1)["code"]
    _box(policy, 0)["slots"] = _box(policy, 1)["slots"]
    _box(policy, 0)["entries"] = _box(policy, 1)["entries"]


def _share_device(policy: Any) -> None:
    _box(policy, 3)["mmio"] = _box(policy, 4)["mmio"]


def _entry_of_another(policy: Any) -> None:
    _box(policy, 2)["entries"][0]["address"] = _box(policy, 5)["entries"][0]["address"]


def _import_another(policy: Any) -> None:
    _box(policy, 2)["imports"][0]["address"] = _box(policy, 5)["entries"][0]["address"]


def _same_name(policy: Any) -> None:
    _box(policy, 6)["name"] = _box(policy, 7)["name"]


def _device_over_window(policy: Any) -> None:
    base = int(_box(policy, 1)["window"]["base"], 16)
    _box(policy, 0)["mmio"] = [{"start": f"{base:#x}", "end": f"{base + 4:#x}", "why": "not a device"}]


CONTRADICTIONS: list[Callable[[Any], None]] = [
    _share_window, _slack_into_neighbour, _shadow_in_neighbours_window, _share_code, _share_device, _entry_of_another,
    _import_another, _same_name, _device_over_window]


def test_the_policy_of_the_build_is_accepted(policy: Any) -> None:
    assert len(parse_policy(json.dumps(policy).encode()).sandboxes) == 8


@pytest.mark.parametrize("contradict", CONTRADICTIONS, ids=lambda f: f.__name__.strip("_"))
def test_sandboxes_that_overlap_or_enter_one_another_are_refused(policy: Any, contradict: Callable[[Any], None]) -> None:
    changed = json.loads(json.dumps(policy))
    contradict(changed)
    assert changed != policy
    with pytest.raises(Rejected) as caught:
        parse_policy(json.dumps(changed).encode())
    assert caught.value.rule == "policy"


@pytest.mark.parametrize("number", [0, 7])
def test_a_change_in_any_one_sandbox_fails_the_whole_image(firmware: Path, policy: Any, number: int) -> None:
    elf, certificate = firmware.read_bytes(), firmware.with_suffix(".cert.json.gz").read_bytes()
    text = firmware.with_suffix(".policy.json").read_bytes()
    assert recheck(elf, text, certificate).report.accepted
    code = (firmware.parent / "fw.bin").read_bytes()
    start, end = (int(_box(policy, number)["code"][key], 16) for key in ("start", "end"))
    at = elf.index(code[start:end])
    changed = elf[:at] + b"\x00\xdf" + elf[at + 2 :]  # svc #0
    try:
        accepted = recheck(changed, text, certificate).report.accepted
    except Rejected:
        accepted = False
    assert not accepted
