import type { Squares } from "../kinds.js";

/** Which clusters are where in the picture: squares in rows, each of the same number of clusters. */
export class Scale {
  readonly clusters: number;
  #columns = 1;
  #rows = 1;
  #zoom = 0;
  /** The first cluster that is seen. */
  #first = 0;

  constructor(clusters: number) {
    this.clusters = Math.max(1, clusters);
  }

  get columns(): number {
    return this.#columns;
  }

  get rows(): number {
    return this.#rows;
  }

  get first(): number {
    return this.#first;
  }

  /** What is seen. */
  get squares(): Squares {
    return { first: this.#first, perSquare: this.perSquare, length: this.#columns * this.#rows };
  }

  get isWhole(): boolean {
    return this.perSquare === this.#whole;
  }

  get isClosest(): boolean {
    return this.perSquare === 1;
  }

  /** Clusters in a square. */
  get perSquare(): number {
    return Math.max(1, Math.ceil(this.#whole / 2 ** this.#zoom));
  }

  /** Clusters in a row. */
  get perRow(): number {
    return this.perSquare * this.#columns;
  }

  /** Rows of the whole volume, and the row that is seen first. */
  get allRows(): number {
    return Math.ceil(this.clusters / this.perRow);
  }

  get firstRow(): number {
    return Math.round(this.#first / this.perRow);
  }

  resize(columns: number, rows: number): void {
    const middle = this.#first;
    this.#columns = Math.max(1, columns);
    this.#rows = Math.max(1, rows);
    this.scrollTo(Math.floor(middle / this.perRow));
  }

  /** Steps closer or, if negative, farther, so that the cluster stays where it is. */
  zoom(steps: number, lcn: number): void {
    const row = Math.floor((lcn - this.#first) / this.perRow);
    const deepest = Math.ceil(Math.log2(this.#whole));
    this.#zoom = Math.min(deepest, Math.max(0, this.#zoom + steps));
    this.scrollTo(Math.floor(lcn / this.perRow) - row);
  }

  zoomOut(): void {
    this.#zoom = 0;
    this.#first = 0;
  }

  scrollTo(row: number): void {
    this.#first = Math.min(Math.max(0, row), Math.max(0, this.allRows - this.#rows)) * this.perRow;
  }

  /** Scrolls as little as shows the cluster. */
  reveal(lcn: number): void {
    const row = Math.floor(lcn / this.perRow);
    if (row < this.firstRow) {
      this.scrollTo(row);
    } else if (row >= this.firstRow + this.#rows) {
      this.scrollTo(row - this.#rows + 1);
    }
  }

  /** The first cluster of the square that has it. */
  squareOf(lcn: number): number {
    return Math.floor(Math.min(Math.max(0, lcn), this.clusters - 1) / this.perSquare) * this.perSquare;
  }

  /** The first cluster of a square in the picture; nothing past the end. */
  at(column: number, row: number): number | undefined {
    if (column < 0 || column >= this.#columns || row < 0 || row >= this.#rows) {
      return undefined;
    }
    const lcn = this.#first + (row * this.#columns + column) * this.perSquare;
    return lcn < this.clusters ? lcn : undefined;
  }

  get #whole(): number {
    return Math.max(1, Math.ceil(this.clusters / (this.#columns * this.#rows)));
  }
}
