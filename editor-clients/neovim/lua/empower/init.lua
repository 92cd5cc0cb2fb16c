-- Inline completions that stop where your uncertainty peaks: what a configuration calls.
local M = {}

local api = vim.api
local buffer = require('empower.buffer')
local ghost = require('empower.ghost')
local macro = require('empower.macro')
local server = require('empower.server')
local status = require('empower.status')

local PARTS = { word = ghost.word, line = ghost.line }

---@class empower.Options
---@field keys? table<string, string> keys by action (`accept`, `word`, `line`, `dismiss`, `next`, `trigger`); none by default
---@field debounce? integer milliseconds without a key before the server is asked; 20 by default

--- Insert the ghost text, or a part of it, in the order of the keys typed; from any map, expression maps included.
---@param part? 'word'|'line'
---@return boolean accepted whether there is any ghost text
local function accept(part)
  if not buffer.visible() then
    return false
  end
  -- Before what was typed since; undone by itself.
  local keys = '<C-g>u<Cmd>lua require("empower")._take(%s)<CR>'
  api.nvim_feedkeys(vim.keycode(keys:format(part and ('%q'):format(part) or '')), 'in', false)
  return true
end

function M._take(part)
  buffer.take(PARTS[part])
end

--- Accept all of the ghost text.
---@return boolean accepted false when there is none: do what the key does otherwise
function M.accept()
  return accept()
end

--- Accept its next word.
---@return boolean
function M.accept_word()
  return accept('word')
end

--- Accept it up to the end of its line.
---@return boolean
function M.accept_line()
  return accept('line')
end

--- Take it off the screen, and tell the server that it was not wanted.
---@return boolean
function M.dismiss()
  return buffer.dismiss()
end

--- Show another completion for the same place, if the model has one.
function M.next()
  buffer.next(vim.v.count1)
end

--- Show the one before.
function M.previous()
  buffer.next(-vim.v.count1)
end

--- Ask for a completion at the cursor, also where they are shown by hand only.
function M.trigger()
  buffer.trigger()
end

--- Show the rest of the statement too, or of the block that it opens, however unsure the model is of it.
function M.more()
  buffer.more()
end

--- Whether there is ghost text at the cursor.
---@return boolean
function M.visible()
  return buffer.visible()
end

--- Turn completions on or off until the server ends: for one language id, or for all.
---@param language? string
function M.toggle(language)
  server.run('empower.toggle', { language }, function(now)
    buffer.hide()
    local all = now.language == '*' and 'completions are' or ('completions for %s are'):format(now.language)
    server.say(('%s %s'):format(all, now.on and 'on' or 'off'))
    status.refresh()
  end)
end

--- For 'statusline': `empower`, with what is out of the ordinary; empty where no server is attached.
---@return string
function M.statusline()
  return status.line()
end

local function highlights()
  local links = {
    EmpowerGhost = 'ComplHint',
    EmpowerMore = 'DiagnosticVirtualTextHint',
    EmpowerHint = 'ComplHintMore',
    EmpowerBefore = 'LineNr',
    EmpowerBits1 = 'DiagnosticVirtualTextOk',
    EmpowerBits2 = 'DiagnosticVirtualTextHint',
    EmpowerBits3 = 'DiagnosticVirtualTextInfo',
    EmpowerBits4 = 'DiagnosticVirtualTextWarn',
    EmpowerBits5 = 'DiagnosticVirtualTextError',
    EmpowerCut = 'Comment',
  }
  for group, link in pairs(links) do
    api.nvim_set_hl(0, group, { link = link, default = true })
  end
end

--- Show the server's completions as ghost text; to be called once, before or after `vim.lsp.enable('empower')`.
---@param options? empower.Options
function M.setup(options)
  if vim.fn.has('nvim-0.12') == 0 then
    return server.say('Neovim 0.12 or newer is needed, and this is ' .. tostring(vim.version()), vim.log.levels.ERROR)
  end
  options = options or {}
  vim.validate('keys', options.keys, 'table', true)
  vim.validate('debounce', options.debounce, 'number', true)
  buffer.debounce = options.debounce or 20
  highlights()
  local group = api.nvim_create_augroup('empower', {})
  api.nvim_create_autocmd('ColorScheme', { group = group, callback = highlights })

  local function attach(client, bufnr)
    -- Neovim's own inline completion, should it be enabled, is not to show the same text again.
    client.server_capabilities.inlineCompletionProvider = nil
    server.enter_folder(client, bufnr)
    buffer.follow(client, bufnr)
  end
  api.nvim_create_autocmd({ 'LspAttach', 'LspDetach' }, {
    group = group,
    callback = function(event)
      local client = vim.lsp.get_client_by_id(event.data.client_id)
      if client and client.name == 'empower' then
        if event.event == 'LspAttach' then
          attach(client, event.buf)
        else
          buffer.forget(event.buf)
        end
      end
    end,
  })
  status.follow(group)
  macro.follow(group)
  server.watch(group)
  for _, client in ipairs(vim.lsp.get_clients({ name = 'empower' })) do
    for bufnr in pairs(client.attached_buffers) do
      attach(client, bufnr)
    end
  end
  local actions = {
    accept = M.accept,
    word = M.accept_word,
    line = M.accept_line,
    dismiss = M.dismiss,
    next = M.next,
    previous = M.previous,
    trigger = M.trigger,
    more = M.more,
  }
  require('empower.keys').map(options.keys or {}, actions, { trigger = true, more = true })
  M.ready = true
end

return M
