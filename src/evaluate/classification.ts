import type { Tokenizer } from '../checkpoint/index.ts';
import { InputError } from '../errors.ts';
import { accuracy, best } from './accuracy.ts';
import type { RecordData } from './data.ts';
import { summarizeClassDivergence } from './divergence.ts';
import { textColumn } from './documents.ts';
import {
  type ClassifyMetric,
  checkOutcomes,
  flag,
  itemLimit,
  type MetricOptions,
  type ResultBase,
  take,
  wholeNumber,
} from './metric.ts';
import { labelField, textField } from './records.ts';
import type { ClassifyRequest } from './request.ts';
import { checkVocabulary, specialTokens } from './sequences.ts';

export interface ClassificationResult extends ResultBase {
  metric: 'classification';
  /** correct / items. */
  accuracy: number;
  accuracyStderr: number;
  correct: number;
  items: number;
  /** [label][predicted class]: how often. */
  confusion: number[][];
  /** Items whose logits were all NaN; they count as wrong and are in no cell of `confusion`. */
  undecided: number;
  /** Items cut at the context. */
  truncated: number;
}

const TEXT_COLUMNS = ['sentence', 'text', 'sentence1'];

/**
 * Accuracy of an encoder's class against the label (SST-2), for single sentences and for pairs. The class is the
 * greatest logit, the first of equals. A sequence is cut so that its closing special token stays.
 */
export const classification: ClassifyMetric<ClassificationResult> = {
  name: 'classification',
  kind: 'classify',
  summary: 'accuracy of an encoder with a classification head (SST-2)',
  options: ['column', 'labelColumn', 'pairColumn'],
  prepare(data, tokenizer, options) {
    if (data.kind === 'text') {
      throw new InputError('expected a .tsv or .jsonl file of labelled sentences', {
        place: { file: data.file },
      });
    }
    const context = wholeNumber('context', options.context, 2);
    const encode = pairEncoder(tokenizer, context);
    const { column, pairColumn, labelColumn } = chooseColumns(data, options);
    const requests: ClassifyRequest[] = [];
    const items: { label: number; line: number }[] = [];
    let truncated = 0;
    for (const record of take(data.records, itemLimit(options))) {
      const place = { file: record.file, line: record.line };
      items.push({ label: labelField(record, labelColumn, options.classes), line: record.line });
      const texts = [textField(record, column).trim()];
      if (pairColumn !== undefined) texts.push(textField(record, pairColumn).trim());
      if (texts.includes('')) throw new InputError('empty text', { place });
      const { request, cut } = encode(texts);
      if (options.vocabulary !== undefined) {
        checkVocabulary(request.tokens, options.vocabulary, tokenizer, place);
      }
      if (cut) truncated++;
      requests.push(request);
    }
    if (requests.length === 0) throw new InputError('no records', { place: { file: data.file } });
    return {
      kind: 'classify',
      requests,
      warnings: [],
      reduce(scores) {
        checkOutcomes(requests, scores);
        const classes = scores[0]!.logits.length;
        const confusion = Array.from({ length: classes }, () => new Array<number>(classes).fill(0));
        let correct = 0;
        let undecided = 0;
        items.forEach(({ label, line }, index) => {
          if (label >= classes) {
            throw new InputError(`expected a class of the model, 0 to ${classes - 1}, found ${label}`, {
              place: { file: data.file, line, key: labelColumn },
            });
          }
          const predicted = best(scores[index]!.logits);
          if (predicted < 0) undecided++;
          else confusion[label]![predicted]!++;
          if (predicted === label) correct++;
        });
        const share = accuracy(correct, items.length);
        const divergence = summarizeClassDivergence(scores);
        return {
          metric: 'classification',
          headline: { name: 'accuracy', value: share.value, better: 'higher' },
          accuracy: share.value,
          accuracyStderr: share.stderr,
          correct,
          items: items.length,
          confusion,
          undecided,
          truncated,
          ...(divergence && { divergence }),
        };
      },
    };
  },
};

/** The columns that the user named, or the usual ones: sentence + label; sentence1 + sentence2 + label for pairs. */
function chooseColumns(data: RecordData, options: MetricOptions) {
  const column = textColumn(data, options, TEXT_COLUMNS);
  const usualPair = column === 'sentence1' && data.columns.includes('sentence2') ? 'sentence2' : undefined;
  const pairColumn = options.pairColumn ?? usualPair;
  const labelColumn = options.labelColumn ?? 'label';
  for (const [option, name] of [
    ['pairColumn', pairColumn],
    ['labelColumn', labelColumn],
  ] as const) {
    if (name === undefined || data.columns.includes(name)) continue;
    throw new InputError(`no column "${name}"`, {
      place: { file: data.file },
      note: `columns: ${data.columns.slice(0, 50).join(', ')}; name the right one with ${flag(option)}`,
    });
  }
  return { column, pairColumn, labelColumn };
}

/**
 * `[CLS] a [SEP]`, or `[CLS] a [SEP] b [SEP]` with segment 1 for b, within the context: the longer text is cut first,
 * as Hugging Face's `longest_first` does.
 */
function pairEncoder(tokenizer: Tokenizer, context: number) {
  const { before, after } = specialTokens(tokenizer);
  return (texts: readonly string[]): { request: ClassifyRequest; cut: boolean } => {
    const parts = texts.map((text) => tokenizer.encode(text, { special: false }));
    const room = context - before.length - parts.length * after.length;
    if (room < parts.length) {
      throw new InputError(`no room for text beside the special tokens in ${context} tokens`, {
        place: { key: flag('context') },
      });
    }
    const sizes = shares(
      parts.map(({ length }) => length),
      room,
    );
    const tokens = [...before];
    const types = before.map(() => 0);
    parts.forEach((part, index) => {
      const piece = [...part.slice(0, sizes[index]), ...after];
      for (const id of piece) {
        tokens.push(id);
        types.push(index);
      }
    });
    const cut = parts.some(({ length }, index) => length > sizes[index]!);
    return { request: { tokens, types }, cut };
  };
}

/** How many tokens one or two texts keep in `room`: what is too much is taken from the longer one. */
function shares(lengths: readonly number[], room: number): number[] {
  const [first = 0, second = 0] = lengths;
  if (first + second <= room) return [first, second];
  const half = Math.floor(room / 2);
  if (second <= half) return [room - second, second];
  if (first <= room - half) return [first, room - first];
  return [room - half, half];
}
