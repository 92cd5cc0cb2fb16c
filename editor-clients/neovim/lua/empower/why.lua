-- "Why did it stop here?": in words, then the last completion with each token shaded by its bits, then the numbers, folded.
local M = {}

local api = vim.api
local notice = require('empower.notice')
local server = require('empower.server')
local namespace = api.nvim_create_namespace('empower.why')

local WIDTH = 76

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
---@field numbers? integer the line that the numbers begin at
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

---@param probability number
---@return string
local function percent(probability)
  return ('%.0f %%'):format(probability * 100)
end

---@param token table
---@return string
local function chance(token)
  return percent(type(token.surprisal) == 'number' and 2 ^ -token.surprisal or 0)
end

--- The page for an answer of `empower.why`; what stands from line `numbers` on is to be folded.
---@param why table
---@param before string the lines before it
---@return empower.Page
function M.page(why, before)
  local page = { lines = { '' }, marks = {} }
  local function kept(token)
    return token.kept and why.text ~= ''
  end
  local tokens = vim.tbl_filter(function(token)
    return token.text ~= ''
  end, why.tokens)
  write(page, table.concat(notice.wrapped(why.words, WIDTH), '\n') .. '\n\n')
  write(page, before, 'EmpowerBefore')
  for _, token in ipairs(tokens) do
    write(page, token.text, kept(token) and shade(token.surprisal) or 'EmpowerCut')
  end
  write(page, '\n\n')
  page.numbers = #page.lines
  write(page, 'The numbers (za opens and closes)\n')
  write(page, 'bits: how surprising a piece is; 1 bit is as likely as a coin\'s head, each more half as likely\n')
  write(page, 'sum: the bits so far, which decide how likely all of it is\n')
  write(page, 'open: bits of the place before the piece was chosen; 0 is one way on, 3 are as eight equal ways\n\n')
  write(page, ' chance   bits    sum   open  piece')
  local sum = 0
  for _, token in ipairs(tokens) do
    sum = sum + (token.surprisal or 0)
    local row = ('%7s %6s %6s %6s  '):format(chance(token), number(token.surprisal), number(sum), number(token.entropy))
    write(page, '\n' .. row)
    local text = vim.inspect(token.text) .. (kept(token) and '' or '  not shown')
    write(page, text, kept(token) and shade(token.surprisal) or 'EmpowerCut')
  end
  if why.text ~= '' and type(why.probability) == 'number' then
    write(page, ('\n\nAll that is shown is what you mean with %s.'):format(percent(why.probability)))
  end
  local cost = '\n\nWritten by %s in %.0f ms; %d of %d pieces of the text around the cursor were new.'
  write(page, cost:format(why.model or 'the model', why.totalMs or 0, why.evaluatedTokens, why.promptTokens))
  return page
end

--- Open a window on an answer of `empower.why`; `q` and `<Esc>` close it.
---@param why table?
function M.show(why)
  if not why or why == vim.NIL then
    return server.say('nothing has been completed yet')
  end
  local page = M.page(why, require('empower.buffer').before(why.text))
  local bufnr = api.nvim_create_buf(false, true)
  vim.bo[bufnr].bufhidden = 'wipe'
  api.nvim_buf_set_lines(bufnr, 0, -1, false, page.lines)
  for _, mark in ipairs(page.marks) do
    api.nvim_buf_set_extmark(bufnr, namespace, mark[1], mark[2], { end_col = mark[3], hl_group = mark[4] })
  end
  vim.bo[bufnr].modifiable = false
  local width = vim.iter(page.lines):map(api.nvim_strwidth):fold(20, math.max)
  local window = api.nvim_open_win(bufnr, true, {
    relative = 'editor',
    row = 2,
    col = math.max(0, math.floor((vim.o.columns - width) / 2)),
    width = math.min(width, vim.o.columns - 4),
    height = math.max(1, math.min(#page.lines, vim.o.lines - 6)),
    style = 'minimal',
    border = 'rounded',
    title = ' Why it stopped here ',
  })
  vim.wo[window][0].foldmethod = 'manual'
  vim.cmd(('%d,$fold'):format(page.numbers))
  for _, key in ipairs({ 'q', '<Esc>' }) do
    vim.keymap.set('n', key, '<Cmd>close<CR>', { buffer = bufnr })
  end
end

return M
