"""The graph as every peer runs it: one thread, no spinning, as our server has it."""

import onnxruntime


def open_graph(path):
    """A function from x to h."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    return lambda x: session.run(["h"], {"x": x})[0]
