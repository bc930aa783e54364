import { InputError, suggest } from '../errors.ts';
import type { RecordData } from './data.ts';
import { type DataRecord, labelField, textField, textsField } from './records.ts';

/** One multiple-choice question: which pair of context and continuation is likeliest? */
export interface ChoiceItem {
  /** The continuation is scored; all choices share the context, or all share the continuation (partial scoring). */
  choices: { context: string; continuation: string; characters: number }[];
  /** Index of the right choice. */
  gold: number;
}

/** How the questions of a file are written. */
export interface ChoiceLayout {
  name: 'hellaswag' | 'endings' | 'question' | 'partial';
  /** The columns that it is known by. */
  columns: readonly string[];
  /** Where the right answer stands unless the user says otherwise. */
  label: 'label' | 'gold';
  read(record: DataRecord, label: string): ChoiceItem;
}

/** The first whose columns a file has is the file's. */
export const CHOICE_LAYOUTS: readonly ChoiceLayout[] = [
  {
    // HellaSwag, prepared as lm-evaluation-harness does it.
    name: 'hellaswag',
    columns: ['activity_label', 'ctx_a', 'ctx_b', 'endings'],
    label: 'label',
    read(record, label) {
      const scene = `${textField(record, 'ctx_a')} ${capitalize(textField(record, 'ctx_b'))}`;
      const context = cleanWikiHow(`${textField(record, 'activity_label')}: ${scene}`);
      const endings = textsField(record, 'endings', 2).map(cleanWikiHow);
      return { choices: continuations(context, endings), gold: labelField(record, label, endings.length) };
    },
  },
  {
    // A beginning and its possible endings, as they are.
    name: 'endings',
    columns: ['ctx', 'endings'],
    label: 'label',
    read(record, label) {
      const context = textField(record, 'ctx').trimEnd();
      const endings = textsField(record, 'endings', 2).map((ending) => ending.trim());
      return { choices: continuations(context, endings), gold: labelField(record, label, endings.length) };
    },
  },
  {
    // PIQA and ARC as llm-foundry writes them; the answer's cue is llm-foundry's and lm-evaluation-harness's.
    name: 'question',
    columns: ['query', 'choices'],
    label: 'gold',
    read(record, label) {
      const query = textField(record, 'query');
      const context = query.startsWith('Question:') ? `${query}\nAnswer:` : query;
      const choices = textsField(record, 'choices', 2);
      return { choices: continuations(context, choices), gold: labelField(record, label, choices.length) };
    },
  },
  {
    // WinoGrande by partial scoring: the same continuation after each context.
    name: 'partial',
    columns: ['context_options', 'continuation'],
    label: 'gold',
    read(record, label) {
      const continuation = textField(record, 'continuation');
      const contexts = textsField(record, 'context_options', 2);
      return {
        choices: contexts.map((context) => choice(context, continuation)),
        gold: labelField(record, label, contexts.length),
      };
    },
  },
];

/** The layout whose columns the file has, or undefined. */
export function findLayout(data: RecordData): ChoiceLayout | undefined {
  return CHOICE_LAYOUTS.find(({ columns }) => columns.every((column) => data.columns.includes(column)));
}

/** The questions of a file, one a record. Throws InputError for a file or a record that is of no known layout. */
export function* readChoices(
  data: RecordData,
  layout: ChoiceLayout,
  labelColumn: string | undefined,
): Generator<{ item: ChoiceItem; line: number }> {
  for (const record of data.records) {
    const item = layout.read(record, labelColumn ?? layout.label);
    if (item.choices.some(({ characters }) => characters === 0)) {
      throw new InputError('a choice is empty', { place: { file: data.file, line: record.line } });
    }
    yield { item, line: record.line };
  }
}

/** The error for a file that has no layout's columns. */
export function noLayout(data: RecordData): InputError {
  const layouts = CHOICE_LAYOUTS.map(({ columns, label }) => [...columns, label].join(' + '));
  const missing = CHOICE_LAYOUTS.flatMap(({ columns }) => columns).find(
    (name) => !data.columns.includes(name),
  );
  return new InputError(`expected the columns ${layouts.join('; or ')}`, {
    place: { file: data.file },
    note: suggest(missing ?? '', data.columns.slice(0, 50)),
  });
}

function continuations(context: string, texts: readonly string[]): ChoiceItem['choices'] {
  return texts.map((text) => choice(context, text));
}

/** Length normalisation counts the characters (code points, as Python does) without the space in front. */
function choice(context: string, text: string): ChoiceItem['choices'][number] {
  return { context, continuation: ` ${text}`, characters: [...text].length };
}

/** Python's `str.capitalize`: the rest becomes lower case. */
function capitalize(text: string): string {
  const [first = '', ...rest] = text;
  return first.toUpperCase() + rest.join('').toLowerCase();
}

/** lm-evaluation-harness's `preprocess` of HellaSwag: titles end sentences, other marks in brackets go. */
function cleanWikiHow(text: string): string {
  return text
    .trim()
    .replaceAll(' [title]', '. ')
    .split('\n')
    .map(dropBrackets)
    .join('\n')
    .replaceAll('  ', ' ');
}

/** Removes every `[…]` of a line; what /\[.*?\]/ does, in linear time. */
function dropBrackets(line: string): string {
  let kept = '';
  let start = 0;
  for (;;) {
    const open = line.indexOf('[', start);
    const close = open < 0 ? -1 : line.indexOf(']', open);
    if (close < 0) return kept + line.slice(start);
    kept += line.slice(start, open);
    start = close + 1;
  }
}
