-- Reads one path of every chat in turn. Arguments: what follows a chat's path, chats, tokens.
local counter, requests = 0, {}
function init(arguments)
  for chat = 1, tonumber(arguments[2]) do
    for token in string.gmatch(arguments[3], "%x+") do
      requests[#requests + 1] = wrk.format("GET", "/api/v1/applications/" .. token .. "/chats/" .. chat .. arguments[1])
    end
  end
end
function request()
  counter = counter + 1
  return requests[counter % #requests + 1]
end
