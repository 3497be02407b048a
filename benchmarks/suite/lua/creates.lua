-- Creates over all applications and chats in turn. Arguments: none|keys, messages a request, a seed, chats, tokens.
-- Requests are made ready before the first is sent: a generator that formats takes twice the CPU.
local seed, keyed, counter, requests, heads, tails = "", false, 0, {}, {}, {}
function init(arguments)
  local size, chats = tonumber(arguments[2]), tonumber(arguments[4])
  keyed, seed = arguments[1] == "keys", arguments[3]
  local one = '{"body":"' .. string.rep("a message of about a hundred bytes, as people write ", 2) .. '"}'
  local body, last = '{"message":' .. one .. '}', "/messages"
  if size > 1 then
    body, last = '{"messages":[' .. string.rep(one .. ",", size - 1) .. one .. "]}", "/messages/bulk"
  end
  local headers = {["Content-Type"] = "application/json"}
  if keyed then headers["Idempotency-Key"] = "@KEY@" end
  for chat = 1, chats do
    for token in string.gmatch(arguments[5], "%x+") do
      local path = "/api/v1/applications/" .. token .. "/chats/" .. chat .. last
      local request = wrk.format("POST", path, headers, body)
      requests[#requests + 1] = request
      heads[#heads + 1], tails[#tails + 1] = string.match(request, "^(.*)@KEY@(.*)$")
    end
  end
end
function request()
  counter = counter + 1
  local at = counter % #requests + 1
  if keyed then return heads[at] .. seed .. "-" .. counter .. tails[at] end
  return requests[at]
end
