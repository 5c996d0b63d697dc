import pRetry from 'p-retry'
import { TransientError } from './errors.ts'

export interface RetryOptions {
  /** Wait before the second attempt; doubles with each further one, with jitter, up to `maxDelayMs`. */
  readonly minDelayMs: number
  readonly maxDelayMs: number
  /** Attempts after the first; default without end. */
  readonly retries?: number
  readonly signal?: AbortSignal
  readonly onRetry?: (error: TransientError, attempt: number, delayMs: number) => void
}

/** Calls `attempt` again after a TransientError; anything else, and the last TransientError, is thrown as it is. */
export function retryTransient<T>(attempt: () => Promise<T>, options: RetryOptions): Promise<T> {
  return pRetry(attempt, {
    retries: options.retries ?? Number.POSITIVE_INFINITY,
    minTimeout: options.minDelayMs,
    maxTimeout: options.maxDelayMs,
    randomize: true,
    ...(options.signal === undefined ? {} : { signal: options.signal }),
    shouldRetry: ({ error }) => error instanceof TransientError,
    onFailedAttempt: ({ error, attemptNumber, retryDelay }) => {
      if (error instanceof TransientError) options.onRetry?.(error, attemptNumber, retryDelay)
    },
  })
}
