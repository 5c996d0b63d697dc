import { Command, CommanderError, InvalidArgumentError } from 'commander'
import { describeError } from '../core/errors.ts'
import { type CommandContext, EXIT, type ExitCode, UsageError } from './context.ts'
import { confirmRemovals, retry } from './retry.ts'
import { similar } from './similar.ts'
import { status } from './status.ts'
import { watch } from './watch.ts'

/** Runs one command line (without `node` and the script) and returns the exit code; never throws. */
export async function runCommand(
  words: readonly string[],
  version: string,
  context: CommandContext,
): Promise<ExitCode> {
  let code: ExitCode = EXIT.done
  const program = describeProgram(version, context, (result) => {
    code = result
  })
  try {
    await program.parseAsync([...words], { from: 'user' })
    return code
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.usage
    context.stderr.write(`soundledger: ${describeError(error)}\n`)
    return error instanceof UsageError ? EXIT.usage : EXIT.failed
  }
}

function describeProgram(version: string, context: CommandContext, end: (code: ExitCode) => void): Command {
  const program = new Command('soundledger')
    .description('Keeps the embeddings of a music library in step with the library.')
    .version(version)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => void context.stdout.write(text),
      writeErr: (text) => void context.stderr.write(text),
    })
  const command = (usage: string, description: string, isDefault = false): Command =>
    program
      .command(usage, { isDefault })
      .description(description)
      .option('--data <dir>', 'data directory: ledger and vectors')
      .option('--config <file>', 'configuration file (YAML)')

  command('watch', 'keep embeddings in step with the library until interrupted (the default command)', true)
    .argument('[dir...]', 'music folders')
    .option('--library <db>', "Navidrome's database; music folders come from it")
    .option('--demo', 'make a small demo library in ./demo and watch it')
    .option('--once', 'end when everything is done')
    .option('--json', 'one JSON object on stdout when everything is done')
    .action(async (folders, options) => end(await watch(folders, options, context)))
  command('status', 'tracks, operations, failures and what is held')
    .option('--json', 'one JSON object')
    .action((options) => end(status(options, context)))
  command('similar', 'the tracks that sound most alike')
    .argument('<track>', 'library id, path, or "artist - title"')
    .option('-n, --count <k>', 'how many', positiveInteger, 10)
    .option('--model <name>', 'model whose embeddings are compared')
    .option('--json', 'a JSON array')
    .action(async (track, options) => end(await similar(track, options, context)))
  command('retry', 'try failed tracks again, now').action((options) => end(retry(options, context)))
  command('confirm-removals', 'let go the tracks that are missing now, however many').action((options) =>
    end(confirmRemovals(options, context)),
  )
  return program
}

function positiveInteger(text: string): number {
  const value = Number(text)
  if (Number.isSafeInteger(value) && value > 0) return value
  throw new InvalidArgumentError('expected a whole number above 0.')
}
