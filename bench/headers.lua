-- wrk: what cases.py says of a case's headers. Arguments: bare, browser, varied, miss, small or round, and a seed
-- for paths.
local browser = {
  ["User-Agent"] = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
  ["Accept"] = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
  ["Accept-Language"] = "en-US,en;q=0.5",
  ["Accept-Encoding"] = "gzip, deflate, br, zstd",
  ["Referer"] = "http://127.0.0.1/index.html",
  ["Cookie"] = "sid=0123456789abcdef0123456789abcdef; theme=dark",
  ["Sec-Fetch-Dest"] = "document",
  ["Sec-Fetch-Mode"] = "navigate",
  ["Sec-Fetch-Site"] = "same-origin",
  ["DNT"] = "1",
  ["Upgrade-Insecure-Requests"] = "1",
  ["Priority"] = "u=0, i",
}
local requests, count, below, seed = {}, 0, nil, ""

function init(args)
  if args[1] ~= "bare" and args[1] ~= "small" then
    for name, value in pairs(browser) do wrk.headers[name] = value end
  end
  if args[1] == "varied" then
    for i = 1, 20000 do
      wrk.headers["Cookie"] = string.format("sid=%032x; theme=dark", i)
      requests[i] = wrk.format("GET")
    end
  elseif args[1] == "miss" or args[1] == "small" then
    below, seed = "/" .. args[1] .. "/", args[2]
  elseif args[1] == "round" then
    for i = 1, 20000 do requests[i] = wrk.format("GET", "/miss/round/" .. i) end
  else
    requests[1] = wrk.format("GET")
  end
end

function request()
  count = count + 1
  if below then return wrk.format("GET", below .. seed .. "/" .. count) end
  return requests[count % #requests + 1]
end
