import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { InputError } from '../../errors.ts';
import { loadScaleSimConfig, loadTopology, parseScaleSimConfig, parseTopology } from './index.ts';

const CONVOLUTION =
  'Layer name, IFMAP Height, IFMAP Width, Filter Height, Filter Width, Channels, Num Filter, Strides,';

const CONFIG = `[general]
run_name = eyeriss

[architecture_presets]
ArrayHeight:    12
ArrayWidth:     14
IfmapSramSzkB:   36
FilterSramSzkB:  36
OfmapSramSzkB:   36
IfmapOffset:    0
Bandwidth : 10
Dataflow : ws

[run_presets]
InterfaceBandwidth: CALC
`;

function mistake(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    if (error instanceof InputError) return error.format();
    throw error;
  }
  return 'no error';
}

describe('a configuration', () => {
  it('of version 2', () => {
    expect(parseScaleSimConfig(CONFIG, 'scale.cfg')).toEqual({
      name: 'eyeriss',
      array: { rows: 12, columns: 14, dataflow: 'weight-stationary' },
      memory: {
        inputBits: 36 * 8192,
        weightBits: 36 * 8192,
        outputBits: 36 * 8192,
        dramBitsPerCycle: undefined,
        dramPerOperand: true,
      },
      bits: { input: 8, weight: 8, output: 8 },
      notModelled: [],
    });
  });

  it('with = for :, other cases, comments, Windows line ends, a byte order mark', () => {
    const other = `\uFEFF# a comment\r\n${CONFIG.replaceAll(/: */g, ' = ').replace('ArrayHeight', 'arrayheight').replaceAll('\n', '\r\n')}; the end`;
    expect(parseScaleSimConfig(other, 'scale.cfg')).toEqual(parseScaleSimConfig(CONFIG, 'scale.cfg'));
  });

  it('in USER mode has the bandwidth of an interface each, in words of a byte', () => {
    const { memory } = parseScaleSimConfig(CONFIG.replace('CALC', 'USER'), 'scale.cfg');
    expect(memory).toMatchObject({ dramBitsPerCycle: 80, dramPerOperand: true });
  });

  it('of version 3 says what nothing here computes', () => {
    const more = `${CONFIG}UseRamulatorTrace: True
[sparsity]
SparsitySupport : true
[layout]
IfmapCustomLayout: False
`;
    expect(parseScaleSimConfig(more, 'scale.cfg').notModelled).toEqual([
      'sparse weights (SparsitySupport)',
      'DRAM latency from Ramulator traces (UseRamulatorTrace)',
    ]);
  });

  it.each([
    [
      'ArrayHeight:    12',
      'ArrayHeight: 0',
      'a.cfg:5:14: ArrayHeight: expected a positive whole number, found "0"',
    ],
    [
      'ArrayHeight:    12',
      'ArrayHeight: -2',
      'a.cfg:5:14: ArrayHeight: expected a positive whole number, found "-2"',
    ],
    [
      'ArrayHeight:    12',
      'ArrayHeight:',
      'a.cfg:5:13: ArrayHeight: expected a positive whole number, found nothing',
    ],
    [
      'ArrayHeight:    12',
      'ArayHeight: 12',
      'a.cfg: expected ArrayHeight in section [architecture_presets], found none\n  is "ArayHeight" meant to be it?',
    ],
    ['Dataflow : ws', 'Dataflow : rs', 'a.cfg:12:12: Dataflow: expected os, ws or is, found "rs"'],
    ['Dataflow : ws', 'Dataflow ws', 'a.cfg:12:1: expected "key: value" or a [section], found "Dataflow ws"'],
    ['Dataflow : ws', 'Bandwidth: 3', 'a.cfg:12:1: Bandwidth is there twice'],
    ['CALC', 'MAYBE', 'a.cfg:15:21: InterfaceBandwidth: expected USER or CALC, found "MAYBE"'],
    ['[run_presets]', '[general]', 'a.cfg:14:1: section [general] is there twice'],
    ['[run_presets]', '[run]', 'a.cfg: expected a section [run_presets], found none'],
    ['[general]\n', '', 'a.cfg:1:1: expected a [section] first, found "run_name = eyeriss"'],
  ])('%j as %j', (from, to, message) => {
    expect(mistake(() => parseScaleSimConfig(CONFIG.replace(from, to), 'a.cfg'))).toBe(message);
  });
});

describe('a topology', () => {
  const gemms = (text: string) => parseTopology(text, 'net.csv').gemms;

  it('of GEMMs, with and without commas at the end and sparsity', () => {
    const expected = [
      { site: 'qkt', m: 5, k: 7, n: 6, count: 1, weight: true },
      { site: 'ff 1', m: 1, k: 9_007_199_254_740_991, n: 1, count: 1, weight: true },
    ];
    const rows = ['qkt, 5, 6, 7', 'ff 1,1,1,9007199254740991'];
    expect(gemms(`Layer, M, N, K,\n${rows.join(',\n')},\n`)).toEqual(expected);
    expect(gemms(`\uFEFFLayer,M,N,K\r\n\r\n${rows.join('\r\n')}\r\n,,,,\r\n`)).toEqual(expected);
    const sparse = parseTopology(
      `Layer Name, M, N, K, Sparsity,\n${rows[0]}, 2:4,\n${rows[1]}, 4:4,\n`,
      'net.csv',
    );
    expect(sparse).toEqual({
      name: 'net.csv',
      phase: 'file',
      batch: 1,
      sequence: 1,
      gemms: expected,
      notModelled: ['sparse weights, taken as dense (qkt)'],
    });
  });

  it('of convolutions: output pixels x window x filters', () => {
    // 224 x 224, 7 x 7, stride 2: a side of ceil(217 / 2) + 1 = 110; inputs up to 109 * 2 + 7 = 225, so all 224.
    const row = 'Conv1, 224, 224, 7, 7, 3, 64, 2';
    const layer = { site: 'Conv1', m: 12100, k: 147, n: 64, count: 1, weight: true, inputElements: 150_528 };
    expect(gemms(`${CONVOLUTION}\n${row},\n`)).toEqual([layer]);
    expect(gemms(`${CONVOLUTION.replaceAll(',', '\t')}\n${row.replaceAll(',', '\t')}\n`)).toEqual([layer]);
    expect(gemms(`${CONVOLUTION} Sparsity,\n${row}, 1:1,\n`)).toEqual([layer]);
    expect(gemms(`${CONVOLUTION} batch size,\n${row}, 1,\n`)).toEqual([layer]);
    expect(gemms(`${CONVOLUTION},,Eh,Ew,e2\n${row},,,110,110,12100\n`)).toEqual([layer]);
    expect(gemms(`${CONVOLUTION}\n${row}, #first\n`)).toEqual([layer]);
    // A stride of its own over the width: ceil(217 / 3) + 1 = 74.
    expect(gemms(`${CONVOLUTION}\n${row}, 3,\n`)[0]).toMatchObject({ m: 110 * 74 });
  });

  it('with strides beyond the filter counts the inputs that a window touches', () => {
    // Windows at 0, 3, 6 of 2 pixels in 8 pixels: 6 of them a side.
    expect(gemms(`${CONVOLUTION}\nc, 8, 8, 2, 2, 5, 4, 3,\n`)[0]).toMatchObject({
      m: 9,
      inputElements: 180,
    });
    // Windows at 0 and 3 in 4 pixels, the second one half over the edge: 3 of them a side.
    expect(gemms(`${CONVOLUTION}\nc, 4, 4, 2, 2, 1, 1, 3,\n`)[0]).toMatchObject({
      m: 4,
      inputElements: 9,
    });
  });

  it('with depthwise layers: a GEMM a channel', () => {
    expect(gemms(`${CONVOLUTION}\nConv2_DP, 6, 6, 3, 3, 32, 1, 1,\n`)).toEqual([
      { site: 'Conv2_DP', m: 16, k: 9, n: 1, count: 32, weight: true, inputElements: 36 },
    ]);
  });

  const convolution = (row: string) => `${CONVOLUTION}\nc0, 7, 7, 3, 3, 4, 6, 1,\n${row}\n`;
  it.each([
    ['', 'net.csv: expected a header and a layer a row, found nothing'],
    ['Layer, M, N, K,\n', 'net.csv:1: expected a layer a row, found none'],
    [
      'a, 1, 2, 3,\n',
      'net.csv:1:4: expected a header of "Layer, M, N, K" or "Layer name, IFMAP Height, …", found "a, 1, 2, 3,"',
    ],
    ['Layer, M, N, K,\na, 1, 2,\n', 'net.csv:2:8: K: expected a column 4, found 3 columns'],
    ['Layer, M, N, K,\na, 1, 2, 3, 1:1, 5,\n', 'net.csv:2:18: expected at most 5 columns, found 6'],
    ['Layer, M, N, K,\na, 1, -2, 3,\n', 'net.csv:2:7: N: expected a positive whole number, found "-2"'],
    ['Layer, M, N, K,\na, 1, 2, 0,\n', 'net.csv:2:10: K: expected a positive whole number, found "0"'],
    ['Layer, M, N, K,\na, 1.5, 2, 3,\n', 'net.csv:2:4: M: expected a positive whole number, found "1.5"'],
    [
      'Layer, M, N, K,\na, 9007199254740992, 2, 3,\n',
      'net.csv:2:4: M: expected a number up to 9007199254740991, found "9007199254740992"',
    ],
    ['Layer, M, N, K,\n, 1, 2, 3,\n', 'net.csv:2:1: layer name: expected one, found nothing'],
    ['Layer, M, N, K,\na, 1, 2, 3, 5:4,\n', 'net.csv:2:13: sparsity: expected N:M with N up to M, found 5:4'],
    [
      'Layer, M, N, K,\na, 1, 2, 3, half,\n',
      'net.csv:2:13: sparsity: expected N:M such as 2:4, found "half"',
    ],
    [
      convolution('c, 7, 7, 8, 3, 4, 6, 1,'),
      "net.csv:3:10: filter height: expected at most the IFMAP's 7, found 8",
    ],
    [
      convolution('c, 7, 7, 3, 8, 4, 6, 1,'),
      "net.csv:3:13: filter width: expected at most the IFMAP's 7, found 8",
    ],
    [
      convolution('c, 7, 7, 3, 3, 4, 6, 0,'),
      'net.csv:3:22: stride: expected a positive whole number, found "0"',
    ],
    [
      convolution('c, 7, 7, 3, 3, 4, six, 1,'),
      'net.csv:3:19: filters: expected a positive whole number, found "six"',
    ],
    [convolution('ResNet'), 'net.csv:3:7: IFMAP height: expected a column 2, found 1 columns'],
    [
      convolution('c, 100000000, 100000000, 1, 1, 4, 6, 1,'),
      'net.csv:3:4: output pixels: expected at most 9007199254740991, found 10000000000000000',
    ],
  ])('%j', (text, message) => {
    expect(mistake(() => gemms(text))).toBe(message);
  });

  it('and a configuration, whatever they hold, are read or refused with a place', () => {
    const pieces = [
      'a',
      'M',
      'Layer',
      'IFMAP',
      '1',
      '-1',
      '0',
      '9'.repeat(20),
      '2:4',
      ',',
      '\t',
      '\n',
      ':',
      '=',
      '[',
      ']',
      '#',
      '\0',
      '\u202e',
    ];
    const header = fc.constantFrom('', 'Layer, M, N, K,\n', `${CONVOLUTION}\n`, '[run_presets]\n');
    const text = fc.array(fc.constantFrom(...pieces), { maxLength: 60 }).map((parts) => parts.join(''));
    fc.assert(
      fc.property(header, text, (start, rest) => {
        for (const read of [parseTopology, parseScaleSimConfig]) {
          const found = mistake(() => read(start + rest, 'hostile'));
          expect(found).toMatch(/^(no error$|hostile:)/);
          expect(found).not.toMatch(/[\0\u202e]/);
        }
      }),
      { numRuns: 500 },
    );
  });

  it('is refused beyond a megabyte', () => {
    expect(mistake(() => gemms('x'.repeat((1 << 20) + 1)))).toMatch(
      /^net\.csv: expected at most 1048576 bytes/,
    );
  });
});

describe('files', () => {
  it('are read by path', () => {
    expect(mistake(() => loadTopology('nowhere.csv'))).toBe(
      'nowhere.csv: expected a readable file, found: no such file',
    );
    expect(mistake(() => loadScaleSimConfig('test'))).toBe(
      'test: expected a readable file, found: not an ordinary file',
    );
  });
});
