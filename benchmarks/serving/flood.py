"""The flood's client, a process of its own: `ADDRESS REQUESTS FOLDER`. Writes what came back as JSON.

It holds a copy of every request that is under way: 1,500 of batch 64 are 6 GB. So it looks at the machine's
memory, and waits with the next while less than FREE bytes are left.
"""

import asyncio
import json
import sys
import time
from collections import Counter
from pathlib import Path

import grpc
import psutil

from benchmarks.serving.load import Client

FREE = 3e9
TIMEOUT_SECONDS = 300


async def main(address: str, requests: int, folder: Path) -> None:
    request = (folder / "flood.bin").read_bytes()
    (folder / "replies").mkdir()
    client, statuses, different = Client(address), Counter[str](), set[bytes]()

    async def call() -> None:
        try:
            reply = await client.infer(request)
        except grpc.RpcError as error:
            statuses[error.code().name] += 1
            return
        statuses["OK"] += 1
        if reply not in different and len(different) < 100:
            different.add(reply)

    start = time.perf_counter()
    tasks = []
    for _ in range(requests):
        tasks.append(asyncio.create_task(call()))
        await asyncio.sleep(0)
        while psutil.virtual_memory().available < FREE:
            await asyncio.sleep(0.05)
    await asyncio.wait_for(asyncio.gather(*tasks), TIMEOUT_SECONDS)
    seconds = time.perf_counter() - start
    await client.close()
    for number, reply in enumerate(different):
        (folder / "replies" / f"{number}.bin").write_bytes(reply)
    print(json.dumps({"statuses": statuses, "seconds": seconds}))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3])))
