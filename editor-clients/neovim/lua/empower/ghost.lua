-- Ghost text: the place it belongs to, whether the buffer still agrees with it, and how it is drawn.
local M = {}

local api = vim.api
local namespace = api.nvim_create_namespace('empower')

M.namespace = namespace

---@class empower.Place A cursor that a completion was asked for at.
---@field bufnr integer
---@field mark integer an extmark at the cursor, which moves with edits elsewhere
---@field line integer 0-based line of the cursor at that time
---@field head string what stood before the cursor on its line
---@field tail string what stood behind it

---@class empower.Ghost A completion that is offered at a place.
---@field place empower.Place
---@field client vim.lsp.Client
---@field item lsp.InlineCompletionItem as the server sent it
---@field text string what is to be inserted at the place, with "\n" line ends
---@field skipped string what the item has before that: it stood in front of the cursor already
---@field sure? integer bytes of the text up to which it would be shown unasked; nil for all of it

--- The cursor of the current window.
---@return empower.Place
function M.here()
  local bufnr = api.nvim_get_current_buf()
  local row, column = unpack(api.nvim_win_get_cursor(0))
  local line = api.nvim_get_current_line()
  return {
    bufnr = bufnr,
    mark = api.nvim_buf_set_extmark(bufnr, namespace, row - 1, column, { right_gravity = false }),
    line = row - 1,
    head = line:sub(1, column),
    tail = line:sub(column + 1),
  }
end

--- Forget a place.
---@param place empower.Place
function M.leave(place)
  if api.nvim_buf_is_loaded(place.bufnr) then
    api.nvim_buf_del_extmark(place.bufnr, namespace, place.mark)
  end
end

--- What was typed at a place since; nil when the cursor is elsewhere, or the text around it has changed.
---@param place empower.Place
---@return string?
function M.typed(place)
  if api.nvim_get_current_buf() ~= place.bufnr then
    return nil
  end
  local from = api.nvim_buf_get_extmark_by_id(place.bufnr, namespace, place.mark, {})
  local row, column = unpack(api.nvim_win_get_cursor(0))
  if not from[1] or row - 1 < from[1] or (row - 1 == from[1] and column < from[2]) then
    return nil
  end
  local head = api.nvim_buf_get_text(place.bufnr, from[1], 0, from[1], from[2], {})[1]
  if head ~= place.head or api.nvim_get_current_line():sub(column + 1) ~= place.tail then
    return nil
  end
  return table.concat(api.nvim_buf_get_text(place.bufnr, from[1], from[2], row - 1, column, {}), '\n')
end

--- Bytes of an item's text, with "\n" line ends, that would be shown unasked; nil for all of them.
---@param item lsp.InlineCompletionItem
---@return integer?
local function sure(item)
  local sent = vim.tbl_get(item, 'command', 'arguments', 2)
  local count = type(sent) == 'table' and sent.sure -- UTF-16 units of the text as it was sent
  if type(count) == 'number' then
    local head = item.insertText:sub(1, vim.str_byteindex(item.insertText, 'utf-16', count, false))
    return #head:gsub('\r\n', '\n')
  end
end

--- The ghost text of an item; nil when it cannot stand at the place that it was asked for at.
---
--- An item may begin before the cursor, if what stands there is how its text begins. It ends at the cursor.
---@param place empower.Place
---@param client vim.lsp.Client
---@param item lsp.InlineCompletionItem
---@return empower.Ghost?
function M.of(place, client, item)
  if type(item.insertText) ~= 'string' then
    return nil -- a snippet: this server sends none
  end
  local text, skipped = item.insertText:gsub('\r\n', '\n'), ''
  if item.range then
    local from, to = item.range.start, item.range['end']
    local line = place.head .. place.tail
    local function byte(position)
      return vim.str_byteindex(line, client.offset_encoding, position.character, false)
    end
    if from.line ~= place.line or to.line ~= place.line or byte(to) ~= #place.head then
      return nil
    end
    skipped = place.head:sub(byte(from) + 1)
  end
  if not vim.startswith(text, skipped) or #text == #skipped then
    return nil
  end
  local reached = sure(item)
  return {
    place = place,
    client = client,
    item = item,
    text = text:sub(#skipped + 1),
    skipped = skipped,
    sure = reached and math.max(0, reached - #skipped),
  }
end

--- What is left of a ghost text after the typing along it; nil when the buffer says otherwise.
---@param ghost empower.Ghost
---@return string?
function M.rest(ghost)
  local typed = M.typed(ghost.place)
  if typed and #typed < #ghost.text and vim.startswith(ghost.text, typed) then
    return ghost.text:sub(#typed + 1)
  end
end

--- How much of the item's text is there once all but `rest` of it is: UTF-16 units, from its start, as it was sent.
---@param ghost empower.Ghost
---@param rest string
---@return integer
function M.reached(ghost, rest)
  local there = ghost.skipped .. ghost.text:sub(1, #ghost.text - #rest)
  if ghost.item.insertText:find('\r\n', 1, true) then
    there = there:gsub('\n', '\r\n')
  end
  return vim.str_utfindex(there, 'utf-16')
end

--- The lines of a text, each in the pieces that are drawn: what a person has asked for looks different.
---@param text string
---@param sure? integer bytes up to which it would be shown unasked
---@return [string, string][][]
local function pieces(text, sure)
  local lines = { {} }
  local function add(part, group)
    for number, line in ipairs(vim.split(part, '\n', { plain = true })) do
      if number > 1 then
        table.insert(lines, {})
      end
      if line ~= '' then
        -- Virtual text has no tab stops: tabs are drawn as wide as they are at the start of a line.
        table.insert(lines[#lines], { (line:gsub('\t', (' '):rep(vim.bo.tabstop))), group })
      end
    end
  end
  add(text:sub(1, sure or #text), 'EmpowerGhost')
  add(sure and text:sub(sure + 1) or '', 'EmpowerMore')
  for _, line in ipairs(lines) do
    line[1] = line[1] or { '', 'EmpowerGhost' }
  end
  return lines
end

--- Draw what is left of a ghost text at the cursor, and return the extmark.
---@param ghost empower.Ghost
---@param rest string
---@param hint? string stands behind it
---@return integer
function M.draw(ghost, rest, hint)
  local lines = pieces(rest, ghost.sure and math.max(0, ghost.sure - (#ghost.text - #rest)))
  if hint then
    table.insert(lines[#lines], { hint, 'EmpowerHint' })
  end
  local row, column = unpack(api.nvim_win_get_cursor(0))
  return api.nvim_buf_set_extmark(0, namespace, row - 1, column, {
    virt_text = lines[1],
    virt_text_pos = 'inline',
    virt_lines = #lines > 1 and vim.list_slice(lines, 2) or nil,
    hl_mode = 'combine',
    undo_restore = false,
  })
end

--- The first word of a text with the blanks before it; a run of other signs counts as a word.
---@param text string
---@return string
function M.word(text)
  return text:match('^%s*[%w_\128-\255]+') or text:match('^%s*[^%s%w_\128-\255]+') or text
end

--- The rest of the text's line; the next line, when the text begins with a line end.
---@param text string
---@return string
function M.line(text)
  return text:match('^\n?[^\n]*')
end

return M
