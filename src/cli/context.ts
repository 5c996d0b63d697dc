/** The process, as far as commands may see it; `run.ts` hands in the real one. */
export interface CommandContext {
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly cwd: string
  /** Folder of package.json. */
  readonly packageRoot: string
  /** True when run from a checkout, false when installed. */
  readonly checkout: boolean
  readonly stdout: NodeJS.WriteStream
  readonly stderr: NodeJS.WriteStream
  /** Calls `first` on the first interrupt and `again` on the second. */
  onInterrupt(first: () => void, again: () => void): void
}

export const EXIT = { done: 0, failed: 1, usage: 2, failedTracks: 3 } as const
export type ExitCode = (typeof EXIT)[keyof typeof EXIT]

/** What was typed cannot be meant: exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}
