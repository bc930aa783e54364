/** A share of items that came out right. */
export interface Accuracy {
  /** 0..1. */
  value: number;
  /** Standard error of the share over samples of this size, sqrt(p (1 - p) / (n - 1)); NaN for a single item. */
  stderr: number;
}

export function accuracy(correct: number, items: number): Accuracy {
  const value = correct / items;
  return { value, stderr: Math.sqrt((value * (1 - value)) / (items - 1)) };
}

/** Index of the greatest value, the first of equals; NaN never wins, and -1 means that nothing else was there. */
export function best(values: ArrayLike<number>): number {
  let winner = -1;
  for (let i = 0; i < values.length; i++) {
    if (Number.isNaN(values[i])) continue;
    if (winner < 0 || values[i]! > values[winner]!) winner = i;
  }
  return winner;
}
