/** Collects single items into batches, one batch at a time. */
export interface Batcher<T> {
  /** Resolves when the batch with this item is through; rejects with what `flush` threw for it. */
  add(item: T): Promise<void>
}

interface Waiting<T> {
  readonly item: T
  resolve(): void
  reject(error: unknown): void
}

/**
 * The first item is flushed at once; what arrives while a flush runs makes up the next batch, at most `maxItems` of it. So
 * batches grow with the load and nobody waits for a timer. When a batch of several fails and `isolate` says so of the error,
 * its items are flushed one by one, so that one bad item fails alone.
 */
export function createBatcher<T>(
  flush: (items: readonly T[]) => Promise<void>,
  options: { readonly maxItems: number; isolate(error: unknown): boolean },
): Batcher<T> {
  const waiting: Waiting<T>[] = []
  let running = false

  async function settle(batch: readonly Waiting<T>[]): Promise<void> {
    try {
      await flush(batch.map(({ item }) => item))
      for (const { resolve } of batch) resolve()
    } catch (error) {
      if (batch.length > 1 && options.isolate(error)) for (const each of batch) await settle([each])
      else for (const { reject } of batch) reject(error)
    }
  }

  async function run(): Promise<void> {
    running = true
    while (waiting.length > 0) await settle(waiting.splice(0, options.maxItems))
    running = false
  }

  return {
    add: (item) =>
      new Promise<void>((resolve, reject) => {
        waiting.push({ item, resolve, reject })
        if (!running) void run()
      }),
  }
}
