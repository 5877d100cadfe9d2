"""PyTorch for those who have loaded it: a page that does without need not wait for it.

Loading takes more than a second. Only a process that has loaded PyTorch can hold a
tensor, so the rest of the frame asks here.
"""

import sys
from typing import Any


def loaded() -> Any:
    """Return the module torch if this process has imported it, else None."""
    return sys.modules.get("torch")


def is_tensor(value: Any) -> bool:
    """Say whether a value is a tensor of PyTorch."""
    torch = loaded()
    return torch is not None and isinstance(value, torch.Tensor)
