import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { createFormat, FORMATS, fakeQuantize, type RegisteredFormat } from '../src/formats/index.ts';
import { createKernels, type Kernels } from '../src/kernels/index.ts';
import type { Row } from './row.ts';

const ROWS = 4096;
const COLUMNS = 4096;
const BYTES = ROWS * COLUMNS * 4;
const ROUNDS = 5;
/** A format that searches for its scales takes its time; one pass of it is enough. */
const PATIENCE_SECONDS = 2;

/** What the issue of number formats asks for, GB/s of input a core. */
const TARGETS: Record<string, number> = {
  int8: 2,
  'float8-e4m3': 2,
  'float8-e5m2': 2,
  mxfp4: 2,
  mxfp6: 2,
  mxfp8: 2,
  mxint8: 2,
  anda: 2,
};

/** A pass of something over the tensor. */
interface Contender {
  what: string;
  pass(): void;
  target?: number | undefined;
}

/**
 * GB/s of input of every format with its default settings, and of a plain copy of the same array beside them. The seconds
 * are those of the thread on its core, so that other programs on the machine count as little as can be.
 */
export async function run(): Promise<Row[]> {
  const kernels = await createKernels();
  const x = values();
  const out = new Float32Array(x.length);
  const copy: Contender = { what: 'plain copy', pass: () => out.set(x) };
  const contenders = [copy, ...Object.values(FORMATS).map((format) => ofFormat(kernels, format, x, out))];
  // All take turns, so that the machine's mood hits all alike; the best turn counts.
  const best = contenders.map(() => Number.POSITIVE_INFINITY);
  for (let round = 0; round < ROUNDS; round++) {
    for (const [i, { pass }] of contenders.entries()) {
      if (round > 0 && best[i]! > PATIENCE_SECONDS) continue;
      const start = process.threadCpuUsage();
      pass();
      const { user, system } = process.threadCpuUsage(start);
      best[i] = Math.min(best[i]!, (user + system) / 1e6);
    }
  }
  const rows = contenders.map(
    ({ what, target }, i): Row => ({
      what,
      value: BYTES / 1e9 / best[i]!,
      unit: 'GB/s',
      ...(target && { target: `>= ${target}` }),
    }),
  );
  return [...rows, ...peers()];
}

function ofFormat(
  kernels: Kernels,
  definition: RegisteredFormat,
  x: Float32Array,
  out: Float32Array,
): Contender {
  const format = createFormat(definition.name);
  return {
    what: definition.name,
    target: TARGETS[definition.name],
    pass: () => fakeQuantize(kernels, format, x, COLUMNS, out),
  };
}

/** Numbers as weights have them: normal, with an outlier here and there. */
function values(): Float32Array {
  let state = 1;
  const uniform = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state + 0.5) / 2 ** 32;
  };
  return Float32Array.from({ length: ROWS * COLUMNS }, () => {
    const normal = uniform() + uniform() + uniform() + uniform() - 2;
    return uniform() < 0.001 ? 20 * normal : normal;
  });
}

/** The same in torch and microxcaling, on one thread; left out with the reason where they are missing. */
function peers(): Row[] {
  const python = process.env.PYTHON ?? 'python3';
  const script = fileURLToPath(new URL('peers/fake_quantize.py', import.meta.url));
  const { stdout, error } = spawnSync(python, [script, String(ROWS), String(COLUMNS)], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  if (error) {
    console.log(`  peers: left out, ${python} does not start (PYTHON names another)`);
    return [];
  }
  return stdout
    .split('\n')
    .filter(Boolean)
    .flatMap((line) => {
      const [what, seconds] = line.split('\t') as [string, string];
      if (seconds.startsWith('left out')) {
        console.log(`  ${what}: ${seconds} (PYTHON names another python)`);
        return [];
      }
      return [{ what, value: BYTES / 1e9 / Number(seconds), unit: 'GB/s' }];
    });
}
