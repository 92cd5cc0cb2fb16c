-- Neovim 0.12 or newer finds this file when `editor-clients/neovim` is on its 'runtimepath'.
return {
  cmd = { 'empower-lsp', '--stdio' },
  settings = { empower = {} },
}
