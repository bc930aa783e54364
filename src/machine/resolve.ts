import type { Arithmetic, DatapathPlan, IntegerArithmetic, ScaledArithmetic } from '../datapath/plan.ts';
import { accumulatorOf } from '../datapath/product.ts';
import { FORMATS } from '../formats/index.ts';
import { SITE_NAMES, type SiteName } from '../model/site.ts';
import {
  encodingConflicts,
  encodingOf,
  type FileEncoding,
  isPlain,
  overlay,
  type PartialEncoding,
} from './encoding.ts';
import { hardwareConflicts } from './hardware.ts';
import type { KeyPath } from './mistakes.ts';
import { ATTENTION_SITES, type MachineFile, SMOOTHABLE } from './schema.ts';

/** A combination of keys that no datapath computes: where, what was expected and found (or what a format says), what to do. */
export type Conflict = { path: KeyPath; note?: string } /** `found` undefined: the key is missing. */ & (
  | { expected: string; found: string | undefined }
  | { message: string }
);

interface SiteOverride {
  weights?: PartialEncoding | undefined;
  activations?: PartialEncoding | undefined;
}

/** The operands of a site with the paths where they were said. */
interface SiteOperands {
  weights: FileEncoding;
  activations: FileEncoding;
  weightsPath: KeyPath;
  activationsPath: KeyPath;
}

/** The arithmetic of every site, and what in the file contradicts itself. */
export function resolve(file: MachineFile): { plan: DatapathPlan; conflicts: Conflict[] } {
  const conflicts: Conflict[] = [...hardwareConflicts(file)];
  const sites = {} as Record<SiteName, Arithmetic>;
  const resolveSite = (name: SiteName, operands: SiteOperands) => {
    const found = [...operandConflicts(name, operands)];
    // A site with a mistake computes nothing; what it would compute is not asked for.
    const arithmetic = found.length === 0 ? arithmeticOf(file, name, operands) : undefined;
    if (arithmetic) found.push(...productConflicts(file, name, operands, arithmetic));
    // Sites without an exception share the one mistake of `operands`.
    for (const conflict of found) {
      const known = conflicts.some((other) => other.path.join() === conflict.path.join());
      if (!known) conflicts.push(conflict);
    }
    return arithmetic;
  };
  for (const name of SITE_NAMES) {
    const arithmetic = resolveSite(name, operandsOf(file, name));
    if (arithmetic) sites[name] = arithmetic;
  }
  if (SITE_NAMES.some((name) => !sites[name])) return { plan: { sites }, conflicts };
  conflicts.push(
    ...requantizeConflicts(file, sites),
    ...smoothingConflicts(file, sites),
    ...rotationConflicts(file, sites),
  );
  if (!file.mixed || conflicts.length > 0) return { plan: { sites }, conflicts };

  const { share, weights, activations } = file.mixed;
  const wide: Partial<Record<SiteName, Arithmetic>> = {};
  const narrow = SITE_NAMES.filter((name) => !isAttention(name) && sites[name].kind !== 'float');
  if (narrow.length === 0) {
    const expected = 'mixed only beside formats with scales';
    const note = 'it widens the layers with the largest error; floats have no such formats to leave';
    conflicts.push({ path: ['mixed'], expected, found: 'it beside floats', note });
  }
  for (const name of narrow) {
    const paths = { weightsPath: ['mixed', 'weights'], activationsPath: ['mixed', 'activations'] };
    const arithmetic = resolveSite(name, { weights, activations, ...paths } as SiteOperands);
    if (arithmetic) wide[name] = arithmetic;
  }
  return { plan: { sites, mixed: { share, wide } }, conflicts };
}

function isAttention(name: SiteName): boolean {
  return (ATTENTION_SITES as readonly SiteName[]).includes(name);
}

function operandsOf(file: MachineFile, name: SiteName): SiteOperands {
  const site: SiteOverride | undefined = file.sites?.[name];
  const activations = overlay(file.operands.activations as FileEncoding, site?.activations);
  const activationsPath = site?.activations ? ['sites', name, 'activations'] : ['operands', 'activations'];
  if (isAttention(name)) {
    // The right operand is an activation as well: its keys are said once, and can be wrong only once.
    return { weights: activations, activations, weightsPath: activationsPath, activationsPath };
  }
  return {
    weights: overlay(file.operands.weights as FileEncoding, site?.weights),
    activations,
    weightsPath: site?.weights ? ['sites', name, 'weights'] : ['operands', 'weights'],
    activationsPath,
  };
}

function arithmeticOf(file: MachineFile, name: SiteName, { weights, activations }: SiteOperands): Arithmetic {
  const algorithm = isAttention(name) ? 'rtn' : (weights.algorithm ?? 'rtn');
  const hadamard = (file.hadamard as readonly SiteName[] | undefined)?.includes(name) ?? false;
  if (isPlain(weights) && isPlain(activations) && !hadamard)
    return { kind: 'float', weights: weights.format, activations: activations.format };
  const smoothed: readonly SiteName[] = file.smoothquant?.sites ?? SMOOTHABLE;
  const common = {
    requantize: (file.requantize as readonly SiteName[] | undefined)?.includes(name) ?? false,
    ...(file.smoothquant && smoothed.includes(name) ? { smoothing: file.smoothquant.alpha } : {}),
  };
  const scale = activations.scale === 'static' ? 'static' : 'dynamic';
  if (isInt8(weights) && isInt8(activations) && algorithm === 'rtn' && !hadamard) {
    const operands: Pick<IntegerArithmetic, 'weights' | 'activations'> = {
      weights: { format: 'int8', granularity: weights.granularity === 'tensor' ? 'tensor' : 'channel' },
      activations: {
        format: 'int8',
        granularity: activations.granularity === 'tensor' ? 'tensor' : 'token',
        scale,
      },
    };
    return { kind: 'integer', ...operands, ...common };
  }
  return {
    kind: 'scaled',
    weights: { ...encodingOf(weights), algorithm: algorithm as ScaledArithmetic['weights']['algorithm'] },
    activations: { ...encodingOf(activations), scale },
    hadamard,
    ...common,
  };
}

/** int8 as arrays have it: symmetric, the largest value to 127, a scale that comes out of the sum. */
function isInt8({ format, granularity, scale, algorithm: _, ...settings }: FileEncoding): boolean {
  if (format !== 'int8' || typeof scale === 'number' || granularity?.startsWith('group')) return false;
  const defaults = FORMATS.int8!.settings;
  return Object.entries(settings).every(
    ([key, value]) => value === undefined || value === defaults[key]?.default,
  );
}

function* operandConflicts(name: SiteName, operands: SiteOperands): Generator<Conflict> {
  const { weights, activations, weightsPath, activationsPath } = operands;
  if (!isAttention(name)) yield* encodingConflicts(weights, weightsPath);
  yield* encodingConflicts(activations, activationsPath);
  if (FORMATS[activations.format]!.weightsOnly) {
    yield {
      path: [...activationsPath, 'format'],
      expected: 'a format of activations',
      found: `"${activations.format}", which codes weights only`,
    };
  }
  if (
    !isAttention(name) &&
    isPlain(weights) &&
    weights.algorithm !== undefined &&
    weights.algorithm !== 'rtn'
  ) {
    yield {
      path: [...weightsPath, 'algorithm'],
      expected: `rtn with ${weights.format}`,
      found: `"${weights.algorithm}"`,
      note: 'weight algorithms prepare weights for formats with scales',
    };
  }
}

function* productConflicts(
  file: MachineFile,
  name: SiteName,
  { weightsPath, activationsPath }: SiteOperands,
  arithmetic: Arithmetic,
): Generator<Conflict> {
  const accumulator = file.sites?.[name]?.accumulator;
  const generalOperands = weightsPath[0] === 'operands' && activationsPath[0] === 'operands';
  const stated = accumulator ?? (generalOperands ? file.accumulator : undefined);
  const fitting = accumulatorOf(arithmetic);
  if (stated !== undefined && stated !== fitting) {
    const [weights, activations] = [arithmetic.weights, arithmetic.activations].map((operand) =>
      typeof operand === 'string' ? operand : operand.format,
    );
    yield {
      path: accumulator ? ['sites', name, 'accumulator'] : ['accumulator'],
      expected: `${fitting}, in which products of ${weights} and ${activations} are summed`,
      found: `"${stated}"`,
    };
  }
  if (arithmetic.kind !== 'scaled') return;
  const { weights, activations } = arithmetic;
  if (isAttention(name) && activations.scale === 'static') {
    yield {
      path: [...activationsPath, 'scale'],
      expected: `dynamic at ${name}`,
      found: '"static"',
      note: 'of the attention products only int8 has static scales',
    };
  }
  if (!weights.algorithm.startsWith('awq')) return;
  const awq = { path: [...weightsPath, 'algorithm'], found: `"${weights.algorithm}"` };
  if (arithmetic.smoothing !== undefined) {
    const note = 'both scale the input channels';
    yield { ...awq, expected: 'rtn or gptq beside smoothquant', note };
  } else if (arithmetic.hadamard) {
    const note = "AWQ's factors belong to channels, which a rotation mixes";
    yield { ...awq, expected: `rtn or gptq beside hadamard at ${name}`, note };
  }
}

function* requantizeConflicts(file: MachineFile, sites: Record<SiteName, Arithmetic>): Generator<Conflict> {
  for (const [index, name] of (file.requantize ?? []).entries()) {
    const site = sites[name];
    if (site.kind === 'integer' || (site.kind === 'scaled' && !isPlain(site.activations))) continue;
    yield {
      path: ['requantize', index],
      expected: 'a site whose activations have a scale, such as int8',
      found: `"${name}", which computes in ${nameOf(site)}`,
    };
  }
}

function nameOf({ activations }: Arithmetic): string {
  return typeof activations === 'string' ? activations : activations.format;
}

function* smoothingConflicts(file: MachineFile, sites: Record<SiteName, Arithmetic>): Generator<Conflict> {
  if (!file.smoothquant) return;
  for (const [index, name] of (file.smoothquant.sites ?? []).entries()) {
    const site = sites[name];
    if (site.kind !== 'float') continue;
    const found = `"${name}", which computes in ${site.weights}`;
    yield {
      path: ['smoothquant', 'sites', index],
      expected: 'a site that computes in int8 or another format with scales',
      found,
    };
  }
  if (!SMOOTHABLE.some((name) => sites[name].kind !== 'float')) {
    yield {
      path: ['smoothquant'],
      expected: `smoothquant only beside formats with scales at ${SMOOTHABLE.join(', ')}`,
      found: 'it beside floats',
      note: 'SmoothQuant prepares tensors for shared scales; floats do not need it',
    };
  }
}

function* rotationConflicts(file: MachineFile, sites: Record<SiteName, Arithmetic>): Generator<Conflict> {
  for (const [index, name] of (file.hadamard ?? []).entries()) {
    const site = sites[name];
    if (site.kind === 'scaled' && !(isPlain(site.weights) && isPlain(site.activations))) continue;
    yield {
      path: ['hadamard', index],
      expected: 'a site that computes in a format with scales',
      found: `"${name}", which computes in ${nameOf(site)}`,
      note: 'a rotation spreads outliers over channels; floats do not need it',
    };
  }
}
