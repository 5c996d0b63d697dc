"""Decoding, and the copies of a window that ought to sound the same."""

import io

import av
import numpy as np

from definition import SAMPLE_RATE, WINDOW_SAMPLES

SOURCE_RATE = 44_100


def decode(source, rate, most_seconds=None):
    """Mono float32 samples of a file or file-like object at `rate`, at most `most_seconds` of them."""
    most = None if most_seconds is None else int(most_seconds * rate)
    pieces, have = [], 0
    with av.open(source) as container:
        stream = container.streams.audio[0]
        resampler = av.AudioResampler(format="flt", layout="mono", rate=rate)

        def keep(frames):
            nonlocal have
            for frame in frames:
                pieces.append(frame.to_ndarray().reshape(-1))
                have += pieces[-1].size

        for frame in container.decode(stream):
            frame.pts = None
            keep(resampler.resample(frame))
            if most is not None and have >= most:
                break
        keep(resampler.resample(None))
    samples = np.concatenate(pieces) if pieces else np.zeros(0, np.float32)
    return samples[:most]


def through_codec(samples, codec, container_format, rate, bit_rate):
    """Encodes mono samples at SOURCE_RATE and decodes them again at SAMPLE_RATE."""
    memory = io.BytesIO()
    with av.open(memory, "w", format=container_format) as container:
        stream = container.add_stream(codec, rate=rate, layout="mono")
        stream.bit_rate = bit_rate
        resampler = av.AudioResampler(
            format=stream.codec_context.format or "flt", layout="mono", rate=rate,
            frame_size=stream.codec_context.frame_size or 1024,
        )
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples[None, :]), format="flt", layout="mono")
        frame.sample_rate = SOURCE_RATE
        for part in [*resampler.resample(frame), *resampler.resample(None)]:
            part.pts = None
            container.mux(stream.encode(part))
        container.mux(stream.encode(None))
    memory.seek(0)
    return decode(memory, SAMPLE_RATE)


def resample(samples, source_rate, rate):
    frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples[None, :]), format="flt", layout="mono")
    frame.sample_rate = source_rate
    resampler = av.AudioResampler(format="flt", layout="mono", rate=rate)
    parts = [*resampler.resample(frame), *resampler.resample(None)]
    return np.concatenate([part.to_ndarray().reshape(-1) for part in parts])


def fit(samples):
    """Exactly one window: cut or padded with zeros at the end."""
    window = np.zeros(WINDOW_SAMPLES, np.float32)
    count = min(WINDOW_SAMPLES, samples.size)
    window[:count] = samples[:count]
    return window


def copies(track, start_seconds):
    """{kind: window}: the window of a track (at SOURCE_RATE) that starts there, as worse copies would give it."""
    start = int(start_seconds * SOURCE_RATE)
    length = 30 * SOURCE_RATE
    samples = track[start : start + length]
    late = start + int(3.7 * SOURCE_RATE)
    if late + length > track.size:
        late = max(0, start - int(3.7 * SOURCE_RATE))
    quiet = samples * 10 ** (-12 / 20)
    made = {
        "mp3": through_codec(samples, "libmp3lame", "mp3", 44_100, 40_000),
        "opus": through_codec(samples, "libopus", "ogg", 48_000, 24_000),
        "gain": resample(np.round(np.clip(quiet, -1, 1) * 32767).astype(np.float32) / 32768, SOURCE_RATE, SAMPLE_RATE),
        "resampled": resample(resample(samples, SOURCE_RATE, 16_000), 16_000, SAMPLE_RATE),
        "trimmed": resample(track[late : late + length], SOURCE_RATE, SAMPLE_RATE),
    }
    return {kind: fit(window) for kind, window in made.items()}
