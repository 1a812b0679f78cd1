const number = /^[-+−<>~≈]?\s?\.?\d/;

/**
 * Which columns stand right: those whose cells are all figures (with whatever unit behind), empty cells and dashes
 * aside.
 */
export function numericColumns(headers: readonly string[], rows: readonly (readonly string[])[]): boolean[] {
  return headers.map((_, column) => {
    const cells = rows.map((row) => row[column]!).filter((cell) => cell !== "" && !/^[–—-]$/.test(cell));
    return cells.length > 0 && cells.every((cell) => number.test(cell));
  });
}
