import type { Reporter, TestModule } from 'vitest/node';

/** Ends a run with the one plain line that continuous integration reads. */
export default class CountReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandled: readonly unknown[]) {
    const count = { passed: 0, failed: 0, skipped: 0, pending: 0 };
    let broken = unhandled.length;
    for (const module of modules) {
      for (const test of module.children.allTests()) count[test.result().state]++;
      // A file that fails to load holds no tests, but must count.
      if (module.errors().length > 0) broken++;
    }
    const skipped = count.skipped + count.pending;
    console.log(
      `\n${count.passed} passed, ${count.failed + broken} failed${skipped ? `, ${skipped} skipped` : ''}`,
    );
  }
}
