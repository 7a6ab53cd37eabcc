"""The documents say what is there: links, commands, options, fields and the example in Python."""

import argparse
import json
import re
import shlex
import tomllib
from importlib import import_module
from pathlib import Path
from xml.etree import ElementTree

import pytest

from phasekey.bundle import schema_text
from phasekey.cli import SUBCOMMANDS
from sdk.commands import SUBCOMMANDS as SDK_SUBCOMMANDS

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = sorted(
    [
        *ROOT.glob("*.md"),
        *ROOT.glob("clients/*.md"),
        *ROOT.glob("clients/*/*.md"),
        *(ROOT / "docs").rglob("*.md"),
    ]
)
READ_BY_USERS = [path for path in DOCUMENTS if "adr" not in path.parts]
SOURCES = ("sdk", "edge_runtime", "cloud_runtime", "export", "phasekey")
MODULES = {  # what people type, and where the command lives
    **{("phasekey", name): command.module for name, command in SUBCOMMANDS.items()},
    ("python", "-m", "export"): "export.command",
    ("python", "-m", "cloud_runtime"): "cloud_runtime.command",
    **{("python", "-m", "sdk", name): f"sdk.commands.{name}" for name in SDK_SUBCOMMANDS},
}


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def code_blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def shell_lines() -> list[tuple[str, str]]:
    """Every line of every shell block, without its comment: (document, command)."""
    return [
        (name_of(path), line.split("   #")[0].strip())
        for path in READ_BY_USERS
        for block in code_blocks(path.read_text(), "sh")
        for line in re.sub(r" *\\\n *", " ", block).splitlines()
    ]


def anchors(path: Path) -> set[str]:
    """The names by which a document's headings can be linked to."""
    headings = re.findall(r"^#+ (.+)$", path.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_relative_links_lead_somewhere(document: Path) -> None:
    prose = re.sub(r"```.*?```|`[^`\n]*`", "", document.read_text(), flags=re.DOTALL)
    for link in re.findall(r"\]\(([^)\s]+)\)", prose):
        if re.match(r"https?:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (document.parent / path).resolve() if path else document
        assert target.exists(), f"{link} leads nowhere"
        assert target.is_relative_to(ROOT), f"{link} leads out of the repository"
        assert not anchor or anchor in anchors(target), f"{link}: no such heading"


def command_of(words: list[str]) -> tuple[str, ...] | None:
    return next((key for key in MODULES if tuple(words[: len(key)]) == key), None)


def our_commands() -> list[tuple[str, str]]:
    return [(document, line) for document, line in shell_lines() if command_of(shell_words(line))]


def shell_words(line: str) -> list[str]:
    try:
        return shlex.split(line)
    except ValueError:  # a line of a quoted script
        return []


@pytest.mark.parametrize(("document", "line"), our_commands())
def test_commands_parse(document: str, line: str) -> None:
    words = shell_words(line)
    key = command_of(words)
    assert key is not None
    parser = argparse.ArgumentParser(exit_on_error=False)
    import_module(MODULES[key]).add_arguments(parser)
    arguments = words[len(key) :]
    if arguments != ["--help"]:
        parser.parse_args(arguments)


def test_no_other_command_of_ours_is_named() -> None:
    """A command that MODULES does not know would go unchecked."""
    packages = r"(phasekey|python -m (sdk|export|cloud_runtime))\b"
    unknown = [line for _, line in shell_lines() if re.match(packages, line)]
    assert [line for line in unknown if not command_of(shell_words(line))] == []


def test_the_readme_has_the_four_commands_to_the_letter() -> None:
    lines = [line for document, line in shell_lines() if document == "README.md"]
    for command in (
        "phasekey train --arch lenet --data digits --epochs 5 --out runs/digits",
        "python -m export --ckpt runs/digits/model.pt --out build/digits",
        "python -m cloud_runtime --model-repository build/digits/cloud --listen 127.0.0.1:8001",
        "python -m sdk predict --bundle build/digits/edge --target 127.0.0.1:8001 IMAGE...",
    ):
        assert command in lines


def options_of(parser: argparse.ArgumentParser) -> set[str]:
    """Of a parser and of its subcommands."""
    options = {option for action in parser._actions for option in action.option_strings}
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            options |= set().union(*(options_of(each) for each in action.choices.values()))
    return options


def test_make_targets_extras_and_options_in_the_text_exist() -> None:
    text = "\n".join(path.read_text() for path in READ_BY_USERS)
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"(?:^|`)make ([a-z]+)", text, re.MULTILINE)) <= targets
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert set(re.findall(r"'\.\[([a-z-]+)\]'", text)) <= set(project["optional-dependencies"])
    options = set()
    for module in MODULES.values():
        parser = argparse.ArgumentParser()
        import_module(module).add_arguments(parser)
        options |= options_of(parser)
    assert set(re.findall(r"`(--[a-z-]+)[ `]", text)) - {"--time", "--version"} <= options


def test_the_example_in_the_readme_runs(
    exported, served: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (example,) = code_blocks((ROOT / "README.md").read_text(), "python")
    (tmp_path / "build").mkdir()
    (tmp_path / "build" / "digits").symlink_to(exported.bundle)
    for index in range(2):
        (tmp_path / f"digit{index}.png").symlink_to(exported.files[index])
    monkeypatch.chdir(tmp_path)
    assert "127.0.0.1:8001" in example
    exec(compile(example.replace("127.0.0.1:8001", served), "README.md", "exec"), {})  # noqa: S102
    assert re.match(r"\['\d', '\d'\] \[\[", capsys.readouterr().out)


def test_the_copy_of_the_manifest_schema_is_exact() -> None:
    copy = (ROOT / "docs" / "manifest.schema.json").read_text()
    assert copy == schema_text(), "cp phasekey/bundle/schema/schema.json docs/manifest.schema.json"


def test_every_field_of_the_manifest_is_explained() -> None:
    text = (ROOT / "docs" / "manifest.md").read_text()
    fields = set()
    for name, rules in json.loads(schema_text())["properties"].items():
        fields |= {name, *rules.get("properties", {})}
    assert {field for field in fields if f"`{field}`" not in text} == set()


@pytest.mark.parametrize("picture", sorted((ROOT / "docs").glob("*.svg")), ids=name_of)
def test_pictures_are_well_formed_and_described(picture: Path) -> None:
    root = ElementTree.parse(picture).getroot()  # noqa: S314 - our own file
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert root.findtext("{http://www.w3.org/2000/svg}desc")


@pytest.mark.parametrize("record", sorted((ROOT / "docs" / "adr").glob("*.md")), ids=name_of)
def test_records_have_their_number_and_parts(record: Path) -> None:
    text = record.read_text()
    assert text.startswith(f"# {int(record.name[:4])}. ")
    for part in ("Context", "Decision", "Consequences"):
        assert f"\n## {part}\n" in text
    assert "cost" in text.lower(), "a record names what the decision costs"


def test_records_named_in_the_code_exist() -> None:
    sources = [path for folder in SOURCES for path in (ROOT / folder).rglob("*.py")]
    named = {number for path in sources for number in re.findall(r"docs/adr/(\d{4})", path.read_text())}
    there = {path.name[:4] for path in (ROOT / "docs" / "adr").glob("*.md")}
    assert named <= there
