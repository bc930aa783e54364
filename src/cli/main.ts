import { Command, CommanderError } from 'commander';
import { InputError, RunError } from '../errors.ts';
import { VERSION } from '../version.ts';
import { register as compare } from './compare.ts';
import { register as cost } from './cost.ts';
import { register as evaluate } from './eval.ts';
import { register as formats } from './formats.ts';
import { register as generate } from './generate.ts';
import { register as machines } from './machines.ts';
import { register as models } from './models.ts';
import { register as quantize } from './quantize.ts';
import { register as reproduce } from './reproduce.ts';
import { register as search } from './search.ts';
import { register as sweep } from './sweep.ts';

/** Exit statuses: the run failed; the input is bad. */
const FAILED = 1;
const BAD_INPUT = 2;

const program = new Command('tapeout')
  .description('What a large language model does on silicon that does not exist yet.')
  .version(VERSION)
  .showHelpAfterError('(tapeout --help lists the commands)')
  .configureHelp({ showGlobalOptions: false });

const commands = [
  compare,
  cost,
  sweep,
  search,
  reproduce,
  evaluate,
  generate,
  quantize,
  machines,
  formats,
  models,
];
for (const register of commands) register(program);
program.exitOverride();
for (const command of program.commands) {
  command.exitOverride().showHelpAfterError(`(tapeout ${command.name()} --help lists its options)`);
}

// A reader that closes early (`| head`) ends the program quietly.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
});

try {
  await program.parseAsync();
} catch (error) {
  process.exitCode = report(error);
}

function report(error: unknown): number {
  // Commander has printed its own message; --help and --version arrive here too, with status 0.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : BAD_INPUT;
  if (error instanceof InputError) {
    console.error(`error: ${error.format()}`);
    return BAD_INPUT;
  }
  console.error(error instanceof RunError ? `error: ${error.message}` : error);
  return FAILED;
}
