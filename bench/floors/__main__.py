"""`python -m bench.floors bare|web|aiohttp|ccxt PORT CONNECTIONS asked|streamed|mixed`: one floor.

`bare`: a bare protocol in and out. `web`: aiohttp's server in, a bare protocol out. `aiohttp`: aiohttp both
ways, tuned. `ccxt`: aiohttp's server in, ccxt out, which asks whatever the way is.
"""

import asyncio
import json
import sys

import uvloop

from bench.floors.by_aiohttp import AiohttpCycle
from bench.floors.by_ccxt import CcxtCycle
from bench.floors.cycle import BareCycle, Cycle
from bench.floors.inbound import serve_bare, serve_web


async def _run(kind: str, port: int, connections: int, way: str) -> None:
    if kind == "bare":
        listening = await serve_bare(BareCycle(port, connections, way))
    else:
        cycle: Cycle
        if kind == "ccxt":
            cycle = await CcxtCycle.open(port, connections)
        elif kind == "aiohttp":
            cycle = AiohttpCycle(port, connections, way)
        else:
            cycle = BareCycle(port, connections, way)
        listening = await serve_web(cycle)
    print(json.dumps({"event": "listening", "port": listening}), file=sys.stderr, flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    kind, port, connections, way = sys.argv[1:5]
    uvloop.run(_run(kind, int(port), int(connections), way))
