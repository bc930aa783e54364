/** SCALE-Sim's files, read as they are, and its figures by its own definitions. */
export { loadScaleSimConfig, parseScaleSimConfig, type ScaleSimConfig } from './config.ts';
export { scaleSimReport } from './report.ts';
export { loadTopology, parseTopology } from './topology.ts';
