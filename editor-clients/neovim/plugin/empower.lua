-- The command `:Empower`; what it does is loaded when it is used.
if vim.g.loaded_empower then
  return
end
vim.g.loaded_empower = true

vim.api.nvim_create_user_command('Empower', function(call)
  require('empower.commands').run(call.fargs)
end, {
  nargs = '+',
  desc = 'Inline completions by empower-lsp',
  complete = function(lead, line)
    return require('empower.commands').complete(lead, line)
  end,
})
