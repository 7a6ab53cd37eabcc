"""Say what is on photos, by a server that does not get to see them: a whole app around EdgeClient.

python examples/photo_label.py build/digits/edge 127.0.0.1:8001 photo.png another.jpg
"""

import os
import sys
from pathlib import Path

from edge_runtime import EdgeRuntimeError
from phasekey.errors import PhasekeyError
from sdk import EdgeClient

SECRET = Path.home() / ".photo-label.secret"


def device_secret(path: Path) -> bytes:
    """This device's own secret: drawn once, kept, and readable by its owner alone."""
    if not path.exists():
        with open(path, "xb", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
            file.write(os.urandom(32))
    return path.read_bytes()


def main(bundle: str, target: str, *photos: str) -> int:
    """Print one line for each photo; 0 if all went well."""
    status = 0
    try:
        with EdgeClient(bundle, target, secret=device_secret(SECRET), resize=True) as client:
            for photo in photos:
                try:
                    result = client.predict(photo)
                except EdgeRuntimeError as error:  # this photo only: nothing of it was sent
                    print(error, file=sys.stderr)
                    status = 1
                else:
                    print(f"{photo}: {result.labels[0]} ({result.probabilities[0].max():.0%})")
    except PhasekeyError as error:  # no bundle, no server, not its other half
        sys.exit(f"error: {error}")
    return status


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]) if len(sys.argv) > 3 else __doc__)
