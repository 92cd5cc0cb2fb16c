;;; empower.el --- Inline completions that stop where your uncertainty peaks -*- lexical-binding: t -*-

;; Version: 0.1.0
;; Package-Requires: ((emacs "28.1"))
;; Keywords: convenience, languages
;; SPDX-License-Identifier: MIT

;;; Commentary:

;; Ghost text from `empower-lsp', a language server on your own machine.
;;
;;     (load "/path/to/editor-clients/emacs/empower.el")
;;     (add-hook 'prog-mode-hook #'empower-mode)
;;
;; Where there is ghost text: TAB takes all of it, C-<right> its next word, C-g dismisses it.
;; `empower-why' says why it stops where it stops, `empower-trigger' asks here and now,
;; `empower-more' for the rest of the statement too, however unsure it is.

;;; Code:

(require 'jsonrpc)
(require 'subr-x)
(require 'url-util)
(require 'cl-lib)

(defvar empower-mode)

(defgroup empower nil "Inline completions by empower-lsp." :group 'convenience)

(defcustom empower-program "empower-lsp"
  "The server's program: a name on the path, or a file."
  :type 'string)

(defcustom empower-options nil
  "Options of the server, as a property list: (:confidence 0.4)."
  :type 'plist)

(defcustom empower-delay 0.02
  "Seconds without a key before the server is asked."
  :type 'number)

(defface empower-ghost '((t :inherit shadow)) "Text that is offered.")
(defface empower-beyond '((t :inherit (shadow italic) :underline t)) "Text that was asked for, past what is sure.")

(defvar empower--connection nil "The server; one for all buffers.")
(defvar empower--told nil "What was said already: each thing is said once.")
(defvar-local empower--timer nil "Waits for a pause between keys.")
(defvar-local empower--version 0 "Version of the document, as the server knows it.")
(defvar-local empower--tick nil "Tick of the text that the server knows; nil before it knows any.")
(defvar-local empower--known nil "The URI by which the server knows it.")
(defvar-local empower--overlay nil "Shows the ghost text.")
(defvar-local empower--item nil "The item that is offered, as the server sent it.")
(defvar-local empower--start nil "Marker at which its text begins.")
(defvar-local empower--text nil "Its text from there on.")
(defvar-local empower--sure nil "How many of its characters are sure; nil for all.")
(defvar-local empower--active nil "Whether there is ghost text, for its keys.")

;;;; The server

(defun empower--say (format &rest arguments)
  "Say FORMAT with ARGUMENTS, once."
  (let ((text (apply #'format-message (concat "empower: " format) arguments)))
    (unless (member text empower--told)
      (push text empower--told)
      (message "%s" text))))

(defun empower--start-server ()
  "Start the server, and return the connection.
Where it cannot be run, say the cure and return nil."
  (if (not (executable-find empower-program))
      (ignore (empower--say "`%s' is not there, or cannot be run: pipx install empower-lsp's clone or wheel, or set `empower-program'" empower-program))
    (let* ((process-environment (cons "PYTHONPATH=" process-environment)) ; a types.py on it would end Python at once
           (connection
            (make-instance
             'jsonrpc-process-connection
             :name "empower" :events-buffer-scrollback-size 0 ; or it would keep your text in a buffer
             :process (lambda ()
                        (make-process :name "empower" :command (list empower-program "--stdio") :connection-type 'pipe
                                      :coding 'utf-8-emacs-unix :noquery t
                                      :stderr (get-buffer-create " *empower stderr*")))
             :notification-dispatcher #'empower--heard
             :request-dispatcher #'ignore
             :on-shutdown (lambda (_) (setq empower--connection nil)
                            (empower--say "the server has ended; `empower-restart' starts it again"))))
           (root (expand-file-name (or (locate-dominating-file default-directory ".git") default-directory))))
      (condition-case problem
          (progn
            (jsonrpc-request
             connection :initialize
             (list :processId (emacs-pid)
                   :clientInfo '(:name "empower.el" :version "0.1.0")
                   :rootUri (empower--uri root)
                   :workspaceFolders (vector (list :uri (empower--uri root) :name root))
                   :initializationOptions (or empower-options (make-hash-table))
                   :capabilities '(:textDocument (:inlineCompletion (:dynamicRegistration :json-false))))
             :timeout 30)
            (jsonrpc-notify connection :initialized (make-hash-table))
            (setq empower--connection connection))
        (error (ignore (empower--say "the server does not start: %s" (error-message-string problem))))))))

(defun empower--server ()
  "Return the connection, starting the server once."
  (if (and empower--connection (jsonrpc-running-p empower--connection))
      empower--connection
    (unless empower--told (empower--start-server))))

(defun empower-restart ()
  "Start the server anew."
  (interactive)
  (let ((old empower--connection))
    (setq empower--connection nil empower--told nil)
    (when old (ignore-errors (jsonrpc-shutdown old))))
  (setq empower--told nil)
  (dolist (buffer (buffer-list))
    (with-current-buffer buffer (setq empower--tick nil)))
  (empower--server))

(defun empower--heard (_connection method params)
  "Say what the server says: METHOD with PARAMS."
  (when (eq method 'window/showMessage)
    (empower--say "%s" (plist-get params :message))))

(defun empower--tell (method params)
  "Tell the server METHOD with PARAMS, if it is there."
  (when (and empower--connection (jsonrpc-running-p empower--connection))
    (jsonrpc-notify empower--connection method params)))

;;;; Documents and places

(defun empower--uri (path)
  "Return PATH as a URI."
  (concat "file://" (url-hexify-string path (cons ?/ url-unreserved-chars))))

(defun empower--this-uri ()
  "Return the URI of this buffer."
  (if buffer-file-name (empower--uri (file-truename buffer-file-name)) (concat "untitled:" (url-hexify-string (buffer-name)))))

(defun empower--language ()
  "Return the language id of this buffer, as the protocol names it."
  (let ((name (string-remove-suffix "-ts" (string-remove-suffix "-mode" (symbol-name major-mode)))))
    (or (cdr (assoc name '(("js" . "javascript") ("sh" . "shellscript") ("c++" . "cpp") ("conf" . "plaintext")))) name)))

(defun empower--units (from to)
  "Return how many UTF-16 units there are between FROM and TO."
  (let ((count (- to from)))
    (save-excursion
      (goto-char from)
      (while (re-search-forward "[\x10000-\x10ffff]" to t) (setq count (1+ count))))
    count))

(defun empower--position ()
  "Return point as a position of the protocol."
  (save-restriction
    (widen)
    (list :line (1- (line-number-at-pos)) :character (empower--units (line-beginning-position) (point)))))

(defun empower--sync (server)
  "Tell SERVER what this buffer holds, if it does not know."
  (let ((tick (buffer-chars-modified-tick)) (uri (empower--this-uri)))
    (unless (equal uri empower--known) (empower--close)) ; it was saved under another name
    (unless (eql tick empower--tick)
      (let ((text (save-restriction (widen) (buffer-substring-no-properties (point-min) (point-max)))))
        (if empower--tick
            (jsonrpc-notify server :textDocument/didChange
                            (list :textDocument (list :uri uri :version (cl-incf empower--version))
                                  :contentChanges (vector (list :text text))))
          (jsonrpc-notify server :textDocument/didOpen
                          (list :textDocument (list :uri uri :languageId (empower--language) :version empower--version :text text)))))
      (setq empower--tick tick empower--known uri))))

;;;; Ghost text

(defun empower--typed ()
  "Return what was typed of the offered text; nil where it is something else."
  (when (and empower--item (>= (point) empower--start))
    (let ((typed (buffer-substring-no-properties empower--start (point))))
      (and (string-prefix-p typed empower--text) (< (length typed) (length empower--text)) typed))))

(defun empower--rest ()
  "Return the part of the offered text that is not there yet, or nil."
  (when-let ((typed (empower--typed))) (substring empower--text (length typed))))

(defun empower--hide ()
  "Offer nothing."
  (when empower--overlay (delete-overlay empower--overlay))
  (setq empower--item nil empower--active nil))

(defun empower--draw ()
  "Draw what is left of the offered text; hide it, returning nil, where nothing is."
  (let ((rest (empower--rest)))
    (if (not rest)
        (empower--hide)
      (unless empower--overlay (setq empower--overlay (make-overlay (point) (point) nil t)))
      (move-overlay empower--overlay (point) (point))
      (let* ((shown (propertize rest 'face 'empower-ghost))
             (typed (- (length empower--text) (length rest)))
             (sure (if empower--sure (max 0 (- empower--sure typed)) (length rest))))
        (put-text-property (min sure (length rest)) (length rest) 'face 'empower-beyond shown)
        (put-text-property 0 1 'cursor t shown) ; the cursor stands before it
        (overlay-put empower--overlay 'after-string shown))
      (setq empower--active t))))

(defun empower--ask (kind &optional method)
  "Ask the server for a completion at point: KIND 1 by hand, 2 while typing.
METHOD is another one than the protocol's own."
  (when-let ((server (empower--server)))
    (empower--sync server)
    (let ((buffer (current-buffer)) (tick empower--tick) (place (point)))
      (jsonrpc-async-request
       server (or method :textDocument/inlineCompletion)
       (list :textDocument (list :uri (empower--this-uri)) :position (empower--position) :context (list :triggerKind kind))
       :success-fn
       (lambda (answer)
         (when (buffer-live-p buffer)
           (with-current-buffer buffer
             (when (and (eql tick (buffer-chars-modified-tick)) (= place (point)) empower-mode)
               (empower--answered server answer)))))
       :error-fn #'ignore :timeout-fn #'ignore :timeout 60))))

(defun empower--answered (server answer)
  "Offer the first item of ANSWER of SERVER, if it may stand at point."
  (empower--hide)
  (when-let* ((items (if (vectorp answer) answer (plist-get answer :items)))
              (item (and (> (length items) 0) (aref items 0)))
              (text (plist-get item :insertText)))
    (let* ((range (plist-get item :range))
           (units (and range (plist-get (plist-get range :start) :character)))
           (from (if units (empower--at-units units) (point)))
           (there (buffer-substring-no-properties from (point))))
      (when (and (string-prefix-p there text) (> (length text) (length there)))
        (setq empower--item item empower--text text empower--start (copy-marker from) empower--sure (empower--sure-of item))
        (when (empower--draw)
          (jsonrpc-notify server :textDocument/didShowCompletion (list :item item)))))))

(defun empower--sure-of (item)
  "Return how many characters of the text of ITEM are sure, or nil for all.
The server counts in units of UTF-16, in the second argument of the command."
  (let* ((arguments (plist-get (plist-get item :command) :arguments))
         (units (and (> (length arguments) 1) (plist-get (aref arguments 1) :sure)))
         (count 0))
    (when units
      (seq-doseq (char (plist-get item :insertText))
        (when (> units 0)
          (setq count (1+ count) units (- units (if (> char #xffff) 2 1)))))
      count)))

(defun empower--at-units (units)
  "Return the place on this line that is UNITS of UTF-16 from its start."
  (save-excursion
    (beginning-of-line)
    (while (and (> units 0) (not (eolp)))
      (setq units (- units (if (> (char-after) #xffff) 2 1)))
      (forward-char))
    (point)))

(defun empower--after-command ()
  "Go on showing what agrees with the text, else ask once the keys pause."
  (when empower--timer (cancel-timer empower--timer))
  (unless (and empower--item (empower--draw))
    (when (and (memq this-command '(self-insert-command newline newline-and-indent delete-backward-char backward-delete-char-untabify
                                                        indent-for-tab-command python-indent-dedent-line-backspace yank))
               (not buffer-read-only))
      (setq empower--timer
            (run-with-timer empower-delay nil
                            (lambda (buffer)
                              (when (eq buffer (current-buffer)) (empower--ask 2)))
                            (current-buffer))))))

;;;; Commands

(defun empower--insert (text whole)
  "Insert TEXT of what is offered, all of it if WHOLE, and tell the server."
  (undo-boundary)
  (let* ((item empower--item) (start empower--start) (command (plist-get item :command)) (server (empower--server)))
    (insert text)
    (when whole (empower--hide))
    (when server
      (empower--sync server)
      (if whole
          (jsonrpc-async-request server :workspace/executeCommand
                                 (list :command (plist-get command :command) :arguments (plist-get command :arguments))
                                 :success-fn #'ignore :error-fn #'ignore)
        (empower--tell :textDocument/didPartiallyAcceptCompletion
                       (list :item item :acceptedLength (empower--units start (point))))))))

(defun empower-accept ()
  "Insert all of the ghost text."
  (interactive)
  (when-let ((rest (empower--rest)))
    (empower--insert rest t)
    (empower--ask 2)))

(defun empower-accept-word ()
  "Insert the next word of the ghost text."
  (interactive)
  (when-let ((rest (empower--rest)))
    (let ((word (if (string-match "\\`[[:space:]\n]*\\(?:[[:alnum:]_]+\\|[^[:alnum:]_[:space:]\n]+\\)" rest) (match-string 0 rest) rest)))
      (empower--insert word (equal word rest)))))

(defun empower-dismiss ()
  "Take the ghost text away, as not wanted."
  (interactive)
  (when-let ((item empower--item))
    (empower--hide)
    (empower--tell :textDocument/didDismissCompletion (list :item item))))

(defun empower-trigger ()
  "Ask for a completion at point."
  (interactive)
  (empower--ask 1))

(defun empower-more ()
  "Show the rest of the statement too, however unsure it is."
  (interactive)
  (when empower--timer (cancel-timer empower--timer))
  (empower--ask 1 :textDocument/moreInlineCompletion))

(defun empower-why ()
  "Say why the last completion ends where it ends."
  (interactive)
  (let ((why (and (empower--server)
                  (jsonrpc-request empower--connection :workspace/executeCommand (list :command "empower.why" :arguments [])))))
    (message "%s" (or (plist-get why :words) "Nothing has been completed yet."))))

(defvar empower-ghost-map
  (let ((map (make-sparse-keymap)))
    (define-key map (kbd "TAB") #'empower-accept)
    (define-key map (kbd "<tab>") #'empower-accept)
    (define-key map (kbd "C-<right>") #'empower-accept-word)
    (define-key map (kbd "C-g") #'empower-dismiss)
    map)
  "Keys where there is ghost text.")

(defvar empower--keys `((empower--active . ,empower-ghost-map)))

;;;###autoload
(define-minor-mode empower-mode
  "Show completions of empower-lsp as ghost text."
  :lighter " empower"
  (if empower-mode
      (progn
        (add-to-list 'emulation-mode-map-alists 'empower--keys)
        (add-hook 'post-command-hook #'empower--after-command nil t)
        (add-hook 'kill-buffer-hook #'empower--close nil t)
        (when-let ((server (empower--server))) (empower--sync server)))
    (remove-hook 'post-command-hook #'empower--after-command t)
    (remove-hook 'kill-buffer-hook #'empower--close t)
    (empower--hide)
    (empower--close)))

(defun empower--close ()
  "Tell the server that this document is closed."
  (when empower--tick
    (empower--tell :textDocument/didClose (list :textDocument (list :uri empower--known))))
  (setq empower--tick nil))

(defun empower--leave ()
  "End the server as the protocol wants it, so that it writes what it knows."
  (when (and empower--connection (jsonrpc-running-p empower--connection))
    (setf (slot-value empower--connection '-on-shutdown) #'ignore)
    (ignore-errors
      (jsonrpc-request empower--connection :shutdown nil :timeout 5)
      (jsonrpc-notify empower--connection :exit nil)
      (let ((end (+ (float-time) 5)))
        (while (and (jsonrpc-running-p empower--connection) (< (float-time) end)) (accept-process-output nil 0.05))))))

(add-hook 'kill-emacs-hook #'empower--leave)

(provide 'empower)
;;; empower.el ends here
