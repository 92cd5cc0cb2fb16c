-- What a client does for a large model, which takes a while to read: says where the cursor rests, before anything is
-- asked there, and keeps how much of a prompt is read.
local M = {}

local api = vim.api

local REST = 300 -- milliseconds

local timer = assert(vim.uv.new_timer())

M.read, M.to_read = 0, 0 -- tokens of the prompt at hand that are read, and of how many; equal once it is read

--- Tell the server where the cursor rests in a buffer, when it does.
---@param client vim.lsp.Client
---@param bufnr integer
---@param group integer
function M.follow(client, bufnr, group)
  api.nvim_create_autocmd({ 'BufEnter', 'CursorMoved' }, {
    group = group,
    buffer = bufnr,
    callback = function()
      timer:start(REST, 0, vim.schedule_wrap(function()
        if api.nvim_get_current_buf() == bufnr and not client:is_stopped() then
          client:notify('textDocument/didRestCursor', vim.lsp.util.make_position_params(0, client.offset_encoding))
        end
      end))
    end,
  })
end

--- Take in how far the server is with a prompt.
---@param params { read: integer, toRead: integer }
function M.reading(params)
  M.read, M.to_read = params.read, params.toRead
  vim.cmd.redrawstatus({ bang = true })
end

--- How much of the prompt is read, for the statusline: `42 %`; empty once all is.
---@return string
function M.progress()
  return M.read < M.to_read and ('%d %%'):format(100 * M.read / M.to_read) or ''
end

return M
