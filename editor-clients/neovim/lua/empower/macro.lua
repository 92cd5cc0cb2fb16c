-- Lets a macro hold the text that was accepted while it was recorded, in place of the key that accepted it: when the macro
-- is run, there is no ghost text to accept.
local M = {}

local api = vim.api
local namespace = api.nvim_create_namespace('empower.macro')

-- What Neovim itself records of a paste: the keys that stand for its start and end around the text.
local PASTE = '\128PS%s\128PE'

---@class empower.Recording
---@field typed string the keys so far, as they are being recorded
---@field newest integer bytes of them that the newest key takes
---@field accepted { from: integer, to: integer, text: string }[] the keys that accepted a text, as bytes of `typed`

local recording ---@type empower.Recording?

--- Tell that the newest key has inserted a text.
---@param text string
function M.inserted(text)
  if recording then
    local to = #recording.typed
    table.insert(recording.accepted, { from = to - recording.newest + 1, to = to, text = text })
  end
end

--- The recorded keys with the accepted texts in place of the keys that accepted them.
---@param done empower.Recording
---@return string
local function mended(done)
  local parts, at = {}, 1
  for _, key in ipairs(done.accepted) do
    vim.list_extend(parts, { done.typed:sub(at, key.from - 1), PASTE:format(key.text) })
    at = key.to + 1
  end
  table.insert(parts, done.typed:sub(at))
  return table.concat(parts)
end

---@param done empower.Recording
---@param register string
---@param contents string what Neovim has recorded
local function mend(done, register, contents)
  done.typed = done.typed:sub(1, #contents) -- the key that ends the recording is no part of it
  local all = vim.fn.getreg(register)
  if done.typed == contents and vim.endswith(all, contents) then
    vim.fn.setreg(register, all:sub(1, #all - #contents) .. mended(done), 'c')
  end
end

--- Follow the recording of macros.
---@param group integer
function M.follow(group)
  api.nvim_create_autocmd('RecordingEnter', {
    group = group,
    callback = function()
      local now = { typed = '', newest = 0, accepted = {} }
      recording = now
      vim.on_key(function(_, typed)
        if typed ~= '' then
          now.typed, now.newest = now.typed .. typed, #typed
        end
      end, namespace)
    end,
  })
  api.nvim_create_autocmd('RecordingLeave', {
    group = group,
    callback = function()
      local done, event = recording, vim.deepcopy(vim.v.event)
      recording = nil
      if not done or #done.accepted == 0 then
        return vim.on_key(nil, namespace)
      end
      local function once()
        if done then
          vim.on_key(nil, namespace)
          mend(done, event.regname:lower(), event.regcontents)
          done = nil
        end
      end
      vim.on_key(once, namespace) -- the next key may run the macro
      vim.schedule(once)
    end,
  })
end

return M
