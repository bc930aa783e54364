import type { Arithmetic, DatapathPlan } from '../datapath/plan.ts';
import { FORMATS } from '../formats/index.ts';
import { SITE_NAMES, type SiteName } from '../model/site.ts';
import type { KeyPath } from './mistakes.ts';
import { ATTENTION_SITES, type MachineFile, SMOOTHABLE } from './schema.ts';

/** A combination of keys that no datapath computes: where, what was expected, what was found, what to do. */
export interface Conflict {
  path: KeyPath;
  expected: string;
  found: string;
  note?: string;
}

interface Encoding {
  format: string;
  granularity?: string | undefined;
  scale?: string | undefined;
}

/** What a site says of an encoding; what it does not say holds from the general one. */
type PartialEncoding = { [Key in keyof Encoding]?: Encoding[Key] | undefined };

interface SiteOverride {
  weights?: PartialEncoding | undefined;
  activations?: PartialEncoding | undefined;
}

/** The operands of a site with the paths where they were said. */
interface SiteOperands {
  weights: Encoding;
  activations: Encoding;
  weightsPath: KeyPath;
  activationsPath: KeyPath;
}

/** The arithmetic of every site, and what in the file contradicts itself. */
export function resolve(file: MachineFile): { plan: DatapathPlan; conflicts: Conflict[] } {
  const conflicts: Conflict[] = [];
  const sites = {} as Record<SiteName, Arithmetic>;
  for (const name of SITE_NAMES) {
    const operands = operandsOf(file, name);
    // Sites without an exception share the one mistake of `operands`.
    for (const conflict of operandConflicts(file, name, operands)) {
      const known = conflicts.some((other) => other.path.join() === conflict.path.join());
      if (!known) conflicts.push(conflict);
    }
    sites[name] = arithmetic(file, name, operands);
  }
  conflicts.push(...requantizeConflicts(file, sites), ...smoothingConflicts(file, sites));
  return { plan: { sites }, conflicts };
}

function operandsOf(file: MachineFile, name: SiteName): SiteOperands {
  const site: SiteOverride | undefined = file.sites?.[name];
  const activations = overlay(file.operands.activations, site?.activations);
  const activationsPath = site?.activations ? ['sites', name, 'activations'] : ['operands', 'activations'];
  if ((ATTENTION_SITES as readonly SiteName[]).includes(name)) {
    // The right operand is an activation as well: its keys are said once, and can be wrong only once.
    const { granularity, ...rest } = activations;
    const weights = granularity === 'tensor' ? { ...rest, granularity } : rest;
    return { weights, activations, weightsPath: activationsPath, activationsPath };
  }
  return {
    weights: overlay(file.operands.weights, site?.weights),
    activations,
    weightsPath: site?.weights ? ['sites', name, 'weights'] : ['operands', 'weights'],
    activationsPath,
  };
}

/** An encoding that names a format stands alone; one that does not changes a part of the general one. */
function overlay(general: Encoding, special: PartialEncoding | undefined): Encoding {
  if (special?.format !== undefined) return { ...special, format: special.format };
  return { ...general, ...special, format: general.format };
}

function isInteger(encoding: Encoding): boolean {
  return FORMATS[encoding.format]?.float === undefined;
}

function arithmetic(file: MachineFile, name: SiteName, { weights, activations }: SiteOperands): Arithmetic {
  if (!isInteger(weights)) return { kind: 'float', weights: weights.format, activations: activations.format };
  const smoothed: readonly SiteName[] = file.smoothquant?.sites ?? SMOOTHABLE;
  return {
    kind: 'integer',
    weights: { format: 'int8', granularity: weights.granularity === 'tensor' ? 'tensor' : 'channel' },
    activations: {
      format: 'int8',
      granularity: activations.granularity === 'tensor' ? 'tensor' : 'token',
      scale: activations.scale === 'static' ? 'static' : 'dynamic',
    },
    requantize: (file.requantize as readonly SiteName[] | undefined)?.includes(name) ?? false,
    ...(file.smoothquant && smoothed.includes(name) ? { smoothing: file.smoothquant.alpha } : {}),
  };
}

function* operandConflicts(file: MachineFile, name: SiteName, operands: SiteOperands): Generator<Conflict> {
  const { weights, activations, weightsPath, activationsPath } = operands;
  const integer = isInteger(weights);
  if (integer !== isInteger(activations)) {
    // The blame goes to the more special of the two, where there is one.
    const blamesWeights = weightsPath.length > activationsPath.length;
    const [path, here, there] = blamesWeights
      ? [weightsPath, weights, `activations in ${activations.format}`]
      : [activationsPath, activations, `weights in ${weights.format}`];
    const wanted = isInteger(here) ? 'a float format' : 'int8';
    yield {
      path: [...path, 'format'],
      expected: `${wanted}, to go with ${there}`,
      found: `"${here.format}"`,
      note: 'a GEMM multiplies two floats or two integers',
    };
    return;
  }
  yield* scaleConflicts(weights, weightsPath);
  yield* scaleConflicts(activations, activationsPath);

  const accumulator = file.sites?.[name]?.accumulator;
  const generalOperands = weightsPath[0] === 'operands' && activationsPath[0] === 'operands';
  const stated = accumulator ?? (generalOperands ? file.accumulator : undefined);
  const fitting = integer ? 'int32' : 'float32';
  if (stated !== undefined && stated !== fitting) {
    yield {
      path: accumulator ? ['sites', name, 'accumulator'] : ['accumulator'],
      expected: `${fitting}, in which products of ${weights.format} and ${activations.format} are summed`,
      found: `"${stated}"`,
    };
  }
}

function* scaleConflicts(encoding: Encoding, path: KeyPath): Generator<Conflict> {
  const { granularity, scale } = encoding;
  if (!isInteger(encoding)) {
    for (const [key, value] of Object.entries({ granularity, scale })) {
      if (value === undefined) continue;
      const note = `${encoding.format} values carry their own exponent and take no scale: remove the key`;
      yield {
        path: [...path, key],
        expected: `no ${key} with ${encoding.format}`,
        found: `"${value}"`,
        note,
      };
    }
  } else if (scale === 'static' && granularity !== 'tensor') {
    yield {
      path: [...path, 'scale'],
      expected: `dynamic, with granularity ${granularity ?? 'token'}`,
      found: '"static"',
      note: 'tokens are not known beforehand, so only a scale of the whole tensor can be: granularity: tensor',
    };
  }
}

function* requantizeConflicts(file: MachineFile, sites: Record<SiteName, Arithmetic>): Generator<Conflict> {
  for (const [index, name] of (file.requantize ?? []).entries()) {
    const site = sites[name];
    if (site.kind === 'integer') continue;
    const found = `"${name}", which computes in ${site.weights}`;
    yield { path: ['requantize', index], expected: 'a site that computes in int8', found };
  }
}

function* smoothingConflicts(file: MachineFile, sites: Record<SiteName, Arithmetic>): Generator<Conflict> {
  if (!file.smoothquant) return;
  for (const [index, name] of (file.smoothquant.sites ?? []).entries()) {
    const site = sites[name];
    if (site.kind === 'integer') continue;
    const found = `"${name}", which computes in ${site.weights}`;
    yield { path: ['smoothquant', 'sites', index], expected: 'a site that computes in int8', found };
  }
  if (!SMOOTHABLE.some((name) => sites[name].kind === 'integer')) {
    yield {
      path: ['smoothquant'],
      expected: `smoothquant only beside int8 operands at ${SMOOTHABLE.join(', ')}`,
      found: 'it beside floats',
      note: 'SmoothQuant prepares tensors for integers; floats do not need it',
    };
  }
}
