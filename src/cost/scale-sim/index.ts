/** SCALE-Sim's files, read as they are, and its figures by its own definitions. */
export { loadScaleSimConfig, parseScaleSimConfig, type ScaleSimConfig } from './config.ts';
export { type ScaleSimReport, scaleSimReport } from './report.ts';
export { loadTopology, parseTopology, type Topology } from './topology.ts';
