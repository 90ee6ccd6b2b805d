"""Look into an ONNX file without a library for it: what goes in, what comes out, what it reads.

ONNX Runtime follows references from a graph to files on the disk as it loads it, so a graph from
elsewhere is looked through first. The few fields that tell are read straight from protobuf's wire
format (https://protobuf.dev/programming-guides/encoding); the numbers are those of `onnx.proto`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from shipseg.errors import BundleError
from shipseg.imaging.hull_view import SIDES, VIEW_HW

_DTYPES = {
    1: "float32",
    2: "uint8",
    3: "int8",
    6: "int32",
    7: "int64",
    10: "float16",
    11: "float64",
}
_EXTERNAL = 1
# Our graphs nest none; If and Loop nest one or two.
_MOST_NESTED = 8


@dataclass(frozen=True, slots=True)
class Port:
    """An input or output of a graph.

    Attributes:
        name: Its name.
        dtype: NumPy's name of its element type.
        shape: One entry per dimension, None where it is dynamic; None where nothing is said.
    """

    name: str
    dtype: str
    shape: tuple[int | None, ...] | None

    def __str__(self) -> str:
        """Say it as in `image uint8 (*, 384, 384, 3)`."""
        if self.shape is None:
            return f"{self.name} {self.dtype} of unknown shape"
        sides = ", ".join("*" if side is None else str(side) for side in self.shape)
        return f"{self.name} {self.dtype} ({sides})"


@dataclass(frozen=True, slots=True)
class Signature:
    """All inputs and outputs of a graph, in its order."""

    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]


def gate_signature(input_size: int, stride: int) -> Signature:
    """Return what a gate's graph takes and gives; sides in pixels."""
    side, cells = input_size, input_size // stride
    return Signature(
        (Port("image", "uint8", (None, side, side, 3)),),
        (Port("tile", "float32", (None,)), Port("cells", "float32", (None, cells, cells))),
    )


SEGMENTER_SIGNATURE = Signature(
    (Port("image", "uint8", (None, None, None, 3)),),
    (Port("maps", "float32", (None, 2, None, None)),),
)
"""What a segmenter's graph takes and gives: probabilities of ship, and of a ship's core."""


REFINER_SIGNATURE = Signature(
    (Port("image", "uint8", (None, *VIEW_HW, 3)),),
    (Port("sides", "float32", (None, len(SIDES))), Port("fit", "float32", (None,))),
)
"""What a refiner's graph takes and gives: views of hulls, where in them the hulls lie, and the IoU
to be expected of the rectangle that made each view with a ship's."""


def check_graph(data: bytes, expected: Signature, *, where: str) -> None:
    """Refuse a graph with other inputs or outputs, or one that reads other files.

    Args:
        data: The ONNX file's bytes.
        expected: Its inputs and outputs.
        where: The file, for messages.

    Raises:
        BundleError: With the difference.
    """
    found = read_signature(data, where=where)
    for kind in ("inputs", "outputs"):
        wanted, got = getattr(expected, kind), getattr(found, kind)
        if wanted != got:
            raise BundleError(
                f"{where}: the graph's {kind} are {_list(got)}; expected {_list(wanted)}"
            )


def read_signature(data: bytes, *, where: str) -> Signature:
    """Read a graph's inputs and outputs.

    Args:
        data: The ONNX file's bytes.
        where: The file, for messages.

    Raises:
        BundleError: It is truncated, no ONNX, or keeps tensors in other files.
    """
    try:
        return _read_model(memoryview(data), where)
    except (ValueError, IndexError) as error:
        raise BundleError(f"{where}: truncated, or no ONNX file ({error})") from None


def _list(ports: tuple[Port, ...]) -> str:
    return ", ".join(map(str, ports[:8])) or "none"


def _read_model(model: memoryview, where: str) -> Signature:
    graphs = []
    for number, value in _fields(model):
        if number == 7:  # graph
            graphs.append(_as_bytes(value))
        elif number in (20, 25):  # training_info, functions: ours have none, and they hold tensors
            raise ValueError("training graphs or functions")
    if len(graphs) != 1:
        raise ValueError(f"{len(graphs)} graphs found, expected 1")
    _check_tensors(graphs[0], where, 0)
    ports: dict[int, list[Port]] = {11: [], 12: []}  # input, output
    for number, value in _fields(graphs[0]):
        if number in ports:
            ports[number].append(_read_port(_as_bytes(value)))
    return Signature(tuple(ports[11]), tuple(ports[12]))


def _check_tensors(graph: memoryview, where: str, depth: int) -> None:
    """Refuse external tensors anywhere in a graph and the graphs inside it."""
    if depth > _MOST_NESTED:
        raise ValueError(f"graphs are nested deeper than {_MOST_NESTED}")
    for number, value in _fields(graph):
        if number == 1:  # node
            _check_node(_as_bytes(value), where, depth)
        elif number == 5:  # initializer
            _check_tensor(_as_bytes(value), where)
        elif number == 15:  # sparse_initializer
            _check_sparse(_as_bytes(value), where)


def _check_node(node: memoryview, where: str, depth: int) -> None:
    for number, attribute in _fields(node):
        if number != 5:  # attribute
            continue
        for part, value in _fields(_as_bytes(attribute)):
            if part in (5, 10):  # t, tensors
                _check_tensor(_as_bytes(value), where)
            elif part in (6, 11):  # g, graphs
                _check_tensors(_as_bytes(value), where, depth + 1)
            elif part in (22, 23):  # sparse_tensor, sparse_tensors
                _check_sparse(_as_bytes(value), where)


def _check_sparse(tensor: memoryview, where: str) -> None:
    for number, value in _fields(tensor):
        if number in (1, 2):  # values, indices
            _check_tensor(_as_bytes(value), where)


def _check_tensor(tensor: memoryview, where: str) -> None:
    for number, value in _fields(tensor):
        # external_data, or data_location: either is enough to mean it.
        if number == 13 or (number == 14 and value == _EXTERNAL):
            raise BundleError(
                f"{where}: the graph keeps tensors in other files, expected all in this one",
                hint="export it with external_data=False; shipseg export does",
            )


def _read_port(info: memoryview) -> Port:
    name, dtype, shape = "", "unknown", None
    for number, value in _fields(info):
        if number == 1:
            name = bytes(_as_bytes(value)).decode("utf-8")[:60]
        elif number == 2:  # type, of which tensor_type is 1
            for part, tensor in _fields(_as_bytes(value)):
                if part == 1:
                    dtype, shape = _read_type(_as_bytes(tensor))
    return Port(name, dtype, shape)


def _read_type(tensor: memoryview) -> tuple[str, tuple[int | None, ...] | None]:
    dtype, shape = "unknown", None
    for number, value in _fields(tensor):
        if number == 1:
            dtype = _DTYPES.get(int(value), f"of type {value}") if isinstance(value, int) else dtype
        elif number == 2:  # shape, of which dim is 1, of which dim_value is 1
            shape = tuple(
                next((v for k, v in _fields(_as_bytes(dim)) if k == 1 and isinstance(v, int)), None)
                for part, dim in _fields(_as_bytes(value))
                if part == 1
            )
    return dtype, shape


def _as_bytes(value: int | memoryview) -> memoryview:
    if isinstance(value, int):
        raise ValueError("a number where a message is due")
    return value


def _fields(message: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Yield number and value of each field; the bytes are not copied."""
    at, end = 0, len(message)
    while at < end:
        key, at = _varint(message, at)
        number, wire = key >> 3, key & 7
        if wire == 0:
            value, at = _varint(message, at)
            yield number, value
            continue
        if wire == 2:
            length, at = _varint(message, at)
        elif wire in (1, 5):
            length = 8 if wire == 1 else 4
        else:
            raise ValueError(f"wire type {wire}")
        if length > end - at:
            raise ValueError(f"a field of {length} bytes where {end - at} are left")
        yield number, message[at : at + length]
        at += length


def _varint(message: memoryview, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = message[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
        if shift > 63:
            raise ValueError("a number longer than 64 bits")
