-- "Why did it stop here?": the last completion in a window, each token shaded by its bits.
local M = {}

local api = vim.api
local server = require('empower.server')
local namespace = api.nvim_create_namespace('empower.why')

local ENDS = {
  uncertain = 'It ends where the next token is yours to decide.',
  ['end-of-text'] = 'It ends where the model itself ended it.',
  ['max-tokens'] = 'It ends at the most tokens that `maxTokens` allows.',
  ['max-lines'] = 'It ends at the most lines that `maxLines` allows.',
  trimmed = 'It was cut to fit the text around it.',
  stopped = 'It was stopped by a newer request.',
}

-- Each group is for tokens of at most so many bits: 0.5 is a probability of 71 %, 1 of half, 3 of an eighth.
local SHADES = {
  { 0.1, 'EmpowerBits1' },
  { 0.5, 'EmpowerBits2' },
  { 1, 'EmpowerBits3' },
  { 3, 'EmpowerBits4' },
  { math.huge, 'EmpowerBits5' },
}

---@param bits number?
---@return string
local function shade(bits)
  for _, step in ipairs(SHADES) do
    if (bits or math.huge) <= step[1] then
      return step[2]
    end
  end
  return SHADES[#SHADES][2]
end

---@class empower.Page
---@field lines string[]
---@field marks { [1]: integer, [2]: integer, [3]: integer, [4]: string }[] line, from, to (bytes), group

--- Write at the end of a page, over several lines if need be.
---@param page empower.Page
---@param text string
---@param group? string
local function write(page, text, group)
  for number, part in ipairs(vim.split(text, '\n', { plain = true })) do
    if number > 1 then
      table.insert(page.lines, '')
    end
    local last = #page.lines
    local from = #page.lines[last]
    page.lines[last] = page.lines[last] .. part
    if group and part ~= '' then
      table.insert(page.marks, { last - 1, from, from + #part, group })
    end
  end
end

---@param value number?
---@return string
local function number(value)
  return type(value) == 'number' and ('%.2f'):format(value) or '-'
end

--- The page for an answer of `empower.why`.
---@param why table
---@return empower.Page
function M.page(why)
  local page = { lines = { '' }, marks = {} }
  for _, token in ipairs(why.tokens) do
    write(page, token.text, token.kept and shade(token.surprisal) or 'EmpowerCut')
  end
  write(page, '\n\n' .. (ENDS[why['end']] or why['end']) .. '\n')
  if type(why.probability) == 'number' then
    local text = 'With %.0f %% all of what is shown is what you mean; the budget is %s bits.\n'
    write(page, text:format(why.probability * 100, number(why.eta)))
  end
  local cost = '%d of %d tokens of the prompt evaluated; %.0f ms.\n\n'
  write(page, cost:format(why.evaluatedTokens, why.promptTokens, why.totalMs or 0))
  write(page, '   bits    sum  entropy  token')
  local sum = 0
  for _, token in ipairs(why.tokens) do
    sum = sum + (token.surprisal or 0)
    local row = ('%7s %6s %8s  '):format(number(token.surprisal), number(sum), number(token.entropy))
    write(page, '\n' .. row)
    local text = vim.inspect(token.text) .. (token.kept and '' or '  not shown')
    write(page, text, token.kept and shade(token.surprisal) or 'EmpowerCut')
  end
  return page
end

--- Open a window on an answer of `empower.why`; `q` and `<Esc>` close it.
---@param why table?
function M.show(why)
  if not why or why == vim.NIL then
    return server.say('nothing has been completed yet')
  end
  local page = M.page(why)
  local bufnr = api.nvim_create_buf(false, true)
  vim.bo[bufnr].bufhidden = 'wipe'
  api.nvim_buf_set_lines(bufnr, 0, -1, false, page.lines)
  for _, mark in ipairs(page.marks) do
    api.nvim_buf_set_extmark(bufnr, namespace, mark[1], mark[2], { end_col = mark[3], hl_group = mark[4] })
  end
  vim.bo[bufnr].modifiable = false
  local width = vim.iter(page.lines):map(api.nvim_strwidth):fold(20, math.max)
  api.nvim_open_win(bufnr, true, {
    relative = 'editor',
    row = 2,
    col = math.max(0, math.floor((vim.o.columns - width) / 2)),
    width = math.min(width, vim.o.columns - 4),
    height = math.max(1, math.min(#page.lines, vim.o.lines - 6)),
    style = 'minimal',
    border = 'rounded',
    title = ' Why it stopped here ',
  })
  for _, key in ipairs({ 'q', '<Esc>' }) do
    vim.keymap.set('n', key, '<Cmd>close<CR>', { buffer = bufnr })
  end
end

return M
