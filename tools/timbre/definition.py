"""What timbre measures: the sizes and the fixed matrices of the analysis. docs/timbre.md gives the formulas."""

import numpy as np

SAMPLE_RATE = 22_050
WINDOW_SAMPLES = 30 * SAMPLE_RATE
FRAME = 2048
HOP = 512
FRAMES = 1 + (WINDOW_SAMPLES - FRAME) // HOP
USED_SAMPLES = FRAME + (FRAMES - 1) * HOP
BINS = FRAME // 2 + 1

MELS = 40
MEL_LOW_HZ, MEL_HIGH_HZ = 30.0, SAMPLE_RATE / 2
LOUDEST_MINIMUM = 1e-5
RUMBLE_BINS = 2
RUMBLE_WEIGHT = 1e-4
MEL_FLOOR = 1e-7
BIN_FLOOR = 1e-8
ACTIVE_FLOOR = 1e-7
CEPSTRA = 19

BAND_EDGES = [8, 16, 32, 64, 128, 256, 512, 1024]
BANDS = len(BAND_EDGES) - 1
FLATNESS_BINS = (BAND_EDGES[0], BAND_EDGES[-1])
CHROMA = 12
CHROMA_LOW_HZ, CHROMA_HIGH_HZ = 100.0, 5000.0

TEMPI = 20
TEMPO_LOW_BPM, TEMPO_HIGH_BPM = 45.0, 220.0
ONSET_EPSILON = 1e-3

CLIP = 3.0
PAIRS = CHROMA * (CHROMA + 1) // 2
FEATURES = MELS + 2 * CEPSTRA + 2 * (BANDS + 2) + PAIRS + TEMPI
DIM = 128


def hann():
    """Periodic Hann window of one frame."""
    return 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(FRAME) / FRAME)


def bin_hz():
    return np.arange(BINS) * SAMPLE_RATE / FRAME


def mel_matrix():
    """[MELS, BINS]: triangles of height 1, evenly spaced on the scale 2595 log10(1 + f / 700)."""

    def to_mel(hz):
        return 2595 * np.log10(1 + hz / 700)

    points = np.linspace(to_mel(MEL_LOW_HZ), to_mel(MEL_HIGH_HZ), MELS + 2)
    corners = 700 * (10 ** (points / 2595) - 1)
    low, peak, high = corners[:-2, None], corners[1:-1, None], corners[2:, None]
    hz = bin_hz()[None, :]
    return np.maximum(0, np.minimum((hz - low) / (peak - low), (high - hz) / (high - peak)))


def cepstrum_matrix():
    """[CEPSTRA, MELS]: rows 1..CEPSTRA of the orthonormal cosine transform of type II."""
    k = np.arange(1, CEPSTRA + 1)[:, None]
    m = np.arange(MELS)[None, :]
    return np.sqrt(2 / MELS) * np.cos(np.pi * k * (m + 0.5) / MELS)


def band_matrix():
    """[BANDS, BINS]: row b averages the bins of octave b."""
    rows = np.zeros((BANDS, BINS))
    for b in range(BANDS):
        low, high = BAND_EDGES[b], BAND_EDGES[b + 1]
        rows[b, low:high] = 1 / (high - low)
    return rows


def chroma_matrix():
    """[CHROMA, BINS]: each bin goes to its two nearest pitch classes in proportion to its nearness (A = 440 Hz is class 9)."""
    hz = bin_hz()
    rows = np.zeros((CHROMA, BINS))
    for k in np.nonzero((hz >= CHROMA_LOW_HZ) & (hz <= CHROMA_HIGH_HZ))[0]:
        pitch = 69 + 12 * np.log2(hz[k] / 440)
        below = int(np.floor(pitch))
        rows[below % 12, k] += 1 - (pitch - below)
        rows[(below + 1) % 12, k] += pitch - below
    return rows


def pair_index():
    """[PAIRS]: the pairs i <= j, row by row, in a flattened CHROMA x CHROMA table."""
    i, j = np.triu_indices(CHROMA)
    return i * CHROMA + j


def rumble_row():
    """[1, BINS]: what lies below all mels. Without it a constant would be measured by the rounding errors it leaves there."""
    row = np.zeros((1, BINS))
    row[0, :RUMBLE_BINS] = RUMBLE_WEIGHT
    return row


def centroid_rows():
    """[2, BINS]: frequency in kHz and one, for bins above DC: their ratio on a power spectrum is the centroid."""
    hz = bin_hz() / 1000
    ones = np.ones(BINS)
    ones[0] = 0
    return np.stack([hz, ones])


def tempo_lags():
    """[TEMPI]: lags in frames, not whole numbers, of the log-spaced tempi."""
    bpm = TEMPO_LOW_BPM * (TEMPO_HIGH_BPM / TEMPO_LOW_BPM) ** (np.arange(TEMPI) / (TEMPI - 1))
    return 60 * SAMPLE_RATE / HOP / bpm


def tempo_matrix():
    """(lags, [len(lags), TEMPI]): whole lags that occur and the weights that interpolate linearly between them."""
    wanted = tempo_lags()
    lags = np.arange(int(np.floor(wanted.min())), int(np.ceil(wanted.max())) + 1)
    return lags, np.maximum(0, 1 - np.abs(lags[:, None] - wanted[None, :]))
