-- What the server last said of itself, for the statusline; asked for seldom, shown often.
local M = {}

local deep = require('empower.deep')
local server = require('empower.server')

---@class empower.Status
---@field engine string `starting`, `loading`, `ready`, `released`, `resting` or `failed`
---@field message string
---@field on boolean
---@field version string
---@field trigger string
---@field confidence number

local last ---@type empower.Status?

--- Ask the server, quietly, and draw the statusline again.
function M.refresh()
  local client = server.client()
  if not client then
    last = nil
    return
  end
  client:exec_cmd({ title = 'Status', command = 'empower.status' }, {}, function(problem, result)
    if not problem then
      last = result
      vim.cmd.redrawstatus({ bang = true })
    end
  end)
end

--- A word or two: `empower`, with what is out of the ordinary; empty where no server is attached.
---@return string
function M.line()
  if not server.client(0) then
    return ''
  elseif not last or last.engine == 'starting' or last.engine == 'loading' then
    return 'empower: loading'
  elseif last.engine == 'failed' then
    return 'empower: failed'
  elseif not last.on then
    return 'empower: off'
  elseif last.trigger == 'manual' then
    return 'empower: by hand'
  end
  local progress = deep.progress()
  return progress == '' and 'empower' or 'empower: reading ' .. progress
end

--- Keep what is known up to date.
---@param group integer
function M.follow(group)
  local function when(event, pattern, matters)
    vim.api.nvim_create_autocmd(event, {
      group = group,
      pattern = pattern,
      callback = function(given)
        local client = given.data and given.data.client_id and vim.lsp.get_client_by_id(given.data.client_id)
        if not matters or (client and client.name == 'empower') then
          vim.schedule(M.refresh)
        end
      end,
    })
  end
  when('LspAttach', nil, true)
  when('LspDetach', nil, true)
  when('LspProgress', { 'begin', 'end' }, true)
  when('InsertEnter', nil, false) -- a failure has no event of its own
end

return M
