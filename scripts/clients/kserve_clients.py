"""kserve's clients against a running agent: ADDRESS GRPC-ADDRESS FILE, where it finds what the model must give.

A process of its own, since both packages bring the protocol's messages by the same names.
"""

import asyncio
import os
import sys

import numpy as np
from kserve import InferenceGRPCClient, InferenceRESTClient, InferInput, InferRequest, RESTConfig

MODEL, INPUT = "machine", "serving_default_input:0"
HEADERS = {"Authorization": "Bearer " + os.environ["TOKEN"]}  # clients get a copy: tritonclient adds its own


def sample(seed):
    return np.random.default_rng(seed).integers(-128, 128, (1, 51), dtype=np.int8)


async def kserve_rest(address, want):
    """kserve's client, both protocols it speaks over REST."""
    client = InferenceRESTClient(RESTConfig(protocol="v2"))
    base = "http://" + address
    assert await client.is_server_live(base, headers=dict(HEADERS))
    assert await client.is_server_ready(base, headers=dict(HEADERS))
    assert await client.is_model_ready(base, MODEL, headers=dict(HEADERS))
    for binary in (False, True):
        x = InferInput(INPUT, [1, 51], "INT8")
        x.set_data_from_numpy(sample(19), binary_data=binary)
        r = await client.infer(base, InferRequest(MODEL, [x]), model_name=MODEL, headers=dict(HEADERS))
        got = r.outputs[0].as_numpy()
        assert np.array_equal(got.reshape(want.shape), want), (got, want)
    await client.close()
    client = InferenceRESTClient(RESTConfig(protocol="v1"))
    r = await client.infer("http://" + address, {"instances": sample(19).tolist()}, model_name=MODEL, headers=dict(HEADERS))
    got = np.array(r["predictions"])
    assert np.array_equal(got, want), (got, want)
    await client.close()


async def kserve_grpc(address, want):
    """kserve's client, which fills the numbers' own fields."""
    client = InferenceGRPCClient(address)
    headers = [("authorization", HEADERS["Authorization"])]
    x = InferInput(INPUT, [1, 51], "INT8", data=sample(19).flatten().tolist())
    r = await client.infer(InferRequest(MODEL, [x]), headers=headers)
    assert np.array_equal(r.outputs[0].as_numpy().reshape(want.shape), want), r
    await client.close()


def main():
    want = np.load(sys.argv[3])
    asyncio.run(kserve_rest(sys.argv[1], want))
    print("kserve InferenceRESTClient: v2 with JSON and binary tensors, v1")
    asyncio.run(kserve_grpc(sys.argv[2], want))
    print("kserve InferenceGRPCClient: numbers in their own fields")


main()
