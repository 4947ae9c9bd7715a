"""The SCons tool keeps its promises: nothing unverified is left, everything that matters is a dependency.

Each test runs the real `scons` on a small firmware. The rows are those of the table "SCons, as it really behaves".
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import ringfence
from support.small_firmware import OUTPUTS, REFUSED_ALIASES, write_files

SCONSTRUCT = """
{head}
env = Environment(
    tools=["default", "ringfence"], toolpath=[PyPackageDir("ringfence.scons_tool")],
    CCFLAGS=["-mcpu=cortex-m3", "-mthumb", "-O2", "-g", "-ffunction-sections"],
    LINKFLAGS=["--specs=nano.specs", "-nostartfiles", "-Wl,--gc-sections"])
box = env.Sandbox("box", ["box.c"], exports=["scale(int n) -> int"], imports=["report(int n) -> int"], heap=256)
env.SandboxedProgram("fw.elf", ["main.c"], sandboxes=[box], linker_script="vendor.ld", {options})
{tail}
"""
CERTIFYING = "Certifying fw.elf"
pytestmark = pytest.mark.slow  # each test starts scons, and most build a firmware


class Project:
    """A folder with an SConstruct, and scons to run in it."""

    def __init__(self, folder: Path, packages: Path) -> None:
        self.folder = folder
        self.packages = packages

    def configure(self, options: str = "", head: str = "", tail: str = "") -> None:
        self.write("SConstruct", SCONSTRUCT.format(options=options, head=head, tail=tail))

    def write(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text)

    def edit(self, name: str, old: str, new: str) -> None:
        text = (self.folder / name).read_text()
        assert old in text
        self.write(name, text.replace(old, new))

    def scons(self, *arguments: str, path: str | None = None) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "PYTHONPATH": str(self.packages), "PATH": path or os.environ["PATH"]}
        return subprocess.run(
            [sys.executable, "-m", "SCons", "-Q", *arguments], cwd=self.folder, env=environment, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, timeout=120)

    def build(self, *arguments: str) -> str:
        done = self.scons(*arguments)
        assert done.returncode == 0, done.stdout
        return done.stdout

    def would_certify(self) -> bool:
        """Whether the next run of scons would certify again."""
        return CERTIFYING in self.build("-n")

    def outputs(self) -> list[str]:
        return sorted(p.name for p in self.folder.iterdir() if p.is_file() and p.name.startswith((".fw.", "fw.")))


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of Ringfence's packages: they are dependencies, and must not change while a test runs."""
    copied = tmp_path_factory.mktemp("packages")
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(Path(next(iter(ringfence.__path__))), copied / "ringfence", symlinks=False, ignore=ignored)
    return copied


@pytest.fixture
def project(tmp_path: Path, packages: Path) -> Project:
    folder = tmp_path / "project"
    folder.mkdir()
    made = Project(write_files(folder), packages)
    made.configure()
    return made


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory, packages: Path) -> Project:
    made = Project(write_files(tmp_path_factory.mktemp("scons")), packages)
    made.configure()
    made.build()
    return made


@pytest.fixture
def copy(built: Project, tmp_path: Path) -> Project:
    """A built project of one's own: a moved tree is still up to date."""
    shutil.copytree(built.folder, tmp_path / "copy")
    made = Project(tmp_path / "copy", built.packages)
    assert not made.would_certify()
    return made


def test_a_build_publishes_every_output(built: Project) -> None:
    assert built.outputs() == sorted(OUTPUTS)


def test_a_second_run_rebuilds_nothing(copy: Project) -> None:
    before = {name: (copy.folder / name).stat().st_mtime_ns for name in OUTPUTS}
    assert "up to date" in copy.build()
    assert before == {name: (copy.folder / name).stat().st_mtime_ns for name in OUTPUTS}


def test_a_failed_verification_leaves_no_output_and_is_tried_again(copy: Project) -> None:
    copy.configure(f"aliases={REFUSED_ALIASES}")
    for _ in range(2):
        done = copy.scons()
        assert done.returncode == 2
        assert "REJECTED" in done.stdout
        assert "Error 1" in done.stdout
        assert "Traceback" not in done.stdout
        assert copy.outputs() == []
    assert "up to date" not in copy.scons("fw.hex").stdout
    assert copy.outputs() == []


def test_a_failed_link_leaves_no_output(copy: Project) -> None:
    copy.edit("main.c", "int report(int n)", "int repart(int n)")
    done = copy.scons()
    assert done.returncode == 2
    assert "report" in done.stdout
    assert copy.outputs() == []


@pytest.mark.parametrize(("name", "old", "new"), [
    ("main.c", "return n + 1", "return n + 1 + 0 * n"),
    ("box.c", "{7, 8", "{7, 6"),
    ("vendor.ld", "0x800", "0x900"),
    ("memory.ld", "0x20000000, LENGTH = 4M", "0x20000000, LENGTH = 2M"),
])
def test_a_changed_input_certifies_again(copy: Project, name: str, old: str, new: str) -> None:
    copy.edit(name, old, new)
    if name == "main.c":
        copy.edit(name, "int initialised = 5", "int initialised = 5; int more = 3")
    assert CERTIFYING in copy.build()
    assert not copy.would_certify()


@pytest.mark.parametrize("options", [
    'part="mps2-an385"', "aliases=[(0x30000000, 0x30001000, 0x20000000)]",
    'LINKFLAGS=["--specs=nano.specs", "-nostartfiles"]', 'LIBS=["m"]', 'LIBPATH=["."]',
    'RINGFENCE_CACHE=False', 'CCFLAGS=["-mcpu=cortex-m3", "-mthumb", "-O1"]',
])
def test_a_changed_construction_variable_certifies_again(copy: Project, options: str) -> None:
    copy.configure(options)
    assert copy.would_certify()


@pytest.mark.parametrize(("old", "new"), [
    ("heap=256", "heap=512"), ("heap=256", 'heap=256, mode="trap"'), ("heap=256", "heap=256, stack=256"),
    ("heap=256", 'heap=256, window="8K"'), ("heap=256", 'heap=256, LIBS=["m"]'),
    ("heap=256", 'heap=256, mmio=[(0x40004000, 0x40004010, "UART0")]'),
])
def test_a_changed_sandbox_option_certifies_again(copy: Project, old: str, new: str) -> None:
    copy.edit("SConstruct", old, new)
    assert copy.would_certify()


@pytest.mark.parametrize("name", ["verify/kernel/safety.py", "toolchain/rewrite.py", "toolchain/runtime/switch.S"])
def test_a_change_of_ringfence_itself_certifies_again(copy: Project, tmp_path: Path, name: str) -> None:
    mine = tmp_path / "packages"
    shutil.copytree(copy.packages, mine)
    copy.packages = mine
    copy.build()
    assert not copy.would_certify()
    changed = mine / "ringfence" / name
    changed.write_text(changed.read_text() + ("\n/* changed */\n" if name.endswith(".S") else "\n# changed\n"))
    assert copy.would_certify()


def test_parallel_builds_of_two_firmwares_both_certify(project: Project) -> None:
    project.configure(tail='env.SandboxedProgram("other.elf", ["main.c"], sandboxes=[box], linker_script="vendor.ld")')
    output = project.build("-j2")
    assert output.count("certified:") == 2
    assert (project.folder / "other.cert.json.gz").exists()
    assert "up to date" in project.build("-j2")


def test_a_cache_gives_all_outputs_back_and_never_those_of_a_failed_build(project: Project) -> None:
    cached = 'CacheDir("cache")'
    project.configure(head=cached)
    project.build()
    before = {name: (project.folder / name).read_bytes() for name in OUTPUTS}
    project.build("-c")
    assert project.outputs() == []
    assert "Retrieved `fw.elf' from cache" in project.build()
    assert before == {name: (project.folder / name).read_bytes() for name in OUTPUTS}
    project.configure(head=cached, options=f"aliases={REFUSED_ALIASES}")
    for _ in range(2):
        assert project.scons().returncode == 2
        assert project.outputs() == []


def test_cleaning_removes_outputs_and_intermediates(copy: Project) -> None:
    copy.build("-c")
    assert copy.outputs() == []
    assert not (copy.folder / "fw.elf.ringfence").exists()


def test_the_tool_works_as_a_callable(project: Project) -> None:
    text = (project.folder / "SConstruct").read_text()
    text = text.replace('"ringfence"], toolpath=[PyPackageDir("ringfence.scons_tool")]', "ringfence.scons_tool.generate]")
    project.write("SConstruct", "import ringfence.scons_tool\n" + text)
    project.build()
    assert project.outputs() == sorted(OUTPUTS)


def test_two_environments_can_load_the_tool_by_name(project: Project) -> None:
    project.configure(tail='again = Environment(tools=["default", "ringfence"], '
                           'toolpath=[PyPackageDir("ringfence.scons_tool")])\nimport ringfence.toolchain.spec')
    assert project.scons("-n").returncode == 0


def test_the_generated_header_can_be_included(project: Project) -> None:
    project.edit("main.c", "int scale(int n);", '#include "ringfence_box.h"')
    project.build()


def test_include_paths_given_to_the_environment_do_not_hide_the_headers(project: Project) -> None:
    """SCons applies Environment(CPPPATH=...) after the tools, in place of what they set."""
    project.edit("SConstruct", 'CCFLAGS=["-mcpu', 'CPPPATH=["."], CCFLAGS=["-mcpu')
    project.edit("main.c", "int scale(int n);", '#include <ringfence.h>\n#include "ringfence_box.h"')
    project.build()


def test_a_missing_toolchain_is_one_clear_message(project: Project, tmp_path: Path) -> None:
    project.configure(head="DefaultEnvironment(tools=[])")
    text = (project.folder / "SConstruct").read_text().replace("env = Environment(", 'env = Environment(ENV={"PATH": ""},')
    project.write("SConstruct", text)
    done = project.scons(path=str(tmp_path))
    assert done.returncode == 2
    assert "arm-none-eabi-gcc was not found" in done.stdout
    assert "Traceback" not in done.stdout


@pytest.mark.parametrize(("old", "new", "message"), [
    ("heap=256", 'window="20K"', "power of two"),
    ('"scale(int n) -> int"', '"scale(int *n)"', "C pointer"),
    ("sandboxes=[box]", "sandboxes=[]", "needs sandboxes"),
    ("sandboxes=[box]", "sandboxes=[box, box]", "two sandboxes are called 'box'"),
    ("sandboxes=[box]", 'sandboxes=["box"]', "did not make"),
    ("-mcpu=cortex-m3", "-mcpu=cortex-m55", "cortex-m55"),
    ('"scale(int n) -> int"', '"scole(int n) -> int"', "no source defines the export 'scole'"),
])
def test_wrong_options_are_one_clear_message(project: Project, old: str, new: str, message: str) -> None:
    project.edit("SConstruct", old, new)
    done = project.scons()
    assert done.returncode == 2
    assert message in done.stdout
    assert "Traceback" not in done.stdout
    assert project.outputs() == []
