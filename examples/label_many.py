"""Label a folder of thousands of images, with a progress bar; stopped and started again, it goes on.

python examples/label_many.py build/digits/edge 127.0.0.1:8001 FOLDER labels.jsonl

Each image gets a line of JSON in the output. A line that is there is an image that is done.
"""

import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from phasekey.errors import PhasekeyError
from sdk import CallError, EdgeClient, Prediction

SUFFIXES = {".bmp", ".jpeg", ".jpg", ".png", ".webp"}
BATCH = 32  # images in a request
WIDTH = 40  # characters of the bar


def done_before(output: Path) -> set[str]:
    """The images that have a whole line; half a line of a run that was killed is cut off."""
    if not output.exists():
        return set()
    content = output.read_bytes()
    whole = content[: content.rfind(b"\n") + 1]
    if len(whole) < len(content):
        with output.open("r+b") as file:
            file.truncate(len(whole))
    return {json.loads(line)["image"] for line in whole.splitlines()}


def lines(client: EdgeClient, paths: list[Path]) -> Iterator[str]:
    """A line for each image. One that cannot be read has its error there; a failed call ends the run."""
    results = client.predict_stream(paths, batch=BATCH, on_error="return")
    for path, result in zip(paths, results, strict=True):
        if isinstance(result, CallError):
            raise result  # nothing is noted of this image, so the next run does it
        if isinstance(result, Prediction):
            said = {"label": result.labels[0], "probability": round(float(result.probabilities.max()), 4)}
        else:
            said = {"error": str(result)}
        yield json.dumps({"image": path.name, **said}, ensure_ascii=False) + "\n"


def bar(done: int, total: int, begun: float) -> str:
    """How far it is, and how long it will take."""
    full = WIDTH * done // max(1, total)
    left = (time.monotonic() - begun) / max(1, done) * (total - done)
    return f"\r{'█' * full}{'░' * (WIDTH - full)} {done:,} of {total:,}, {left:.0f} s left "


def main(bundle: str, target: str, folder: str, output: str) -> int:
    """Label what is not labelled yet; 0 when all is done."""
    before = done_before(Path(output))
    found = sorted(path for path in Path(folder).iterdir() if path.suffix.lower() in SUFFIXES)
    paths = [path for path in found if path.name not in before]
    print(f"{len(paths):,} images to label, {len(found) - len(paths):,} done before")
    begun = time.monotonic()
    try:
        with EdgeClient(bundle, target, resize=True) as client, open(output, "a", encoding="utf-8") as file:
            for number, line in enumerate(lines(client, paths), start=1):
                file.write(line)
                if number % BATCH == 0 or number == len(paths):
                    file.flush()
                    sys.stderr.write(bar(number, len(paths), begun))
    except PhasekeyError as error:
        sys.exit(f"\nerror: {error} Run it again to go on.")
    except KeyboardInterrupt:
        sys.exit("\nstopped; run it again to go on")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]) if len(sys.argv) == 5 else __doc__)
