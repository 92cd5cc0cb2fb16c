-- Says something to the person: on the message line where it fits, else in a corner, so that nobody has to press a key first.
local M = {}

local api = vim.api

local WIDTH = 60
local SECONDS = 15
local GROUPS = {
  [vim.log.levels.ERROR] = 'DiagnosticError',
  [vim.log.levels.WARN] = 'DiagnosticWarn',
}

M.said = {} ---@type string[] all that was said

local window ---@type integer? the one in the corner

--- Whether a plugin has put a `vim.notify` of its own in the place of Neovim's.
---@return boolean
local function replaced()
  local source = debug.getinfo(vim.notify, 'S').source
  return vim.startswith(source, '@') and not source:find('^@vim/') and not vim.startswith(source:sub(2), vim.env.VIMRUNTIME)
end

--- A text in lines of at most so many cells, but for longer words.
---@param text string
---@param width integer
---@return string[]
function M.wrapped(text, width)
  local lines = {}
  for _, paragraph in ipairs(vim.split(text, '\n', { plain = true })) do
    local line = ''
    for word in paragraph:gmatch('%S+') do
      local longer = line == '' and word or line .. ' ' .. word
      if line ~= '' and api.nvim_strwidth(longer) > width then
        table.insert(lines, line)
        longer = word
      end
      line = longer
    end
    table.insert(lines, line)
  end
  return lines
end

local function close()
  if window and api.nvim_win_is_valid(window) then
    api.nvim_win_close(window, true)
  end
  window = nil
end

---@param text string
---@param level integer
local function in_the_corner(text, level)
  close()
  local lines = M.wrapped(text, WIDTH)
  local bufnr = api.nvim_create_buf(false, true)
  vim.bo[bufnr].bufhidden = 'wipe'
  api.nvim_buf_set_lines(bufnr, 0, -1, false, lines)
  window = api.nvim_open_win(bufnr, false, {
    relative = 'editor',
    anchor = 'SE',
    row = vim.o.lines - vim.o.cmdheight - 1,
    col = vim.o.columns,
    width = math.min(vim.iter(lines):map(api.nvim_strwidth):fold(1, math.max), vim.o.columns - 4),
    height = math.max(1, math.min(#lines, vim.o.lines - vim.o.cmdheight - 4)),
    style = 'minimal',
    border = 'rounded',
    title = ' empower ',
    focusable = false,
    noautocmd = true,
  })
  vim.wo[window].wrap = true
  vim.wo[window].winhighlight = 'NormalFloat:' .. (GROUPS[level] or 'NormalFloat')
  local mine = window
  vim.defer_fn(function()
    if window == mine then
      close()
    end
  end, SECONDS * 1000)
end

--- Say something, and keep it for `:Empower messages`.
---@param text string
---@param level? integer one of `vim.log.levels`; INFO without it
function M.say(text, level)
  level = level or vim.log.levels.INFO
  table.insert(M.said, text)
  local line = 'empower: ' .. text
  if replaced() or (not line:find('\n') and api.nvim_strwidth(line) <= vim.v.echospace) then
    vim.notify(line, level)
  else
    in_the_corner(text, level)
  end
end

return M
