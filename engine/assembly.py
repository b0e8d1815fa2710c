"""From a configuration to a method that is ready to work: combines data, device, space and settings."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from engine.core import cuda_graphs
from engine.core.artifacts import Artifacts
from engine.core.cuda_graphs import StepRunner
from engine.core.distributed import ALONE, Group
from engine.core.plugins import attribute
from engine.core.runtime import Runtime
from engine.core.threads import Threads, choose
from engine.data.sources import Load, Source, load
from engine.method import Context, Method
from runs import catalogue, configuration
from runs.catalogue.settings import validate
from runs.catalogue.shared_settings import HardwareSettings, MachineSettings
from runs.catalogue.training import TrainingSettings
from runs.configuration import RunConfig
from runs.log.events import Event, Started


def assemble(
    config: RunConfig,
    root: Path,
    emit: Callable[[Event], None],
    loader: Load = load,
    *,
    group: Group = ALONE,
    folder: Path | None = None,
    artifacts: Artifacts | None = None,
    threads: Threads | None = None,
) -> tuple[Context[MachineSettings], Method]:
    """Return the context of a run and its method, neither started nor resumed.

    The catalogue builds the settings from the options of the method's entry, so the method's factory gets the
    ``Context`` that it declares. This is the only place where types cannot check that, because the factory is found by
    its name.

    Args:
        config: the run's configuration.
        root: the folder of downloaded data sets.
        emit: gets ``Started`` as soon as the machine is known, and later every event of the method.
        loader: opens a part of the data set.
        group: the processes that share the run.
        folder: of the run.
        artifacts: where the run stores its results; nowhere by default.
        threads: the CPU threads of this process; by default as configured, or chosen by the idle cores.

    Raises:
        NastuiError: the configuration, the data or the device cannot be used, or not by this number of processes.
    """
    settings = config.settings()
    if group.size > 1:
        _check_shares(config, group)
    if not isinstance(settings, MachineSettings):
        raise TypeError(f"the options of '{config.method}' have no threads: {type(settings).__name__}")
    machine = settings if isinstance(settings, HardwareSettings) else None
    threads = threads or choose(config, processes=group.local_size)
    runtime = Runtime(
        device=_own_device(config.device, group),
        seed=config.seed,
        threads=threads.number,
        precision=machine.precision if machine else "float32",
        channels_last=machine is not None and machine.channels_last,
        deterministic=machine is None or machine.deterministic,
        tf32=machine is None or machine.tf32,
        cudnn_benchmark=machine is None or machine.cudnn_benchmark,
    )
    compiled = {"compile": settings.compile} if isinstance(settings, TrainingSettings) else {}
    reason = {"threads_reason": threads.reason} if threads.reason else {}
    graphs = {"cuda_graphs": machine.cuda_graphs} if machine and cuda_graphs.possible(runtime.device) else {}
    emit(Started(runtime.environment() | reason | compiled | graphs | {"processes": group.size}))
    dataset, entry = catalogue.dataset(config.dataset), catalogue.space(config.space)
    images = Source(dataset, root, settings, runtime, loader, emit)
    of_method = catalogue.method(config.method)
    sized = settings if of_method.uses_supernet else entry.options()
    space = attribute(entry.engine)(entry, sized, dataset.classes)
    steps = StepRunner(machine.cuda_graphs if machine else "off", cuda_graphs.recorder(runtime.device), emit)
    if group.size > 1:
        steps.rule_out(f"{group.size} processes exchange gradients in each of them")
    context = Context(
        config,
        settings,
        dataset,
        images,
        space,
        runtime,
        emit,
        folder or Path(),
        artifacts or Artifacts(),
        group,
        steps,
    )
    method: Method = attribute(of_method.engine)(context)
    return context, method


def _check_shares(config: RunConfig, group: Group) -> None:
    """Check that processes can share a run; torchrun may have started another number than the configuration says.

    Raises:
        UsageError: they cannot.
    """
    of_method = catalogue.method(config.method)
    model = catalogue.options(of_method, catalogue.space(config.space))
    values = config.options | {"gpus": group.size}
    configuration.check_gpus(of_method, model, values)
    validate(model, values, f"a run of {group.size} processes")


def _own_device(first: str, group: Group) -> str:
    """Return the device of this process: the processes of a machine use consecutive GPUs, starting with the first."""
    kind, _, number = first.partition(":")
    return first if kind == "cpu" else f"{kind}:{int(number or 0) + group.local_rank}"
