export interface ErrorDetails {
  /** What was being done, a verb phrase: "open library". */
  readonly operation: string
  /** The thing it was done to: a path, a track, a collection. */
  readonly subject: string
  /** What went wrong, with the value that was found and what was expected. */
  readonly message: string
  /** What a person can do about it. */
  readonly hint?: string
  readonly cause?: unknown
}

/** Base of the two kinds of failure; never thrown itself. */
export abstract class SoundledgerError extends Error {
  readonly operation: string
  readonly subject: string
  readonly hint: string | undefined
  abstract readonly transient: boolean

  constructor(details: ErrorDetails) {
    super(details.message, { cause: details.cause })
    this.name = new.target.name
    this.operation = details.operation
    this.subject = details.subject
    this.hint = details.hint
  }

  /** One line for logs, status and the terminal. */
  describe(): string {
    const hint = this.hint === undefined ? '' : ` (${this.hint})`
    return `${this.operation} ${this.subject}: ${this.message}${hint}`
  }
}

/** Trying again later may succeed: locked, unreachable, timed out, a crashed child. */
export class TransientError extends SoundledgerError {
  readonly transient = true
}

/** Trying again changes nothing until a person, a file or a configuration changes. */
export class PermanentError extends SoundledgerError {
  readonly transient = false
}

/** Why something failed, for readers who know already what it was done to. */
export function describeCause(error: unknown): string {
  if (!(error instanceof SoundledgerError)) return describeError(error)
  const hint = error.hint === undefined ? '' : ` (${error.hint})`
  return `${error.operation}: ${error.message}${hint}`
}

/** Any thrown value as one line. */
export function describeError(error: unknown): string {
  if (error instanceof SoundledgerError) return error.describe()
  return error instanceof Error ? error.message : String(error)
}

/** The `code` of a Node.js or SQLite error, if it has one. */
export function errorCode(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined
  return typeof error.code === 'string' ? error.code : undefined
}

/** An error as it crosses a thread or process boundary. */
export interface WireError {
  readonly transient: boolean
  readonly operation: string
  readonly subject: string
  readonly message: string
  readonly hint?: string
}

/**
 * Any thrown value in a form that can be posted. What is none of ours was not foreseen and may pass: transient, since attempts
 * are counted elsewhere.
 */
export function toWire(error: unknown, operation: string, subject: string): WireError {
  if (!(error instanceof SoundledgerError)) {
    return { transient: true, operation, subject, message: describeError(error) }
  }
  const { transient, hint, message } = error
  const wire = { transient, operation: error.operation, subject: error.subject, message }
  return hint === undefined ? wire : { ...wire, hint }
}

export function fromWire({ transient, ...details }: WireError): SoundledgerError {
  return transient ? new TransientError(details) : new PermanentError(details)
}
