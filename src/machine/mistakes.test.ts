import { describe, expect, it } from 'vitest';
import { InputError } from '../errors.ts';
import { FORMATS } from '../formats/index.ts';
import { InputErrors, parseMachine } from './index.ts';
import { settingsShape } from './settings-schema.ts';

/** A good machine; each case breaks one line of it. */
const GOOD = `name: mine
operands:
  weights: { format: int8, granularity: tensor }
  activations: { format: int8, granularity: tensor, scale: static }
accumulator: int32
requantize: [q, k]
smoothquant: { alpha: 0.5, sites: [q] }
sites:
  lm_head:
    weights: { format: float32 }
    activations: { format: float32 }
array: { rows: 128, columns: 128, dataflow: output-stationary }
clock: 1 GHz`;

const FORMAT_NAMES = `known: ${Object.keys(FORMATS).join(', ')}`;
/** Keys of an encoding after those that every format has. */
const SETTINGS = Object.keys(settingsShape()).join(', ');
const REQUANTIZABLE = 'q, k, v, gate, up, fc1';
const UNITS = 'Hz, kHz, MHz, GHz';
const CLOCK = `clock: expected a frequency with its unit (${UNITS}), such as "1 GHz"`;

/** What is replaced, by what, and the whole error after the file's name. */
const CASES: Record<string, [string, string, string]> = {
  'unknown key': [
    'accumulator:',
    'acumulator:',
    `5:1: acumulator: unknown key "acumulator"
  did you mean "accumulator"? known: name, description, extends, operands, accumulator, requantize, smoothquant, hadamard, mixed, sites, array, clock, memory, technology, protection`,
  ],
  'unknown key of an encoding': [
    'granularity: tensor }',
    'granulraity: tensor }',
    `3:28: operands.weights.granulraity: unknown key "granulraity"
  did you mean "granularity"? known: format, granularity, algorithm, scale, ${SETTINGS}`,
  ],
  'unknown site': [
    '  lm_head:',
    '  lmhead:',
    `9:3: sites.lmhead: unknown key "lmhead"
  did you mean "lm_head"? known: q, k, v, qk, sv, o, gate, up, down, fc1, fc2, project_in, project_out, pooler, classifier, lm_head`,
  ],
  'weights of an attention product': [
    '  lm_head:',
    '  qk:',
    `10:5: sites.qk.weights: unknown key "weights"
  known: activations, accumulator`,
  ],
  'missing key': ['name: mine\n', '', '1:1: name: missing key: expected a name'],
  'missing nested key': [
    'rows: 128, ',
    '',
    '12:8: array.rows: missing key: expected a whole number from 1 to 65536',
  ],
  'missing operands of a machine that stands alone': [
    GOOD.slice(GOOD.indexOf('operands'), GOOD.indexOf('accumulator')),
    '',
    '1:1: operands: missing key: expected a map',
  ],
  'wrong type: text for a map': [
    '{ format: int8, granularity: tensor }',
    'int8',
    '3:12: operands.weights: expected a map, found "int8"',
  ],
  'wrong type: number for a list': ['[q, k]', '7', '6:13: requantize: expected a list of sites, found 7'],
  'wrong type: list for a text': ['mine', '[a, b]', '1:7: name: expected a name, found a list of 2'],
  'wrong type: nothing': [
    '{ rows: 128, columns: 128, dataflow: output-stationary }',
    '',
    '12:8: array: expected a map, found nothing (null)',
  ],
  'wrong type: text for a number': [
    'rows: 128',
    'rows: "128"',
    '12:16: array.rows: expected a whole number from 1 to 65536, found "128"',
  ],
  'impossible number': [
    'rows: 128',
    'rows: -1',
    '12:16: array.rows: expected a whole number from 1 to 65536, found -1',
  ],
  'broken number': [
    'rows: 128',
    'rows: 1.5',
    '12:16: array.rows: expected a whole number from 1 to 65536, found 1.5',
  ],
  'not a number': [
    'alpha: 0.5',
    'alpha: .nan',
    '7:23: smoothquant.alpha: expected a number from 0 to 1, found NaN',
  ],
  'number out of range': [
    'alpha: 0.5',
    'alpha: 1.5',
    '7:23: smoothquant.alpha: expected a number from 0 to 1, found 1.5',
  ],
  'unfit name': [
    'mine',
    '"my machine"',
    '1:7: name: expected a name of 1 to 64 letters, digits, ".", "_" or "-", found "my machine"',
  ],
  'control characters': [
    'operands:',
    'description: "\\e[2J"\noperands:',
    '2:14: description: expected a text of 1 to 500 characters on one line, found " [2J"',
  ],
  'unknown format': [
    'format: int8, granularity: tensor }',
    'format: in8 }',
    `3:22: operands.weights.format: expected a number format, found "in8"
  did you mean "int8"? ${FORMAT_NAMES}`,
  ],
  'unknown granularity': [
    'granularity: tensor,',
    'granularity: tokens,',
    `4:45: operands.activations.granularity: expected a granularity of activations, found "tokens"
  did you mean "token"? known: tensor, token, group:N`,
  ],
  'a granularity that cannot be taken out of the sum': [
    'granularity: tensor,',
    'granularity: channel,',
    `4:45: operands.activations.granularity: expected a granularity of activations, found "channel"
  channels are summed over, so they cannot differ in scale: tensor or token`,
  ],
  'unknown kind of scale': [
    'scale: static',
    'scale: statics',
    `4:60: operands.activations.scale: expected a kind of scale, found "statics"
  did you mean "static"? known: dynamic, static`,
  ],
  'unknown accumulator': [
    'int32',
    'int23',
    `5:14: accumulator: expected the type of the accumulator, found "int23"
  did you mean "int32"? known: float32, int32`,
  ],
  'unknown dataflow': [
    'output-stationary',
    'ouput-stationary',
    `12:45: array.dataflow: expected a dataflow, found "ouput-stationary"
  did you mean "output-stationary"? known: input-stationary, output-stationary, weight-stationary`,
  ],
  'a site that cannot be re-quantised': [
    '[q, k]',
    '[q, down]',
    `6:17: requantize[1]: expected a site whose output another GEMM reads, found "down"
  known: ${REQUANTIZABLE}`,
  ],
  'sv among the re-quantised': [
    '[q, k]',
    '[sv]',
    `6:14: requantize[0]: expected a site whose output another GEMM reads, found "sv"
  the output of sv is re-quantised as o's operand, by the activations of o; here belong ${REQUANTIZABLE}`,
  ],
  'a site that cannot be smoothed': [
    'sites: [q]',
    'sites: [o]',
    `7:36: smoothquant.sites[0]: expected a site that reads a normalisation, found "o"
  did you mean "q"? known: ${REQUANTIZABLE}`,
  ],
  'wrong unit': ['1 GHz', '1 V', `13:8: ${CLOCK}, found "1 V"\n  wrong unit "V"; known: ${UNITS}`],
  'misspelt unit': [
    '1 GHz',
    '1 Ghz',
    `13:8: ${CLOCK}, found "1 Ghz"\n  wrong unit "Ghz"; did you mean "GHz"? known: ${UNITS}`,
  ],
  'number without a unit': [
    '1 GHz',
    '1000',
    `13:8: ${CLOCK}, found 1000\n  a number alone has no unit: write it as "1 GHz"`,
  ],
  'unit without a number': ['1 GHz', 'fast', `13:8: ${CLOCK}, found "fast"`],
  'negative quantity': ['1 GHz', '-1 GHz', `13:8: ${CLOCK}, found "-1 GHz"`],
  'impossible quantity': [
    '1 GHz',
    '0 GHz',
    '13:8: clock: expected a frequency from 1 kHz to 100 GHz, found "0 GHz"',
  ],
  'a setting that the format does not have': [
    '{ format: int8, granularity: tensor }',
    '{ format: float16, range: symmetric }',
    `3:38: operands.weights.range: expected no range with float16, found "symmetric"
  float16 has no settings: remove the key`,
  ],
  'a setting with an unknown word': [
    '{ format: int8, granularity: tensor }',
    '{ format: int8, range: asymetric }',
    `3:35: operands.weights.range: expected one of symmetric, asymmetric, found "asymetric"
  did you mean "asymmetric"? known: symmetric, asymmetric`,
  ],
  'a group of nothing': [
    'granularity: tensor }',
    'granularity: group:0 }',
    `3:41: operands.weights.granularity: expected a granularity of weights, found "group:0"
  a group holds 1 to 999999999 values`,
  ],
  'a scale that is not positive': [
    'granularity: tensor }',
    'granularity: tensor, scale: 0 }',
    '3:56: operands.weights.scale: expected a positive number, found 0',
  ],
  'a weight algorithm for floats': [
    'weights: { format: float32 }',
    'weights: { format: float32, algorithm: gptq }',
    `10:44: sites.lm_head.weights.algorithm: expected rtn with float32, found "gptq"
  weight algorithms prepare weights for formats with scales`,
  ],
  'an unknown weight algorithm': [
    'granularity: tensor }',
    'granularity: tensor, algorithm: gtpq }',
    `3:60: operands.weights.algorithm: expected a weight algorithm, found "gtpq"
  did you mean "gptq"? known: awq, awq-clip, gptq, gptq-activation-order, rtn`,
  ],
  'two that scale input channels': [
    'granularity: tensor }',
    'granularity: tensor, algorithm: awq }',
    `3:60: operands.weights.algorithm: expected rtn or gptq beside smoothquant, found "awq"
  both scale the input channels`,
  ],
  'a rotation of floats': [
    'clock:',
    'hadamard: [q, lm_head]\nclock:',
    `13:15: hadamard[1]: expected a site that computes in a format with scales, found "lm_head", which computes in float32
  a rotation spreads outliers over channels; floats do not need it`,
  ],
  'a rotation of two activations': [
    'clock:',
    'hadamard: [qk]\nclock:',
    `13:12: hadamard[0]: expected a site with a weight, found "qk"
  did you mean "q"? known: q, k, v, o, gate, up, down, fc1, fc2, project_in, project_out, pooler, classifier, lm_head`,
  ],
  'static scales of an attention product that is not int8': [
    '  lm_head:',
    '  qk: { activations: { format: int4, granularity: tensor, scale: static } }\n  lm_head:',
    `9:66: sites.qk.activations.scale: expected dynamic at qk, found "static"
  of the attention products only int8 has static scales`,
  ],
  'an accumulator that does not fit': [
    'int32',
    'float32',
    '5:14: accumulator: expected int32, in which products of int8 and int8 are summed, found "float32"',
  ],
  'an accumulator that does not fit one site': [
    '    activations: { format: float32 }',
    '    activations: { format: float32 }\n    accumulator: int32',
    '12:18: sites.lm_head.accumulator: expected float32, in which products of float32 and float32 are summed, found "int32"',
  ],
  'a granularity of floats': [
    'weights: { format: float32 }',
    'weights: { format: float32, granularity: tensor }',
    `10:46: sites.lm_head.weights.granularity: expected no granularity with float32, found "tensor"
  float32 values carry their own exponent and take no scale: remove the key`,
  ],
  'a scale of floats': [
    'activations: { format: float32 }',
    'activations: { format: float32, scale: dynamic }',
    `11:44: sites.lm_head.activations.scale: expected no scale with float32, found "dynamic"
  float32 values carry their own exponent and take no scale: remove the key`,
  ],
  'static scales of tokens': [
    'granularity: tensor, scale: static',
    'granularity: token, scale: static',
    `4:59: operands.activations.scale: expected dynamic, with granularity token, found "static"
  tokens are not known beforehand, so only a scale of the whole tensor can be: granularity: tensor`,
  ],
  're-quantising a float site': [
    '  lm_head:',
    '  k:',
    '6:17: requantize[1]: expected a site whose activations have a scale, such as int8, found "k", which computes in float32',
  ],
  'smoothing a float site': [
    'requantize: [q, k]\nsmoothquant: { alpha: 0.5, sites: [q] }\nsites:\n  lm_head:',
    'smoothquant: { alpha: 0.5, sites: [q] }\nsites:\n  q:',
    '6:36: smoothquant.sites[0]: expected a site that computes in int8 or another format with scales, found "q", which computes in float32',
  ],
  'a syntax mistake': [
    '[q, k]',
    '[q, k',
    '7:1: Flow sequence in block collection must be sufficiently indented and end with a ]',
  ],
  'a tab': ['  lm_head:', '\tlm_head:', '9:1: Tabs are not allowed as indentation'],
  'a key twice': ['clock: 1 GHz', 'name: other', '13:1: name: the key occurs twice in this map'],
  'a nested key twice': [
    'rows: 128, ',
    'rows: 128, rows: 4, ',
    '12:21: array.rows: the key occurs twice in this map',
  ],
  'two documents': ['clock: 1 GHz', '---\nclock: 1 GHz', '13:1: expected one YAML document, found 2'],
  'an alias without an anchor': [
    '1 GHz',
    '*speed',
    '13:8: clock: the alias *speed has no anchor &speed before it',
  ],
  'an unknown tag': ['1 GHz', '!volt 1', '13:8: Unresolved tag: !volt'],
  'a NUL byte': ['1 GHz', '1\0GHz', '13:9: expected text, found a NUL byte'],
};

it('is good before it is broken', () => {
  expect(parseMachine(GOOD, 'mine.yaml').name).toBe('mine');
});

describe('a mistake is reported with its place, what was expected, what was found and what is near', () => {
  it.each(Object.entries(CASES))('%s', (_, [before, after, expected]) => {
    expect(GOOD).toContain(before);
    expect(mistakeOf(GOOD.replace(before, after)).format()).toBe(`mine.yaml:${expected}`);
  });
});

/** Encodings of weights and activations, other keys, and the whole error after the file's name. */
const ENCODINGS: Record<string, [weights: string, activations: string, more: string, expected: string]> = {
  'a mantissa that is too long': [
    'int4',
    'anda, mantissa: 17',
    '',
    '4:42: operands.activations.mantissa: expected a whole number from 1 to 16, found 17',
  ],
  'half a bit': [
    'int4',
    'anda, mantissa: 6.5',
    '',
    '4:42: operands.activations.mantissa: expected a whole number from 1 to 16, found 6.5',
  ],
  'a misspelt setting': [
    'int4',
    'anda, mantisa: 7',
    '',
    `4:32: operands.activations.mantisa: unknown key "mantisa"
  did you mean "mantissa"? known: format, granularity, scale, ${SETTINGS}`,
  ],
  'a setting of another format': [
    'int4, bits: 3',
    'int8',
    '',
    `3:34: operands.weights.bits: expected no bits with int4, found 3
  known: range, clip, scale`,
  ],
  'settings that are good one by one, and not together': [
    'int4',
    'adaptivfloat, bits: 4, exponent: 6',
    '',
    `4:26: operands.activations.format: adaptivfloat: expected exponent to be at most 3, found 6: 4 bits hold a sign and the exponent
  use more bits or a smaller exponent`,
  ],
  'the same at a site, beside what it takes over': [
    'adaptivfloat, bits: 4',
    'int8',
    'sites: { fc1: { weights: { exponent: 5 } } }',
    `5:26: sites.fc1.weights.format: adaptivfloat: expected exponent to be at most 3, found 5: 4 bits hold a sign and the exponent
  use more bits or a smaller exponent`,
  ],
  'a group that the format does not have': [
    'olive4, granularity: "group:64"',
    'int8',
    '',
    `3:43: operands.weights.granularity: expected a granularity among tensor, channel, token, found "group:64"
  known: tensor, channel, token`,
  ],
  'a row for a format of groups': [
    'int4',
    'anda, granularity: token',
    '',
    `4:45: operands.activations.granularity: expected a granularity among group:N, found "token"
  known: group:N`,
  ],
  'a group beyond all sizes': [
    'int4, granularity: "group:9999999999"',
    'int8',
    '',
    `3:41: operands.weights.granularity: expected a granularity of weights, found "group:9999999999"
  a group holds 1 to 999999999 values`,
  ],
  'activations in a format of weights': [
    'gobo',
    'gobo, bits: 4',
    '',
    '4:26: operands.activations.format: expected a format of activations, found "gobo", which codes weights only',
  ],
  'the same at one site': [
    'gobo',
    'float32',
    'sites: { q: { activations: { format: gobo } } }',
    '5:38: sites.q.activations.format: expected a format of activations, found "gobo", which codes weights only',
  ],
  'the same among the wide formats': [
    'int4',
    'int4',
    'mixed: { share: 0.5, weights: { format: int8 }, activations: { format: gobo } }',
    '5:72: mixed.activations.format: expected a format of activations, found "gobo", which codes weights only',
  ],
  'an algorithm of activations': [
    'int4',
    'int4, algorithm: gptq',
    '',
    `4:32: operands.activations.algorithm: unknown key "algorithm"
  known: format, granularity, scale, ${SETTINGS}`,
  ],
  'an algorithm of an attention product': [
    'int4',
    'int4',
    'sites: { qk: { activations: { algorithm: gptq } } }',
    `5:31: sites.qk.activations.algorithm: unknown key "algorithm"
  known: format, granularity, scale, ${SETTINGS}`,
  ],
  'factors of channels that a rotation mixes': [
    'int4, algorithm: awq',
    'int8',
    'hadamard: [q]',
    `3:39: operands.weights.algorithm: expected rtn or gptq beside hadamard at q, found "awq"
  AWQ's factors belong to channels, which a rotation mixes`,
  ],
  'a static scale of tokens, by default': [
    'int4',
    'olive4, scale: static',
    '',
    `4:41: operands.activations.scale: expected dynamic, with granularity token, found "static"
  tokens are not known beforehand, so only a scale of the whole tensor can be: granularity: tensor`,
  ],
  'a static scale of groups': [
    'mxfp4',
    'mxfp4, scale: static',
    '',
    `4:40: operands.activations.scale: expected dynamic, with granularity group:32, found "static"
  tokens are not known beforehand, so only a scale of the whole tensor can be: mxfp4 has none: remove the key`,
  ],
  'a scale for a format that finds its own': [
    'mxfp4, scale: 2',
    'mxfp4',
    '',
    `3:36: operands.weights.scale: expected no scale with mxfp4, found 2
  known: rule`,
  ],
  'a scale that float32 does not hold': [
    'int4, scale: 1e-60',
    'int8',
    '',
    '3:35: operands.weights.scale: expected a number from 1.1754943508222875e-38 to 1.7014118346046923e+38, found 1e-60',
  ],
  'a static scale of weights': [
    'int4, scale: static',
    'int8',
    '',
    '3:35: operands.weights.scale: expected a positive number, found "static"',
  ],
  'a share of more than all': [
    'int4',
    'int4',
    'mixed: { share: 1.5, weights: { format: int8 }, activations: { format: int8 } }',
    '5:17: mixed.share: expected a number from 0 to 1, found 1.5',
  ],
  'wide formats by halves': [
    'int4',
    'int4',
    'mixed: { share: 0.5, weights: { format: int8 } }',
    '5:8: mixed.activations: missing key: expected a map',
  ],
  'wider formats than floats': [
    'float16',
    'float16',
    'mixed: { share: 0.5, weights: { format: int8 }, activations: { format: int8 } }',
    `5:8: mixed: expected mixed only beside formats with scales, found it beside floats
  it widens the layers with the largest error; floats have no such formats to leave`,
  ],
};

describe('encodings that contradict themselves or their place', () => {
  it.each(Object.entries(ENCODINGS))('%s', (_, [weights, activations, more, expected]) => {
    const text = `name: x
operands:
  weights: { format: ${weights} }
  activations: { format: ${activations} }
${more}`;
    expect(mistakeOf(text).format()).toBe(`mine.yaml:${expected}`);
  });
});

describe('a file that is no map of keys', () => {
  it.each([
    ['', 'nothing (null)'],
    ['# only a comment', 'nothing (null)'],
    ['- a\n- b', 'a list of 2'],
    ['int8', '"int8"'],
  ])('%j', (text, found) => {
    expect(mistakeOf(text).message).toBe(`expected a map with the keys of a machine file, found ${found}`);
  });
});

describe('several mistakes', () => {
  it('are reported together, in the order of the file', () => {
    const text = GOOD.replace('alpha: 0.5', 'alpha: 2').replace('1 GHz', '1 V').replace('name', 'nam');
    const error = mistakeOf(text);
    expect(error).toBeInstanceOf(InputErrors);
    expect((error as InputErrors).mistakes.map(({ place }) => [place.line, place.key])).toEqual([
      [1, 'name'],
      [1, 'nam'],
      [7, 'smoothquant.alpha'],
      [13, 'clock'],
    ]);
    expect(error.place).toEqual({ file: 'mine.yaml', line: 1, column: 1, key: 'name' });
    expect(
      error
        .format()
        .split('\n')
        .filter((line) => line.startsWith('mine.yaml:')),
    ).toHaveLength(4);
  });

  it('are listed up to ten', () => {
    const text = `${GOOD}\n${Array.from({ length: 25 }, (_, i) => `key${i}: 1`).join('\n')}`;
    const lines = mistakeOf(text).format().split('\n');
    expect(lines.filter((line) => line.startsWith('mine.yaml:'))).toHaveLength(10);
    expect(lines.at(-1)).toBe('and 15 more mistakes');
  });

  it('of combination are found together too, and a general one once', () => {
    const text = GOOD.replace('accumulator: int32', 'accumulator: float32')
      .replace('[q, k]', '[q]')
      .replace('lm_head', 'q');
    const { mistakes } = mistakeOf(text) as InputErrors;
    expect(mistakes.map(({ place }) => place.key)).toEqual([
      'accumulator',
      'requantize[0]',
      'smoothquant.sites[0]',
    ]);
  });

  it('smoothing beside floats has nothing to smooth', () => {
    const text =
      'name: x\noperands: { weights: { format: tf32 }, activations: { format: tf32 } }\nsmoothquant: {}';
    expect(mistakeOf(text).format()).toBe(
      `mine.yaml:3:14: smoothquant: expected smoothquant only beside formats with scales at ${REQUANTIZABLE}, found it beside floats
  SmoothQuant prepares tensors for shared scales; floats do not need it`,
    );
  });
});

function mistakeOf(text: string): InputError {
  try {
    parseMachine(text, 'mine.yaml');
  } catch (error) {
    if (error instanceof InputError) return error;
    throw error;
  }
  throw new Error('no mistake was found');
}
