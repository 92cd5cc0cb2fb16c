-- `:Empower SUBCOMMAND`: what each does, and what can stand behind it.
local M = {}

local server = require('empower.server')

local NO_COMMAND_LINE = '`cmd` of the server is not a command line'

---@class empower.Command
---@field run fun(arguments: string[])
---@field arguments? fun(): string[] for completion

--- Show lines beside the text; `q` closes them.
---@param lines string[]
local function window(lines)
  vim.cmd('botright new')
  vim.bo.buftype, vim.bo.bufhidden, vim.bo.swapfile = 'nofile', 'wipe', false
  vim.api.nvim_buf_set_lines(0, 0, -1, false, lines)
  vim.bo.modifiable = false
  vim.api.nvim_win_set_height(0, math.min(vim.api.nvim_buf_line_count(0), 20))
  vim.keymap.set('n', 'q', '<Cmd>close<CR>', { buffer = true })
end

--- Show the output of the console script beside the text.
---@param arguments string[]
local function output(arguments)
  local line = server.command_line(unpack(arguments))
  if not line then
    return server.say(NO_COMMAND_LINE, vim.log.levels.ERROR)
  end
  local columns = tostring(vim.o.columns)
  local environment = vim.tbl_extend('force', { COLUMNS = columns, NO_COLOR = '1' }, server.environment() or {})
  local ok, problem = pcall(vim.system, line, { text = true, env = environment }, function(done)
    vim.schedule(function()
      window(vim.split(vim.trim(done.stdout .. done.stderr), '\n'))
    end)
  end)
  if not ok then
    server.say(tostring(problem), vim.log.levels.ERROR)
  end
end

--- Run the console script in a terminal: it takes its time, and tells how far it is.
---@param arguments string[]
local function terminal(arguments)
  local line = server.command_line(unpack(arguments))
  if not line then
    return server.say(NO_COMMAND_LINE, vim.log.levels.ERROR)
  end
  vim.cmd('botright new')
  vim.fn.jobstart(line, { term = true, env = server.environment() })
end

--- Have the console script write its report and open it in the browser; only a failure is said a second time.
---@param arguments string[]
local function report(arguments)
  local line = server.command_line('report', '--open', unpack(arguments))
  if not line then
    return server.say(NO_COMMAND_LINE, vim.log.levels.ERROR)
  end
  local ok, problem = pcall(vim.system, line, { text = true, env = server.environment() }, function(done)
    if done.code ~= 0 then
      vim.schedule(function()
        server.say(vim.trim(done.stderr ~= '' and done.stderr or done.stdout), vim.log.levels.ERROR)
      end)
    end
  end)
  if ok then
    server.say('the report is being written, and opens in your browser')
  else
    server.say(tostring(problem), vim.log.levels.ERROR)
  end
end

---@type table<string, empower.Command>
local commands = {
  status = {
    run = function()
      server.run('empower.status', {}, function(status)
        local text = 'empower-lsp %s, %s; completions are %s, %s, confidence %s. %s'
        local on, trigger = status.on and 'on' or 'off', status.trigger
        server.say(text:format(status.version, status.engine, on, trigger, status.confidence, status.message))
      end)
    end,
  },
  why = {
    run = function()
      server.run('empower.why', {}, require('empower.why').show)
    end,
  },
  log = {
    run = function(arguments)
      output({ 'log', unpack(#arguments > 0 and arguments or { 'stats' }) })
    end,
    arguments = function()
      return { 'off', 'on', 'path', 'show', 'stats', 'status' }
    end,
  },
  messages = {
    run = function()
      window(require('empower.notice').said)
    end,
  },
  report = { run = report },
  train = {
    run = function(arguments)
      terminal({ 'train', unpack(arguments) })
    end,
  },
  toggle = {
    run = function(arguments)
      require('empower').toggle(arguments[1])
    end,
    arguments = function()
      return { vim.bo.filetype }
    end,
  },
  restart = { run = server.restart },
}

--- Run a subcommand; one that does not exist is said.
---@param words string[]
function M.run(words)
  local command = commands[words[1]]
  if not command then
    local names = vim.tbl_keys(commands)
    table.sort(names)
    return server.say(('there is no %s; there are %s'):format(words[1], table.concat(names, ', ')), vim.log.levels.ERROR)
  end
  command.run(vim.list_slice(words, 2))
end

--- What can stand at the cursor of the command line.
---@param lead string
---@param line string
---@return string[]
function M.complete(lead, line)
  local words = vim.split(vim.trim(line:sub(1, #line - #lead)), '%s+')
  local choices = {}
  if #words == 1 then
    choices = vim.tbl_keys(commands)
  elseif #words == 2 and commands[words[2]] and commands[words[2]].arguments then
    choices = commands[words[2]].arguments()
  end
  table.sort(choices)
  return vim.tbl_filter(function(choice)
    return vim.startswith(choice, lead)
  end, choices)
end

return M
