-- Carries calls from standard input, a JSON list [method, argument...] a line, to the Neovim that listens at arg[1].
local channel = vim.fn.sockconnect('pipe', arg[1], { rpc = true })
for line in io.lines() do
  local call = vim.json.decode(line)
  local ok, result = pcall(vim.rpcrequest, channel, unpack(call))
  io.write(vim.json.encode(ok and { result = result } or { problem = tostring(result) }), '\n')
  io.flush()
end
