-- Follows the typing in a buffer: asks for completions, and shows them for as long as the text agrees with them.
--
-- Neovim's own `vim.lsp.inline_completion` is not used: it waits 200 ms after each key, may show late answers, asks
-- again for every key typed along, and has no way to tell what is shown or to take a part of it.
local M = {}

local api = vim.api
local deep = require('empower.deep')
local ghost = require('empower.ghost')
local macro = require('empower.macro')
local screen = require('empower.screen')

local METHOD, MORE = 'textDocument/inlineCompletion', 'textDocument/moreInlineCompletion'
local INVOKED, AUTOMATIC = 1, 2 -- the protocol's trigger kinds

---@class empower.Buffer
---@field bufnr integer
---@field client vim.lsp.Client
---@field timer uv.uv_timer_t
---@field asked? empower.Asked the newest request, while it is under way
---@field offers empower.Ghost[] what the last answer offers, all at one place
---@field chosen integer which of them is shown
---@field by_hand boolean whether they were asked for by hand: then there are no others
---@field drawn? integer the extmark that shows it
---@field told? string id of the completion that the server was last told is shown
---@field state string what the text and the cursor were when they were last looked at

---@class empower.Asked
---@field place empower.Place
---@field request? integer
---@field by_hand boolean
---@field further integer how many further than the first to show

local LINES_BEFORE = 4

local last ---@type empower.Ghost? the completion that was answered last
local followed = {} ---@type table<integer, empower.Buffer>

M.debounce = 20 -- milliseconds without a key before a request: keys in one burst ask once

---@return empower.Buffer?
local function current()
  return followed[api.nvim_get_current_buf()]
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

---@param buffer empower.Buffer
---@param asked empower.Asked
---@param items lsp.InlineCompletionItem[]
local function answered(buffer, asked, items)
  if buffer.asked ~= asked then
    return -- superseded: its place is gone
  end
  buffer.asked = nil
  screen.withdraw(buffer)
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
  buffer.chosen, buffer.by_hand = 1, asked.by_hand
  last = buffer.offers[1]
  if asked.further == 0 then
    screen.show(buffer)
  else
    screen.step(buffer, asked.further)
  end
end

---@param buffer empower.Buffer
---@param kind integer
---@param further? integer how many further than the first to show
---@param method? string
local function ask(buffer, kind, further, method)
  if current() ~= buffer or not screen.inserting() or buffer.client:is_stopped() then
    return
  end
  local older = buffer.asked
  local asked = { place = ghost.here(), by_hand = kind == INVOKED, further = further or 0 }
  local params = vim.lsp.util.make_position_params(0, buffer.client.offset_encoding)
  params.context = { triggerKind = kind }
  buffer.asked = asked
  local _, request = buffer.client:request(method or METHOD, params, function(_, result)
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
  if screen.show(buffer) then
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
    by_hand = false,
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
          if current() == buffer and screen.inserting() then
            look(buffer)
          end
        end)
      else
        look(buffer)
      end
    end,
  })
  deep.follow(client, bufnr, group)
  api.nvim_create_autocmd({ 'InsertLeave', 'BufLeave', 'WinLeave' }, {
    group = group,
    buffer = bufnr,
    callback = function()
      M.hide(bufnr)
    end,
  })
  if api.nvim_get_current_buf() == bufnr and screen.inserting() then
    look(buffer)
  end
end

--- Follow a buffer no longer.
---@param bufnr integer
function M.forget(bufnr)
  local buffer = followed[bufnr]
  if buffer then
    M.hide(bufnr)
    buffer.timer:close()
    followed[bufnr] = nil
    api.nvim_del_augroup_by_name('empower.buffer.' .. bufnr)
  end
end

--- The lines before a completion, if it is the one that was answered last, or what that is the rest of.
---@param text string
---@return string
function M.before(text)
  local place = last and vim.endswith(text, last.item.insertText) and last.place
  if not place or not api.nvim_buf_is_loaded(place.bufnr) then
    return ''
  end
  local lines = api.nvim_buf_get_lines(place.bufnr, math.max(0, place.line - LINES_BEFORE), place.line, false)
  table.insert(lines, (place.head:sub(1, #place.head - #last.skipped - #text + #last.item.insertText)))
  return table.concat(lines, '\n')
end

--- Whether ghost text can be accepted at the cursor, as the text is now.
---@return boolean
function M.visible()
  local buffer = current()
  local offer = buffer and screen.inserting() and buffer.offers[buffer.chosen]
  return offer and ghost.rest(offer) ~= nil or false
end

--- Insert all of the ghost text or a part of it, and tell the server.
---@param part? fun(rest: string): string the part; all without it
function M.take(part)
  local buffer = current()
  local offer = buffer and screen.inserting() and buffer.offers[buffer.chosen]
  local rest = offer and ghost.rest(offer)
  if not buffer or not offer or not rest then
    return
  end
  local taken = part and part(rest) or rest
  api.nvim_paste(taken, false, -1) -- literally, and so that `.` repeats it
  macro.inserted(taken)
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
function M.hide(bufnr)
  local buffer = followed[bufnr or api.nvim_get_current_buf()]
  if buffer then
    cancel(buffer)
    screen.withdraw(buffer)
  end
end

--- Take it off the screen because it is not wanted, and tell the server so.
---@return boolean dismissed whether there was any
function M.dismiss()
  local buffer = current()
  local offer = buffer and buffer.drawn and buffer.offers[buffer.chosen]
  if buffer and offer and screen.id_of(offer) then
    buffer.client:notify('textDocument/didDismissCompletion', { item = offer.item })
  end
  M.hide()
  return offer ~= nil
end

--- Show another of several completions; where none was asked for by hand, the server is asked for some.
---@param count integer how many further; below zero, back
function M.next(count)
  local buffer = current()
  if not buffer or not M.visible() then
    return
  elseif #buffer.offers > 1 or buffer.by_hand then
    screen.step(buffer, count)
  else
    ask(buffer, INVOKED, count)
  end
end

--- Ask again, since the server has found a better text: it says whether that may take the place of what is shown.
---@param uri string of the document
function M.better(uri)
  local buffer = current()
  if buffer and not buffer.asked and not buffer.by_hand and vim.uri_from_bufnr(buffer.bufnr) == uri then
    ask(buffer, AUTOMATIC)
  end
end

--- Ask now, as a person who wants a completion here.
function M.trigger()
  local buffer = current()
  if buffer then
    M.hide()
    ask(buffer, INVOKED)
  end
end

--- Ask for the rest of the statement, behind what is on the screen.
function M.more()
  local buffer = current()
  if buffer then
    buffer.timer:stop() -- what was typed last is asked about by this
    ask(buffer, INVOKED, nil, MORE)
  end
end

return M
