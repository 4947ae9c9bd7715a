"""The SCons tool: `env.Sandbox(...)` and `env.SandboxedProgram(...)`.

    env = Environment(tools=["default", "ringfence"], toolpath=[PyPackageDir("ringfence.scons_tool")])

or, as a callable, `Environment(tools=["default", ringfence.scons_tool.generate])`. The tool finds arm-none-eabi-gcc
and sets CC, CXX, AS, AR, RANLIB, LINK and OBJCOPY, unless the environment already names an Arm cross compiler.
"""

from ringfence.scons_tool.tool import exists, generate

__all__ = ["exists", "generate"]
