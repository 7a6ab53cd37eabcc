"""``python -m sdk NAME``: a module for each, with add_arguments(parser) and run(args) -> status."""

SUBCOMMANDS = {  # name: what it does, in a line. Its module is sdk.commands.NAME.
    "predict": "the class of image files",
    "info": "what a bundle is, and whether a server has its other half",
    "init": "make this device's secret, or put a new one in its place",
    "doctor": "whether all is well with this device, and what to do where it is not",
    "bench": "where the time of a prediction goes",
}
