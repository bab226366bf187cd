"""tritonclient and kserve against a server of the demo's bundles."""

import asyncio
import os
import sys

import numpy as np
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


async def kserve_rest(address, output, want):
    """kserve's client, both protocols it speaks over REST."""
    from kserve import InferenceRESTClient, RESTConfig, InferInput, InferRequest

    for protocol in ("v2",):
        client = InferenceRESTClient(RESTConfig(protocol=protocol))
        base = "http://" + address
        assert await client.is_server_live(base, headers=dict(HEADERS))
        assert await client.is_server_ready(base, headers=dict(HEADERS))
        assert await client.is_model_ready(base, MODEL, headers=dict(HEADERS))
        for binary in (False, True):
            x = InferInput(INPUT, [1, 51], "INT8")
            x.set_data_from_numpy(sample(19), binary_data=binary)
            r = await client.infer(base, InferRequest(MODEL, [x]), model_name=MODEL, headers=dict(HEADERS))
            got = r.outputs[0].as_numpy()
            assert r.outputs[0].name == output and np.array_equal(got.reshape(want.shape), want), (got, want)
        await client.close()
    client = InferenceRESTClient(RESTConfig(protocol="v1"))
    r = await client.infer("http://" + address, {"instances": sample(19).tolist()}, model_name=MODEL, headers=dict(HEADERS))
    got = np.array(r["predictions"])
    assert np.array_equal(got, want), (got, want)
    await client.close()


def main():
    address = sys.argv[1]
    output, want = triton_http(address)
    print("tritonclient[http]: 41 requests, binary and JSON tensors equal")
    asyncio.run(kserve_rest(address, output, want))
    print("kserve InferenceRESTClient: v2 with JSON and binary tensors, v1")


main()
