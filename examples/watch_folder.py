"""Say what a camera sees: it drops frames into a folder, and each is labelled as it comes.

python examples/watch_folder.py build/digits/edge 127.0.0.1:8001 frames

Ends when a file named `stop` appears, or with Ctrl-C.
"""

import sys
import time
from collections.abc import Iterator
from pathlib import Path

from phasekey.errors import PhasekeyError
from sdk import EdgeClient, Prediction

EVERY = 0.05  # seconds between two looks
SUFFIXES = {".jpeg", ".jpg", ".png"}


def frames(folder: Path) -> Iterator[Path]:
    """Each frame once, by name, as they come. The camera moves whole files in, so none is half there."""
    seen: set[Path] = set()
    while True:
        stopped = (folder / "stop").exists()
        for path in sorted(set(folder.iterdir()) - seen):
            seen.add(path)
            if path.suffix.lower() in SUFFIXES:
                yield path
        if stopped:
            return
        time.sleep(EVERY)


def main(bundle: str, target: str, folder: str) -> int:
    """Print a line for each frame; a bad one costs its own line only."""
    names: list[Path] = []

    def noted() -> Iterator[Path]:
        for path in frames(Path(folder)):
            names.append(path)
            yield path

    try:
        with EdgeClient(bundle, target, resize=True) as client:
            for number, result in enumerate(client.predict_stream(noted(), on_error="return")):
                said = result.labels[0] if isinstance(result, Prediction) else f"no label: {result}"
                print(f"{names[number].name}: {said}", flush=True)
    except PhasekeyError as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]) if len(sys.argv) == 4 else __doc__)
