import { InputError } from '../errors.ts';
import { absolute, adder, assemble, type Component, comparator, multiplier, register } from './components.ts';

/*
 * Protection as hardware beside a systolic array of integer elements: what it adds in area, power and cycles. Checksums as
 * ReaLM draws them (DAC 2025, arXiv 2503.24053, the figure of the WS and OS circuits); widths from the sums that must not
 * overflow. Counts that the paper leaves open are marked "assumed".
 */

export interface ProtectedArray {
  rows: number;
  columns: number;
  /** Bits of an operand. */
  operandBits: number;
  /** Bits of a sum. */
  accumulatorBits: number;
  dataflow: 'weight-stationary' | 'output-stationary';
}

export type ProtectionKind = 'checksum' | 'statistical-checksum' | 'dmr' | 'tmr' | 'range-check';

export interface ProtectionCost {
  kind: ProtectionKind;
  /** Named parts with how much they add: um2 in 45 nm, pJ a cycle. */
  parts: { name: string; component: Component }[];
  /** Shares of the unprotected array's elements. */
  area: number;
  power: number;
  /** Added to each fold: the longer skew, and the checks after the last output. Pipelined folds hide the checks. */
  cyclesPerFold: bigint;
}

/** Sums of a checksum: of so many terms of so many bits. */
function sumBits(bits: number, terms: number): number {
  return bits + Math.ceil(Math.log2(terms));
}

/**
 * An element of the array: multiplier, accumulator, and registers of both operands and of the sum (WS holds the weight and
 * hands on inputs and partial sums; OS holds the sum and hands on both operands).
 */
export function processingElement({ operandBits, accumulatorBits }: ProtectedArray): Component {
  return assemble(
    [1, multiplier(operandBits, operandBits)],
    [1, adder(accumulatorBits)],
    [1, register(2 * operandBits + accumulatorBits)],
  );
}

/** Cost of a protection. @throws InputError for an array without elements. */
export function protectionCost(kind: ProtectionKind, array: ProtectedArray): ProtectionCost {
  for (const key of ['rows', 'columns', 'operandBits', 'accumulatorBits'] as const) {
    if (!Number.isSafeInteger(array[key]) || array[key] < 1)
      throw new InputError(`${key} of the array: expected a whole number of at least 1, found ${array[key]}`);
  }
  const { parts, cycles } = partsOf(kind, array);
  const base = assemble([array.rows * array.columns, processingElement(array)]);
  const added = assemble(...parts.map(({ component }) => [1, component] as const));
  return {
    kind,
    parts,
    area: added.area / base.area,
    power: added.energy / base.energy,
    cyclesPerFold: cycles,
  };
}

interface Parts {
  parts: ProtectionCost['parts'];
  cycles: bigint;
}

function partsOf(kind: ProtectionKind, array: ProtectedArray): Parts {
  switch (kind) {
    case 'checksum': {
      const { parts, cycles } = checksum(array);
      // Any column that differs asks for recovery: one comparator, as its sums pass.
      parts.push({
        name: 'comparators',
        component: assemble([lanes(array), comparator(array.accumulatorBits)]),
      });
      return { parts, cycles: cycles + 1n };
    }
    case 'statistical-checksum': {
      const { parts, cycles } = checksum(array);
      parts.push(...statisticsUnit(array));
      // Subtract, accumulate the last deviation, log2-linear function, compare and count: one cycle each (assumed).
      return { parts, cycles: cycles + 4n };
    }
    case 'dmr':
      return { parts: [...copies(array, 1), comparators(array, 1)], cycles: 1n };
    case 'tmr':
      // A majority of three bits is a full adder's carry.
      return { parts: [...copies(array, 2), comparators(array, 1)], cycles: 1n };
    case 'range-check':
      return { parts: [rangeCheck(array)], cycles: 1n };
  }
}

/**
 * WS: an extra column of elements holds e^T W and gives e^T W X; a row of adders below sums the outputs to e^T Y.
 * OS: a column of adders on the left sums the weights that stream in to e^T W; an extra row of elements at the bottom
 * multiplies it by X; accumulators sum the outputs of each column as they leave, to e^T Y.
 */
function checksum(array: ProtectedArray): Parts {
  const { rows, columns, operandBits, accumulatorBits, dataflow } = array;
  const checkBits = sumBits(operandBits, dataflow === 'weight-stationary' ? columns : rows);
  const element = assemble(
    [1, multiplier(checkBits, operandBits)],
    [1, adder(accumulatorBits)],
    [1, register(checkBits + operandBits + accumulatorBits)],
  );
  const accumulator = assemble([1, adder(accumulatorBits)], [1, register(accumulatorBits)]);
  if (dataflow === 'weight-stationary') {
    return {
      parts: [
        { name: 'extra column of elements', component: assemble([rows, element]) },
        { name: 'row of adders', component: assemble([columns, accumulator]) },
      ],
      // One more column of skew, one more row.
      cycles: 2n,
    };
  }
  const leftAdder = assemble([1, adder(checkBits)], [1, register(checkBits)]);
  return {
    parts: [
      { name: 'column of adders', component: assemble([rows, leftAdder]) },
      { name: 'extra row of elements', component: assemble([columns, element]) },
      { name: 'output accumulators', component: assemble([columns, accumulator]) },
    ],
    cycles: 2n,
  };
}

/**
 * Subtractors give the deviations d_j; they are kept until their sum (MSD) is complete and then compared, all at once, as
 * absolute values with 2^theta_mag; a counter counts those above. In WS the two checksums arrive one column of the output a
 * cycle, so that one subtractor does; in OS they stand side by side. The deviations are double-buffered, because the next
 * tile's arrive while this tile's are compared (assumed).
 */
function statisticsUnit(array: ProtectedArray): ProtectionCost['parts'] {
  const { accumulatorBits, dataflow } = array;
  const count = lanes(array);
  const totalBits = sumBits(accumulatorBits, count);
  const logBits = 16;
  return [
    {
      name: 'subtractors',
      component: assemble([dataflow === 'weight-stationary' ? 1 : count, adder(accumulatorBits)]),
    },
    { name: 'deviation buffers', component: assemble([2 * count, register(accumulatorBits)]) },
    { name: 'MSD accumulator', component: assemble([1, adder(totalBits)], [1, register(totalBits)]) },
    {
      // theta_mag = b - (a - 1) log2 MSD in fixed point of 16 bits (assumed), the logarithm from the leading one.
      name: 'log2-linear function',
      component: assemble([1, multiplier(logBits, logBits)], [2, adder(totalBits)], [3, register(logBits)]),
    },
    {
      name: 'comparators and counter',
      // A counter of `count` ones takes count - 1 full adders (an adder's bits).
      component: assemble(
        [count, absolute(accumulatorBits)],
        [count, comparator(accumulatorBits)],
        [1, adder(count - 1)],
      ),
    },
  ];
}

/** Deviations that the statistics unit holds: one for each column of an output tile. */
function lanes({ columns }: ProtectedArray): number {
  return columns;
}

function copies(array: ProtectedArray, count: number): ProtectionCost['parts'] {
  const { rows, columns } = array;
  const component = assemble([count * rows * columns, processingElement(array)]);
  return [{ name: count === 1 ? 'second array' : 'second and third array', component }];
}

function comparators(
  { columns, accumulatorBits }: ProtectedArray,
  each: number,
): ProtectionCost['parts'][number] {
  return {
    name: 'comparators of the outputs',
    component: assemble([each * columns, comparator(accumulatorBits)]),
  };
}

/** At each column's output: the magnitude against a bound; beyond it, the result becomes 0. */
function rangeCheck({ columns, accumulatorBits }: ProtectedArray): ProtectionCost['parts'][number] {
  return {
    name: 'range comparators',
    component: assemble([columns, absolute(accumulatorBits)], [columns, comparator(accumulatorBits)]),
  };
}
