"""Writes models/timbre/model.onnx and manifest.json from the definition and the learned constants.

    python tools/timbre/generate.py           write both files
    python tools/timbre/generate.py --check   compare them with the committed ones; exit 1 if they differ
"""

import argparse
import hashlib
import json
import sys
from pathlib import Path

import numpy as np

import definition as d
import graph

HERE = Path(__file__).resolve().parent
MODEL_FOLDER = HERE.parent.parent / "models" / "timbre"
VERSION = "1.0.0"


def read_constants():
    stored = json.loads((HERE / "constants.json").read_text())
    return {key: np.array(stored[key], dtype=np.float64) for key in ("mean", "std", "projection")}


def manifest(model_bytes):
    return {
        "format": 1,
        "name": "timbre",
        "model_id": "soundledger/timbre-1",
        "version": VERSION,
        "licence": "MIT",
        "description": "Timbre, harmony and rhythm statistics of 30 s of sound, projected so that segments of one "
        "recording lie together. Computed by formula; only a linear projection is learned.",
        "sample_rate": d.SAMPLE_RATE,
        "channels": 1,
        "window_seconds": 30,
        "hop_seconds": 30,
        "dim": d.DIM,
        "input": "waveform",
        "output": "embedding",
        "normalisation": "l2",
        "pooling": "mean",
        "files": [
            {"path": "model.onnx", "sha256": hashlib.sha256(model_bytes).hexdigest(), "bytes": len(model_bytes)}
        ],
    }


def generate():
    """{file name: bytes}, the same on every run."""
    model = graph.build(read_constants()).SerializeToString(deterministic=True)
    text = json.dumps(manifest(model), indent=2) + "\n"
    return {"model.onnx": model, "manifest.json": text.encode()}


def check(files):
    """The names of the committed files that are not what the generator makes."""
    return [
        name for name, content in files.items()
        if not (MODEL_FOLDER / name).exists() or (MODEL_FOLDER / name).read_bytes() != content
    ]


def main():
    parser = argparse.ArgumentParser(description="Generate the model timbre.")
    parser.add_argument("--check", action="store_true", help="compare with the committed files instead of writing")
    options = parser.parse_args()
    files = generate()
    if options.check:
        stale = check(files)
        if stale:
            sys.exit(
                f"models/timbre: {', '.join(stale)} differ from what tools/timbre/generate.py makes. "
                "Run `python tools/timbre/generate.py` and commit the result."
            )
        print("models/timbre is what tools/timbre/generate.py makes")
        return
    MODEL_FOLDER.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (MODEL_FOLDER / name).write_bytes(content)
        print(f"models/timbre/{name}: {len(content)} bytes")


if __name__ == "__main__":
    main()
