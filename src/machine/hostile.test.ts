import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { InputError } from '../errors.ts';
import { parseMachine, presetNames } from './index.ts';
import { presetText } from './presets.ts';
import { MAX_BYTES } from './yaml-file.ts';

/** A machine or an InputError: anything else is thrown on. */
function attempt(text: string): 'machine' | InputError {
  try {
    parseMachine(text, 'hostile.yaml');
    return 'machine';
  } catch (error) {
    if (error instanceof InputError) return error;
    throw error;
  }
}

function messageOf(text: string): string {
  const result = attempt(text);
  return result === 'machine' ? result : result.message;
}

describe('files made to hurt', () => {
  it('are not read beyond the size limit', () => {
    expect(messageOf('#'.repeat(MAX_BYTES + 1))).toBe(
      `expected at most ${MAX_BYTES} bytes, found ${MAX_BYTES + 1}`,
    );
    // Counted in bytes, not in characters.
    expect(messageOf(`#${'é'.repeat(MAX_BYTES / 2)}`)).toContain('expected at most');
  });

  it('may not multiply by aliases', () => {
    const lists = Array.from(
      { length: 9 },
      (_, i) => `x${i + 1}: &x${i + 1} [${`*x${i}, `.repeat(9)}*x${i}]`,
    );
    expect(messageOf(`x0: &x0 [1, 2]\n${lists.join('\n')}`)).toContain('Excessive alias count');
    expect(messageOf('a: &a { b: *a }')).toBe('the alias *a stands within its own anchor');
    expect(messageOf(`a: &a 1\nb: [${'*a, '.repeat(101)}]`)).toBe('expected at most 100 aliases, found 101');
  });

  it.each(['[', '{a: ', '- ', '? ', 'a: b: ', '? [', '- ? '])('may not nest deeply: %j', (unit) => {
    expect(messageOf(unit.repeat(1000))).toBe('nested deeper than 40 levels');
  });

  it('may not nest deeply by indentation', () => {
    const text = Array.from({ length: 100 }, (_, i) => `${' '.repeat(i)}a:`).join('\n');
    expect(messageOf(text)).toBe('nested deeper than 40 levels');
  });

  const UNITS = [
    '[',
    '{a: ',
    '- ',
    '? ',
    '? a\n',
    ': ',
    '&a ',
    '!',
    '"\\',
    '\t',
    '---\n',
    '#\n',
    '|\n',
    'a: b: c\n',
  ];
  const MORE = [
    '[],',
    '{a: 1},',
    'k',
    '- *a\n',
    '- &a b\n',
    '%Y\n',
    "'",
    '\n',
    ' \n',
    '- |\n',
    '\u{1f600}',
    '\ud800',
  ];
  it.each([...UNITS, ...MORE])('take little time: %j repeated up to the limit', (unit) => {
    const bytes = Buffer.byteLength(unit);
    const start = performance.now();
    expect(attempt(unit.repeat(Math.floor(MAX_BYTES / bytes)))).toBeInstanceOf(InputError);
    expect(performance.now() - start).toBeLessThan(15_000);
  });

  it('take little time: many different keys', () => {
    const start = performance.now();
    const keys = (count: number) => Array.from({ length: count }, (_, i) => `k${i}: 1`).join('\n');
    expect(messageOf(keys(6000))).toBe('expected at most 1000 entries, found 6000');
    expect(messageOf(keys(1000))).toBe('missing key: expected a name');
    expect(performance.now() - start).toBeLessThan(15_000);
  });

  it('may not reach for prototypes', () => {
    const good = presetText('int8');
    for (const key of ['__proto__', 'constructor', 'toString']) {
      expect(messageOf(`${good}\n${key}: { a: 1 }`)).toBe(`unknown key "${key}"`);
    }
    expect(messageOf(`${good}\nsites: { __proto__: { a: 1 } }`)).toBe('unknown key "__proto__"');
    expect(({} as Record<string, unknown>).a).toBeUndefined();
  });
});

describe('fuzzing: only an InputError comes out', () => {
  it('of any text', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.string({ unit: 'binary' }), yamlLike()), (text) => {
        expect(attempt(text)).not.toBeUndefined();
      }),
      { numRuns: 1000 },
    );
  });

  it('of presets with letters changed', () => {
    const change = fc.record({
      at: fc.nat(),
      remove: fc.nat({ max: 8 }),
      insert: fc.oneof(fc.string({ maxLength: 4 }), yamlLike()),
    });
    fc.assert(
      fc.property(
        fc.constantFrom(...standalonePresets()),
        fc.array(change, { minLength: 1, maxLength: 4 }),
        (preset, changes) => {
          let text = preset;
          for (const { at, remove, insert } of changes) {
            const start = at % (text.length + 1);
            text = text.slice(0, start) + insert + text.slice(start + remove);
          }
          expect(attempt(text)).not.toBeUndefined();
        },
      ),
      { numRuns: 1500 },
    );
  });

  it('of presets with values replaced, and it points into the file', () => {
    const value = fc.oneof(
      fc.jsonValue(),
      fc.constantFrom('int8', 'float16', 'tensor', 'static', '1 GHz', 'q', {}, [], 1e308),
    );
    fc.assert(
      fc.property(fc.constantFrom(...standalonePresets()), fc.nat(), value, (preset, line, replacement) => {
        const lines = preset.split('\n');
        const keyed = lines.flatMap((text, i) => (/^\s*\w+:/.test(text) ? [i] : []));
        const chosen = keyed[line % keyed.length]!;
        lines[chosen] = lines[chosen]!.replace(/:.*/s, () => `: ${JSON.stringify(replacement)}`);
        const result = attempt(lines.join('\n'));
        if (result === 'machine') return;
        expect(result.place.file).toBe('hostile.yaml');
        expect(result.place.line).toBeGreaterThan(0);
        expect(result.place.line).toBeLessThanOrEqual(lines.length);
      }),
      { numRuns: 1500 },
    );
  });
});

function standalonePresets(): string[] {
  return presetNames()
    .map(presetText)
    .filter((text) => !text.includes('extends:'));
}

/** Runs of what YAML is made of. */
function yamlLike(): fc.Arbitrary<string> {
  const words = [
    'name',
    'operands',
    'sites',
    'q',
    'int8',
    '1 GHz',
    '&a',
    '*a',
    '!!map',
    '<<',
    'null',
    '~',
    '0x1',
    '.inf',
  ];
  const marks = [
    ': ',
    '- ',
    '? ',
    '\n',
    '  ',
    '[',
    ']',
    '{',
    '}',
    ',',
    '"',
    "'",
    '|',
    '>',
    '#',
    '%',
    '@',
    '`',
    '---',
    '\t',
  ];
  return fc.array(fc.constantFrom(...words, ...marks), { maxLength: 60 }).map((parts) => parts.join(''));
}
