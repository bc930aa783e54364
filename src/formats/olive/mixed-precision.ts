import { InputError } from '../../errors.ts';

/**
 * The layers that go from 4 to 8 bits (OliVe's mixed precision, as ANT's code chooses them): those with the largest
 * errors, the earlier one of equals.
 *
 * @param errors of each layer, mean squared or any other in which layers compare
 * @param share of the layers, 0..1; their number is rounded to nearest, half up
 * @returns their indices, ascending
 * @throws InputError for another share, or an error that is no number
 */
export function eightBitLayers(errors: readonly number[], share: number): number[] {
  if (!(share >= 0 && share <= 1))
    throw new InputError(`expected a share of 8-bit layers from 0 to 1, found ${share}`);
  const missing = errors.findIndex(Number.isNaN);
  if (missing >= 0)
    throw new InputError(`layer ${missing} has no error to compare: found NaN`, {
      note: 'its weights or activations hold a NaN or an infinity',
    });
  const order = errors.map((_, layer) => layer).sort((a, b) => errors[b]! - errors[a]! || a - b);
  return order.slice(0, Math.round(share * errors.length)).sort((a, b) => a - b);
}
