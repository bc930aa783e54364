import { costOf, findShape, modelWorkload, prepareCost, sweep } from '../src/cost/index.ts';
import { loadVariableMachine } from '../src/machine/index.ts';
import { median, type Row } from './row.ts';

const SIZE = { phase: 'prefill', batch: 1, sequence: 2048 } as const;
const HARDWARE = {
  array: { rows: 128, columns: 128, dataflow: 'output-stationary' },
  clock: '1 GHz',
  memory: { sram: { input: '1 MiB', weight: '1 MiB', output: '512 KiB' }, dram: { type: 'HBM2' } },
  technology: { node: '28 nm' },
};

/** One cost of an OPT-6.7B prefill, and a sweep of 10,000 machines, on one core. */
export async function run(): Promise<Row[]> {
  const { config } = findShape('opt-6.7b');
  const workload = (size: Parameters<typeof modelWorkload>[2]) => modelWorkload('opt-6.7b', config, size);
  const file = loadVariableMachine('int8');
  const machine = await prepareCost(file.with(HARDWARE));
  const times = Array.from({ length: 200 }, () => {
    const start = performance.now();
    costOf(machine, workload(SIZE));
    return performance.now() - start;
  });

  const variable = { valueAt: file.valueAt, with: (values: object) => file.with({ ...HARDWARE, ...values }) };
  const sets = ['technology.voltage=0.5..0.999:0.001 V', 'array.rows=16..320:16'];
  const start = performance.now();
  const { points } = await sweep(variable, workload, SIZE, sets);
  return [
    { what: 'first cost', value: times[0]!, unit: 'ms', target: '< 10 ms after the first' },
    { what: 'cost, median of 200', value: median(times), unit: 'ms', target: '< 10 ms' },
    {
      what: `sweep of ${points.length} machines`,
      value: (performance.now() - start) / 1000,
      unit: 's',
      target: '< 20 s on two cores',
    },
  ];
}
