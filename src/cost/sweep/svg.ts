import type { Sweep, SweepPoint } from './sweep.ts';

/*
 * A picture of a sweep: what it costs over the first axis, one panel a measure, one line a combination of the other axes.
 * Plain SVG, written by hand: two shapes and some text need no library.
 */

interface Measure {
  title: string;
  of(total: NonNullable<SweepPoint['total']>): number | undefined;
}

const MEASURES: readonly Measure[] = [
  { title: 'latency (s)', of: ({ seconds }) => seconds },
  {
    title: 'cycles',
    of: ({ cycles, seconds }) => (seconds === undefined ? Number(cycles.total) : undefined),
  },
  { title: 'energy (J)', of: ({ energy }) => energy.total && energy.total * 1e-12 },
  { title: 'area (mm2)', of: ({ area }) => area.total },
];

const WIDTH = 550;
const PANEL = 240;
const MARGIN = { left: 78, right: 24, top: 34, bottom: 46 };
const LEGEND = 170;
/** Okabe and Ito's palette, which colour-blind readers tell apart, without its yellow. */
const COLOURS = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#56b4e9', '#e69f00', '#000000'];

interface Series {
  label: string;
  /** By index of the first axis's values. */
  points: { x: number; point: SweepPoint }[];
}

export function sweepSvg(sweep: Sweep, title: string): string {
  const series = seriesOf(sweep);
  const panels = MEASURES.filter(({ of }) => {
    const values = sweep.points.flatMap(({ total }) => (total ? [of(total)] : []));
    const known = values.filter((value) => value !== undefined);
    // An area that never changes is no picture.
    return known.length > 0 && (new Set(known).size > 1 || values.length === 1);
  });
  const height = MARGIN.top + panels.length * PANEL;
  const width = WIDTH + (sweep.axes.length > 1 ? LEGEND : 0);
  const parts = panels.map((measure, i) => panel(sweep, series, measure, MARGIN.top + i * PANEL));
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" font-family="sans-serif" font-size="12">`,
    `<rect width="${width}" height="${height}" fill="white"/>`,
    `<text x="${MARGIN.left}" y="20" font-size="14" font-weight="bold">${escaped(title)}</text>`,
    ...parts,
    legend(series, sweep),
    '</svg>\n',
  ].join('\n');
}

/** A line for each combination of all axes but the first. */
function seriesOf({ axes, points }: Sweep): Series[] {
  const [first, ...others] = axes;
  const byLabel = new Map<string, Series>();
  for (const point of points) {
    const label = others.map(({ key }, i) => `${key.split('.').at(-1)} ${point.values[i + 1]}`).join(', ');
    const series = byLabel.get(label) ?? { label, points: [] };
    byLabel.set(label, series);
    const index = first!.values.indexOf(point.values[0]!);
    series.points.push({ x: first!.numbers?.[index] ?? index, point });
  }
  for (const { points } of byLabel.values()) points.sort((a, b) => a.x - b.x);
  return [...byLabel.values()];
}

function panel(sweep: Sweep, series: readonly Series[], measure: Measure, top: number): string {
  const axis = sweep.axes[0]!;
  const value = ({ total }: SweepPoint) => total && measure.of(total);
  const xs = series.flatMap(({ points }) => points.map(({ x }) => x));
  const ys = sweep.points.map(value).filter((y) => y !== undefined);
  const words = axis.numbers ? undefined : axis.values;
  const [first, last] = xs.reduce(([a, b], x) => [Math.min(a, x), Math.max(b, x)], [Infinity, -Infinity]);
  const side = words ? 0.5 : 0;
  const xScale = scale(first - side, last + side, MARGIN.left, WIDTH - MARGIN.right, false);
  // Values from far apart are read on a logarithmic axis.
  const [least, most] = ys.reduce(([a, b], y) => [Math.min(a, y), Math.max(b, y)], [Infinity, -Infinity]);
  const logarithmic = least > 0 && most / least > 30;
  // From 0 on, unless that would flatten the picture.
  const lowest = !logarithmic && least > 0 && least < most / 2 ? 0 : least;
  const yScale = scale(lowest, most, top + PANEL - MARGIN.bottom, top + 16, logarithmic);
  const [bottom, right] = [top + PANEL - MARGIN.bottom, WIDTH - MARGIN.right];
  const out: string[] = [];
  for (const tick of yScale.ticks) {
    const y = round(yScale.at(tick));
    out.push(`<line x1="${MARGIN.left}" x2="${right}" y1="${y}" y2="${y}" stroke="#ddd"/>`);
    out.push(`<text x="${MARGIN.left - 6}" y="${y + 4}" text-anchor="end">${label(tick)}</text>`);
  }
  for (const tick of words ? words.map((_, i) => i) : xScale.ticks) {
    const x = round(xScale.at(tick));
    out.push(`<line x1="${x}" x2="${x}" y1="${bottom}" y2="${bottom + 4}" stroke="#333"/>`);
    out.push(
      `<text x="${x}" y="${bottom + 17}" text-anchor="middle">${escaped(words ? String(words[tick]) : label(tick))}</text>`,
    );
  }
  out.push(`<path d="M${MARGIN.left},${top + 16}V${bottom}H${right}" fill="none" stroke="#333"/>`);
  out.push(`<text x="${MARGIN.left}" y="${top + 8}" font-weight="bold">${escaped(measure.title)}</text>`);
  const unit = axis.unit ? ` (${axis.unit})` : '';
  out.push(
    `<text x="${(MARGIN.left + right) / 2}" y="${bottom + 34}" text-anchor="middle">${escaped(axis.key + unit)}</text>`,
  );
  for (const [i, { points }] of series.entries()) {
    const known = points.flatMap(({ x, point }) => {
      const y = value(point);
      return y === undefined ? [] : [{ x: round(xScale.at(x)), y: round(yScale.at(y)) }];
    });
    const colour = COLOURS[i % COLOURS.length]!;
    const dash = i >= COLOURS.length ? ' stroke-dasharray="4 3"' : '';
    if (known.length > 1 && !words) {
      const path = known.map(({ x, y }, k) => `${k ? 'L' : 'M'}${x},${y}`).join('');
      out.push(`<path d="${path}" fill="none" stroke="${colour}" stroke-width="1.5"${dash}/>`);
    }
    if (words || known.length <= 40) {
      for (const { x, y } of known) out.push(`<circle cx="${x}" cy="${y}" r="2.5" fill="${colour}"/>`);
    }
  }
  return out.join('\n');
}

/** As many lines as fit are named. */
function legend(series: readonly Series[], { axes }: Sweep): string {
  if (axes.length < 2) return '';
  const x = WIDTH - MARGIN.right + 16;
  const most = 10;
  const out = series.slice(0, most).map(({ label: text }, i) => {
    const y = MARGIN.top + 22 + 16 * i;
    const dash = i >= COLOURS.length ? ' stroke-dasharray="4 3"' : '';
    return (
      `<line x1="${x}" x2="${x + 18}" y1="${y - 4}" y2="${y - 4}" stroke="${COLOURS[i % COLOURS.length]}" stroke-width="2"${dash}/>` +
      `<text x="${x + 24}" y="${y}">${escaped(text.length > 24 ? `${text.slice(0, 23)}…` : text)}</text>`
    );
  });
  if (series.length > most) {
    out.push(`<text x="${x}" y="${MARGIN.top + 22 + 16 * most}">and ${series.length - most} more</text>`);
  }
  return out.join('\n');
}

interface Scale {
  at(value: number): number;
  ticks: number[];
}

function scale(least: number, most: number, from: number, to: number, logarithmic: boolean): Scale {
  const of = logarithmic ? Math.log10 : (value: number) => value;
  let [a, b] = [of(least), of(most)];
  if (a === b) {
    const room = Math.abs(a) * 0.05 || 1;
    [a, b] = [a - room, b + room];
  }
  const ticks = logarithmic ? decades(least, most) : rounded(a, b);
  return { at: (value) => from + ((of(value) - a) / (b - a)) * (to - from), ticks };
}

/** About six numbers that are 1, 2 or 5 times a power of ten apart. */
function rounded(least: number, most: number): number[] {
  const rough = (most - least) / 6;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 5, 10].find((factor) => factor * power >= rough) ?? 10);
  const ticks: number[] = [];
  for (let i = Math.ceil(least / step - 1e-9); i * step <= most * (1 + 1e-9); i++) {
    ticks.push(Number((i * step).toPrecision(12)));
  }
  return ticks;
}

function decades(least: number, most: number): number[] {
  const first = Math.ceil(Math.log10(least) - 1e-9);
  const last = Math.floor(Math.log10(most) + 1e-9);
  const powers = Array.from({ length: last - first + 1 }, (_, i) => 10 ** (first + i));
  return powers.length > 1 ? powers : [least, most];
}

function label(value: number): string {
  const size = Math.abs(value);
  if (value !== 0 && (size >= 1e6 || size < 1e-3))
    return value.toExponential(Number.isInteger(Math.log10(size)) ? 0 : 1);
  return String(Number(value.toPrecision(4)));
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
