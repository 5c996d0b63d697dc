import type { Report } from '../scenario.ts'

export interface Aim {
  readonly metric: string
  readonly op: '<=' | '>='
  readonly value: number
  readonly met: boolean
}

/** What one scenario found. */
export interface Measured {
  readonly metrics: Readonly<Record<string, number>>
  readonly aims: readonly Aim[]
}

/**
 * Gathers what a scenario reports. A figure is rounded to four digits, and one that is not finite is refused; so is an aim for
 * a figure that was never reported, once `measured` is asked for.
 */
export class Gathering implements Report {
  readonly #metrics: Record<string, number> = {}
  readonly #aims: Array<Omit<Aim, 'met'>> = []
  readonly #onMetric: (name: string, value: number) => void

  constructor(onMetric: (name: string, value: number) => void) {
    this.#onMetric = onMetric
  }

  metric(name: string, value: number): void {
    if (!Number.isFinite(value)) throw new Error(`${name} is ${value}, expected a finite number`)
    const rounded = Number(value.toPrecision(4))
    this.#metrics[name] = rounded
    this.#onMetric(name, rounded)
  }

  aim(metric: string, op: '<=' | '>=', value: number): void {
    this.#aims.push({ metric, op, value })
  }

  measured(): Measured {
    const aims = this.#aims.map((aim) => {
      const figure = this.#metrics[aim.metric]
      if (figure === undefined) throw new Error(`an aim for ${aim.metric}, which was not measured`)
      return { ...aim, met: aim.op === '<=' ? figure <= aim.value : figure >= aim.value }
    })
    return { metrics: { ...this.#metrics }, aims }
  }
}
