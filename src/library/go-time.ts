const GO_TIME =
  /^(\d{4})-(\d\d)-(\d\d)[ T](\d\d):(\d\d)(?::(\d\d)(?:\.(\d+))?)?\s*(Z|[+-]\d\d:?\d\d)?(?:\s+[A-Z]{2,5})?(?:\s+m=\S+)?$/i

/**
 * A timestamp as Go's SQLite driver writes it, as epoch ms; null for zero values (`0001-01-01…`, `0000-00-00…`), null and
 * anything that is not a timestamp. Without an offset it is UTC, as SQLite's `current_timestamp`. Numbers are epoch seconds.
 */
export function parseGoTime(value: unknown): number | null {
  if (typeof value === 'number') return Number.isFinite(value) && value > 0 ? value * 1000 : null
  if (typeof value !== 'string') return null
  const match = GO_TIME.exec(value.trim())
  if (match === null) return null
  const [, year, month, day, hour, minute, second = '00', fraction = '', zone = 'Z'] = match
  if (Number(year) <= 1) return null
  const offset = zone.toUpperCase() === 'Z' ? 'Z' : `${zone.slice(0, 3)}:${zone.slice(-2)}`
  const milliseconds = fraction.slice(0, 3).padEnd(3, '0')
  const epoch = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}.${milliseconds}${offset}`)
  return Number.isNaN(epoch) ? null : epoch
}
