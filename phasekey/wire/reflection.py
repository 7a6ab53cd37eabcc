"""The public face of the wire for server reflection: descriptors under the names that stock tools know.

Our messages live under private protobuf names (docs/adr/0008), yet ``grpcurl`` and its kin ask a server
for ``inference.GRPCInferenceService``. So the descriptors are copied into a pool of their own, where the
package is ``inference`` and the service is declared. The pool is apart from protobuf's own one, in which
tritonclient or kserve may have defined the same names already.
"""

from __future__ import annotations

from types import ModuleType

from google.protobuf import descriptor_pb2
from google.protobuf.descriptor import FileDescriptor
from google.protobuf.descriptor_pool import DescriptorPool

from phasekey.wire import model_config_pb2, open_inference_pb2, triton_extensions_pb2
from phasekey.wire.service import METHODS, SERVICE

_PRIVATE = open_inference_pb2.DESCRIPTOR.package
_PUBLIC, _, _SERVICE_NAME = SERVICE.rpartition(".")
_FILES: tuple[ModuleType, ...] = (model_config_pb2, open_inference_pb2, triton_extensions_pb2)


def public_pool(*others: FileDescriptor) -> DescriptorPool:
    """Make a pool that describes ``inference.GRPCInferenceService`` and everything it mentions.

    Args:
        others: files of further services to describe, e.g. ``health_pb2.DESCRIPTOR``; they keep their names,
            and bring the files that they import.

    Returns:
        What ``enable_server_reflection(names, server, pool=…)`` takes.
    """
    pool = DescriptorPool()
    for module in _FILES:
        pool.Add(_published(module.DESCRIPTOR))
    pool.Add(_service_file())
    added: set[str] = set()
    for file in others:
        _add_with_imports(pool, file, added)
    return pool


def _published(file: FileDescriptor) -> descriptor_pb2.FileDescriptorProto:
    proto = descriptor_pb2.FileDescriptorProto()
    file.CopyToProto(proto)
    proto.name, proto.package = _public_file(proto.name), _PUBLIC
    proto.dependency[:] = [_public_file(name) for name in proto.dependency]
    for message in proto.message_type:
        _rename_types(message)
    return proto


def _rename_types(message: descriptor_pb2.DescriptorProto) -> None:
    for field in message.field:
        if field.type_name:  # a message or an enum
            field.type_name = field.type_name.replace(f".{_PRIVATE}.", f".{_PUBLIC}.", 1)
    for nested in message.nested_type:
        _rename_types(nested)


def _service_file() -> descriptor_pb2.FileDescriptorProto:
    file = descriptor_pb2.FileDescriptorProto(
        name=f"{_PUBLIC}/service.proto",
        package=_PUBLIC,
        syntax="proto3",
        dependency=[_public_file(module.DESCRIPTOR.name) for module in _FILES],
    )
    service = file.service.add(name=_SERVICE_NAME)
    for method in METHODS.values():
        service.method.add(
            name=method.name,
            input_type=f".{_PUBLIC}.{method.request.DESCRIPTOR.name}",
            output_type=f".{_PUBLIC}.{method.response.DESCRIPTOR.name}",
            client_streaming=method.streams,
            server_streaming=method.streams,
        )
    return file


def _public_file(name: str) -> str:
    return f"{_PUBLIC}/{name.rpartition('/')[2]}"


def _add_with_imports(pool: DescriptorPool, file: FileDescriptor, added: set[str]) -> None:
    if file.name in added:
        return
    added.add(file.name)
    for dependency in file.dependencies:
        _add_with_imports(pool, dependency, added)
    pool.AddSerializedFile(file.serialized_pb)
