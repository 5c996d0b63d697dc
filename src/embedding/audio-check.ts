import type { PcmAudio } from '../core/audio.ts'
import { PermanentError } from '../core/errors.ts'
import type { Model } from '../core/model.ts'

/** @throws PermanentError when the audio was not decoded for this model. */
export function checkAudio(model: Model, audio: PcmAudio): void {
  const wanted = JSON.stringify(identity(model.audio))
  const found = JSON.stringify(identity(audio.spec))
  if (wanted !== found) throw unfit(model, audio, `found audio decoded for ${found}, expected ${wanted}`)
  if (audio.windows.length === 0) throw unfit(model, audio, 'found no windows, expected one or more')
}

/** Rate, channels and window decide the shape of the input; the hop decides which windows there are. */
function identity({ sampleRate, channels, windowSeconds, hopSeconds }: PcmAudio['spec']) {
  return { sampleRate, channels, windowSeconds, hopSeconds }
}

function unfit(model: Model, audio: PcmAudio, message: string): PermanentError {
  return new PermanentError({ operation: `embed with model ${model.name}`, subject: audio.file, message })
}
