import type { RoundTo } from '../../kernels/format-kernels.ts';
import type { Kernels } from '../../kernels/index.ts';
import { packBits } from '../bits.ts';
import type { Settings } from '../settings.ts';
import type { Codes, Fit, Granularity, Packed, TensorFormat } from '../tensor-format.ts';
import { OlivePairs } from './format.ts';

/*
 * OliVe-4 as published: a tensor's normal values are int4 or flint4, whichever has the lower squared error, victims
 * included, after each has searched its scales; int4 of equals. (At 8 bits the type is always int8: that is olive-int8.)
 *
 * storage   as its type's, and one bit for the type: 0 int4, 1 flint4
 */
const TYPES = ['int4', 'flint4'] as const;

export interface AutoFit extends Fit {
  readonly type: (typeof TYPES)[number];
}

export class OliveAuto implements TensorFormat<AutoFit> {
  readonly granule = 2;
  readonly name: string;
  readonly settings: Settings;
  readonly granularity: Granularity;
  readonly largestInteger: number;
  readonly sparseOutliers = true;
  readonly #types: Readonly<Record<AutoFit['type'], OlivePairs>>;

  constructor(name: string, settings: Settings, granularity: Granularity) {
    this.name = name;
    this.settings = settings;
    this.granularity = granularity;
    const of = (type: AutoFit['type']) => new OlivePairs(name, type, settings, granularity);
    this.#types = { int4: of('int4'), flint4: of('flint4') };
    this.largestInteger = this.#types.flint4.largestInteger;
  }

  fit(kernels: Kernels, x: Float32Array, columns: number, whole?: AutoFit): AutoFit {
    // Some columns of a tensor have the type of the whole.
    if (whole) return { ...this.#types[whole.type].fit(kernels, x, columns), type: whole.type };
    const [int4, flint4] = TYPES.map((type) => this.#types[type].choose(kernels, x, columns));
    const type = flint4!.error < int4!.error ? 'flint4' : 'int4';
    return { scales: (type === 'int4' ? int4 : flint4)!.scales, type };
  }

  round(kernels: Kernels, x: Float32Array, columns: number, fit: AutoFit, to: RoundTo): void {
    this.#types[fit.type].round(kernels, x, columns, fit, to);
  }

  encode(x: Float32Array, columns: number, fit: AutoFit): Codes {
    return this.#types[fit.type].encode(x, columns, fit);
  }

  decode(codes: Codes, columns: number, fit: AutoFit): Float32Array {
    return this.#types[fit.type].decode(codes, columns);
  }

  pack(codes: Codes, columns: number, fit: AutoFit): Packed {
    const { sections, bits } = this.#types[fit.type].pack(codes, columns, fit);
    return { sections: { ...sections, type: packBits([TYPES.indexOf(fit.type)], 1) }, bits: bits + 1 };
  }

  unpack(packed: Packed, rows: number, columns: number): { codes: Codes; fit: AutoFit } {
    const type = TYPES[packed.sections.type![0]! & 1]!;
    const { codes, fit } = this.#types[type].unpack(packed, rows, columns);
    return { codes, fit: { ...fit, type } };
  }

  describe(codes: Codes, columns: number, fit: AutoFit, x?: Float32Array): Record<string, unknown> {
    return { type: fit.type, ...this.#types[fit.type].describe(codes, columns, fit, x) };
  }
}
