-- How Neovim 0.12 or newer starts the server, once `editor-clients/neovim` is on its 'runtimepath'.
-- `vim.lsp.config('empower', {...})` changes any of it; the server's options belong under `settings.empower`.
return {
  cmd = { 'empower-lsp', '--stdio' },
  root_markers = { '.git', 'pyproject.toml' },
  settings = { empower = {} },
  -- One server, and so one model in memory, for all folders of this Neovim.
  reuse_client = function(client, config)
    return client.name == config.name and not client:is_stopped()
  end,
  on_exit = function(code, signal, client_id)
    require('empower.server').ended(code, signal, client_id)
  end,
}
