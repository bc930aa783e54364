import { InputError, suggest } from '../errors.ts';
import type { Dataset, RecordData } from './data.ts';
import { flag, itemLimit, type MetricOptions } from './metric.ts';
import { textField } from './records.ts';

/** One text to score, and where it came from. */
export interface TextItem {
  text: string;
  file: string;
  /** 1-based; of records only. */
  line?: number;
}

/** What most files put between their documents. */
export const USUAL_SPLIT = '<|endoftext|>';

/** Columns that hold the text where `--column` does not say. */
const TEXT_COLUMNS = ['text'];

/**
 * The documents of a file, each stripped of surrounding white space and none empty, at most `limit`.
 *
 * A .txt file is one document, or as many as `split` separates; a .jsonl or .tsv file has one a line.
 * Throws InputError if none is left.
 */
export function readDocuments(
  data: Dataset,
  options: MetricOptions,
): { documents: TextItem[]; empty: number; warnings: string[] } {
  const documents: TextItem[] = [];
  const warnings: string[] = [];
  const limit = itemLimit(options);
  let empty = 0;
  for (const item of rawDocuments(data, options, warnings)) {
    const text = item.text.trim();
    if (text === '') empty++;
    else documents.push({ ...item, text });
    if (documents.length >= limit) break;
  }
  if (documents.length === 0) throw new InputError('empty text', { place: { file: data.file } });
  return { documents, empty, warnings };
}

/**
 * The whole of a file as one text: a .txt file as it is; documents that `split` separates, and records, joined by a
 * blank line (as GPTQ joins WikiText), for a separator is no text of theirs.
 */
export function wholeText(data: Dataset, options: MetricOptions, warnings: string[] = []): string {
  if (data.kind === 'text' && options.split === undefined) return data.text;
  // A limit is one on chunks here.
  const read = readDocuments(data, { ...options, limit: undefined });
  warnings.push(...read.warnings);
  return read.documents.map(({ text }) => text).join('\n\n');
}

/** The column of the text: `--column`, or the first of the usual names that the file has. */
export function textColumn(data: RecordData, options: MetricOptions, usual = TEXT_COLUMNS): string {
  const wanted = options.column;
  const found = wanted === undefined ? usual.find((name) => data.columns.includes(name)) : wanted;
  if (found !== undefined && data.columns.includes(found)) return found;
  throw new InputError(`no column "${wanted ?? usual.join('" or "')}"`, {
    place: { file: data.file },
    note: `${suggest(wanted ?? usual[0]!, data.columns.slice(0, 50))}; name the column of the text with --column`,
  });
}

function* rawDocuments(data: Dataset, options: MetricOptions, warnings: string[]): Generator<TextItem> {
  const { file } = data;
  if (data.kind === 'records') {
    if (options.split !== undefined) {
      throw new InputError('separates documents of a .txt file; here every line is one', {
        place: { file, key: flag('split') },
      });
    }
    const column = textColumn(data, options);
    for (const record of data.records) yield { text: textField(record, column), file, line: record.line };
    return;
  }
  if (options.column !== undefined) {
    throw new InputError('a .txt file has no columns', { place: { file, key: flag('column') } });
  }
  const { split } = options;
  if (split === undefined) {
    if (data.text.includes(USUAL_SPLIT)) {
      warnings.push(
        `${file}: one document that holds ${USUAL_SPLIT}; --split '${USUAL_SPLIT}' scores its parts apart`,
      );
    }
    yield { text: data.text, file };
    return;
  }
  if (split === '') throw new InputError('expected a text, found none', { place: { key: flag('split') } });
  if (!data.text.includes(split)) {
    warnings.push(`${file}: ${JSON.stringify(split)} does not occur; the file is one document`);
  }
  for (let start = 0; start <= data.text.length; ) {
    const found = data.text.indexOf(split, start);
    const end = found < 0 ? data.text.length : found;
    yield { text: data.text.slice(start, end), file };
    start = end + split.length;
    if (found < 0) return;
  }
}
