import type { Progress as Evaluated } from '../evaluate/index.ts';
import { createProgress } from './progress.ts';

/** Progress of a run on stderr, as the library's callbacks report it. */
export interface RunProgress {
  evaluation(progress: Evaluated): void;
  download(progress: { file: string; loaded: number; total: number }): void;
  /** Clears the bar; may be called twice. */
  finish(): void;
}

export function startProgress(): RunProgress {
  const progress = createProgress();
  return {
    evaluation: ({ subject, stage, ...rest }) => progress.report({ label: `${subject}: ${stage}`, ...rest }),
    download: ({ file, loaded, total }) =>
      progress.report({ label: file, done: loaded, total, unit: 'bytes' }),
    finish: () => progress.finish(),
  };
}
