"""Measures a collection of music, learns the constants of timbre from it and reports recall across sets.

    python tools/timbre/learn.py MUSIC WORK

MUSIC holds one folder for each set of sets.json (README.md says how to fetch them); WORK keeps measured features.
"""

import argparse
import hashlib
import json
from pathlib import Path

import av
import numpy as np
import onnxruntime

import audio
import fit
import graph
from definition import SAMPLE_RATE, WINDOW_SAMPLES

HERE = Path(__file__).resolve().parent
SHORTEST_SECONDS, MOST_SECONDS = 60, 250
COPIED_WINDOWS = 3
DIGITS = 6


def measuring_session():
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    model = graph.build().SerializeToString()
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    return session, hashlib.sha256(model).hexdigest()[:12]


def long_enough(path):
    try:
        with av.open(str(path)) as container:
            return bool(container.streams.audio) and (container.duration or 0) / 1e6 >= SHORTEST_SECONDS
    except av.FFmpegError:
        return False


def windows_of(path):
    """(window index, kind, samples) of the whole windows of a file and of the copies of some of them."""
    track = audio.decode(str(path), audio.SOURCE_RATE, MOST_SECONDS)
    samples = audio.resample(track, audio.SOURCE_RATE, SAMPLE_RATE)
    count = samples.size // WINDOW_SAMPLES
    copied = set(np.round(np.linspace(0, count - 1, COPIED_WINDOWS)).astype(int).tolist())
    for index in range(count):
        yield index, "orig", audio.fit(samples[index * WINDOW_SAMPLES :])
        if index in copied:
            for kind, window in audio.copies(track, 30 * index).items():
                yield index, kind, window


def measure_set(session, folder, name):
    features, tracks, windows, kinds = [], [], [], []
    for path in sorted(p for p in folder.rglob("*") if p.is_file() and long_enough(p)):
        for index, kind, window in windows_of(path):
            features.append(session.run(["features"], {"waveform": window[None, :]})[0][0])
            tracks.append(f"{name}/{path.relative_to(folder)}")
            windows.append(index)
            kinds.append(kind)
    return {"features": features, "sets": [name] * len(tracks), "tracks": tracks, "windows": windows, "kinds": kinds}


def measure(music, work, names):
    session, digest = measuring_session()
    work.mkdir(parents=True, exist_ok=True)
    parts = []
    for name in names:
        file = work / f"{name}-{digest}.npz"
        if not file.exists():
            np.savez(file, **measure_set(session, music / name, name))
        with np.load(file) as stored:
            parts.append({key: stored[key] for key in stored.files})
        print(f"{name}: {len(set(parts[-1]['tracks']))} tracks, {len(parts[-1]['tracks'])} windows", flush=True)
    together = {key: np.concatenate([part[key] for part in parts]) for key in parts[0]}
    return fit.Measured(**{key: value.astype(np.float64) if key == "features" else value
                           for key, value in together.items()})


def report(measured):
    """Leave one set out: learn on the others, ask within the one."""
    print(f"{'set left out':24s} tracks windows  chance  standardised  projected")
    rows = []
    for name in np.unique(measured.sets):
        constants = fit.learn(measured.where(measured.sets != name))
        test = measured.where((measured.sets == name) & (measured.kinds == "orig"))
        plain = fit.standardise(test.features, constants)
        plain /= np.linalg.norm(plain, axis=1, keepdims=True)
        _, counts = np.unique(test.tracks, return_counts=True)
        chance = float((counts * (counts - 1)).sum() / (counts.sum() * (counts.sum() - 1)))
        rows.append((len(counts), len(test.tracks), chance, fit.recall(plain, test.tracks),
                     fit.recall(fit.embed(test.features, constants), test.tracks)))
        print(f"{name:24s} {rows[-1][0]:6d} {rows[-1][1]:7d}  {chance:6.3f}  {rows[-1][3]:12.3f}  {rows[-1][4]:9.3f}")
    table = np.array(rows)
    weights = table[:, 1] / table[:, 1].sum()
    print(f"{'all windows':24s} {int(table[:, 0].sum()):6d} {int(table[:, 1].sum()):7d}  "
          f"{'':6s}  {table[:, 3] @ weights:12.3f}  {table[:, 4] @ weights:9.3f}")


def rounded(array):
    return [rounded(row) for row in array] if array.ndim > 1 else [float(f"{v:.{DIGITS}g}") for v in array]


def write_constants(measured, sets):
    constants = fit.learn(measured)
    counts = {
        name: {"tracks": len(set(measured.tracks[measured.sets == name])),
               "windows": int(np.sum((measured.sets == name) & (measured.kinds == "orig"))),
               "copies": int(np.sum((measured.sets == name) & (measured.kinds != "orig")))}
        for name in sets
    }
    learned_from = [{"set": name, **about, **counts[name]} for name, about in sets.items()]
    stored = {"learned_from": learned_from, **{key: rounded(value) for key, value in constants.items()}}
    (HERE / "constants.json").write_text(
        "{\n" + ",\n".join(f'"{key}": {json.dumps(value)}' for key, value in stored.items()) + "\n}\n"
    )


def main():
    parser = argparse.ArgumentParser(description="Learn the constants of timbre.")
    parser.add_argument("music", type=Path, help="folder with one folder for each set of sets.json")
    parser.add_argument("work", type=Path, help="folder for measured features")
    options = parser.parse_args()
    sets = json.loads((HERE / "sets.json").read_text())
    measured = measure(options.music, options.work, sets)
    report(measured)
    write_constants(measured, sets)


if __name__ == "__main__":
    main()
