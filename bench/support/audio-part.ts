// Makes audio in a process of its own: the signals take more memory than anything that is measured.
import { type AudioRequest, makeAudio } from './audio-files.ts'
import { answerPart } from './part.ts'

await answerPart(async (request: AudioRequest) => makeAudio(request))
