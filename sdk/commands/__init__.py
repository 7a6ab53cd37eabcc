"""``python -m sdk NAME``: a module for each, with add_arguments(parser) and run(args) -> status."""

SUBCOMMANDS = {  # name: what it does, in a line. Its module is sdk.commands.NAME.
    "predict": "the class of image files",
}
