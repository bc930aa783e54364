import { describe, expect, it } from 'vitest';
import { inputErrorOf } from '../../test/checkpoint-files.ts';
import { formatBits, readVariation } from './variation.ts';

const message = (read: () => unknown) => inputErrorOf((async () => read())());

describe('what is varied', () => {
  it('is a list of formats by width', () => {
    const { operands, choices } = readVariation({
      vary: 'weights.format',
      formats: ['int8', 'float32', 'int2', 'int4'],
      set: ['granularity=group:64', 'zero=3'],
    });
    expect(operands).toEqual(['weights']);
    expect(choices.map(({ bits }) => bits)).toEqual([2, 4, 8, 32]);
    expect(choices[0]!.encoding).toEqual({ format: 'int2', granularity: 'group:64', zero: 3 });
    // Nothing to share: the values have their own exponents.
    expect(choices[3]!.encoding).toEqual({ format: 'float32', zero: 3 });
  });

  it('is the mantissa of Anda, 1 to 16 bits', () => {
    const { operands, choices } = readVariation({ vary: 'activations.mantissa', format: 'anda' });
    expect(operands).toEqual(['activations']);
    expect(choices.map(({ bits }) => bits)).toEqual(Array.from({ length: 16 }, (_, i) => i + 1));
    expect(choices[6]!.encoding).toEqual({ format: 'anda', mantissa: 7 });
    expect(formatBits('anda', { mantissa: 5 })).toBe(5);
  });

  it.each([
    [{ vary: 'mantissa' }, 'expected what to vary, such as activations.mantissa'],
    [{ vary: 'outputs.format' }, 'first activations, weights, operands'],
    [{ vary: 'weights.a.b' }, 'expected what to vary'],
    [{ vary: 'toString.format' }, 'expected what to vary'],
    [{ vary: 'weights.format' }, 'expected at least two formats, found 0'],
    [
      { vary: 'weights.format', formats: ['int4', 'int44'] },
      'unknown format "int44"\n  did you mean "int4"?',
    ],
    [{ vary: 'weights.format', formats: ['float16', 'bfloat16'] }, 'found float16 and bfloat16 of 16 bits'],
    [{ vary: 'weights.format', format: 'int4', formats: ['int4', 'int8'] }, '--format: does not go with'],
    [{ vary: 'weights.mantissa' }, '--format: expected the format that has the setting mantissa'],
    [{ vary: 'weights.mantissa', format: 'int8' }, 'int8 has no setting "mantissa"'],
    [{ vary: 'weights.mantissa', format: 'andra' }, 'unknown format "andra"'],
    [{ vary: 'weights.bits', format: 'int8', formats: ['int8'] }, '--formats: does not go with'],
    [{ vary: 'weights.format', formats: ['int4', 'int8'], set: ['granularity'] }, 'expected key=value'],
    [{ vary: 'weights.format', formats: ['int4', 'int8'], set: ['format=x'] }, 'expected key=value'],
  ])('%j: %s', async (options, expected) => {
    expect(await message(() => readVariation(options))).toContain(expected);
  });
});
