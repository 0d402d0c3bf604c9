/**
 * Ends the start of this process: code that runs often is compiled from now on. The executable begins with a JIT that compiles
 * almost nothing (`--compile-jit-policy` in scripts/compile.sh), because what a start runs, it runs once: compiling that would
 * take a third of the processor time of a start, and 7 MB.
 */
export function compileHotCode(): void {
  Bun.unsafe.setJITPolicy(1)
}
