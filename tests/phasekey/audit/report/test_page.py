"""The page as a browser reads it: the audit's numbers, nothing from outside, nothing unescaped."""

import base64
import io
import re
from dataclasses import fields, replace
from itertools import pairwise

import numpy as np
import pytest
from PIL import Image

from phasekey.audit.report import write_report
from phasekey.audit.report.html.page import PARTS, report
from phasekey.audit.result.examples import Examples
from phasekey.training.controls import Comparison, Interval, OwnNetwork, ReadOut, Stability

from .reading import read

COMMAND = (
    "phasekey audit --ckpt FILE --data DATA --budget quick --seed 0 "
    "--box white --decoys device --keys derived --out DIR"
)
LOADING = ("src", "href", "srcset", "data", "action", "poster", "background", "xlink:href", "style")


def test_holds_all_parts_in_order(leaky_page):
    assert [each.attributes["id"] for each in leaky_page.all("section")] == list(PARTS)
    assert [each.attributes["href"] for each in leaky_page.one("nav").all("a")] == [
        f"#{part}" for part in PARTS
    ]


def test_what_the_device_could_do_alone_stands_beside_the_attacks(audits, leaky_page):
    """Every figure with its interval; a page without the comparison says why there is none."""
    assert "not compared" in leaky_page.one("section", id_="alone").text
    correct = np.repeat(np.float32([1, 0]), [60, 40])
    found = Comparison(
        Interval(0.45, 0.4, 0.5),
        ReadOut(correct),
        OwnNetwork(correct, 900_000, "2 convolutions <small>"),
        1_000_000,
        Interval(-0.05, -0.09, -0.01),
        Stability((0.5, 0.6), 0.2, 100),
        800_000,
        900_000,
    )
    part = read(report(audits.leaky(), audits.examples(), found)).one("section", id_="alone")
    assert "-5.0 points (-9.0 to -1.0)" in part.text
    assert "20.0% of the images get more than one label" in part.text
    assert "The device does 125% of what the whole network does" in part.text
    assert "more than 0.9 million operations were not trained" in part.text
    assert "2 convolutions <small>, 0.90 of the device's 1.00 million operations" in part.text
    cells = [[cell.text for cell in row.all("td")] for row in part.all("tr")][1:]
    assert cells[0] == ["45.0%", "40.0%", "50.0%"]
    assert cells[1][0] == cells[2][0] == "40.0%"


def test_the_verdict_is_in_front(leaky_page):
    assert (
        leaky_page.one("section", id_="verdict")
        .one("p", class_="headline grade-open")
        .text.startswith("One trans")
    )
    assert "33.8% of the test images" in leaky_page.one("section", id_="verdict").text


@pytest.mark.parametrize("name", ["leaky", "safe", "unrotated", "partial"])
def test_rows_of_the_table_hold_the_strongest_figure(audits, name):
    audit = getattr(audits, name)()
    table = read(report(audit, audits.examples())).one("section", id_="classes")
    rows = [row for row in table.all("tr") if "data-key" in row.attributes]
    beside = {"best_of_k_cosine", "mae", "ssim", "psnr"}
    assert {row.attributes["data-key"] for row in rows} == set(audit.keys()) - beside
    for row in rows:
        attack, figure = audit.strongest(row.attributes["data-key"])
        expected = [figure.value, figure.low, figure.high, figure.chance]
        assert row.numbers == expected + [figure.raw] * (figure.raw is not None)
        assert row.all("td")[-1].text == attack.title


def test_every_attack_is_in_the_tables_with_every_figure(audits, leaky_page):
    tables = leaky_page.one("section", id_="attacks")
    for attack in audits.leaky().attacks:
        numbers = [n for figure in attack.figures for n in (figure.value, figure.low, figure.high)]
        assert sorted(tables.one("tr", data_attack=attack.name).numbers) == sorted(numbers)


def test_trivial_predictors_stand_beside_the_attacks(leaky_page):
    tables = leaky_page.one("section", id_="attacks")
    rows = {row.text.partition(" –")[0]: row.numbers for row in tables.all("tr", class_="trivial")}
    assert rows["For scale: mean image 0.247"] == [0.2471]
    assert rows["For scale: another image 0.351"] == [0.3512]


def test_attacks_left_out_say_why(audits):
    page = read(report(audits.unrotated(), audits.examples()))
    row = page.one("section", id_="attacks").one("tr", data_attack="decoy-pool")
    assert "left out: nothing is rotated in this network" in row.text
    assert row.numbers == []


def test_bars_are_as_long_as_the_exposure(audits, leaky_page):
    for row in (
        row for row in leaky_page.one("section", id_="classes").all("tr") if "data-key" in row.attributes
    ):
        figure = audits.leaky().strongest(row.attributes["data-key"])[1]
        best = figure.raw if figure.raw is not None else float(not figure.falls)
        share = (figure.chance - figure.value) / (figure.chance - best)
        width = row.one("rect", class_="fill").attributes["width"]
        assert float(width.rstrip("%")) == pytest.approx(100 * min(1, max(0, share)), abs=0.01)


def test_loads_nothing_from_anywhere(leaky_page):
    assert leaky_page.all("script") == leaky_page.all("link") == leaky_page.all("iframe") == []
    for element in leaky_page.all():
        for key, value in element.attributes.items():
            assert not key.startswith("on")
            if key in LOADING:
                assert value.startswith(("#", "data:image/png;base64,"))
    style = leaky_page.one("style").text
    assert "@import" not in style
    assert "url(" not in style
    policy = leaky_page.one("meta", http_equiv="Content-Security-Policy").attributes["content"]
    assert policy.startswith("default-src 'none';")


def test_names_from_outside_are_escaped(audits):
    evil = '<script>alert("x")</script>&\'"'
    bad = replace(
        audits.attack("mean-template", "angle", audits.figure("angle_circle", 0.1, audits.CIRCLE)),
        title=evil, how=evil, source=evil, remedy=evil, curve=audits.settled(),
    )  # fmt: skip
    left_out = audits.attack("ica", "angle", skipped=evil)
    audit = audits.audit(bad, left_out, name=evil, form=evil, data=evil, incomplete=evil)
    audit = replace(audit, facts={evil: evil, "seed": evil}, property_names=(evil,))
    page = read(report(audit, audits.examples(guesses=[evil])))
    assert page.all("script") == []
    assert page.one("h1").text == evil
    assert page.text.count(evil) > 8


def test_images_are_shown_pixel_by_pixel_with_words_for_who_cannot_see_them(audits, leaky_page):
    shown = leaky_page.one("section", id_="pictures").all("img")
    # inputs, right key, three attacks, both tries of the pair decoder, three lines of wrong angles
    assert len(shown) == 1 + 1 + 3 + 2 + 3
    assert all(image.attributes["alt"] for image in shown)
    data = base64.b64decode(shown[0].attributes["src"].partition(",")[2])
    pixels = np.asarray(Image.open(io.BytesIO(data)).convert("RGBA"))
    assert np.array_equal(pixels[:, :16, :3], audits.examples().inputs[0])
    assert np.array_equal(pixels[:, 17:33, :3], audits.examples().inputs[1])
    assert not pixels[:, 16, 3].any()


def test_grey_and_large_images_are_shown_too(audits):
    grey = np.random.default_rng(1).integers(0, 256, (3, 200, 100, 1), dtype=np.uint8)
    page = read(report(audits.leaky(), audits.examples(grey)))
    data = base64.b64decode(page.all("img")[0].attributes["src"].partition(",")[2])
    assert Image.open(io.BytesIO(data)).size == (3 * 48 + 2 * 3, 96)


def test_the_page_knows_no_angle_of_any_transmission(leaky_page):
    assert {field.name for field in fields(Examples)} == {
        "inputs",
        "guesses",
        "right_key",
        "sweep",
        "sweep_angles",
    }
    assert "theta" not in leaky_page.text


def test_curves_say_who_was_cut_off(audits, leaky_page):
    charts = leaky_page.one("section", id_="curves").all("figure")
    assert len(charts) == sum(bool(attack.curve) for attack in audits.leaky().attacks)
    assert "still improving" in charts[0].text
    for line in charts[0].all("polyline"):
        places = [tuple(map(float, pair.split(","))) for pair in line.attributes["points"].split()]
        assert len(places) == 20
        assert all(first[1] < second[1] for first, second in pairwise(places))  # falls


def test_remedies_are_of_what_leaks_strongest_first(leaky_page, audits):
    said = [each.text for each in leaky_page.one("section", id_="remedies").all("dd")]
    assert said[0] == "What helps against angle-network."
    assert "What helps against membership." not in said
    assert "What helps against right-key." not in said
    assert (
        "none has a remedy"
        in read(report(audits.safe(), audits.examples())).one("section", id_="remedies").text
    )


def test_says_how_it_was_measured(audits, leaky_page):
    text = leaky_page.one("section", id_="measured").text
    for word in (
        "5b" * 32,
        "AMD EPYC, 2 cores",
        "torch: 2.13.0",
        "6 × 14 × 14",
        "phasekey audit --ckpt",
        "truck",
    ):
        assert word in text
    assert "a note" in text


def test_empty_audits_and_examples_have_a_page(audits, tmp_path):
    nothing = Examples(np.zeros((0, 8, 8, 3), np.uint8), {})
    write_report(tmp_path, audits.audit(), nothing)
    text = read((tmp_path / "report.html").read_text(encoding="utf-8")).text
    assert "kept no example images" in text
    assert "holds no attack" in text
    assert not list(tmp_path.glob("*.png"))


def test_the_same_audit_gives_the_same_page(audits, leaky_folder):
    again = report(audits.leaky(), audits.examples())
    assert again == (leaky_folder / "report.html").read_text(encoding="utf-8")


def test_headings_go_down_one_step_at_a_time(leaky_page):
    steps = [int(each.name[1]) for each in leaky_page.all() if re.fullmatch("h[1-6]", each.name)]
    assert steps[0] == 1
    assert all(after - before <= 1 for before, after in pairwise(steps))


def test_the_page_begins_by_saying_what_it_is_about(audits, leaky_page):
    assert "hidden by a secret angle and a decoy" in leaky_page.one("header").text
    page = read(report(audits.unrotated(), audits.examples()))
    assert "no angle to hide them" in page.one("header").text


def test_the_row_of_the_same_image_twice_says_why_it_tells_nothing(audits):
    exact = audits.figure("repeat_cosine_exact", 0.41, 0.40, half=0.1)
    audit = audits.audit(audits.attack("repeated-query", "repeat", exact))
    row = read(report(audit, audits.examples())).one("tr", data_key="repeat_cosine_exact")
    assert "at chance" in row.text
    assert "very same x" in row.text
    assert "too few images" not in row.text
