"""Learns the constants from measured windows, and says how well they find segments of the same track."""

from dataclasses import dataclass, fields

import numpy as np

from definition import CLIP, DIM

COPY_WEIGHT = 3.0
SHRINKAGE = 0.1


@dataclass
class Measured:
    """Windows of several tracks: features [n, FEATURES]; which set, track and window each is; kind `orig` or a copy's."""

    features: np.ndarray
    sets: np.ndarray
    tracks: np.ndarray
    windows: np.ndarray
    kinds: np.ndarray

    def where(self, mask):
        return Measured(
            self.features[mask], self.sets[mask], self.tracks[mask], self.windows[mask], self.kinds[mask]
        )


def joined(parts):
    return Measured(*(np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(Measured)))


def standardise(features, constants):
    return np.clip((features - constants["mean"]) / constants["std"], -CLIP, CLIP)


def embed(features, constants):
    projected = standardise(features, constants) @ constants["projection"].T
    return projected / np.maximum(np.linalg.norm(projected, axis=1, keepdims=True), 1e-6)


def within_track_scatter(z, tracks):
    dim = z.shape[1]
    scatter, count = np.zeros((dim, dim)), 0
    for track in np.unique(tracks):
        mine = z[tracks == track]
        if len(mine) > 1:
            centred = mine - mine.mean(0)
            scatter += centred.T @ centred
            count += len(mine) - 1
    return scatter / count


def copy_scatter(z, measured):
    original = {
        (t, w): z[i]
        for i, (t, w, k) in enumerate(zip(measured.tracks, measured.windows, measured.kinds)) if k == "orig"
    }
    differences = np.array([
        z[i] - original[t, w]
        for i, (t, w, k) in enumerate(zip(measured.tracks, measured.windows, measured.kinds)) if k != "orig"
    ])
    return differences.T @ differences / len(differences)


def track_means(z, tracks):
    return np.array([z[tracks == track].mean(0) for track in np.unique(tracks)])


def learn(measured):
    """{mean, std, projection}.

    What should not matter (how windows of one track differ, and a window from its copies) is whitened away; of the
    directions that are left, the DIM in which tracks differ most are kept.
    """
    originals = measured.kinds == "orig"
    constants = {"mean": measured.features[originals].mean(0), "std": measured.features[originals].std(0)}
    z = standardise(measured.features, constants)
    tracks = measured.tracks[originals]
    scatter = within_track_scatter(z[originals], tracks) + COPY_WEIGHT * copy_scatter(z, measured)
    size = len(scatter)
    scatter = (1 - SHRINKAGE) * scatter + SHRINKAGE * np.trace(scatter) / size * np.eye(size)
    values, vectors = np.linalg.eigh(scatter)
    whitening = (vectors / np.sqrt(values)) @ vectors.T
    means = track_means(z[originals], tracks) @ whitening
    _, directions = np.linalg.eigh(np.cov(means.T))
    constants["projection"] = directions[:, ::-1][:, :DIM].T @ whitening
    return constants


def recall(vectors, tracks, asked=None):
    """How often the nearest other window is of the same track. Asks for the windows of the mask `asked`, or for all; a
    track's only window is not asked for."""
    similarity = vectors @ vectors.T
    np.fill_diagonal(similarity, -2)
    names, counts = np.unique(tracks, return_counts=True)
    askable = np.isin(tracks, names[counts > 1])
    if asked is not None:
        askable &= asked
    return float(np.mean(tracks[similarity.argmax(1)][askable] == tracks[askable]))
