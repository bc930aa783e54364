import { expect, it } from 'vitest';
import { readGolden } from '../../test/golden.ts';
import { createKernels } from '../kernels/index.ts';
import { createFormat, type TensorFormat } from './index.ts';

/*
 * Against independent numpy ports: test/golden/shared-exponent, made by tools/golden/shared_exponent.py.
 */

const kernels = await createKernels();
const golden = {
  anda: await readGolden('shared-exponent/anda.safetensors'),
  figna: await readGolden('shared-exponent/figna.safetensors'),
  msfp: await readGolden('shared-exponent/msfp.safetensors'),
  'vs-quant': await readGolden('shared-exponent/vs-quant.safetensors'),
};

function run(format: TensorFormat, input: { shape: readonly number[]; data: Float32Array }) {
  const columns = input.shape[1]!;
  const mark = kernels.mark();
  const values = kernels.load(input.data);
  const fit = format.fit(kernels, values, columns);
  format.round(kernels, values, columns, fit, 'elements');
  const elements = Float32Array.from(values);
  kernels.release(mark);
  const codes = format.encode(input.data, columns, fit);
  expect(format.decode(codes, columns, fit)).toEqual(elements);
  return { fit, elements, codes };
}

it.each(Array.from({ length: 16 }, (_, i) => i + 1))('Anda, M = %i', (mantissa) => {
  const { fit, codes } = run(createFormat('anda', { mantissa }), golden.anda.input!);
  expect([...fit.scales]).toEqual([...golden.anda[`${mantissa}.scales`]!.data]);
  expect([...codes]).toEqual([...golden.anda[`${mantissa}.codes`]!.data]);
});

it.each([8, 11, 13])('FIGNA, M = %i', (mantissa) => {
  const { fit, elements } = run(createFormat('figna', { mantissa }), golden.figna.input!);
  expect([...fit.scales]).toEqual([...golden.figna[`${mantissa}.scales`]!.data]);
  expect([...elements]).toEqual([...golden.figna[`${mantissa}.elements`]!.data]);
});

const boxes = [12, 13, 14, 15, 16].flatMap((bits) =>
  ['nearest', 'truncate'].map((rounding) => ({ bits, rounding })),
);
it.each(boxes)('MSFP$bits, $rounding', ({ bits, rounding }) => {
  const { fit, codes } = run(createFormat('msfp', { bits, rounding }), golden.msfp.input!);
  expect([...fit.scales]).toEqual([...golden.msfp[`${bits}.${rounding}.scales`]!.data]);
  expect([...codes]).toEqual([...golden.msfp[`${bits}.${rounding}.codes`]!.data]);
});

const levels = [
  [3, 4],
  [4, 4],
  [4, 6],
  [6, 6],
  [8, 10],
].flatMap(([bits, scaleBits]) =>
  ['row', 'tensor'].flatMap((coarse) =>
    ['fine', 'scale'].map((divisor) => ({ bits, scaleBits, coarse, divisor })),
  ),
);
it.each(levels)(
  'VS-Quant, $bits bits, $scaleBits of a scale, coarse $coarse, divided by $divisor',
  (level) => {
    const { bits, scaleBits, coarse, divisor } = level;
    const file = golden['vs-quant'];
    const format = createFormat('vs-quant', { bits, 'scale-bits': scaleBits, coarse, divisor });
    const { fit, elements } = run(format, file.input!);
    const part = (name: string) => [...file[`${bits}.${scaleBits}.${coarse}.${divisor}.${name}`]!.data];
    expect([...fit.scales]).toEqual(part('scales'));
    expect([...(fit as unknown as { coarse: Float32Array }).coarse]).toEqual(part('coarse'));
    expect([...elements]).toEqual(part('elements'));
  },
);
