import { type FormatDefinition, granularityName, type SettingSpec } from '../formats/index.ts';
import { printJson } from './print.ts';
import { renderTable } from './table.ts';

/** All of them, a row each. */
export function printFormats(formats: readonly FormatDefinition[]): void {
  const columns = [
    { title: 'format' },
    { title: 'bits', align: 'right' as const, wrap: true },
    { title: 'range', wrap: true },
    { title: 'specials', wrap: true },
    { title: 'scale', wrap: true },
  ];
  const rows = formats.map(({ name, table: { bits, range, specials, scale } }) => [
    name,
    bits,
    range,
    specials,
    scale,
  ]);
  console.log(renderTable(columns, rows));
}

/** One, with what can be chosen. */
export function printFormat(format: FormatDefinition): void {
  const { settings, granularities, ...facts } = factsOf(format);
  const shared = granularities.map((word, i) => (i === 0 ? `${word} (default)` : word));
  const rows: [string, string][] = [
    ...Object.entries(facts),
    ['granularity', shared.join(', ') || 'none'],
    ...Object.entries(settings).map(([key, spec]): [string, string] => [`--set ${key}=`, settingWords(spec)]),
  ];
  console.log(renderTable([{ title: '' }, { title: '', wrap: true }], rows));
}

export function printFormatsJson(formats: readonly FormatDefinition[], single: boolean): void {
  const facts = formats.map(factsOf);
  printJson(single ? facts[0] : facts);
}

/** The table of docs/formats.md. */
export function markdownTable(formats: readonly FormatDefinition[]): string {
  const head = ['format', 'bits', 'range', 'specials', 'scale', 'source'];
  const rows = formats.map(({ name, source, table: { bits, range, specials, scale } }) => [
    `\`${name}\``,
    bits,
    range,
    specials,
    scale,
    source,
  ]);
  return [head, head.map(() => '---'), ...rows]
    .map((cells) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`)
    .join('\n');
}

/** The facts of a format, in the order to show them. */
function factsOf(format: FormatDefinition) {
  const { name, table, summary, source, settings } = format;
  return { name, ...table, summary, source, granularities: granularityWords(format), settings };
}

/** In the words of the command line, the default first; a fixed block has a scale and leaves no choice. */
function granularityWords({ granularities, defaultGranularity }: FormatDefinition): string[] {
  if (granularities.length === 0 && typeof defaultGranularity !== 'object') return [];
  const own = granularityName(defaultGranularity);
  const words = granularities.flatMap((kind) =>
    kind === 'row' ? ['channel', 'token'] : kind === 'group' ? ['group:N'] : [kind],
  );
  return [own, ...words.filter((word) => word !== own)];
}

function settingWords(spec: SettingSpec): string {
  const values =
    spec.kind === 'choice'
      ? spec.values.join(' | ')
      : `${spec.kind === 'integer' ? 'whole number' : 'number'} from ${short(spec.min)} to ${short(spec.max)}`;
  const preset = spec.default === undefined ? '' : `default ${spec.default}; `;
  return `${values}; ${preset}${spec.description}`;
}

function short(value: number): string {
  return String(Number(value.toPrecision(6)));
}
