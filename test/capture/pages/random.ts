/** Small numbers that follow from a seed. */
export interface Random {
  /** An integer from 0 below `n`. */
  below(n: number): number
  pick<T>(items: readonly T[]): T
  /** A text of so many letters. */
  text(length: number): string
}

const LETTERS = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789'

export function seeded(seed: number): Random {
  let state = seed >>> 0
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let value = Math.imul(state ^ (state >>> 15), state | 1)
    value = (value + Math.imul(value ^ (value >>> 7), value | 61)) ^ value
    return ((value ^ (value >>> 14)) >>> 0) / 2 ** 32
  }
  const below = (n: number): number => Math.floor(next() * n)
  return {
    below,
    pick<T>(items: readonly T[]): T {
      const item = items[below(items.length)]
      if (item === undefined) throw new Error('nothing to pick from')
      return item
    },
    text(length) {
      const word = Array.from({ length: Math.min(length, 24) }, () => LETTERS[below(LETTERS.length)]).join('')
      return word.repeat(Math.ceil(length / 24)).slice(0, length)
    },
  }
}
