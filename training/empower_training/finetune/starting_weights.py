"""The weights a fine-tune starts from, in the Hugging Face format: rebuilt from the file that is served, or named."""

from __future__ import annotations

import json
import re
import shutil
import tempfile
from pathlib import Path
from typing import Any

from empower_model.errors import DownloadFailed, ModelFileInvalid, ModelNotFound
from empower_model.files import digest, store
from empower_training.finetune import rebuilt

TOKENIZER_FILES = ("tokenizer.json", "tokenizer_config.json")
_NEEDED = ("config.json", "tokenizer.json")
_WANTED = (*TOKENIZER_FILES, "config.json", "generation_config.json", "*.safetensors", "model.safetensors.index.json")
_HUB = re.compile(r"[\w-][\w.-]*/[\w-][\w.-]*")
"""`owner/name`: a repository of the hub."""


def base_folder(model: store.Model, weights: str = "") -> Path:
    """Return a folder with `config.json`, `model.safetensors` (or its parts) and `tokenizer.json` of a model, untuned.

    `weights`, a folder or `owner/name` on the hub, are the weights that the model was made from; only when a person
    gave that name, the hub is asked. Without it, they are rebuilt from the model's file into the data folder, once.

    Raises ModelNotFound where no weights are known, ModelFileInvalid for weights of another model, DownloadFailed.
    """
    if weights:
        folder = _named(weights)
        _compare(folder, model)
        return folder
    target = store.data_folder() / "bases" / digest(model.path)
    if not _complete(target):
        _rebuild(model, target)
    return target


def labelling_folder(model: store.Model, weights: str = "") -> Path:
    """Return the weights that measure a model's Empower targets: what it was tuned from if that is known, else its own.

    A tuned model weighs an end before every token, which would raise all targets' bits. Arguments and errors as for
    `base_folder`; weights that are named are the ones.
    """
    entry = store.find(model.name)
    untuned = entry.base if entry is not None and not weights else None
    return base_folder(store.checked(untuned, tuned=False) if untuned else model, weights)


def _named(weights: str) -> Path:
    folder = Path(weights).expanduser()
    if folder.is_dir():
        if not _complete(folder):
            raise ModelNotFound(
                f"{folder} has not all of {', '.join(_NEEDED)} and model.safetensors: "
                "name a folder of transformers with `--weights`."
            )
        return folder.absolute()
    if not _HUB.fullmatch(weights) or ".." in weights:
        raise ModelNotFound(f"There is no folder {weights}: `--weights` takes a folder, or owner/name on the hub.")
    target = store.data_folder() / "bases" / weights
    if not _complete(target):
        _download(weights, target)
    return target


def _download(name: str, target: Path) -> None:
    import huggingface_hub
    from huggingface_hub.errors import HfHubHTTPError

    cure = "Check the name and the network, then try again; or name a folder that has the weights with `--weights`."
    try:
        huggingface_hub.snapshot_download(name, local_dir=target, allow_patterns=list(_WANTED))
    except (HfHubHTTPError, OSError, ValueError) as error:
        raise DownloadFailed(f"{name} could not be fetched from the hub: {error}. {cure}") from error
    if not _complete(target):
        raise DownloadFailed(f"{name} has no safetensors weights with a tokenizer.json. {cure}")


def _complete(folder: Path) -> bool:
    if not all((folder / name).is_file() for name in _NEEDED):
        return False
    index = folder / "model.safetensors.index.json"
    if not index.is_file():
        return (folder / "model.safetensors").is_file()
    parts = set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())
    return all((folder / part).is_file() for part in parts)


def _compare(folder: Path, model: store.Model) -> None:
    """Raise ModelFileInvalid unless folder and model file have layers of the same number and width."""
    fields = _reader(model.path).fields
    architecture = fields["general.architecture"].contents()
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    given = config.get("num_hidden_layers"), config.get("hidden_size")
    expected = tuple(fields[f"{architecture}.{key}"].contents() for key in ("block_count", "embedding_length"))
    if given != expected:
        raise ModelFileInvalid(
            f"{folder} has {given[0]} layers of width {given[1]}, but {model.name} has {expected[0]} of {expected[1]}: "
            "give `--weights` of the very model that is to be tuned, or name the model they belong to with `--model`."
        )


def _rebuild(model: store.Model, target: Path) -> None:
    reader = _reader(model.path)
    if not rebuilt.is_known(reader):
        raise ModelNotFound(
            f"The file of {model.name} is of a kind that cannot be trained from: name the weights that it was made "
            "from with `--weights`, a folder with config.json, model.safetensors and tokenizer.json, or owner/name on "
            "the hub (fetched from there)."
        )
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".rebuilding-") as scratch:
        draft = Path(scratch) / "base"
        try:
            rebuilt.rebuild(reader, draft)
        except KeyError as error:
            raise ModelFileInvalid(f"{model.path} lacks {error}: pull or copy it again.") from error
        # another process may be doing the same: whoever comes first is right
        if not _complete(target):
            shutil.rmtree(target, ignore_errors=True)
            draft.replace(target)


def _reader(path: Path) -> Any:
    import gguf

    try:
        return gguf.GGUFReader(path)
    except (OSError, ValueError, KeyError, IndexError) as error:
        raise ModelFileInvalid(f"{path} cannot be read ({error}): pull or copy it again.") from error
