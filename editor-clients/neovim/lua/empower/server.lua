-- The language server as Neovim's client runs it: its commands, its workspace folders, and its return after a crash.
local M = {}

local notice = require('empower.notice')

local NAME = 'empower'
local OFTEN, WITHIN = 3, 600 -- so many crashes in so many seconds are no accident

local failing ---@type string? the program that was said not to work
local crashes = {} ---@type integer[] when, in seconds of `vim.uv.now`

M.say = notice.say

M.CURE = '`pipx install` it, from a clone or a wheel, or say where it is: `:help empower-install`.'

--- The running client, of a buffer or of any.
---@param bufnr? integer
---@return vim.lsp.Client?
function M.client(bufnr)
  return vim.lsp.get_clients({ name = NAME, bufnr = bufnr })[1]
end

--- Run one of the server's commands; `done` gets what it returns. Says so when there is no server.
---@param command string
---@param arguments any[]
---@param done fun(result: any)
function M.run(command, arguments, done)
  local client = M.client(0) or M.client()
  if not client then
    return M.say('no server is running; `:checkhealth empower` tells why', vim.log.levels.WARN)
  end
  client:exec_cmd({ title = command, command = command, arguments = arguments }, {}, function(problem, result)
    if problem then
      M.say(('%s: %s'):format(command, problem.message), vim.log.levels.ERROR)
    else
      done(result)
    end
  end)
end

--- The console script with arguments, as a command line; nil when the server is started in some other way.
---@param ... string
---@return string[]?
function M.command_line(...)
  local config = vim.lsp.config[NAME]
  if config and type(config.cmd) == 'table' then
    return { config.cmd[1], ... }
  end
end

--- Say, once for a program, why it is not the server, and how to get one that is.
---@param program string
---@param problem string
local function failed(program, problem)
  if program ~= failing then
    failing = program
    M.say(('`%s` %s. %s'):format(program, problem, M.CURE), vim.log.levels.ERROR)
  end
end

--- Look whether the program can be run at all: where its interpreter is gone, only an attempt tells.
local function look()
  local line = M.command_line('--version')
  if not line or line[1] == failing or M.client() or not vim.lsp.is_enabled(NAME) then
    return
  elseif vim.fn.executable(line[1]) == 0 then
    failed(line[1], 'is not there, or cannot be run')
  elseif not pcall(vim.system, line) then
    failed(line[1], 'cannot be run, as if what it was installed with were gone')
  end
end

--- Say so when a file is opened and the server cannot be run: Neovim itself only logs it.
---@param group integer
function M.watch(group)
  vim.api.nvim_create_autocmd('FileType', {
    group = group,
    callback = function(event)
      if vim.bo[event.buf].buftype == '' then
        vim.schedule(look)
      end
    end,
  })
end

--- The environment that the server is started with, over Neovim's own.
---@return table<string, string>?
function M.environment()
  return vim.tbl_get(vim.lsp.config, NAME, 'cmd_env')
end

--- Tell the server of a buffer's folder, since one server is there for all of them.
---@param client vim.lsp.Client
---@param bufnr integer
function M.enter_folder(client, bufnr)
  local root = vim.fs.root(bufnr, client.config._root_markers or { '.git', 'pyproject.toml' })
  if not root then
    return
  end
  local folder = { uri = vim.uri_from_fname(root), name = root }
  client.workspace_folders = client.workspace_folders or {}
  for _, known in ipairs(client.workspace_folders) do
    if known.uri == folder.uri then
      return
    end
  end
  table.insert(client.workspace_folders, folder)
  client:notify('workspace/didChangeWorkspaceFolders', { event = { added = { folder }, removed = {} } })
end

---@param config vim.lsp.ClientConfig
---@param buffers integer[]
---@param how string
local function revive(config, buffers, how)
  local now = vim.uv.now() / 1000
  crashes = vim.tbl_filter(function(at)
    return now - at < WITHIN
  end, crashes)
  table.insert(crashes, now)
  if #crashes > OFTEN then
    local text = 'the server keeps ending (%s) and is left alone; `empower-lsp doctor` may tell why, `:Empower restart` tries again'
    return M.say(text:format(how), vim.log.levels.ERROR)
  end
  vim.api.nvim_create_autocmd('LspAttach', {
    group = vim.api.nvim_create_augroup('empower.revival', {}), -- no more than one waits
    callback = function(event)
      local client = vim.lsp.get_client_by_id(event.data.client_id)
      if client and client.name == NAME then
        M.say(('the server ended unexpectedly (%s) and was started again'):format(how), vim.log.levels.WARN)
        return true -- said once
      end
    end,
  })
  for _, bufnr in ipairs(buffers) do
    if vim.api.nvim_buf_is_loaded(bufnr) then
      vim.lsp.start(config, { bufnr = bufnr, reuse_client = config.reuse_client })
    end
  end
end

--- The server's process has ended: start it again, unless it was meant to end.
---@param code integer
---@param signal integer
---@param client_id integer
function M.ended(code, signal, client_id)
  local client = vim.lsp.get_client_by_id(client_id)
  local meant = code == 0 and (signal == 0 or signal == 15)
  if meant or not client then
    return
  end
  local how = signal ~= 0 and 'signal ' .. signal or 'exit code ' .. code
  if not client.initialized and type(client.config.cmd) == 'table' then
    return vim.schedule(function()
      failed(client.config.cmd[1], ('does not start (%s); `:checkhealth empower` says why'):format(how))
    end)
  end
  local buffers = vim.tbl_keys(client.attached_buffers) -- now: they are detached next
  vim.schedule(function()
    vim.schedule(function() -- after Neovim has let go of the client and said that it ended
      if vim.v.exiting == vim.NIL and vim.lsp.is_enabled(NAME) then
        revive(client.config, buffers, how)
      end
    end)
  end)
end

--- Start the server anew, also after it was given up.
function M.restart()
  crashes, failing = {}, nil
  if M.client() then
    vim.cmd('lsp restart ' .. NAME)
  else
    vim.lsp.enable(NAME)
  end
end

return M
