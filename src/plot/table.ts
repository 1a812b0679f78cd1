const number = /^[-+−<>~≈]?\s?\.?\d/;

/** A table of text cells. */
export interface Table {
  readonly headers: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** Tells which columns are aligned right: those whose cells are all figures, empty cells and dashes aside. */
export function numericColumns({ headers, rows }: Table): boolean[] {
  return headers.map((_, column) => {
    const cells = rows.map((row) => row[column]!).filter((cell) => cell !== "" && !/^[–—-]$/.test(cell));
    return cells.length > 0 && cells.every((cell) => number.test(cell));
  });
}
