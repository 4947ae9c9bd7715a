"""The SCons tool: Sandbox and SandboxedProgram builders over ringfence.toolchain.build."""
