/**
 * Names everything here that shapes decoded samples: FFmpeg's decoders and resampler, downmix and windows. Part of every model's
 * identity; change it when, and only when, the numbers change: all embeddings become due again.
 */
export const DECODER_VERSION = 'ffmpeg-8.1 windows-1'
