-- A language server inside Neovim that gives the answers it is told to, and keeps what it hears: `_G.fake`.
local fake = { items = {}, heard = {}, held = {}, hold = false, status = {}, toggled = {} }
_G.fake = fake

vim.opt.runtimepath:append(vim.env.EMPOWER_NVIM_CLIENT)
vim.opt.swapfile = false
vim.opt.indentexpr = ''
require('empower').setup({
  keys = {
    accept = '<Tab>',
    dismiss = '<C-]>',
    line = '<C-Down>',
    more = '<M-m>',
    next = '<M-n>',
    previous = '<M-p>',
    trigger = '<C-Space>',
    word = '<C-Right>',
  },
})

--- Answer what was held back.
function fake.release()
  for _, answer in ipairs(fake.held) do
    answer()
  end
  fake.held = {}
end

vim.lsp.config('empower', {
  cmd = function(dispatchers)
    fake.tell = dispatchers.notification
    local number, closing = 0, false
    return {
      request = function(method, params, done)
        number = number + 1
        local result = vim.NIL
        if method == 'initialize' then
          local commands = { 'accept', 'empower.status', 'empower.toggle' }
          result = { capabilities = { inlineCompletionProvider = {}, executeCommandProvider = { commands = commands } } }
        elseif method == 'textDocument/inlineCompletion' then
          result = { items = params.context.triggerKind == 2 and vim.list_slice(fake.items, 1, 1) or fake.items }
        elseif method == 'textDocument/moreInlineCompletion' then
          result = { items = fake.items }
        elseif method == 'workspace/executeCommand' and params.command == 'empower.status' then
          result = fake.status
        elseif method == 'workspace/executeCommand' and params.command == 'empower.toggle' then
          result = fake.toggled
        end
        table.insert(fake.heard, { method, params })
        local function answer()
          done(nil, result, number)
        end
        if fake.hold and method == 'textDocument/inlineCompletion' then
          table.insert(fake.held, answer)
        else
          vim.schedule(answer)
        end
        return true, number
      end,
      notify = function(method, params)
        table.insert(fake.heard, { method, params })
        if method == 'exit' then
          closing = true
          dispatchers.on_exit(0, 0)
        end
        return true
      end,
      is_closing = function()
        return closing
      end,
      terminate = function()
        closing = true
      end,
    }
  end,
})
vim.lsp.enable('empower')
