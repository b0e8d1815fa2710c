"""ENAS: the shared weights and the controller that samples from them are trained in turn.

See docs/methods/baselines.md, "ENAS".
"""

from __future__ import annotations

from functools import partial

import torch

from engine.black_box.encoding import coding
from engine.black_box.path_sampling import PathSampling
from engine.black_box.supernet_training import supernet_training
from engine.core.schedules import cosine
from engine.method import Context
from engine.methods.enas.controller import Controller, LearntPolicy
from engine.search.components import LearningRate
from engine.search.loop import DifferentiableSearch
from runs.catalogue.methods.enas import EnasSettings


def build(context: Context[EnasSettings]) -> DifferentiableSearch:
    """Return the search that the settings describe."""
    settings = context.settings
    known = coding(context.space.entry)
    controller = Controller(
        known.codec,
        size=settings.controller_size,
        layers=settings.controller_layers,
        tanh_constant=settings.tanh_constant,
        temperature=settings.temperature,
        scale=settings.arch_init_scale,
        generator=context.runtime.generator("architecture"),
    )
    policy = LearntPolicy(
        controller,
        torch.optim.Adam(
            controller.parameters(),
            settings.arch_learning_rate,
            betas=(settings.arch_beta1, settings.arch_beta2),
            eps=settings.arch_epsilon,
        ),
        steps=settings.controller_steps,
        samples=settings.controller_samples,
        entropy_weight=settings.entropy_weight,
        baseline_momentum=settings.baseline_momentum,
        clip=settings.arch_gradient_clip,
    )
    sampling = PathSampling(
        policy,
        known,
        context.space,
        samples=settings.samples,
        images=settings.sample_images,
        batch_size=settings.batch_size,
    )
    return DifferentiableSearch(
        context, supernet_training(settings, sampling, settings.epochs, learning_rate=learning_rate(settings))
    )


def learning_rate(settings: EnasSettings) -> LearningRate:
    """Return the learning rate of the weights: one cosine, or a cosine for each period."""
    rate = partial(cosine, settings.learning_rate, settings.learning_rate_min)
    if not settings.rate_period:
        return rate
    # A cosine of N epochs has risen again after 2 N.
    folded = 1 if settings.after_period == "restart" else 2
    return lambda epoch, _: rate(epoch % (folded * settings.rate_period), settings.rate_period)
