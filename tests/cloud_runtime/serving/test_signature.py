import numpy as np
import pytest

from cloud_runtime.errors import InvalidInputError
from cloud_runtime.serving.signature import Signature, build_signature
from phasekey.bundle import TensorSpec
from phasekey.wire.model_config_pb2 import ModelConfig, ModelInput

FREE = TensorSpec("x", "float32", (None, None, 4))


def test_a_configuration_may_fix_what_the_graph_leaves_free():
    config = ModelConfig(max_batch_size=4, input=[ModelInput(name="x", data_type="TYPE_FP32", dims=[7, -1])])
    signature = build_signature(config, [TensorSpec("x", "float32", (None, None, None))], [FREE])
    assert signature == Signature((TensorSpec("x", "float32", (None, 7, None)),), (FREE,), 4)


def test_inputs_share_their_batch_size():
    signature = Signature((FREE, TensorSpec("y", "int64", (None,))), (), 4)
    signature.check_inputs({"x": np.zeros((3, 2, 4), np.float32), "y": np.zeros(3, np.int64)})
    with pytest.raises(InvalidInputError, match=r"same batch size.*'x': 3, 'y': 2"):
        signature.check_inputs({"x": np.zeros((3, 2, 4), np.float32), "y": np.zeros(2, np.int64)})


def test_no_size_may_be_zero():
    with pytest.raises(InvalidInputError, match=r"\(3, 0, 4\) came"):
        Signature((FREE,), (), 4).check_inputs({"x": np.zeros((3, 0, 4), np.float32)})


def test_all_outputs_come_where_none_is_named():
    signature = Signature((), (FREE, TensorSpec("y", "int64", (None,))), 0)
    assert signature.select_outputs([]) == ("x", "y")
    assert signature.select_outputs(["y"]) == ("y",)
