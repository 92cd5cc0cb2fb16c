-- Why the last completion ends where it ends, in words.
local M = {}

local SURE = 0.9 -- from this probability on, a token is no choice
local MOST_SHOWN = 60
local NUMBERS = { 'one', 'two', 'three' }

---@class empower.Way
---@field text string
---@field probability number

---@param value number
---@return string
function M.percent(value)
  return ('%.0f %%'):format(value * 100)
end

--- A text as it stands in a sentence; of a long one its end, which the question is about.
---@param text string
---@return string
local function quoted(text)
  local line = vim.trim(text):gsub('%s*\n%s*', ' ↵ ')
  if vim.fn.strchars(line) > MOST_SHOWN then
    line = '…' .. vim.fn.strcharpart(line, vim.fn.strchars(line) - MOST_SHOWN)
  end
  return '`' .. line .. '`'
end

--- What might have followed what is shown, likeliest first: up to the first token that was a choice.
---@param why table an answer of `empower.why`
---@return empower.Way[]
function M.ways(why)
  local before = ''
  for _, token in ipairs(why.tokens) do
    if not (token.kept and why.text ~= '') then
      local probability = type(token.surprisal) == 'number' and 2 ^ -token.surprisal or 0
      if probability < SURE then
        local found = { { text = before .. token.text, probability = probability } }
        for _, other in ipairs(token.others or {}) do
          table.insert(found, { text = before .. other.text, probability = other.probability })
        end
        return vim.tbl_filter(function(way)
          return vim.trim(way.text) ~= '' and way.probability >= 0.005
        end, found)
      end
      before = before .. token.text
    end
  end
  return {}
end

---@param ways empower.Way[]
---@param shown boolean
---@return string
local function seen(ways, shown)
  if #ways == 0 then
    return shown and ', and less sure of all that follows.' or ': nothing was likely enough.'
  end
  local list = vim.iter(ways):map(function(way)
    return quoted(way.text) .. ' ' .. M.percent(way.probability)
  end):join(', ')
  if shown and #ways == 1 then
    return (', and less sure of what follows: %s.'):format(list)
  elseif shown then
    return (', and saw %s ways on: %s.'):format(NUMBERS[#ways], list)
  end
  local count = #ways == 1 and 'a way' or NUMBERS[#ways] .. ' ways'
  return (': it saw %s to begin, %s, and was not sure enough.'):format(count, list)
end

--- One or two sentences: what was shown, what the model saw behind it, and whose choice that is.
---@param why table an answer of `empower.why`
---@return string
function M.sentence(why)
  local sure = type(why.probability) == 'number' and why.probability < SURE and M.percent(why.probability) .. ' sure' or 'sure'
  local shown = why.text ~= '' and ('It was %s of %s'):format(sure, quoted(why.text)) or 'It shows nothing here'
  local limit = '%s. It could go on, but no further than the option `%s` allows.'
  if why['end'] == 'end-of-text' then
    return why.text ~= '' and shown .. ', and takes it that your text ends there.' or shown .. ': it takes it that nothing is missing.'
  elseif why['end'] == 'max-tokens' then
    return limit:format(shown, 'maxTokens')
  elseif why['end'] == 'max-lines' then
    return limit:format(shown, 'maxLines')
  elseif why['end'] == 'trimmed' then
    return shown .. '. What it went on with did not fit the text around it.'
  elseif why['end'] == 'stopped' then
    return shown .. ': a newer request took its place.'
  end
  return shown .. seen(M.ways(why), why.text ~= '') .. ' The choice is yours.'
end

return M
