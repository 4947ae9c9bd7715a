"""The kernel is standard library only and imports nothing from outside itself; verify imports nothing of the toolchain."""

from __future__ import annotations

import ast
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from ringfence.verify.recheck import write_certificate
from ringfence.verify.tcb import KERNEL, RUNTIME, c_lines, code_lines, device_files, kernel_files
from ringfence.verify.verifier import verify
from support.corpus import read_corpus

VERIFY = KERNEL.parent


def imports(file: Path) -> list[tuple[int, str]]:
    """(level, module) of every import statement of a file."""
    found = []
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            found += [(0, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            found.append((node.level, node.module or ""))
    return found


@pytest.mark.parametrize("file", sorted(KERNEL.rglob("*.py")), ids=lambda f: str(f.relative_to(KERNEL)))
def test_the_kernel_imports_only_itself_and_the_standard_library(file: Path) -> None:
    depth = len(file.relative_to(KERNEL).parts)  # relative imports may climb to kernel/, not above
    for level, module in imports(file):
        if level == 0:
            assert module.split(".")[0] in sys.stdlib_module_names, module
        else:
            assert level <= depth, f"{'.' * level}{module} leaves the kernel"


@pytest.mark.parametrize("file", sorted(VERIFY.rglob("*.py")), ids=lambda f: str(f.relative_to(VERIFY)))
def test_verify_imports_nothing_of_the_other_folders(file: Path) -> None:
    for level, module in imports(file):
        assert not (level == 0 and module.startswith("ringfence")), module
        assert not {"lief", "capstone", "keystone"} & {module.split(".")[0]}


def test_the_kernel_uses_no_assert_eval_or_dynamic_import() -> None:
    for file in KERNEL.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            name = node.func.id if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) else ""
            assert not isinstance(node, ast.Assert), file
            assert name not in ("eval", "exec", "__import__"), file


def test_the_property_is_at_most_60_lines_of_code() -> None:
    assert code_lines((KERNEL / "safety.py").read_text()) <= 60


def test_code_lines_count_neither_comments_nor_docstrings() -> None:
    source = '"""Doc\nstring."""\n\n# comment\nx = 1  # c\n\ndef f():\n    """Doc."""\n    return """a\nb"""\n'
    assert code_lines(source) == 4


def test_code_lines_of_c_and_assembly_count_no_comments() -> None:
    assert c_lines('/* a\n b */ int x;\n\n// c\nchar *s = "/* no comment"; /* d */\nchar c = \'"\'; // "\n') == 3
    assert c_lines("@ a\n  push {lr} @ b\n/* c\n */\n.ascii \"@\"\n", assembly=True) == 2


def test_what_is_trusted_on_the_device_is_everything_in_the_runtime_but_the_sandboxes_own_library() -> None:
    names = {Path(f.name).name for f in device_files()}
    assert names == {p.name for p in RUNTIME.glob("*.[chS]")} - {"sandbox_libc.c"}
    assert device_files(RUNTIME / "nowhere") == []


def test_all_kernel_files_are_listed() -> None:
    assert {f.name for f in kernel_files()} == {str(p.relative_to(VERIFY)) for p in KERNEL.rglob("*.py")}


WITHOUT_SOLVERS = """
import sys

class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {"z3", "pysat", "capstone", "lief", "keystone"}:
            raise ImportError(name)

sys.meta_path.insert(0, Blocker())
from ringfence.verify.cli import check_command
check_command(sys.argv[1:])
"""


def test_check_runs_where_no_solver_can_be_imported(tmp_path: Path) -> None:
    case = next(c for c in read_corpus(Path(__file__).parent / "corpus") if c.name == "stores/masked")
    elf, policy = case.build(tmp_path), case.policy()
    outcome = verify(elf, policy)
    assert outcome.certificate is not None
    (tmp_path / "policy.json").write_bytes(policy)
    (tmp_path / "cert.gz").write_bytes(write_certificate(outcome.certificate))
    (tmp_path / "bare.gz").write_bytes(write_certificate(replace(outcome.certificate, theorems={})))
    for certificate, status in (("cert.gz", 0), ("bare.gz", 1)):
        command = [sys.executable, "-c", WITHOUT_SOLVERS, tmp_path / "case.elf"]
        done = subprocess.run(
            [*map(str, command), "--policy", str(tmp_path / "policy.json"), str(tmp_path / certificate)],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == status, done.stdout + done.stderr
