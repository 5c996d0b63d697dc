import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { runCommand } from './cli/program.ts'

/** The process boundary: argv, environment, streams, signals and exit code meet the program here and nowhere else. */
const packageRoot = findPackageRoot(import.meta.dirname)
const { version } = JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8')) as { version: string }

process.exitCode = await runCommand(process.argv.slice(2), version, {
  environment: process.env,
  cwd: process.cwd(),
  packageRoot,
  checkout: existsSync(join(packageRoot, 'src')),
  stdout: process.stdout,
  stderr: process.stderr,
  onInterrupt(first, again) {
    let interrupts = 0
    const interrupted = (): void => {
      interrupts += 1
      if (interrupts === 1) first()
      else again()
    }
    process.on('SIGINT', interrupted)
    process.on('SIGTERM', interrupted)
  },
})

function findPackageRoot(folder: string): string {
  return existsSync(join(folder, 'package.json')) ? folder : findPackageRoot(dirname(folder))
}
