import { InputError, suggest } from '../errors.ts';
import {
  type Architecture,
  type ModelConfig,
  SITE_NAMES,
  type SiteName,
  siteShapes,
} from '../model/index.ts';

/** Sites that have one width in common, in all layers. */
export interface SiteClass {
  name: string;
  sites: readonly SiteName[];
}

/** A class with the multiply-accumulates of its sites for one token of one model; sites that it lacks are left out. */
export interface SizedClass extends SiteClass {
  products: readonly { site: SiteName; macs: number }[];
}

/** The tensor types of Anda (HPCA 2025, section III): inputs of qkv, of o, of up and gate, of down. */
export const SITE_CLASSES: readonly SiteClass[] = [
  { name: 'qkv', sites: ['q', 'k', 'v'] },
  { name: 'o', sites: ['o'] },
  { name: 'u', sites: ['gate', 'up', 'fc1'] },
  { name: 'd', sites: ['down', 'fc2'] },
];

/** Products of two activations: their size is the text's, and they have no weights. */
const ATTENTION: readonly SiteName[] = ['qk', 'sv'];
const CLASSABLE = SITE_NAMES.filter((name) => !ATTENTION.includes(name));

/**
 * Classes by name (`qkv`) or as the user defines them (`attention=q,k,v,o`).
 *
 * @throws InputError for an unknown class or site, and for a site or a name that comes twice
 */
export function readClasses(texts: readonly string[]): SiteClass[] {
  const place = { key: '--classes' };
  if (texts.length === 0) throw new InputError('expected at least one class, found none', { place });
  const classes = texts.map((text): SiteClass => {
    const [, name, list] = /^([^=]+)=(.*)$/.exec(text) ?? [];
    if (name !== undefined) {
      if (!/^[A-Za-z][A-Za-z0-9_-]{0,31}$/.test(name)) {
        throw new InputError(`expected a class name of letters, digits, "_" or "-", found "${name}"`, {
          place,
        });
      }
      return { name, sites: list!.split(',').map((site) => readSite(name, site)) };
    }
    const known = SITE_CLASSES.find((siteClass) => siteClass.name === text);
    if (known) return known;
    const names = SITE_CLASSES.map((siteClass) => siteClass.name);
    throw new InputError(`unknown class "${text}"`, {
      place,
      note: `${suggest(text, names)}; a class of your own is written ${JSON.stringify('name=q,k,v')}`,
    });
  });
  const twice = (items: readonly string[]) => items.find((item, i) => items.indexOf(item) < i);
  const name = twice(classes.map((siteClass) => siteClass.name));
  if (name !== undefined) throw new InputError(`class "${name}" comes twice`, { place });
  const site = twice(classes.flatMap(({ sites }) => sites));
  if (site !== undefined) throw new InputError(`site "${site}" belongs to one class only`, { place });
  return classes;
}

function readSite(name: string, text: string): SiteName {
  const site = CLASSABLE.find((known) => known === text);
  if (site) return site;
  const attention = ATTENTION.some((known) => known === text);
  throw new InputError(
    attention
      ? `class ${name}: ${text} multiplies two activations; its work depends on the length of the text`
      : `class ${name}: unknown site "${text}"`,
    {
      place: { key: '--classes' },
      note: attention ? `known: ${CLASSABLE.join(', ')}` : suggest(text, CLASSABLE),
    },
  );
}

/**
 * Classes with their work in a model, from its real shapes.
 *
 * @throws InputError for a class none of whose sites the model has
 */
export function sizeClasses(
  classes: readonly SiteClass[],
  { name, architecture, config }: { name: string; architecture: Architecture; config: ModelConfig },
): SizedClass[] {
  const shapes = siteShapes(architecture, config).filter(({ site }) => !ATTENTION.includes(site));
  return classes.map((siteClass) => {
    const products = shapes
      .filter(({ site }) => siteClass.sites.includes(site))
      .map(({ site, products: times, inputs, outputs }) => ({
        site,
        macs: times * Number(inputs) * Number(outputs),
      }));
    if (products.length > 0) return { ...siteClass, products };
    throw new InputError(`class ${siteClass.name}: ${name} has none of ${siteClass.sites.join(', ')}`, {
      place: { key: '--classes' },
      note: `it has the sites ${shapes.map(({ site }) => site).join(', ')}`,
    });
  });
}
