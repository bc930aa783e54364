/**
 * The machine file: its schema, its presets and what is wrong with it, turned into the plan that a datapath computes
 * by. May import from datapath/, model/, formats/ and errors.ts.
 */
export { describeOperands, describeSites } from './describe.ts';
export type { ArrayKind, ArrayShape, MemoryDescription, TechnologyDescription } from './hardware.ts';
export { loadMachine, loadVariableMachine, readMachine } from './load.ts';
export { InputErrors } from './mistakes.ts';
export { type Machine, parseMachine, peakRate, type VariableMachine } from './parse.ts';
export { presetNames } from './presets.ts';
export { formatFrequency } from './quantity.ts';
export { machineJsonSchema } from './schema.ts';
