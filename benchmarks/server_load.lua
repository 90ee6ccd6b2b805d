-- For wrk, driven by server_load.py: tiles in turn as raw bodies, statuses counted, one JSON line.
-- Arguments after "--": a file that lists the tiles' paths, one a line; milliseconds to wait after
-- a refusal.
local threads = {}

function setup(thread)
  table.insert(threads, thread)
end

function init(args)
  bodies, turn, statuses = {}, 0, {}
  for path in io.lines(args[1]) do
    local file = assert(io.open(path, "rb"))
    table.insert(bodies, file:read("*a"))
    file:close()
  end
  wrk.method = "POST"
  wrk.headers["Content-Type"] = "application/octet-stream"
  wrk.headers["Accept"] = "application/json"
  patience, refused = tonumber(args[2] or 0), false
end

function request()
  turn = turn % #bodies + 1
  return wrk.format(nil, nil, nil, bodies[turn])
end

function delay()
  return refused and patience or 0
end

function response(status)
  refused = status == 503
  statuses[status] = (statuses[status] or 0) + 1
  counted = ""
  for code, count in pairs(statuses) do counted = counted .. code .. ":" .. count .. " " end
end

function done(summary, latency)
  local total = {}
  for _, thread in ipairs(threads) do
    for code, count in (thread:get("counted") or ""):gmatch("(%d+):(%d+)") do
      total[code] = (total[code] or 0) + tonumber(count)
    end
  end
  local parts = {}
  for code, count in pairs(total) do table.insert(parts, string.format('"%s":%d', code, count)) end
  local e = summary.errors
  print(string.format(
    '{"requests":%d,"seconds":%.3f,"p50_ms":%.1f,"p99_ms":%.1f,"statuses":{%s},' ..
    '"errors":{"connect":%d,"read":%d,"write":%d,"timeout":%d}}',
    summary.requests, summary.duration / 1e6, latency:percentile(50) / 1e3,
    latency:percentile(99) / 1e3, table.concat(parts, ","), e.connect, e.read, e.write, e.timeout))
end
