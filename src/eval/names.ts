/** Shortens the paths of runs to the names of their folders, if these differ; else returns the paths. */
export function shortNames(paths: readonly string[]): string[] {
  const names = paths.map(
    (path) =>
      path
        .replace(/[/\\]+$/, "")
        .split(/[/\\]/)
        .at(-1)!,
  );
  return new Set(names).size === names.length ? names : [...paths];
}
