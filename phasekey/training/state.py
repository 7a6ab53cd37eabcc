"""The state of an unfinished run, from which it goes on to the same result (docs/adr/0040)."""

import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from phasekey.files import write_whole
from phasekey.training.errors import TrainingError

STATE_VERSION = 1


@dataclass(frozen=True)
class StateFile:
    """state.pt in the folder of a run: there while the run is unfinished.

    identity: whatever must be the same for the result to be the same, as plain values.
    """

    path: Path
    identity: Mapping[str, Any]

    def save(self, state: Mapping[str, Any]) -> None:
        """Write the state whole or not at all.

        Args:
            state: plain values and tensors.

        Raises:
            TrainingError: where the disk refuses it.
        """
        buffer = io.BytesIO()
        torch.save(
            {"format_version": STATE_VERSION, "identity": dict(self.identity), "state": dict(state)}, buffer
        )
        write_whole(self.path, buffer.getbuffer(), error=TrainingError)

    def load(self) -> dict[str, Any] | None:
        """Read the state of the run that was cut off here.

        Returns:
            What was saved; None where there is none.

        Raises:
            TrainingError: where the file is damaged, or that was another run; it names what differs.
        """
        if not self.path.is_file():
            return None
        content = self._content()
        differing = [
            f"{name} was {content['identity'].get(name)!r} and is {self.identity.get(name)!r}"
            for name in sorted({*content["identity"], *self.identity})
            if content["identity"].get(name) != self.identity.get(name)
        ]
        if differing:
            raise TrainingError(
                f"{str(self.path.parent)!r} holds an unfinished run of other settings "
                f"({'; '.join(differing)}); give the same to go on with it, another --out, "
                "or --fresh to drop it"
            )
        state: dict[str, Any] = content["state"]
        return state

    def discard(self) -> None:
        """Delete the file: the run is finished, or given up."""
        self.path.unlink(missing_ok=True)

    def _content(self) -> dict[str, Any]:
        try:
            content = torch.load(self.path, map_location="cpu", weights_only=True)
            version = content["format_version"]
        # torch raises RuntimeError, UnpicklingError, KeyError, ... depending on where a file breaks.
        except Exception as error:
            raise TrainingError(
                f"{str(self.path)!r} is damaged or no state of a run; --fresh drops it and starts anew"
            ) from error
        if version != STATE_VERSION:
            raise TrainingError(
                f"{str(self.path)!r} is of state format {version!r}, this version reads {STATE_VERSION}; "
                "finish the run with the version that began it, or start anew with --fresh"
            )
        return dict(content)
