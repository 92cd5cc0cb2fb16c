-- Types lines into this Neovim, key by key, and notes for each key when its ghost text was asked for, answered and drawn.
--
-- Times are milliseconds since the key was put into Neovim's input queue.
local given = vim.json.decode(table.concat(vim.fn.readfile(vim.env.EMPOWER_BENCHMARK), '\n'))
local api, METHOD = vim.api, 'textDocument/inlineCompletion'

local notes = {} ---@type table[] a key each
local now ---@type table? the note of the newest key

vim.opt.runtimepath:append(given.client)
vim.opt.swapfile = false
vim.opt.indentexpr = ''
vim.lsp.config('empower', { cmd = { given.script, '--stdio' }, root_markers = {} })
if given.built_in then
  vim.lsp.inline_completion.enable()
else
  require('empower').setup({})
end
vim.lsp.enable('empower')

local function since(note)
  return (vim.uv.hrtime() - note.began) / 1e6
end

--- Whether ghost text is drawn: what either way of drawing it uses.
local function drawn()
  for _, name in ipairs({ 'empower', 'nvim.lsp.inline_completion' }) do
    local namespace = api.nvim_get_namespaces()[name]
    local marks = namespace and api.nvim_buf_get_extmarks(0, namespace, 0, -1, { details = true }) or {}
    for _, mark in ipairs(marks) do
      if mark[4].virt_text and mark[4].virt_text[1][1] ~= '' then
        return true
      end
    end
  end
  return false
end

-- A screen that is drawn while the newest key is in the text, and shows ghost text.
api.nvim_set_decoration_provider(api.nvim_create_namespace('benchmark'), {
  on_end = function()
    local line = now and api.nvim_get_current_line()
    if line and not now.drawn and vim.startswith(line, now.before) and drawn() then
      now.drawn = since(now)
    end
  end,
})

--- Note the requests of a client, and what the engine's part of each answer was.
local function watch(client)
  local request, last = client.request, nil
  client.request = function(self, method, params, handler, bufnr)
    if method ~= METHOD or not now then
      return request(self, method, params, handler, bufnr)
    end
    local note = now
    note.asked = note.asked or since(note)
    return request(self, method, params, function(problem, result, context)
      note.answered = note.answered or since(note)
      request(self, 'workspace/executeCommand', { command = 'empower.why' }, function(_, why)
        local text = vim.json.encode(why)
        note.engine = text ~= last and why and why.totalMs or 0
        last = text
      end, bufnr)
      return handler(problem, result, context)
    end, bufnr)
  end
end

--- Let Neovim go on, keys included, and come back; only inside a coroutine.
local function sleep(milliseconds)
  local thread = coroutine.running()
  vim.defer_fn(function()
    assert(coroutine.resume(thread))
  end, milliseconds)
  coroutine.yield()
end

local function type_lines()
  for _, line in ipairs(given.lines) do
    local above = vim.split(line.above, '\n', { plain = true })
    local text = vim.split(line.above .. line.below, '\n', { plain = true })
    api.nvim_buf_set_lines(0, 0, -1, false, text)
    api.nvim_win_set_cursor(0, { #above, math.max(0, #above[#above] - 1) })
    api.nvim_input('A')
    sleep(given.pause)
    local before = above[#above]
    for number, key in ipairs(line.keys) do
      before = before .. key
      now = { began = vim.uv.hrtime(), before = before }
      api.nvim_input(key == '<' and '<LT>' or key)
      sleep(math.floor(line.gaps[number]))
      table.insert(notes, now)
    end
    now = nil
    api.nvim_input('<Esc>')
    sleep(given.pause)
  end
end

local function ready()
  local client = vim.lsp.get_clients({ name = 'empower' })[1]
  local command = { command = 'empower.status' }
  local answer = client and client:request_sync('workspace/executeCommand', command, 5000)
  return answer and answer.result and answer.result.engine == 'ready'
end

coroutine.wrap(function()
  for _ = 1, 100 do
    sleep(300)
    if ready() then
      watch(vim.lsp.get_clients({ name = 'empower' })[1])
      type_lines()
      break
    end
  end
  vim.fn.writefile({ vim.json.encode(notes) }, given.out)
  vim.cmd('qa!')
end)()
