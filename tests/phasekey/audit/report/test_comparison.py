import pytest
from PIL import Image

from phasekey.audit.report import write_comparison
from phasekey.audit.report.comparison import names

from .reading import read

IMAGES = "| 0.061 (0.059–0.063) inversion-2 | 0.082 (0.080–0.084) inversion-1-trained | 0.247 |"
ORACLE = f"""\
|  | original | complex, defence paper, head paper | chance |
| --- | ---: | ---: | ---: |
| Own answers wrong | 33.8% | 33.8% |  |
| Angle, full circle (rad) | – | 0.046 (0.036–0.056) angle-network | 1.571 |
| Error of rebuilt images (RMSE) {IMAGES}
| Decoys found in a list | – | 99.9% (99.8%–100.0%) decoy-pool | 0.033% |
"""


@pytest.fixture(scope="module")
def compared(audits):
    original = audits.audit(
        audits.attack("right-key", "inversion", audits.figure("rmse", 0.05, 0.2471, 0.05, half=0.002)),
        audits.attack("inversion-2", "inversion", audits.figure("rmse", 0.061, 0.2471, 0.061, half=0.002)),
        form="original", defence="none", head="none",
    )  # fmt: skip
    hidden = audits.audit(
        audits.attack("mean-template", "angle", audits.figure("angle_circle", 0.221, audits.CIRCLE)),
        audits.attack("angle-network", "angle", audits.figure("angle_circle", 0.0461, audits.CIRCLE)),
        audits.attack(
            "inversion-1-trained", "inversion", audits.figure("rmse", 0.082, 0.2471, 0.07, half=0.002)
        ),
        audits.attack("decoy-pool", "decoy", audits.figure("decoy_identified", 0.999, 1 / 3000, half=0.001)),
    )
    return original, hidden


@pytest.fixture(scope="module")
def folder(compared, tmp_path_factory):
    place = tmp_path_factory.mktemp("compare")
    write_comparison(place, compared)
    return place


def test_the_markdown_table_is_the_one_written_by_hand(folder):
    assert (folder / "compare.md").read_text(encoding="utf-8") == ORACLE


def test_the_page_holds_the_same_numbers(folder, compared):
    page = read((folder / "compare.html").read_text(encoding="utf-8"))
    assert page.one("tr", data_key="angle_circle").numbers[:3] == pytest.approx([0.0461, 0.0361, 0.0561])
    assert page.one("tr", data_key="rmse").numbers == pytest.approx([0.061, 0.059, 0.063, 0.082, 0.08, 0.084])
    assert "No attack of this class ran." in page.one("tr", data_key="decoy_identified").text
    assert "lower bound on leakage" in page.text


def test_the_picture_is_not_blank(folder):
    with Image.open(folder / "compare.png") as picture:
        assert len(picture.convert("RGB").getcolors(2**24)) > 20


def test_models_that_would_read_alike_go_by_their_names(audits):
    one, two = audits.audit(name="run-1"), audits.audit(name="run-2")
    assert names([one, two]) == (
        "complex, defence paper, head paper (run-1)", "complex, defence paper, head paper (run-2)",
    )  # fmt: skip
    assert names([audits.audit(form="noisy", gamma=0.5, defence="none", head="none")]) == ("noisy γ = 0.5",)


def test_pipes_in_names_break_no_table(audits, tmp_path):
    write_comparison(tmp_path, [audits.audit(form="a|b", defence="none", head="none")])
    assert (tmp_path / "compare.md").read_text(encoding="utf-8").startswith("|  | a\\|b | chance |")
