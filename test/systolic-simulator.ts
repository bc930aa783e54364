/**
 * A systolic array, cycle by cycle: processing elements with registers, operands fed with skew, real products. It knows
 * nothing of formulas: a fold ends when its last element has done its last work.
 */
import type { SystolicArray } from '../src/cost/systolic/index.ts';

/** rows x columns */
export type Matrix = readonly (readonly number[])[];

export interface Simulation {
  product: number[][];
  cycles: number;
  /** Products of two operands, by all elements. */
  macs: number;
  /** Cycles after the last one in which OS still shifts its last outputs down; WS and IS have none. */
  drainCycles: number;
  /** Elements across the array's edges. */
  leftReads: number;
  topReads: number;
  writes: number;
  /** Incomplete sums that were read back to be added to. */
  partialReads: number;
}

/** What travels: a value, or null in a lane that has no work. undefined is a register without anything valid. */
type Token = number | null | undefined;

export function simulate(a: Matrix, b: Matrix, array: SystolicArray): Simulation {
  const product = a.map(() => Array<number>(b[0]!.length).fill(0));
  const state: Simulation = {
    product,
    cycles: 0,
    macs: 0,
    drainCycles: 0,
    leftReads: 0,
    topReads: 0,
    writes: 0,
    partialReads: 0,
  };
  const [m, k, n] = [a.length, b.length, b[0]!.length];
  const { rows, columns } = array;
  const folds = (height: number, width: number, fold: (row: number, column: number) => void) => {
    for (let column = 0; column < width; column += columns) {
      for (let row = 0; row < height; row += rows) fold(row, column);
    }
  };
  switch (array.dataflow) {
    case 'output-stationary': {
      const drain = new Drain(rows, state);
      folds(m, n, (row, column) => {
        const sums = outputStationaryFold(
          state,
          array,
          k,
          (r, t) => (row + r < m ? a[row + r]![t]! : null),
          (t, c) => (column + c < n ? b[t]![column + c]! : null),
          () => drain.step(),
        );
        drain.take(sums, (r, c, value) => {
          if (row + r >= m || column + c >= n) return;
          product[row + r]![column + c] = value;
          state.writes++;
        });
      });
      while (drain.busy) {
        drain.step();
        state.drainCycles++;
      }
      break;
    }
    case 'weight-stationary':
      folds(k, n, (row, column) =>
        stationaryFold(
          state,
          array,
          m,
          (r, c) => (row + r < k && column + c < n ? b[row + r]![column + c]! : null),
          (r, t) => (row + r < k ? a[t]![row + r]! : null),
          (t, c, sum) => {
            if (column + c < n) accumulate(state, row > 0, t, column + c, sum);
          },
        ),
      );
      break;
    case 'input-stationary':
      folds(k, m, (row, column) =>
        stationaryFold(
          state,
          array,
          n,
          (r, c) => (row + r < k && column + c < m ? a[column + c]![row + r]! : null),
          (r, t) => (row + r < k ? b[row + r]![t]! : null),
          (t, c, sum) => {
            if (column + c < m) accumulate(state, row > 0, column + c, t, sum);
          },
        ),
      );
  }
  return state;
}

/** The output SRAM behind the bottom edge: it adds to what earlier row folds left there. */
function accumulate(state: Simulation, again: boolean, i: number, j: number, sum: number): void {
  if (again) state.partialReads++;
  state.product[i]![j]! += sum;
  state.writes++;
}

/** Sums stay; left operands move right, top operands move down, both one element a cycle. */
function outputStationaryFold(
  state: Simulation,
  { rows, columns }: SystolicArray,
  time: number,
  left: (row: number, time: number) => number | null,
  top: (time: number, column: number) => number | null,
  eachCycle: () => void,
): number[][] {
  const sums = grid(rows, columns, () => 0);
  const done = grid(rows, columns, () => 0);
  let right = grid<Token>(rows, columns, () => undefined);
  let down = grid<Token>(rows, columns, () => undefined);
  for (let cycle = 0; done[rows - 1]![columns - 1]! < time; cycle++) {
    const nextRight = grid<Token>(rows, columns, () => undefined);
    const nextDown = grid<Token>(rows, columns, () => undefined);
    for (let r = 0; r < rows; r++) {
      for (let c = 0; c < columns; c++) {
        // Lane r of the left edge and lane c of the top edge start as many cycles late.
        const x = c === 0 ? feed(cycle - r, time, (t) => left(r, t)) : right[r]![c - 1];
        const y = r === 0 ? feed(cycle - c, time, (t) => top(t, c)) : down[r - 1]![c];
        if (c === 0 && typeof x === 'number') state.leftReads++;
        if (r === 0 && typeof y === 'number') state.topReads++;
        if ((x === undefined) !== (y === undefined)) throw new Error('operands do not meet');
        if (x !== undefined) done[r]![c]!++;
        if (typeof x === 'number' && typeof y === 'number') {
          sums[r]![c]! += x * y;
          state.macs++;
        }
        nextRight[r]![c] = x;
        nextDown[r]![c] = y;
      }
    }
    right = nextRight;
    down = nextDown;
    eachCycle();
    state.cycles++;
  }
  return sums;
}

/** The tile is shifted in from the top, then stays; left operands move right, sums move down and out. */
function stationaryFold(
  state: Simulation,
  { rows, columns }: SystolicArray,
  time: number,
  tile: (row: number, column: number) => number | null,
  left: (row: number, time: number) => number | null,
  leave: (time: number, column: number, sum: number) => void,
): void {
  let held = grid<number | null>(rows, columns, () => null);
  for (let load = 0; load < rows; load++) {
    // The bottom row goes in first.
    const entering = Array.from({ length: columns }, (_, c) => tile(rows - 1 - load, c));
    state.topReads += entering.filter((value) => value !== null).length;
    held = [entering, ...held.slice(0, -1)];
    state.cycles++;
  }
  const emitted = Array<number>(columns).fill(0);
  let right = grid<Token>(rows, columns, () => undefined);
  let down = grid<Token>(rows, columns, () => undefined);
  for (let cycle = 0; emitted[columns - 1]! < time; cycle++) {
    const nextRight = grid<Token>(rows, columns, () => undefined);
    const nextDown = grid<Token>(rows, columns, () => undefined);
    for (let r = 0; r < rows; r++) {
      for (let c = 0; c < columns; c++) {
        const x = c === 0 ? feed(cycle - r, time, (t) => left(r, t)) : right[r]![c - 1];
        if (c === 0 && typeof x === 'number') state.leftReads++;
        if (x === undefined) continue;
        const above = r === 0 ? 0 : down[r - 1]![c];
        if (typeof above !== 'number') throw new Error('a sum does not meet its operand');
        const weight = held[r]![c]!;
        const works = x !== null && weight !== null;
        if (works) state.macs++;
        const sum = works ? above + x * weight : above;
        nextRight[r]![c] = x;
        nextDown[r]![c] = sum;
        if (r === rows - 1) leave(emitted[c]!++, c, sum);
      }
    }
    right = nextRight;
    down = nextDown;
    state.cycles++;
  }
}

/** OS's second set of registers: takes the sums when a fold ends and shifts them down while the next one computes. */
class Drain {
  #lines: number[][] = [];
  #leave: (row: number, column: number, value: number) => void = () => {};
  readonly #rows: number;
  readonly #state: Simulation;

  constructor(rows: number, state: Simulation) {
    this.#rows = rows;
    this.#state = state;
  }

  get busy(): boolean {
    return this.#lines.length > 0;
  }

  take(sums: number[][], leave: (row: number, column: number, value: number) => void): void {
    if (this.busy) throw new Error(`outputs are overwritten in cycle ${this.#state.cycles}`);
    if (sums.length !== this.#rows) throw new Error('a tile of another height');
    this.#lines = sums.map((line) => [...line]);
    this.#leave = leave;
  }

  /** One row leaves at the bottom. */
  step(): void {
    const line = this.#lines.pop();
    line?.forEach((value, column) => {
      this.#leave(this.#lines.length, column, value);
    });
  }
}

function feed(time: number, length: number, value: (time: number) => number | null): Token {
  return time >= 0 && time < length ? value(time) : undefined;
}

function grid<T>(rows: number, columns: number, value: () => T): T[][] {
  return Array.from({ length: rows }, () => Array.from({ length: columns }, value));
}
