import { beforeAll, describe, expect, it } from 'vitest';
import {
  type Codes,
  type Fit,
  FORMATS,
  type Granularity,
  type RegisteredFormat,
  type TensorFormat,
} from '../../formats/index.ts';
import { createGemm, createKernels, type Gemm, type Kernels } from '../../kernels/index.ts';
import { sample } from '../../kernels/oracle.ts';
import { awq } from './awq.ts';
import { gptq } from './gptq.ts';
import { rtn } from './rtn.ts';
import { carried, correlatedInputs, secondMoments } from './testing.ts';

/*
 * What holds for every format of the registry, with each granularity that it has.
 */

let kernels: Kernels;
let gemm: Gemm;
beforeAll(async () => {
  kernels = await createKernels();
  gemm = await createGemm(kernels, { backend: 'webassembly' });
});

const [OUTPUTS, INPUTS] = [7, 70];
/** Most weights are small beside the largest; no group of zeros. */
const WEIGHT = {
  data: sample(OUTPUTS * INPUTS, 5).map((value) => value ** 3),
  outputs: OUTPUTS,
  inputs: INPUTS,
};

function variants(definition: RegisteredFormat): TensorFormat[] {
  const settings = Object.fromEntries(
    Object.entries(definition.settings).flatMap(([key, spec]) =>
      spec.default === undefined ? [] : [[key, spec.default]],
    ),
  );
  const granularities = definition.granularities.map(
    (kind): Granularity => (kind === 'group' ? { group: 16 } : kind),
  );
  return [definition.defaultGranularity, ...granularities].map((granularity) =>
    definition.create(settings, granularity),
  );
}

describe.each(Object.values(FORMATS))('$name', (definition) => {
  it('GPTQ of inputs that nothing connects is RTN, bit for bit', async () => {
    const identity = new Float32Array(INPUTS ** 2);
    for (let i = 0; i < INPUTS; i++) identity[i * INPUTS + i] = 1 + ((i * 7) % 5);
    for (const format of variants(definition)) {
      const expected = rtn(kernels, WEIGHT, format);
      for (const order of ['natural', 'activation'] as const) {
        const [found] = await gptq(kernels, gemm, [WEIGHT], format, identity, { order, block: 32 });
        expect(found).toEqual(expected);
      }
    }
  });

  it('elements of GPTQ and AWQ, with their fit, survive packing', async () => {
    const x = correlatedInputs(150, INPUTS, 3, (channel) => (channel % 9 === 2 ? 20 : 1));
    const hessian = secondMoments(x, INPUTS);
    const meanAbs = new Float32Array(INPUTS).map((_, i) => (i % 9 === 2 ? 8 : 0.4));
    for (const format of variants(definition)) {
      const results = [
        ...(await gptq(kernels, gemm, [WEIGHT], format, hessian)),
        ...(await awq(kernels, gemm, [WEIGHT], format, { meanAbs, hessian })).weights,
      ];
      for (const { elements, fit } of results) {
        const codes = codesOf(format, elements, fit);
        const packed = format.pack(codes, INPUTS, fit);
        const unpacked = format.unpack(packed, OUTPUTS, INPUTS);
        expect(format.decode(unpacked.codes, INPUTS, unpacked.fit)).toEqual(elements);
        expect(unpacked.fit.scales).toEqual(fit.scales);
      }
    }
  });
});

/** The codes of elements, by the values that a format rounds to them. */
function codesOf(format: TensorFormat, elements: Float32Array, fit: Fit): Codes {
  // Where a format divides by other numbers than those that it multiplies by, it keeps them (VS-Quant).
  const { scales } = fit;
  const { divisors = scales } = fit as { divisors?: Float32Array };
  return format.encode(carried(format, { elements, fit: { scales: divisors }, inputs: INPUTS }), INPUTS, fit);
}
