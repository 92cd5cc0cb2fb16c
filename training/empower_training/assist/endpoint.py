"""A chat model behind any server that speaks OpenAI's API: llama.cpp's, vLLM's, a commercial one."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TypeAlias

from empower_model.errors import EmpowerError

Message: TypeAlias = "dict[str, str]"
"""`role` (system, user or assistant) and `content`."""
KEY = "EMPOWER_API_KEY"
"""Environment variable with the server's key, where it wants one."""


class EndpointError(EmpowerError):
    """A chat server is not there, refuses, or answers with something else than a chat completion."""


class Endpoint:
    """One chat model at a URL such as `http://localhost:8000/v1`.

    Nothing but the messages is sent: no telemetry, and never the token of the Hugging Face hub, which its client
    would take when given no key.
    """

    def __init__(self, url: str, model: str = "", timeout: float = 120.0) -> None:
        if not url.startswith(("http://", "https://")):
            raise EndpointError(f"{url} is no address of a chat server: it should look like http://localhost:8000/v1.")
        os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")  # read when the library is first imported
        from huggingface_hub import InferenceClient

        self.url = url
        self._model = model or None
        self._timeout = timeout
        self._client = InferenceClient(base_url=url, api_key=os.environ.get(KEY) or "none", timeout=timeout)

    def ask(self, messages: Sequence[Message], most: int, seed: int = 0) -> str:
        """Return the model's answer of at most `most` tokens, which are the server's own; sampled greedily.

        Raises EndpointError.
        """
        from huggingface_hub.errors import HfHubHTTPError, InferenceTimeoutError

        try:
            answer = self._client.chat_completion(
                list(messages), model=self._model, max_tokens=most, temperature=0.0, seed=seed
            )
            content = answer.choices[0].message.content
        except InferenceTimeoutError as error:
            raise EndpointError(
                f"{self.url} did not answer within {self._timeout:g} seconds: it may be overloaded, or still loading."
            ) from error
        except HfHubHTTPError as error:
            raise EndpointError(
                f"{self.url} answered with an error ({error.response.status_code} {error.response.reason_phrase}): "
                f"check the address, the model's name and {KEY}."
            ) from error
        except OSError as error:
            raise self._absent(error) from error
        except (ValueError, TypeError, AttributeError, LookupError) as error:
            raise self._nonsense() from error
        except Exception as error:  # the transport's errors have no base that outlasts the library's versions
            raise self._absent(error) from error
        if not isinstance(content, str):
            raise self._nonsense()
        return content

    def _absent(self, error: Exception) -> EndpointError:
        reason = str(error).partition("\n")[0].rstrip(".") or type(error).__name__
        return EndpointError(f"{self.url} cannot be reached ({reason}): start the server, or check the address.")

    def _nonsense(self) -> EndpointError:
        return EndpointError(
            f"{self.url} answered, but not with a chat completion: it has to speak OpenAI's API (/v1/chat/completions)."
        )
