/** How far something is. */
export interface ProgressState {
  /** What is being done; a new label starts a new rate. */
  label: string;
  /** In `unit`, 0..total. */
  done: number;
  /** At least 0. */
  total: number;
  /** Plural: `tokens`, `layers`; `bytes` are shown as MB. */
  unit: string;
}

/** What a state is drawn from: with a rate once something is done. */
export interface ProgressView extends ProgressState {
  /** Units a second; 0 while it is unknown. */
  rate: number;
}

/** Where progress goes: the part of `process.stderr` that it needs. */
export interface ProgressStream {
  isTTY?: boolean;
  /** Width of a terminal. */
  columns?: number;
  write(text: string): unknown;
}

export interface Progress {
  /** May be called as often as one likes. */
  report(state: ProgressState): void;
  /** Leaves no trace on a terminal. May be called twice. */
  finish(): void;
}

/** Milliseconds between two drawings on a terminal, and between two lines elsewhere. */
const REDRAW = 100;
const LINE = 5000;
/** Cells of the bar. */
const MIN_BAR = 5;
const MAX_BAR = 30;
const ERASE = '\r\x1b[K';

/**
 * Progress on stderr: a bar that redraws itself at most ten times a second on a terminal, a line every five seconds
 * elsewhere (a log, a pipe, a dumb terminal), nothing where `quiet`.
 */
export function createProgress(
  options: { stream?: ProgressStream; quiet?: boolean; terminal?: boolean; now?: () => number } = {},
): Progress {
  const stream = options.stream ?? process.stderr;
  const now = options.now ?? (() => performance.now());
  const terminal = options.terminal ?? (stream.isTTY === true && process.env.TERM !== 'dumb');
  if (options.quiet) return { report() {}, finish() {} };
  let current: { label: string; started: number; base: number } | undefined;
  let drawn: number | undefined;
  let visible = false;

  return {
    report(state) {
      const time = now();
      if (current?.label !== state.label) {
        current = { label: state.label, started: time, base: state.done };
        // On a terminal a new label shows at once; in a log only what takes long enough is worth a line.
        drawn = terminal ? undefined : time;
      }
      const complete = terminal && state.done >= state.total;
      if (drawn !== undefined && time - drawn < (terminal ? REDRAW : LINE) && !complete) return;
      drawn = time;
      const seconds = (time - current.started) / 1000;
      const rate = seconds > 0 ? (state.done - current.base) / seconds : 0;
      if (terminal) stream.write(`\r${renderBar({ ...state, rate }, stream.columns ?? 80)}\x1b[K`);
      else stream.write(`${renderLine({ ...state, rate })}\n`);
      visible = terminal;
    },
    finish() {
      if (visible) stream.write(ERASE);
      visible = false;
      current = undefined;
    },
  };
}

/** `perplexity 30 % 1,234 tokens/s ETA 12 s`. */
export function renderLine(view: ProgressView): string {
  return [printable(view.label), percent(view), rateText(view), etaText(view)]
    .filter((part) => part)
    .join(' ');
}

/**
 * `perplexity ━━━━━━──────  30 % 3,000/10,000 tokens 1,234 tokens/s ETA 12 s` in less than `columns` characters (a
 * terminal wraps a line that fills it): in a narrow one the counts go first, then the rate, the bar, the label.
 */
export function renderBar(view: ProgressView, columns: number): string {
  const room = Math.max(0, columns - 1);
  const label = printable(view.label);
  const eta = etaText(view);
  const share = percent(view).padStart(5);
  const tails = [
    [share, countText(view), rateText(view), eta],
    [share, rateText(view), eta],
    [share, eta],
    [share],
  ].map((parts) => parts.filter((part) => part).join(' '));
  for (const tail of tails) {
    const free = room - label.length - tail.length - 2;
    if (free < MIN_BAR) continue;
    const cells = Math.min(MAX_BAR, free);
    const full = Math.floor(fraction(view) * cells);
    return `${label} ${'━'.repeat(full)}${'─'.repeat(cells - full)} ${tail}`;
  }
  const tail = percent(view);
  return `${[...label].slice(0, Math.max(0, room - tail.length - 1)).join('')} ${tail}`.slice(0, room);
}

/** 0..1; nothing to do is done. */
function fraction({ done, total }: ProgressState): number {
  return total > 0 ? Math.min(1, Math.max(0, done / total)) : 1;
}

function percent(state: ProgressState): string {
  return `${Math.floor(fraction(state) * 100)} %`;
}

function countText({ done, total, unit }: ProgressState): string {
  if (unit === 'bytes') return `${megabytes(done)}/${megabytes(total)} MB`;
  return `${whole(done)}/${whole(total)} ${unit}`;
}

function rateText({ rate, unit }: ProgressView): string {
  if (!(rate > 0)) return '';
  if (unit === 'bytes') return `${megabytes(rate)} MB/s`;
  return `${rate >= 10 ? whole(rate) : rate.toPrecision(2)} ${unit}/s`;
}

function etaText({ done, total, rate }: ProgressView): string {
  if (!(rate > 0) || done >= total) return '';
  return `ETA ${duration((total - done) / rate)}`;
}

/** `12 s`, `3 min 05 s`, `2 h 05 min`, `4 d 03 h`. */
function duration(seconds: number): string {
  const s = Math.ceil(seconds);
  const pair = (large: number, small: number, units: [string, string]) =>
    `${large} ${units[0]} ${String(small).padStart(2, '0')} ${units[1]}`;
  if (s < 60) return `${s} s`;
  if (s < 3600) return pair(Math.floor(s / 60), s % 60, ['min', 's']);
  if (s < 86400) return pair(Math.floor(s / 3600), Math.floor((s % 3600) / 60), ['h', 'min']);
  return pair(Math.floor(s / 86400), Math.floor((s % 86400) / 3600), ['d', 'h']);
}

function whole(value: number): string {
  return Math.round(value).toLocaleString('en');
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toLocaleString('en', { minimumFractionDigits: 1, maximumFractionDigits: 1 });
}

/** A label may hold a file's name: no control characters reach the terminal. */
function printable(label: string): string {
  return label.replace(/\p{Cc}/gu, '?');
}
