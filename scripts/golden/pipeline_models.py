"""Write models that copy their input, for tests of pipelines.

Needs tensorflow-cpu==2.21.0 (for the schema only). Usage:

    python pipeline_models.py OUT.zip

Each model is one RESHAPE to [1, elements]; the name of its file is its case.
"""

import sys
import zipfile

import flatbuffers
import numpy as np
from tensorflow.lite.python import schema_py_generated as schema

MODELS = {
    "float4": ("FLOAT32", [1, 4], 0, 0),
    "int8x4": ("INT8", [1, 4], 1 / 256, -128),
    "logits3": ("INT8", [1, 3], 0.1, 0),
    "float64": ("FLOAT32", [1, 64], 0, 0),
    "micro": ("FLOAT32", [1, 49, 40, 1], 0, 0),
    "micro8": ("INT8", [1, 1960], 26 / 256, -128),
    "mfcc": ("FLOAT32", [1, 49, 10, 1], 0, 0),
    "lfbe": ("FLOAT32", [1, 30, 1, 40], 0, 0),
    "rgb8": ("UINT8", [1, 4, 4, 3], 1, 0),
    "gray": ("FLOAT32", [1, 4, 4, 1], 0, 0),
}


def tensor(name, dtype, shape, buffer, scale, zero):
    t = schema.TensorT()
    t.name, t.shape, t.buffer = name, shape, buffer
    t.type = getattr(schema.TensorType, dtype)
    if scale:
        t.quantization = schema.QuantizationParametersT()
        t.quantization.scale, t.quantization.zeroPoint = [scale], [zero]
    return t


def build(dtype, shape, scale, zero):
    n = int(np.prod(shape))
    op = schema.OperatorT()
    op.inputs, op.outputs = [0, 1], [2]
    op.builtinOptionsType = schema.BuiltinOptions.ReshapeOptions
    op.builtinOptions = schema.ReshapeOptionsT()
    op.builtinOptions.newShape = [1, n]
    graph = schema.SubGraphT()
    graph.tensors = [
        tensor("in", dtype, shape, 0, scale, zero),
        tensor("shape", "INT32", [2], 1, 0, 0),
        tensor("out", dtype, [1, n], 0, scale, zero),
    ]
    graph.inputs, graph.outputs, graph.operators = [0], [2], [op]
    model = schema.ModelT()
    model.version, model.description = 3, "copy"
    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.RESHAPE
    code.version = 1
    model.operatorCodes, model.subgraphs = [code], [graph]
    shape_buffer = schema.BufferT()
    shape_buffer.data = np.array([1, n], "<i4").view(np.uint8)
    model.buffers = [schema.BufferT(), shape_buffer]
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def main(out):
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as z:
        for name, args in MODELS.items():
            z.writestr(zipfile.ZipInfo(name + ".tflite"), build(*args), zipfile.ZIP_DEFLATED)


if __name__ == "__main__":
    main(*sys.argv[1:])
