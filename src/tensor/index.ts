/** Numbers without a model: counter-based random numbers. Imports nothing. */
export { philox, uniform } from './philox.ts';
