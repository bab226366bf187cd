"""tritonclient against a running agent: ADDRESS GRPC-ADDRESS FILE, where it leaves what the model gave."""

import os
import sys

import numpy as np
import tritonclient.grpc as triton_grpc
import tritonclient.http as triton
from tritonclient.utils import InferenceServerException

MODEL, INPUT = "machine", "serving_default_input:0"
HEADERS = {"Authorization": "Bearer " + os.environ["TOKEN"]}  # clients get a copy: tritonclient adds its own


def sample(seed):
    return np.random.default_rng(seed).integers(-128, 128, (1, 51), dtype=np.int8)


def triton_http(address):
    """Binary and JSON tensors give the same; refusals come as its exception."""
    client = triton.InferenceServerClient(address)
    assert client.is_server_live(headers=dict(HEADERS)) and client.is_server_ready(headers=dict(HEADERS))
    assert client.is_model_ready(MODEL, headers=dict(HEADERS))
    assert "binary_tensor_data" in client.get_server_metadata(headers=dict(HEADERS))["extensions"]
    meta = client.get_model_metadata(MODEL, headers=dict(HEADERS))
    assert meta["inputs"][0]["name"] == INPUT and meta["inputs"][0]["shape"] == [1, 51], meta
    output = meta["outputs"][0]["name"]
    for seed in range(20):
        answers = []
        for binary in (True, False):
            x = triton.InferInput(INPUT, [1, 51], "INT8")
            x.set_data_from_numpy(sample(seed), binary_data=binary)
            y = triton.InferRequestedOutput(output, binary_data=binary)
            r = client.infer(MODEL, [x], outputs=[y], request_id=str(seed), headers=dict(HEADERS))
            assert r.get_response()["id"] == str(seed) and r.get_response()["model_version"] == "1.0.0"
            answers.append(r.as_numpy(output))
        assert np.array_equal(*answers), answers
    x = triton.InferInput(INPUT, [1, 3], "INT8")
    x.set_data_from_numpy(np.zeros((1, 3), np.int8))
    try:
        client.infer(MODEL, [x], headers=dict(HEADERS))
        raise AssertionError("a wrong shape was taken")
    except InferenceServerException as e:
        assert "the model takes [1 51]" in str(e), e
    names = {m["name"]: m["state"] for m in client.get_model_repository_index(headers=dict(HEADERS))}
    assert names == {"machine": "READY", "digits": "READY"}, names
    client.unload_model("digits", headers=dict(HEADERS))
    assert not client.is_model_ready("digits", headers=dict(HEADERS))
    client.load_model("digits", headers=dict(HEADERS))
    assert client.is_model_ready("digits", headers=dict(HEADERS))
    return output, answers[0]


def triton_over_grpc(address, output, want):
    """Raw tensors, the numbers' own fields, the repository, and refusals by their code."""
    client = triton_grpc.InferenceServerClient(address)
    headers = {k.lower(): v for k, v in HEADERS.items()}
    assert client.is_server_live() and client.is_server_ready()
    assert client.is_model_ready(MODEL, headers=headers) and not client.is_model_ready("nobody", headers=headers)
    meta = client.get_model_metadata(MODEL, headers=headers)
    assert meta.inputs[0].name == INPUT and list(meta.inputs[0].shape) == [1, 51], meta
    assert "model_repository" in client.get_server_metadata(headers=headers).extensions
    for version in ("", "1.0.0"):
        x = triton_grpc.InferInput(INPUT, [1, 51], "INT8")
        x.set_data_from_numpy(sample(19))
        r = client.infer(MODEL, [x], model_version=version, outputs=[triton_grpc.InferRequestedOutput(output)], request_id="7", headers=headers)
        assert np.array_equal(r.as_numpy(output), want) and r.get_response().id == "7" and r.get_response().model_version == "1.0.0"
    index = {m.name: m.state for m in client.get_model_repository_index(headers=headers).models}
    assert index == {"machine": "READY", "digits": "READY"}, index
    client.unload_model("digits", headers=headers)
    assert not client.is_model_ready("digits", headers=headers)
    client.load_model("digits", headers=headers)
    short = triton_grpc.InferInput(INPUT, [1, 3], "INT8")
    short.set_data_from_numpy(np.zeros((1, 3), np.int8))
    for what, model, inputs, h in (
        ("INVALID_ARGUMENT", MODEL, [short], headers),
        ("NOT_FOUND", "nobody", [x], headers),
        ("UNAUTHENTICATED", MODEL, [x], {}),
        ("UNAUTHENTICATED", MODEL, [x], {"authorization": "Bearer of another token"}),
        ("UNAUTHENTICATED", MODEL, [x], {"authorization": "Basic eDp5"}),
    ):
        try:
            client.infer(model, inputs, headers=h)
            raise AssertionError(what + " was answered")
        except InferenceServerException as e:
            assert e.status() == "StatusCode." + what, (what, e.status(), e)
    client.close()


def main():
    output, want = triton_http(sys.argv[1])
    print("tritonclient[http]: 41 requests, binary and JSON tensors equal")
    triton_over_grpc(sys.argv[2], output, want)
    print("tritonclient[grpc]: raw tensors, repository, 5 refusals by their code")
    np.save(sys.argv[3], want)


main()
