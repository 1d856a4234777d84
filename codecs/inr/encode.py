"""Encoding with an implicit codec: train a network, search its step sizes, tune it to them, write the stream."""

from __future__ import annotations

import copy
import dataclasses
import math
from pathlib import Path

import torch

from bench.codec import Job
from bench.dataset import Clip
from bench.errors import CodecError

from .codec import ImplicitCodec, tensor_places
from .network.device import best_device
from .network.render import choose_precision
from .network.representation import Representation
from .network.source import SourceFrames, load_frames
from .stream import SECTION_BYTES, Stream, header_bytes, write_stream
from .training.prune import prune
from .training.recipe import RECIPES
from .training.train import Stage, train
from .weights.coder import purposes
from .weights.codings import WeightCoding
from .weights.search import PART, Goal, Search, Trial, goal_of
from .weights.target import Target

CPU = torch.device("cpu")

FINE_TUNING_SHARE = 3
"""Fine-tuning has the epochs of training divided by this. NeRV's published commands train for 300 epochs and fine-tune
for 100."""

TUNING_ROUNDS = 3
TUNING_SHARE = 30
"""A round of tuning for quantisation has the epochs of training divided by this."""
TUNING_RATE = 0.1
"""The learning rate of tuning, as a factor of that of training. With the whole rate, E-NeRV loses more than it
gains."""
TUNING_GAIN = 2.5
"""The factor by which the step sizes of the first round of tuning are larger than those that do without tuning."""


def encode(codec: ImplicitCodec, clip: Clip, stream: Path, job: Job) -> None:
    """Write ``clip`` to the file ``stream``.

    Raises `CodecError` if training diverges, if the target is a rate that does not suffice for the header, or a PSNR
    that the network does not reach with float weights. Raises `CellInterruptedError` if the process is asked to stop.
    """
    room = room_bytes(codec, clip, codec.weight_target)
    network = train_network(codec, clip, job)
    if network.canvas != (clip.rgb.format.width, clip.rgb.format.height):
        # A report needs this note, since the MACs are those of the larger picture.
        job.notes["padded_to"] = "{}x{}".format(*network.canvas)
    room -= sum(SECTION_BYTES + len(data) for data in network.attachments().values())
    coded = code_weights(codec, network, clip, codec.weight_coding, codec.weight_target, room, job).coded
    with job.watch.part("precision_choice"):
        precision = choose_precision(network, load_frames(clip.rgb, CPU))
    job.notes["decoding_precision"] = precision
    write_stream(stream, Stream(codec.header(clip.rgb.format, clip.matrix, precision), coded, network.attachments()))


def room_bytes(codec: ImplicitCodec, clip: Clip, target: Target) -> float:
    """The bytes that the sections of the stream may take if ``target`` is a rate; infinite for other targets.

    Raises `CodecError` if a rate does not even suffice for the header.
    """
    size_bytes = target.size_bytes(clip.rgb.format)
    if size_bytes == math.inf:
        return math.inf
    sections = 1 + len(purposes(tensor_places(codec, clip.rgb.format)))
    header = header_bytes(codec.header(clip.rgb.format, clip.matrix, "float32"), sections)
    if size_bytes <= header:
        raise CodecError(
            f"{codec.name}: the target {codec.target} allows {size_bytes:,.0f} bytes on {clip.name}; the header alone "
            f"takes {header}. Choose a higher rate."
        )
    return size_bytes - header


def train_network(codec: ImplicitCodec, clip: Clip, job: Job) -> Representation:
    """The network after training, pruning and fine-tuning, finished (`Representation.finish`). Raises what `train`
    raises."""

    def fresh_network() -> Representation:
        torch.manual_seed(job.seed)
        return codec.network(clip.rgb.format).to(best_device())

    recipe = RECIPES[codec.recipe]
    network = train(fresh_network, clip.rgb, recipe, codec.epochs, job)
    if codec.pruned:
        prune(network, codec.pruned)
        epochs = -(-codec.epochs // FINE_TUNING_SHARE)
        network = train(lambda: copy.deepcopy(network), clip.rgb, recipe, epochs, job, Stage("fine_tuning"))
    network.finish(SourceFrames(load_frames(clip.rgb, next(network.parameters()).device)))
    return network


def code_weights(
    codec: ImplicitCodec,
    network: Representation,
    clip: Clip,
    coding: WeightCoding,
    target: Target,
    room_bytes: float,
    job: Job,
) -> Trial:
    """Quantise and code the tensors of a finished network so that they meet ``target``. Returns the best trial.

    ``room_bytes`` is what the sections may take if the target is a rate. Afterwards the network has the values that a
    decoder will have, and the notes of ``job`` have the facts of the search. Raises `CodecError` if the target is a
    PSNR that the network does not reach with float weights.
    """
    with job.watch.part(PART):
        search = Search(network, load_frames(clip.rgb, CPU), coding, job)
    goal = goal_of(target, room_bytes, search.float_psnr_db)
    if target.kind == "bits":
        search.trial(coding.step_scale(target.value), coding.slopes[0])
    else:
        for slope in coding.slopes:
            search.solve(goal, slope)
        if coding.tuned:
            tune(codec, search, goal, clip, job)
    best = search.best(goal)
    job.notes["quantisation"] = {
        "step_scale": best.step_scale,
        "slope": best.slope,
        "tuning_rounds": best.tuning_rounds,
        "loss_db": best.loss_db,
        "float_psnr_db": search.float_psnr_db,
        "target_met": goal.excess(best) <= 0,
        "trials": len(search.trials),
        "frames": len(search.index),
    }
    return best


def tune(codec: ImplicitCodec, search: Search, goal: Goal, clip: Clip, job: Job) -> None:
    """Train the network further with quantised weights, with step sizes as large as ``goal`` allows. The tuned networks
    are among the trials of ``search``."""
    recipe = RECIPES[codec.recipe]
    recipe = dataclasses.replace(recipe, learning_rate=TUNING_RATE * recipe.learning_rate, warmup=0)
    epochs = -(-codec.epochs // TUNING_SHARE)
    step_scale = goal.best(search.trials).step_scale * (TUNING_GAIN if goal.loss_db < math.inf else 1)
    for number in range(1, TUNING_ROUNDS + 1):
        step_sizes, stage = search.step_sizes_by_name(step_scale), Stage("tuning", number)
        tuned = train(lambda: copy.deepcopy(search.exact()), clip.rgb, recipe, epochs, job, stage, step_sizes)
        search.adopt(tuned)
        step_scale *= goal.correction(search.trial(step_scale, 0.0))
