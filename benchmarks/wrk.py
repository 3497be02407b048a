"""wrk (closed loop, for ceilings) with scripts of ours."""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from typing import NamedTuple

CREATE = """
local counter, keyed, token, size = 0, false, "", 1
local seed
function init(arguments)
  keyed, token, size = arguments[1] == "keys", arguments[2], tonumber(arguments[3])
  seed = arguments[4]
  local one = '{"body":"' .. string.rep("a message of about a hundred bytes, as people write ", 2) .. '"}'
  single = '{"message":' .. one .. '}'
  bulk = '{"messages":[' .. string.rep(one .. ",", size - 1) .. one .. "]}"
end
function request()
  counter = counter + 1
  local headers = {["Content-Type"] = "application/json"}
  if keyed then headers["Idempotency-Key"] = seed .. "-" .. counter end
  local path = "/api/v1/chat_applications/" .. token .. "/chats/" .. (counter % 100 + 1) .. "/messages"
  if size > 1 then return wrk.format("POST", path .. "/bulk", headers, bulk) end
  return wrk.format("POST", path, headers, single)
end
"""


class Result(NamedTuple):
    """What wrk saw; latencies in milliseconds."""

    requests_per_s: float
    p50: float
    p99: float
    requests: int
    errors: int


def run(url: str, seconds: int, script: str, *arguments: str, connections: int = 64) -> Result:
    """Load ``url`` with one thread of wrk."""
    if shutil.which("wrk") is None:
        raise SystemExit("wrk is missing: apt-get install wrk")
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as file:
        file.write(script)
        file.flush()
        options = ["--latency", "-t1", f"-c{connections}", f"-d{seconds}", "-s", file.name]
        command = ["wrk", *options, url, "--", *arguments]
        told = subprocess.run(command, check=True, capture_output=True, text=True).stdout  # noqa: S603 - our own command
    errors = re.search(r"Non-2xx or 3xx responses: (\d+)", told)
    return Result(
        requests_per_s=float(re.findall(r"Requests/sec:\s+([\d.]+)", told)[0]),
        p50=_ms(re.findall(r"^\s+50%\s+(\S+)", told, re.MULTILINE)[0]),
        p99=_ms(re.findall(r"^\s+99%\s+(\S+)", told, re.MULTILINE)[0]),
        requests=int(re.findall(r"(\d+) requests in", told)[0]),
        errors=int(errors[1]) if errors else 0,
    )


def _ms(text: str) -> float:
    number, unit = re.fullmatch(r"([\d.]+)(us|ms|s)", text).groups()  # type: ignore[union-attr]  # wrk's own form
    return float(number) * {"us": 0.001, "ms": 1.0, "s": 1000.0}[unit]
