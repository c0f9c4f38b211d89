// Ends the run with what was skipped and why (test/needs.ts), and one line that any CI can read:
// "Tests: 12 passed, 0 failed, 3 skipped".

import type { Reporter, TestModule } from 'vitest/node';

export default class ClosingLineReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], errors: readonly unknown[]): void {
    let passed = 0;
    let failed = errors.length;
    let skipped = 0;
    const reasons: string[] = [];
    for (const module of modules) {
      const tests = [...module.children.allTests()];
      // A file that could not be loaded has no tests, but it failed.
      if (module.state() === 'failed' && !tests.some((test) => test.result().state === 'failed')) failed += 1;
      for (const test of tests) {
        const { state } = test.result();
        if (state === 'passed') passed += 1;
        else if (state === 'failed') failed += 1;
        else {
          skipped += 1;
          if (test.name.startsWith('skipped: ')) reasons.push(`${module.relativeModuleId}: ${test.fullName}\n`);
        }
      }
    }
    if (reasons.length > 0) process.stdout.write(`\n${reasons.join('')}`);
    process.stdout.write(`\nTests: ${passed} passed, ${failed} failed, ${skipped} skipped\n`);
  }
}
