/** The folders' own names where those tell the runs apart, else their paths. */
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
