import { describe, it } from 'node:test'
import type { VectorStore } from '../../src/vectors/store.ts'
import { collectionContract } from './contract-collections.ts'
import { modelContract } from './contract-model.ts'
import { searchContract } from './contract-search.ts'
import { tracksContract } from './contract-tracks.ts'
import { writeContract } from './contract-write.ts'

export interface Opened {
  readonly store: VectorStore
  /** Closes the store and removes what it left behind. */
  cleanup(): Promise<void>
}

/** One empty store a test. */
export type Open = () => Promise<Opened>

/** Defines a test that runs on an empty store of its own. */
export type Define = (sentence: string, body: (store: VectorStore) => Promise<void>) => void

export interface ContractOptions {
  /** Random sequences the store is compared with a plain in-memory model in. */
  readonly runs?: number
}

/** What every sentence of the store port promises, tested over one adapter through nothing but the port. */
export function storeContract(name: string, open: Open, { runs = 60 }: ContractOptions = {}): void {
  describe(`vector store ${name}`, () => {
    const define: Define = (sentence, body) => {
      it(sentence, async () => {
        const { store, cleanup } = await open()
        try {
          await body(store)
        } finally {
          await cleanup()
        }
      })
    }
    collectionContract(define)
    writeContract(define)
    tracksContract(define)
    searchContract(define)
    modelContract(define, runs)
  })
}
