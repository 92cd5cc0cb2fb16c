-- The configuration of the Neovim under test, as a person writes it.
vim.opt.runtimepath:append(vim.env.EMPOWER_NVIM_CLIENT)
vim.opt.swapfile = false
vim.opt.statusline = "%f %{v:lua.require'empower'.statusline()}"

vim.lsp.config('empower', { cmd = { vim.env.EMPOWER_NVIM_SERVER, '--stdio' } })
require('empower').setup({
  keys = { accept = '<Tab>', word = '<C-Right>', line = '<C-Down>', dismiss = '<C-]>', trigger = '<C-Space>', more = '<M-m>' },
})
vim.lsp.enable('empower')
