"""One step of the optimiser: Muon for the matrices of the blocks, AdamW for the rest, on fp32 master weights."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial
from threading import Lock
from typing import Any

import torch
from torch import Tensor, nn

_NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)
"""Coefficients of the quintic iteration (Keller Jordan, Muon)."""


@dataclass(frozen=True, slots=True)
class Rates:
    """Peak learning rates and decays."""

    muon: float = 1.5e-3
    """In Moonlight's form (arXiv 2502.16982): the update is scaled by 0.2 sqrt(max(rows, columns))."""
    adam: float = 2e-3
    momentum: float = 0.95
    beta1: float = 0.9
    beta2: float = 0.998
    weight_decay: float = 0.1
    """Decoupled, of the block matrices only, times the learning rate."""
    clip: float = 1.0


def orthogonalise(matrices: Tensor, steps: int = 5) -> Tensor:
    """Approximate U V^T of each matrix in a batch of shape (n, rows, columns), computed in the precision it is in."""
    a, b, c = _NEWTON_SCHULZ
    x: Tensor = matrices
    tall = x.size(-2) > x.size(-1)
    x = x.mT if tall else x
    x = x / (x.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    for _ in range(steps):
        gram: Tensor = x @ x.mT
        x = a * x + (b * gram + c * (gram @ gram)) @ x
    return x.mT if tall else x


class Optimiser:
    """Master weights in fp32 for a module in any precision, with the state of both update rules."""

    def __init__(self, model: nn.Module, rates: Rates) -> None:
        """Take the module's present weights as masters."""
        self._rates = rates
        self._weights = {name: weight for name, weight in model.named_parameters() if weight.requires_grad}
        self.masters = {name: weight.detach().float().clone() for name, weight in self._weights.items()}
        self._gradients = {name: torch.zeros_like(master) for name, master in self.masters.items()}
        self._first = {name: torch.zeros_like(master) for name, master in self.masters.items()}
        matrices = {name for name, master in self.masters.items() if master.ndim == 2 and ".layers." in name}
        self._second = {name: torch.zeros_like(self.masters[name]) for name in self.masters if name not in matrices}
        self._groups = _batches(self.masters, matrices)
        self._lock = Lock()
        self._step = 0

    def accumulate(self, module: nn.Module) -> None:
        """Add a module's gradients (this one's or a replica's) to the fp32 sum and clear them; from any thread."""
        with self._lock:
            for name, weight in module.named_parameters():
                if weight.grad is not None:
                    self._gradients[name].add_(weight.grad)
                    weight.grad = None

    @torch.no_grad()
    def step(self, scale: float, pool: Executor) -> float:
        """Apply the accumulated gradient at `scale` times the peak rates; return the gradient's norm."""
        self._step += 1
        norm = math.sqrt(sum(float(gradient.square().sum()) for gradient in self._gradients.values()))
        shrink = min(1.0, self._rates.clip / (norm + 1e-6))
        for gradient in self._gradients.values():
            gradient.mul_(shrink)
        list(pool.map(partial(self._muon, scale * self._rates.muon), self._groups))
        for name in self._second:
            self._adam(name, scale * self._rates.adam)
        for name, weight in self._weights.items():
            weight.copy_(self.masters[name])
            self._gradients[name].zero_()
        return norm

    @torch.no_grad()
    def _muon(self, rate: float, names: list[str]) -> None:
        momentum = self._rates.momentum
        updates = []
        for name in names:
            self._first[name].lerp_(self._gradients[name], 1 - momentum)
            updates.append(self._gradients[name].lerp(self._first[name], momentum))
        rows, columns = updates[0].shape
        precision = self._weights[names[0]].dtype  # which is the quickest there, and it need not be exact
        scaled = orthogonalise(torch.stack(updates).to(precision)).float() * (0.2 * math.sqrt(max(rows, columns)))
        for name, update in zip(names, scaled, strict=True):
            self.masters[name].mul_(1 - rate * self._rates.weight_decay).sub_(update, alpha=rate)

    def _adam(self, name: str, rate: float) -> None:
        gradient, first, second = self._gradients[name], self._first[name], self._second[name]
        beta1, beta2 = self._rates.beta1, self._rates.beta2
        first.lerp_(gradient, 1 - beta1)
        second.mul_(beta2).addcmul_(gradient, gradient, value=1 - beta2)
        root = (second / (1 - beta2**self._step)).sqrt_().add_(1e-10)
        self.masters[name].addcdiv_(first, root, value=-rate / (1 - beta1**self._step))

    @torch.no_grad()
    def begin(self, weights: Mapping[str, Tensor]) -> None:
        """Take weights of the module's names as masters; raises ValueError unless their shapes are the module's."""
        if {name: value.shape for name, value in weights.items()} != {
            name: mine.shape for name, mine in self.masters.items()
        }:
            raise ValueError("The weights to begin with are of a model of another shape: give layers and widths of it.")
        for name, mine in self.masters.items():
            mine.copy_(weights[name])
            self._weights[name].copy_(mine)

    def state(self) -> dict[str, Any]:
        """Return everything needed to go on exactly: masters, moments, step."""
        return {"masters": self.masters, "first": self._first, "second": self._second, "step": self._step}

    @torch.no_grad()
    def restore(self, state: Mapping[str, Any]) -> None:
        """Take over a state, and write its masters into the module."""
        for mine, theirs in ((self.masters, "masters"), (self._first, "first"), (self._second, "second")):
            for name, value in state[theirs].items():
                mine[name].copy_(value)
        self._step = state["step"]
        for name, weight in self._weights.items():
            weight.copy_(self.masters[name])


def _batches(masters: Mapping[str, Tensor], names: Iterable[str], size: int = 6) -> list[list[str]]:
    """Return the names of matrices of one shape, at most `size` together."""
    groups: dict[tuple[int, ...], list[str]] = {}
    for name in sorted(names):
        groups.setdefault(tuple(masters[name].shape), []).append(name)
    return [group[i : i + size] for group in groups.values() for i in range(0, len(group), size)]
