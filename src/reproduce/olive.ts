import type { Reproduction } from './entry.ts';
import { checkValues, figure10 } from './olive/accelerators.ts';
import { antSimulator } from './olive/ant-simulator.ts';
import { decoderAreas } from './olive/area.ts';
import { figure9 } from './olive/gpu.ts';

/** OliVe's published cost: accelerators (Fig. 10), decoders (Tables 10 and 11), GPU (Fig. 9). Takes no files. */
export function reproduceOlive(): Reproduction {
  return {
    paper: 'olive',
    title:
      'OliVe: Accelerating Large Language Models via Hardware-friendly Outlier-Victim Pair Quantization (ISCA 2023)',
    entries: [...checkValues(), ...antSimulator(), ...figure10(), ...decoderAreas(), ...figure9()],
  };
}
