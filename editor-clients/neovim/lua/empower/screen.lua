-- What a buffer shows: one of the completions that it was answered, for as long as the text agrees with it.
local M = {}

local api = vim.api
local ghost = require('empower.ghost')

--- Whether keys are typed into the text.
---@return boolean
function M.inserting()
  return api.nvim_get_mode().mode:sub(1, 1) == 'i'
end

---@param buffer empower.Buffer
local function erase(buffer)
  if buffer.drawn then
    pcall(api.nvim_buf_del_extmark, buffer.bufnr, ghost.namespace, buffer.drawn)
    buffer.drawn = nil
  end
end

--- Show nothing, and forget what was answered.
---@param buffer empower.Buffer
function M.withdraw(buffer)
  erase(buffer)
  if buffer.offers[1] then
    ghost.leave(buffer.offers[1].place)
    buffer.offers = {}
  end
end

--- The server's name for a completion, if it has one.
---@param offer empower.Ghost
---@return string?
function M.id_of(offer)
  local id = vim.tbl_get(offer.item, 'command', 'arguments', 1)
  return type(id) == 'string' and id or nil
end

--- Tell the server that a completion is on the screen, once.
---@param buffer empower.Buffer
---@param offer empower.Ghost
local function tell_shown(buffer, offer)
  local id = M.id_of(offer)
  if id and id ~= buffer.told then
    buffer.told = id
    buffer.client:notify('textDocument/didShowCompletion', { item = offer.item })
  end
end

--- Draw what is left of the chosen completion; false when nothing is.
---@param buffer empower.Buffer
---@param hint? string
---@return boolean
function M.show(buffer, hint)
  local offer = buffer.offers[buffer.chosen]
  local rest = offer and M.inserting() and ghost.rest(offer)
  if not rest then
    M.withdraw(buffer)
    return false
  end
  erase(buffer)
  buffer.drawn = ghost.draw(offer, rest, hint)
  tell_shown(buffer, offer)
  return true
end

--- Show the completion that is so many further; which it is, stands behind it.
---@param buffer empower.Buffer
---@param count integer
function M.step(buffer, count)
  buffer.chosen = (buffer.chosen - 1 + count) % #buffer.offers + 1
  M.show(buffer, (' (%d/%d)'):format(buffer.chosen, #buffer.offers))
end

return M
