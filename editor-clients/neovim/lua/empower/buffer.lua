-- Follows the typing in a buffer: asks for completions, and shows them for as long as the text agrees with them.
--
-- Neovim's own `vim.lsp.inline_completion` is not used: it waits 200 ms after each key, may show late answers, asks
-- again for every key typed along, and has no way to tell what is shown or to take a part of it.
local M = {}

local api = vim.api
local ghost = require('empower.ghost')

local METHOD = 'textDocument/inlineCompletion'
local INVOKED, AUTOMATIC = 1, 2 -- the protocol's trigger kinds

---@class empower.Buffer
---@field bufnr integer
---@field client vim.lsp.Client
---@field timer uv.uv_timer_t
---@field asked? { place: empower.Place, request: integer? } the newest request, while it is under way
---@field offers empower.Ghost[] what the last answer offers, all at one place
---@field chosen integer which of them is shown
---@field drawn? integer the extmark that shows it
---@field told? string id of the completion that the server was last told is shown
---@field state string what the text and the cursor were when they were last looked at

local followed = {} ---@type table<integer, empower.Buffer>

M.debounce = 20 -- milliseconds without a key before a request: keys in one burst ask once

---@return empower.Buffer?
local function current()
  return followed[api.nvim_get_current_buf()]
end

local function inserting()
  return api.nvim_get_mode().mode:sub(1, 1) == 'i'
end

---@param buffer empower.Buffer
local function erase(buffer)
  if buffer.drawn then
    pcall(api.nvim_buf_del_extmark, buffer.bufnr, ghost.namespace, buffer.drawn)
    buffer.drawn = nil
  end
end

---@param buffer empower.Buffer
local function withdraw(buffer)
  erase(buffer)
  if buffer.offers[1] then
    ghost.leave(buffer.offers[1].place)
    buffer.offers = {}
  end
end

---@param buffer empower.Buffer
local function cancel(buffer)
  buffer.timer:stop()
  local asked = buffer.asked
  buffer.asked = nil
  if asked then
    ghost.leave(asked.place)
    if asked.request and not buffer.client:is_stopped() then
      buffer.client:cancel_request(asked.request)
    end
  end
end

--- Tell the server that a completion is on the screen, once.
---@param buffer empower.Buffer
---@param offer empower.Ghost
local function tell_shown(buffer, offer)
  local id = vim.tbl_get(offer.item, 'command', 'arguments', 1)
  if type(id) == 'string' and id ~= buffer.told then
    buffer.told = id
    buffer.client:notify('textDocument/didShowCompletion', { item = offer.item })
  end
end

--- Draw what is left of the chosen completion; false when nothing is.
---@param buffer empower.Buffer
---@param hint? string
---@return boolean
local function show(buffer, hint)
  local offer = buffer.offers[buffer.chosen]
  local rest = offer and inserting() and ghost.rest(offer)
  if not rest then
    withdraw(buffer)
    return false
  end
  erase(buffer)
  buffer.drawn = ghost.draw(rest, hint)
  tell_shown(buffer, offer)
  return true
end

---@param buffer empower.Buffer
---@param asked { place: empower.Place }
---@param items lsp.InlineCompletionItem[]
local function answered(buffer, asked, items)
  if buffer.asked ~= asked then
    return -- superseded: its place is gone
  end
  buffer.asked = nil
  withdraw(buffer)
  for _, item in ipairs(items) do
    local offer = ghost.of(asked.place, buffer.client, item)
    if offer then
      table.insert(buffer.offers, offer)
    end
  end
  if #buffer.offers == 0 then
    ghost.leave(asked.place)
    return
  end
  buffer.chosen = 1
  show(buffer)
end

---@param buffer empower.Buffer
---@param kind integer
local function ask(buffer, kind)
  if current() ~= buffer or not inserting() or buffer.client:is_stopped() then
    return
  end
  local older = buffer.asked
  local asked = { place = ghost.here() }
  local params = vim.lsp.util.make_position_params(0, buffer.client.offset_encoding)
  params.context = { triggerKind = kind }
  buffer.asked = asked
  local _, request = buffer.client:request(METHOD, params, function(_, result)
    answered(buffer, asked, result and (result.items or result) or {})
  end, buffer.bufnr)
  asked.request = request
  if older then -- after the new request: the server keeps work that both want
    ghost.leave(older.place)
    if older.request then
      buffer.client:cancel_request(older.request)
    end
  end
end

--- Text or cursor may have changed: go on showing what agrees, else ask.
---@param buffer empower.Buffer
local function look(buffer)
  local state = table.concat({ vim.b.changedtick, unpack(api.nvim_win_get_cursor(0)) }, ' ')
  if state == buffer.state then
    return -- a key comes with several events
  end
  buffer.state = state
  if show(buffer) then
    return cancel(buffer)
  end
  buffer.timer:start(M.debounce, 0, vim.schedule_wrap(function()
    ask(buffer, AUTOMATIC)
  end))
end

--- Follow a buffer for a client.
---@param client vim.lsp.Client
---@param bufnr integer
function M.follow(client, bufnr)
  M.forget(bufnr)
  local buffer = {
    bufnr = bufnr,
    client = client,
    timer = assert(vim.uv.new_timer()),
    offers = {},
    chosen = 1,
    state = '',
  }
  followed[bufnr] = buffer
  local group = api.nvim_create_augroup('empower.buffer.' .. bufnr, {})
  api.nvim_create_autocmd({ 'InsertEnter', 'TextChangedI', 'TextChangedP', 'CursorMovedI' }, {
    group = group,
    buffer = bufnr,
    callback = function(event)
      if event.event == 'InsertEnter' then
        buffer.state = ''
        vim.schedule(function() -- the mode is entered after the event
          if current() == buffer and inserting() then
            look(buffer)
          end
        end)
      else
        look(buffer)
      end
    end,
  })
  api.nvim_create_autocmd({ 'InsertLeave', 'BufLeave' }, {
    group = group,
    buffer = bufnr,
    callback = function()
      M.dismiss(bufnr)
    end,
  })
  if api.nvim_get_current_buf() == bufnr and inserting() then
    look(buffer)
  end
end

--- Follow a buffer no longer.
---@param bufnr integer
function M.forget(bufnr)
  local buffer = followed[bufnr]
  if buffer then
    M.dismiss(bufnr)
    buffer.timer:close()
    followed[bufnr] = nil
    api.nvim_del_augroup_by_name('empower.buffer.' .. bufnr)
  end
end

--- Whether ghost text can be accepted at the cursor, as the text is now.
---@return boolean
function M.visible()
  local buffer = current()
  local offer = buffer and inserting() and buffer.offers[buffer.chosen]
  return offer and ghost.rest(offer) ~= nil or false
end

--- Insert all of the ghost text or a part of it, and tell the server.
---@param part? fun(rest: string): string the part; all without it
function M.take(part)
  local buffer = current()
  local offer = buffer and inserting() and buffer.offers[buffer.chosen]
  local rest = offer and ghost.rest(offer)
  if not buffer or not offer or not rest then
    return
  end
  local taken = part and part(rest) or rest
  local lines = vim.split(taken, '\n', { plain = true })
  local row, column = unpack(api.nvim_win_get_cursor(0))
  api.nvim_buf_set_text(buffer.bufnr, row - 1, column, row - 1, column, lines)
  api.nvim_win_set_cursor(0, { row + #lines - 1, (#lines == 1 and column or 0) + #lines[#lines] })
  if #taken < #rest then
    local reached = ghost.reached(offer, rest:sub(#taken + 1))
    local params = { item = offer.item, acceptedLength = reached }
    buffer.client:notify('textDocument/didPartiallyAcceptCompletion', params)
  elseif offer.item.command then
    buffer.client:exec_cmd(offer.item.command, { bufnr = buffer.bufnr }, function() end)
  end
  look(buffer)
end

--- Take the ghost text off the screen, and drop the request under way.
---@param bufnr? integer the current buffer without it
---@return boolean dismissed whether there was any
function M.dismiss(bufnr)
  local buffer = followed[bufnr or api.nvim_get_current_buf()]
  if not buffer then
    return false
  end
  local was = buffer.drawn ~= nil
  cancel(buffer)
  withdraw(buffer)
  return was
end

--- Show the next of several completions.
---@param count integer how many further
function M.next(count)
  local buffer = current()
  if buffer and M.visible() and #buffer.offers > 1 then
    buffer.chosen = (buffer.chosen - 1 + count) % #buffer.offers + 1
    show(buffer, (' (%d/%d)'):format(buffer.chosen, #buffer.offers))
  end
end

--- Ask now, as a person who wants a completion here.
function M.trigger()
  local buffer = current()
  if buffer then
    M.dismiss()
    ask(buffer, INVOKED)
  end
end

return M
