"""Update rules of first-order optimisers and of L-BFGS, for a stack of networks.

Every rule has `step(theta, g, loss)`. It moves theta, of shape (S, P), in
place: row s holds the P parameters of network s, g the gradients there, and loss,
of shape (S,), the losses, which only `LBFGSRule` reads. Rows never mix, so S networks
are trained as each would be alone. A learning rate may be one number, or a tensor
of shape (S, 1) with one rate a network.

An optimizer of `torch.optim` holds the parameters that it moves; a rule is given
them at each step, which is why it is named otherwise. The updates are those of
`torch.optim` to the last digits, `LBFGSRule` apart from its line search.

References
----------
.. [1] B. T. Polyak (1964), Some methods of speeding up the convergence of
   iteration methods, https://doi.org/10.1016/0041-5553(64)90137-5.
.. [2] T. Tieleman and G. Hinton (2012), Lecture 6.5: RMSprop, Coursera.
.. [3] M. D. Zeiler (2012), ADADELTA: an adaptive learning rate method,
   https://arxiv.org/abs/1212.5701.
.. [4] D. P. Kingma and J. Ba (2015), Adam: a method for stochastic optimization,
   ICLR, https://arxiv.org/abs/1412.6980.
.. [5] J. Nocedal (1980), Updating quasi-Newton matrices with limited storage,
   https://doi.org/10.1090/S0025-5718-1980-0572855-7.
.. [6] W. W. Hager and H. Zhang (2005), A new conjugate gradient method with
   guaranteed descent and an efficient line search,
   https://doi.org/10.1137/030601880.
.. [7] I. Sutskever, J. Martens, G. Dahl and G. Hinton (2013), On the importance of
   initialization and momentum in deep learning, ICML.
.. [8] J. Duchi, E. Hazan and Y. Singer (2011), Adaptive subgradient methods for
   online learning and stochastic optimization, JMLR 12.
.. [9] I. Loshchilov and F. Hutter (2019), Decoupled weight decay regularization,
   ICLR, https://arxiv.org/abs/1711.05101.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable

import torch
from torch import Tensor

__all__ = [
    "AdaGradRule",
    "AdadeltaRule",
    "AdamRule",
    "LBFGSRule",
    "RMSpropRule",
    "SGDRule",
    "ScheduledRule",
    "UpdateRule",
]


class UpdateRule(ABC):
    """What `stacked.fit_many` asks of an optimiser.

    Attributes
    ----------
    lr : float or tensor (S, 1)
        Learning rate eta; `ScheduledRule` changes it between steps.
    """

    lr: float | Tensor

    @abstractmethod
    def step(self, theta: Tensor, g: Tensor, loss: Tensor) -> None:
        """Move theta in place.

        Parameters
        ----------
        theta, g : tensors, shape (S, P)
            The parameters of S networks, and the gradients there.
        loss : tensor, shape (S,)
            The losses there.
        """

    def settled(self, theta: Tensor) -> Tensor:
        """Return the parameters to keep: theta, unless that is only a trial."""
        return theta


class SGDRule(UpdateRule):
    """Gradient descent, with Polyak's momentum [1]_ when `momentum` is not 0.

    What makes it stochastic is the batch from which g was computed.

    Parameters
    ----------
    lr : float or tensor (S, 1)
        Learning rate eta.
    momentum : float, optional
        Share beta of the velocity that survives a step, in [0, 1).
    nesterov : bool, optional
        Take the gradient where the velocity is about to lead; theta is then that
        point, as in [7]_ and in PyTorch.
    """

    def __init__(
        self, lr: float | Tensor, momentum: float = 0.0, nesterov: bool = False
    ) -> None:
        self.lr, self.beta, self.nesterov = lr, momentum, nesterov
        self.v: Tensor | None = None

    def step(self, theta: Tensor, g: Tensor, loss: Tensor) -> None:
        """Take one step; see `UpdateRule`."""
        if self.beta:
            if self.v is None:
                self.v = torch.zeros_like(g)
            # v <- beta v + g
            v = self.v.mul_(self.beta).add_(g)
            # with Nesterov's look ahead the step is along beta v + g
            g = g + self.beta * v if self.nesterov else v
        # theta <- theta - eta v, with v = g when there is no momentum
        theta.sub_(self.lr * g)


class AdaGradRule(UpdateRule):
    """Each coordinate's step divided by the root of all its squared gradients [8]_.

    Parameters
    ----------
    lr : float or tensor (S, 1), optional
        Learning rate eta: the size of a coordinate's first step.
    eps : float, optional
        Added to the root.
    """

    def __init__(self, lr: float | Tensor = 1e-2, eps: float = 1e-10) -> None:
        self.lr, self.eps = lr, eps
        self.s: Tensor | None = None

    def step(self, theta: Tensor, g: Tensor, loss: Tensor) -> None:
        """Take one step; see `UpdateRule`."""
        if self.s is None:
            self.s = torch.zeros_like(g)
        # s <- s + g^2
        self.s.addcmul_(g, g)
        # theta <- theta - eta g / (sqrt(s) + eps)
        theta.sub_(self.lr * g / self.s.sqrt().add_(self.eps))


class RMSpropRule(UpdateRule):
    """Each coordinate's step divided by its own recent gradient size [2]_.

    Parameters
    ----------
    lr : float or tensor (S, 1)
        Learning rate eta.
    rho : float, optional
        Memory of the running mean, in [0, 1); PyTorch calls it alpha.
    eps : float, optional
        Added to the root, so that a zero gradient does not divide by zero.
    """

    def __init__(
        self, lr: float | Tensor = 1e-2, rho: float = 0.99, eps: float = 1e-8
    ) -> None:
        self.lr, self.rho, self.eps = lr, rho, eps
        self.s: Tensor | None = None

    def step(self, theta: Tensor, g: Tensor, loss: Tensor) -> None:
        """Take one step; see `UpdateRule`."""
        if self.s is None:
            self.s = torch.zeros_like(g)
        # s <- rho s + (1 - rho) g^2
        self.s.mul_(self.rho).addcmul_(g, g, value=1 - self.rho)
        # theta <- theta - eta g / (sqrt(s) + eps)
        theta.sub_(self.lr * g / self.s.sqrt().add_(self.eps))


class AdadeltaRule(UpdateRule):
    """RMSprop whose learning rate is the size of its own recent steps [3]_.

    Parameters
    ----------
    lr : float or tensor (S, 1), optional
        Factor on the step; 1 in the paper, which has no learning rate.
    rho : float, optional
        Memory of both running means, in [0, 1).
    eps : float, optional
        Added under both roots; it also makes the very first step possible.
    """

    def __init__(
        self, lr: float | Tensor = 1.0, rho: float = 0.9, eps: float = 1e-6
    ) -> None:
        self.lr, self.rho, self.eps = lr, rho, eps
        self.s: Tensor | None = None
        self.u: Tensor | None = None

    def step(self, theta: Tensor, g: Tensor, loss: Tensor) -> None:
        """Take one step; see `UpdateRule`."""
        if self.s is None or self.u is None:
            self.s, self.u = torch.zeros_like(g), torch.zeros_like(g)
        # s <- rho s + (1 - rho) g^2
        self.s.mul_(self.rho).addcmul_(g, g, value=1 - self.rho)
        # d = g sqrt(u + eps) / sqrt(s + eps)
        d = g * ((self.u + self.eps) / (self.s + self.eps)).sqrt_()
        # u <- rho u + (1 - rho) d^2
        self.u.mul_(self.rho).addcmul_(d, d, value=1 - self.rho)
        # theta <- theta - eta d
        theta.sub_(self.lr * d)


class AdamRule(UpdateRule):
    """Momentum divided by RMSprop's root, both freed of their start at 0 [4]_.

    Parameters
    ----------
    lr : float or tensor (S, 1), optional
        Learning rate eta: about the size of a coordinate's first steps.
    betas : pair of float, optional
        Memory of the mean gradient and of the mean squared gradient.
    eps : float, optional
        Added to the root.
    weight_decay : float, optional
        Share of theta, times eta, that each step takes away: AdamW [9]_.
    """

    def __init__(
        self,
        lr: float | Tensor = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:
        self.lr, self.betas, self.eps = lr, betas, eps
        self.weight_decay = weight_decay
        self.m: Tensor | None = None
        self.s: Tensor | None = None
        self.t = 0

    def step(self, theta: Tensor, g: Tensor, loss: Tensor) -> None:
        """Take one step; see `UpdateRule`."""
        if self.m is None or self.s is None:
            self.m, self.s = torch.zeros_like(g), torch.zeros_like(g)
        self.t += 1
        if self.weight_decay:
            # theta <- theta - eta lambda theta
            theta.sub_(self.lr * self.weight_decay * theta)
        beta1, beta2 = self.betas
        # m <- beta1 m + (1 - beta1) g
        self.m.lerp_(g, 1 - beta1)
        # s <- beta2 s + (1 - beta2) g^2
        self.s.mul_(beta2).addcmul_(g, g, value=1 - beta2)
        # m^ = m / (1 - beta1^t),  s^ = s / (1 - beta2^t)
        s_hat = self.s / (1 - beta2**self.t)
        eta = self.lr / (1 - beta1**self.t)
        # theta <- theta - eta m^ / (sqrt(s^) + eps)
        theta.sub_(eta * self.m / s_hat.sqrt_().add_(self.eps))


class ScheduledRule(UpdateRule):
    """Another rule, whose learning rate changes from step to step.

    Parameters
    ----------
    rule : UpdateRule
        With the rate that the factor multiplies.
    factor : callable (int) -> float
        The factor of step 0, 1, 2, ..., as in PyTorch's `LambdaLR`.
    """

    def __init__(self, rule: UpdateRule, factor: Callable[[int], float]) -> None:
        self.rule, self.factor, self.t = rule, factor, 0
        self.lr = rule.lr

    def step(self, theta: Tensor, g: Tensor, loss: Tensor) -> None:
        """Take one step; see `UpdateRule`."""
        self.rule.lr = self.factor(self.t) * self.lr
        self.t += 1
        self.rule.step(theta, g, loss)


class LBFGSRule(UpdateRule):
    """Quasi-Newton steps from the last few changes of the gradient [5]_.

    One gradient a step. A step that lowers the loss by less than c1 times what
    its slope promised (Armijo's condition) is taken back, and half of it is tried
    at the next call. Where two losses differ by no more than rounding, the slope
    at the new point decides instead, as in [6]_. The gradients must be those of
    one function: all the data, not a batch.

    Parameters
    ----------
    lr : float, optional
        Length of a step that is tried first, in units of the quasi-Newton step.
    history_size : int, optional
        Pairs (s, y) that are remembered.
    c1 : float, optional
        Share of the promised decrease that a step must keep.
    """

    def __init__(
        self, lr: float = 1.0, history_size: int = 10, c1: float = 1e-4
    ) -> None:
        self.lr, self.history_size, self.c1 = lr, history_size, c1
        self.begun = False

    def step(self, theta: Tensor, g: Tensor, loss: Tensor) -> None:
        """Take one step, or half of the last one; see `UpdateRule`."""
        if self.begun:
            self._judge(theta, g, loss)
        else:
            self._begin(theta, g, loss)
        # theta <- theta + t d
        theta.copy_(torch.addcmul(self.theta, self.t[:, None], self.d))

    def settled(self, theta: Tensor) -> Tensor:
        """Return where the last step led that was not taken back."""
        return self.theta if self.begun else theta

    def _begin(self, theta: Tensor, g: Tensor, loss: Tensor) -> None:
        self.begun = True
        self.theta, self.g, self.loss = theta.clone(), g.clone(), loss.clone()
        self.s = g.new_zeros(self.history_size, *g.shape)
        self.y = torch.zeros_like(self.s)
        self.rho = g.new_zeros(self.history_size, len(g))  # 0: no pair yet
        self.d = -g
        # as long as a step of 1 in the 1-norm, as in torch
        self.t = self.lr / g.abs().sum(dim=1).clamp_(min=1)

    def _judge(self, theta: Tensor, g: Tensor, loss: Tensor) -> None:
        """Go on from theta where the step was good; else halve it."""
        good = self._good(g, loss)
        self.remember(good, theta - self.theta, g - self.g)
        row = good[:, None]
        self.theta = torch.where(row, theta, self.theta)
        self.g = torch.where(row, g, self.g)
        self.loss = torch.where(good, loss, self.loss)
        self.d = torch.where(row, self.direction(self.g), self.d)
        self.t = torch.where(good, self.lr, self.t / 2)

    def _good(self, g: Tensor, loss: Tensor) -> Tensor:
        """Return which steps to keep, shape (S,)."""
        slope, new_slope = ((v * self.d).sum(dim=1) for v in (self.g, g))
        # C(theta + t d) <= C(theta) + c1 t g.d
        lower = loss <= self.loss + self.c1 * self.t * slope
        # within rounding of it: the new slope must not say that t was far too long
        rounding = torch.finfo(loss.dtype).eps ** 0.5 * self.loss.abs()
        level = loss <= self.loss + rounding
        return lower | (level & (new_slope <= (2 * self.c1 - 1) * slope))

    def remember(self, good: Tensor, s: Tensor, y: Tensor) -> None:
        """Store the newest pair where the curvature s.y along it is positive."""
        sy = (s * y).sum(dim=1)
        tiny = torch.finfo(s.dtype).eps * s.norm(dim=1) * y.norm(dim=1)
        keep = good & (sy > tiny)
        self.s = torch.where(keep[:, None], torch.cat([self.s[1:], s[None]]), self.s)
        self.y = torch.where(keep[:, None], torch.cat([self.y[1:], y[None]]), self.y)
        newest = torch.cat([self.rho[1:], 1 / sy[None]])
        self.rho = torch.where(keep, newest, self.rho)

    def direction(self, g: Tensor) -> Tensor:
        """Return d = -H g by the two-loop recursion, shape (S, P).

        H is never formed: it follows from the stored pairs and from gamma I.
        """
        q, a = g.clone(), []
        # backwards: a_i = rho_i s_i.q,  q <- q - a_i y_i
        for s, y, rho in zip(*map(reversed, self.pairs()), strict=True):
            a.append(rho * (s * q).sum(dim=1, keepdim=True))
            q.addcmul_(a[-1], y, value=-1)
        # gamma = s.y / y.y of the newest pair
        yy = self.y[-1].square().sum(dim=1, keepdim=True)
        rho = self.rho[-1, :, None]
        q.mul_(torch.where(rho > 0, 1 / (rho * yy), 1.0))
        # forwards: q <- q + (a_i - rho_i y_i.q) s_i
        for s, y, rho in zip(*self.pairs(), strict=True):
            q.addcmul_(a.pop() - rho * (y * q).sum(dim=1, keepdim=True), s)
        return q.neg_()

    def pairs(self) -> tuple[list[Tensor], list[Tensor], list[Tensor]]:
        """Return s, y (S, P) and rho = 1 / s.y (S, 1), oldest first."""
        return list(self.s), list(self.y), list(self.rho[:, :, None])
