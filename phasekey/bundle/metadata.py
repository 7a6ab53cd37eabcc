"""The names under which an export says, in each graph and in config.pbtxt, what it is and where it belongs.

Graphs carry them as ONNX metadata_props, the server's configuration as parameters; values are text.
"""

BUNDLE_ID = "phasekey.bundle_id"  # 64 hexadecimal digits; in the processing graph and in config.pbtxt
FORMAT_VERSION = "phasekey.format_version"  # phasekey.bundle.GRAPH_VERSION; in every graph
ROLE = "phasekey.role"  # encoder, processing or decoder; in every graph
SHA256 = "phasekey.sha256"  # of the processing graph's file; in config.pbtxt
PROOF = "phasekey.proof"  # proved or unproved; in config.pbtxt
AUDIT = "phasekey.audit"  # one word, see phasekey.bundle.audited; in config.pbtxt
