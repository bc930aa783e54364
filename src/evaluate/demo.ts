import { fileURLToPath } from 'node:url';

const FILES: Record<string, string> = {
  classification: 'sentiment.tsv',
  'last-word': 'last-word.jsonl',
  'multiple-choice': 'choices.jsonl',
};

/** The project's own text for a metric (`auto` goes by the model's kind), where the user gives none. */
export function demoData(metric: string, kind: 'decoder' | 'encoder'): string {
  const name =
    FILES[metric] ?? (kind === 'encoder' && metric === 'auto' ? FILES.classification : 'stories.txt');
  return fileURLToPath(new URL(`../../models/texts/${name}`, import.meta.url));
}
