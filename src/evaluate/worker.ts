import { parentPort, workerData } from 'node:worker_threads';
import { InputError } from '../errors.ts';
import { createScorer, type Job, type WorkerReply, type WorkerSetup } from './pool.ts';

/** The body of a worker thread: answers jobs in the order they come. */
const ready = createScorer(workerData as WorkerSetup);

parentPort!.on('message', async ({ id, job }: { id: number; job: Job }) => {
  let reply: WorkerReply;
  try {
    const scorer = await ready;
    const outcomes = await scorer.answer(job);
    reply = { id, outcomes, overflows: scorer.overflows };
  } catch (error) {
    const { message } = error as Error;
    const known = error instanceof InputError;
    reply = {
      id,
      error: { input: known, message, place: known ? error.place : {}, note: known ? error.note : undefined },
    };
  }
  parentPort!.postMessage(reply);
});
