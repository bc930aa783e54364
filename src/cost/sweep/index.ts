/** A workload over many machines: ranges of any key of the machine file, as CSV and as a picture. */
export { sweepCsv } from './csv.ts';
export { sweepSvg } from './svg.ts';
export { type Sweep, sweep } from './sweep.ts';
