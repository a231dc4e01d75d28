"""Runs the Autobahn cases against the WebSocket server at a URL, and says one JSON line a case.

Sections 12 and 13 are about compression, which the server does not offer.
"""

import asyncio
import json
import sys

from kosoku import FailureError, run_fuzzingclient

SECTIONS = ["1.*", "2.*", "3.*", "4.*", "5.*", "6.*", "7.*", "9.*", "10.*"]


async def main(url: str) -> None:
    try:
        results = await run_fuzzingclient(url, SECTIONS, concurrency=8)
    except FailureError as failure:
        results = failure.results
    for result in results:
        case = {
            "case": result.case_id,
            "behavior": result.behavior.value,
            "close": result.behavior_close.value,
            "code": result.remote_close_code,
            "codes": result.expected_close["closeCode"],
            "why": f"{result.result} {result.result_close}",
        }
        print(json.dumps(case))


asyncio.run(main(sys.argv[1]))
