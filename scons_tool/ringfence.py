"""The file that SCons finds for tools=["ringfence"], toolpath=[PyPackageDir("ringfence.scons_tool")].

SCons loads a tool under its bare name, here in place of the package `ringfence` in sys.modules, and with this folder
first on sys.path. Both are put right before the package is used.
"""

import importlib
import sys
from pathlib import Path


def _load_package() -> None:
    """Make `ringfence` in sys.modules the package again."""
    here = Path(__file__).resolve().parent
    shadow = sys.modules.pop("ringfence", None)
    searched = sys.path[:]
    sys.path[:] = [entry for entry in searched if Path(entry or ".").resolve() != here]
    try:
        package = importlib.import_module("ringfence")
        for name, module in list(sys.modules.items()):  # those imported before stay reachable as attributes
            if name.startswith("ringfence.") and name.count(".") == 1:
                setattr(package, name.partition(".")[2], module)
        importlib.import_module("ringfence.scons_tool.tool")
    except BaseException:
        if shadow is not None:
            sys.modules["ringfence"] = shadow
        raise
    finally:
        sys.path[:] = searched


_load_package()

from ringfence.scons_tool.tool import exists, generate  # noqa: E402  the package must be loaded first

__all__ = ["exists", "generate"]
