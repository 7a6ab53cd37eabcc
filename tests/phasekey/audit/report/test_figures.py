import numpy as np
import pytest
from PIL import Image

from phasekey.audit.report.figures import write_figures

NAMES = ("leaks.png", "reconstructions.png", "sweep.png", "curves.png")


@pytest.mark.parametrize("name", NAMES)
def test_figures_are_there_and_not_blank(leaky_folder, name):
    with Image.open(leaky_folder / name) as picture:
        assert "Software" not in picture.info
        assert min(picture.size) > 100
        assert len(picture.convert("RGB").getcolors(2**24)) > 20


def test_nothing_is_drawn_where_there_is_nothing(audits, tmp_path):
    write_figures(tmp_path, audits.partial(), audits.Examples(np.zeros((0, 8, 8, 3), np.uint8), {}))
    assert [path.name for path in tmp_path.iterdir()] == ["leaks.png"]


def test_the_same_audit_gives_the_same_files_whatever_names_it_has(audits, tmp_path):
    odd = audits.attack(
        "odd $_{ formula $", "angle", *audits.angle_figures(0.1, 0.1, 0.1), curve=audits.settled()
    )
    for folder in (tmp_path / "one", tmp_path / "two"):
        folder.mkdir()
        write_figures(folder, audits.audit(odd), audits.Examples(np.zeros((0, 8, 8, 3), np.uint8), {}))
    for name in ("leaks.png", "curves.png"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
