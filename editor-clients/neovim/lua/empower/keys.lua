-- Key maps that act on ghost text, and do what the key did before where there is none.
--
-- They are not expression maps: Neovim evaluates those ahead of time, before keys typed in the same burst are in the
-- text, and so they may find ghost text that is not there any more.
local M = {}

local api = vim.api

local former = {} ---@type table<string, fun()>

---@param keys string
---@param mode string as of `nvim_feedkeys`, without what puts them before all that was typed since
local function feed(keys, mode)
  api.nvim_feedkeys(keys, mode .. 'i', false)
end

--- What a key does by now in insert mode.
---@param key string
---@return fun()
local function before(key)
  local map = vim.fn.maparg(key, 'i', false, true)
  local mode = map.noremap == 0 and 'm' or 'n'
  if vim.tbl_isempty(map) then
    return function()
      feed(vim.keycode(key), 'n')
    end
  elseif map.expr == 1 then
    return function()
      local keys = map.callback and map.callback() or (map.rhs and api.nvim_eval(map.rhs)) or ''
      feed(map.replace_keycodes == 1 and vim.keycode(keys) or keys, mode)
    end
  end
  return map.callback or function()
    feed(vim.keycode(map.rhs), mode)
  end
end

--- Whether an item of the completion menu is selected: then the keys belong to the menu.
---@return boolean
local function choosing()
  return vim.fn.pumvisible() == 1 and vim.fn.complete_info({ 'selected' }).selected >= 0
end

--- Map keys in insert mode; those of `always` whether there is ghost text or not.
---@param wanted table<string, string> by action: the key
---@param actions table<string, fun()>
---@param always table<string, true>
function M.map(wanted, actions, always)
  for name, key in pairs(wanted) do
    local action = assert(actions[name], ('empower.setup: no action is named %q'):format(name))
    former[key] = former[key] or before(key) -- a second `setup` would find the map of the first
    vim.keymap.set('i', key, function()
      if not choosing() and (always[name] or require('empower').visible()) then
        action()
      else
        former[key]()
      end
    end, { desc = 'empower: ' .. name })
  end
end

return M
