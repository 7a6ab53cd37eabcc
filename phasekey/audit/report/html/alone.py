"""What the device could do without the cloud: the part of the page beside the attacks."""

from typing import TYPE_CHECKING

from phasekey.audit.report.html.markup import Html, section, table, tag

if TYPE_CHECKING:
    from phasekey.training.controls.comparison import Comparison

TITLE = "Without a cloud"
MISSING = (
    "What the cloud adds was not compared: it takes a checkpoint of a task with one label for each image, "
    "and no --no-controls. phasekey controls says it by itself."
)


def alone(found: "Comparison | None") -> Html:
    """Errors of the network and of its device alone, and what the cloud adds.

    Args:
        found: None where nothing was compared.

    Returns:
        The section of the page.
    """
    if found is None:
        return section(TITLE, tag("p", MISSING), id_="alone")
    added, *others = found.sentences()
    rows = [
        tag("tr", tag("th", name, scope="row"), *(tag("td", f"{100 * value:.1f}%") for value in error))
        for name, error in found.rows()
    ]
    return section(
        TITLE,
        table(("", "error", "95% from", "to"), rows, caption="On the same test images"),
        tag("p", tag("strong", added)),
        *(tag("p", sentence) for sentence in others),
        id_="alone",
    )
