-- `:checkhealth empower`: what is needed, what is there, and what to do about the rest.
local M = {}

local health = vim.health
local server = require('empower.server')

local function check_script()
  local line = server.command_line('--version')
  if not line then
    return health.info('The server is started by a function, not by a command line')
  end
  if vim.fn.executable(line[1]) == 0 then
    return health.error(('`%s` is not there, or cannot be run'):format(line[1]), { server.CURE })
  end
  local ran, done = pcall(function()
    return vim.system(line, { text = true, env = server.environment() }):wait(20000)
  end)
  if not ran then
    return health.error(('`%s` cannot be run: %s'):format(line[1], done), { server.CURE })
  end
  if done.code == 0 then
    health.ok(('%s (`%s`)'):format(vim.trim(done.stdout), vim.fn.exepath(line[1])))
  else
    health.error(('`%s` fails: %s'):format(line[1], vim.trim(done.stderr or '')), { server.CURE })
  end
end

local function check_server()
  if not vim.lsp.is_enabled('empower') then
    health.warn('The server is not enabled', { "vim.lsp.enable('empower')" })
  end
  local client = server.client()
  if not client then
    return health.warn('No server is running', { 'Open a file, or see `:checkhealth vim.lsp`' })
  end
  local answer = client:request_sync('workspace/executeCommand', { command = 'empower.status' }, 5000)
  local status = answer and answer.result
  if not status then
    health.error('The server does not answer', { ':Empower restart' })
  elseif status.engine == 'failed' then
    health.error('The server runs without a model: ' .. status.message, { 'empower-lsp doctor' })
  else
    health.ok(('The server runs: %s. %s'):format(status.engine, status.message))
    if not status.on then
      health.warn('Completions are turned off', { ':Empower toggle' })
    end
  end
end

local function check_keys()
  local map = vim.fn.maparg('<Tab>', 'i', false, true)
  local whose = vim.tbl_isempty(map) and 'not mapped' or ('mapped: %s'):format(map.desc or map.rhs or 'a function')
  health.info(('In insert mode, <Tab> is %s; `:help empower-keys` has a recipe'):format(whose))
end

--- Called by Neovim.
function M.check()
  health.start('empower')
  if vim.fn.has('nvim-0.12') == 0 then
    return health.error('Neovim 0.12 or newer is needed')
  end
  health.ok('Neovim ' .. tostring(vim.version()))
  if require('empower').ready then
    health.ok("require('empower').setup was called")
  else
    health.warn("require('empower').setup was not called", { "require('empower').setup({})" })
  end
  check_script()
  check_server()
  check_keys()
end

return M
