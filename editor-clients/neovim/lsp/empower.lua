-- How Neovim 0.12 or newer starts the server, once `editor-clients/neovim` is on its 'runtimepath'.
-- `vim.lsp.config('empower', {...})` changes any of it; the server's options belong under `settings.empower`.
return {
  cmd = { 'empower-lsp', '--stdio' },
  root_markers = { '.git', 'pyproject.toml' },
  cmd_env = { PYTHONPATH = '' }, -- a `types.py` on it would end Python before the server begins
  settings = { empower = {} },
  capabilities = { experimental = { empower = { notifications = true } } },
  handlers = {
    ['empower/better'] = function(_, params)
      require('empower.buffer').better(params.uri)
    end,
    ['empower/reading'] = function(_, params)
      require('empower.deep').reading(params)
    end,
    ['window/showMessage'] = function(_, params)
      -- the protocol's types are 1 to 4, an error first
      require('empower.notice').say(params.message, vim.log.levels.ERROR + 1 - math.min(params.type, 3))
    end,
  },
  -- One server, and so one model in memory, for all folders of this Neovim.
  reuse_client = function(client, config)
    return client.name == config.name and not client:is_stopped()
  end,
  on_exit = function(code, signal, client_id)
    require('empower.server').ended(code, signal, client_id)
  end,
}
