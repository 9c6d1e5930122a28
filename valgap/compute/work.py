"""What a training process of this machine does with a job."""

import importlib

from valgap.compute import environment
from valgap.data.prepared import load_groups, load_images, load_labels
from valgap.ground.files import full_disk_named
from valgap.training.job import Files, Job, train_files


def train(job: Job) -> tuple[int, Files]:
    """Number and files of a replicate, trained on the prepared images of the workspace in this folder.

    Keras counts layers of a kind over a process's life, and writes their names into files of weights: it begins anew,
    so that these have the same bits whatever the process has trained before.
    """
    importlib.import_module("keras").utils.clear_session(free_memory=False)
    with full_disk_named():
        return job.number, train_files(
            job, load_images(), load_labels(), load_groups(), environment.environment(job.device)
        )
