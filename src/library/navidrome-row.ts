import type { Attributes } from '../core/track.ts'
import type { MediaFileRow } from './navidrome-statements.ts'

/** Longer texts in tags are mistakes or attacks; names are cut to so many UTF-16 units. */
const MAX_TEXT = 512

/** What people call the track; a missing or zero duration is null. */
export function rowAttributes(row: MediaFileRow): Attributes {
  const duration = Number(row.duration)
  return {
    artist: cleanText(row.artist),
    title: cleanText(row.title),
    album: cleanText(row.album),
    durationSeconds: Number.isFinite(duration) && duration > 0 ? duration : null,
  }
}

/** Whether a value of `missing` says so; null and an absent column do not. */
export function isMissing(value: unknown): boolean {
  if (typeof value === 'string') return value !== '' && value !== '0' && value.toLowerCase() !== 'false'
  return Boolean(value)
}

/** Any value as a text without control characters and of bounded length; null is ''. */
export function cleanText(value: unknown): string {
  const text = typeof value === 'string' ? value : textOf(value)
  const clean = CONTROL.test(text) ? text.replaceAll(CONTROLS, '') : text
  return clean.length > MAX_TEXT || !clean.isWellFormed() ? clean.slice(0, MAX_TEXT).toWellFormed() : clean
}

const CONTROL = /\p{Cc}/u
const CONTROLS = /\p{Cc}/gu

function textOf(value: unknown): string {
  if (value === null || value === undefined) return ''
  return value instanceof Uint8Array ? new TextDecoder().decode(value) : String(value)
}
