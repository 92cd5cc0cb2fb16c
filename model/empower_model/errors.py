"""The one exception tree; every message says what happened and what to do.

EmpowerError
├── ModelError              a model cannot be used
│   ├── ModelNotFound       no such file, or a name that is not in the catalogue or not pulled yet
│   ├── ModelFileInvalid    corrupt, truncated, not a GGUF, vocabulary only, or too large for this machine
│   ├── DownloadFailed      a pull that did not arrive whole or does not match its checksum
│   └── TuningError         a tuning that cannot be kept, promoted or rolled back
├── LogError                in `empower_lsp.log`: the log cannot be read or written
├── TooFewDecisions         in `empower_lsp.personal`: the log does not hold enough to fit a calibration to
├── FinetuneError           in `empower_training`: a fine-tune that cannot be started, or not in that folder
├── SandboxError            in `empower_training`: programs cannot be run within bounds here
├── ProblemError            in `empower_training`: a file of problems that cannot be read
├── EndpointError           in `empower_training`: a chat model's server that is not there, or answers nonsense
├── TooLittleText           in `empower_model.fitting`: too little text, or too slow a model, to fit anything
├── SettingDiffers          in `empower_training`: a folder that holds another replay
└── EngineError             the engine failed while a model was loaded
    ├── PromptTooLong       more tokens than the context holds
    ├── EngineStopped       an evaluation was ended on request; what it had evaluated is kept
    └── EngineCrashed       the engine's process ended; the next request starts a new one
"""


class EmpowerError(Exception):
    """Base of all errors a person may see; `str()` is one sentence or two, fit to show."""


class ModelError(EmpowerError):
    """A model cannot be used."""


class ModelNotFound(ModelError):
    """No such file, or a name that is not in the catalogue or not pulled yet."""


class ModelFileInvalid(ModelError):
    """A file that llama.cpp cannot load."""


class DownloadFailed(ModelError):
    """A pull that did not arrive whole, or does not match its checksum."""


class TuningError(ModelError):
    """A tuning that cannot be kept, promoted or rolled back; what was in use still is."""


class EngineError(EmpowerError):
    """The engine failed while a model was loaded."""


class PromptTooLong(EngineError):
    """More tokens than the context holds."""


class EngineStopped(EngineError):
    """An evaluation was ended on request; what it had evaluated is kept."""


class EngineCrashed(EngineError):
    """The engine's process ended; the next request starts a new one."""
