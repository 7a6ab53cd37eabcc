from pathlib import Path
from types import ModuleType

import pytest

from phasekey.audit.report import write_report

from . import audits as built
from .reading import Element, read


@pytest.fixture(scope="session")
def audits() -> ModuleType:
    """Audits built by hand: leaky(), safe(), unrotated(), partial() and what they are made of."""
    return built


@pytest.fixture(scope="session")
def leaky_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The whole report on the leaky audit, written once."""
    folder = tmp_path_factory.mktemp("leaky")
    write_report(folder, built.leaky(), built.examples())
    return folder


@pytest.fixture(scope="session")
def leaky_page(leaky_folder: Path) -> Element:
    return read((leaky_folder / "report.html").read_text(encoding="utf-8"))
