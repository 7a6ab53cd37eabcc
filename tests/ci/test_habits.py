"""What runs nowhere but on a server, or only at a release, still fits what is here."""

import re
import tomllib
from pathlib import Path

import pytest
import yaml

from phasekey import __version__

ROOT = Path(__file__).resolve().parents[2]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
FORMS = sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml"))


def targets() -> set[str]:
    return set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


def commands(workflow: Path) -> list[str]:
    jobs = yaml.safe_load(workflow.read_text())["jobs"].values()
    return [step["run"] for job in jobs for step in job["steps"] if "run" in step]


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)
def test_workflows_run_targets_of_the_makefile_and_nothing_else(workflow: Path) -> None:
    for command in commands(workflow):
        script, *asked = command.split()
        assert script == ".ci/run"
        assert asked
        assert set(asked) <= targets()


def test_the_workflows_leave_out_nothing_of_make_test() -> None:
    (parts,) = re.findall(r"^test: (.+)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    asked = {word for workflow in WORKFLOWS for command in commands(workflow) for word in command.split()[1:]}
    assert set(parts.split()) <= asked


def test_the_workflow_tries_each_python_that_the_package_names() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    named = [each.split(":: ")[-1] for each in project["classifiers"] if re.search(r":: 3\.\d+$", each)]
    (matrix,) = [
        job["strategy"]["matrix"]["python"]
        for job in yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text())["jobs"].values()
        if "strategy" in job
    ]
    assert matrix == named
    assert project["requires-python"] == f">={named[0]}"


def test_hooks_before_a_commit_are_those_of_the_makefile() -> None:
    makefile = (ROOT / "Makefile").read_text().replace("$(BIN)", ".venv/bin")
    (repository,) = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    for hook in repository["hooks"]:
        program = " ".join(word for word in hook["entry"].split() if word not in ("--fix", "--force-exclude"))
        assert program in makefile


@pytest.mark.parametrize("form", FORMS, ids=lambda path: path.name)
def test_issue_forms_ask_for_something(form: Path) -> None:
    content = yaml.safe_load(form.read_text())
    if form.name != "config.yml":
        assert content["name"]
        assert content["description"]
        assert any(part["type"] == "textarea" for part in content["body"])


def test_version_changelog_and_citation_agree() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text()
    headings = re.findall(r"^## \[(.+?)\](?: - (\d{4}-\d\d-\d\d))?$", changelog, re.MULTILINE)
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert headings[0] == ("Unreleased", "")
    assert headings[1] == (__version__, citation["date-released"])
    assert citation["version"] == __version__
    assert all(date for _, date in headings[1:])


def test_what_the_makefile_says_of_the_download_is_what_the_readme_says() -> None:
    sizes = set(re.findall(r"[\d.]+ GB", (ROOT / "Makefile").read_text()))
    assert set(re.findall(r"[\d.]+ GB", (ROOT / "README.md").read_text())) <= sizes
