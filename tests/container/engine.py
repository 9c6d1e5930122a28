"""buildah, as the proof uses it: a Debian base of its own making, a build as `make image` does it, runs by entry."""

import configparser
import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.scratch import ROOT

BASE = "localhost/debian:bookworm-slim"  # what the Dockerfile's FROM finds before it asks a registry
NEEDED = ("buildah", "debootstrap")
LEFT_OUT = ("usr/share/doc", "usr/share/locale", "usr/share/man", "var/cache/apt", "var/lib/apt/lists")  # as in -slim
HOST_CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
HOST_PIP = Path("/etc/pip.conf")
ENVIRONMENT = {"BUILDAH_ISOLATION": "chroot"} | dict(os.environ)  # needs no namespaces, which CI may not grant


def require() -> None:
    """End the process where this cannot run: it fails, it does not skip."""
    missing = [name for name in NEEDED if shutil.which(name) is None]
    if missing or os.geteuid():
        sys.exit(f"the images are proven as root, with buildah and debootstrap; missing: {missing}, uid {os.geteuid()}")


def call(*command: str, cwd: Path = ROOT) -> str:
    """Run a command; its standard output. Raises AssertionError with the end of what it printed when it fails."""
    done = subprocess.run(command, cwd=cwd, env=ENVIRONMENT, text=True, capture_output=True)
    if done.returncode:
        said = f"{done.stdout[-3000:]}{done.stderr[-3000:]}"
        raise AssertionError(f"{' '.join(command)} ended with {done.returncode}:\n{said}")
    return done.stdout.strip()


def make_base() -> None:
    """Bring a Debian bookworm into buildah's storage, by debootstrap, unless one of this name is there."""
    if subprocess.run(["buildah", "inspect", "--type", "image", BASE], env=ENVIRONMENT, capture_output=True).returncode:
        with tempfile.TemporaryDirectory(prefix="debian-") as folder:
            call("debootstrap", "--variant=minbase", "bookworm", folder)
            for name in LEFT_OUT:
                shutil.rmtree(Path(folder, name), ignore_errors=True)
            container = call("buildah", "from", "scratch")
            call("buildah", "copy", "--quiet", container, folder, "/")
            call("buildah", "commit", "--quiet", "--rm", container, BASE)


@contextlib.contextmanager
def host_access() -> Iterator[str]:
    """Flags by which a build reaches the package index as this host does: its pip settings and certificates, if any.

    They are mounted for the build alone, so that no image and no Dockerfile knows of them.
    """
    settings = configparser.ConfigParser(interpolation=None)
    settings.read(HOST_PIP)
    with tempfile.TemporaryDirectory(prefix="pip-") as folder:
        flags = []
        if HOST_CERTIFICATES.exists():
            inside = "/run/host-certificates.crt"
            flags.append(f"--volume={HOST_CERTIFICATES.resolve()}:{inside}:ro")
            if not settings.has_section("global"):
                settings.add_section("global")
            settings.set("global", "cert", inside)
        pip = Path(folder, "pip.conf")
        with pip.open("w") as handle:
            settings.write(handle)
        yield " ".join([*flags, f"--volume={pip}:/etc/pip.conf:ro"])


def build(target: str, image: str, folder: Path = ROOT) -> None:
    """`make image`, `make image-gpu` or `make image-cpu-ray` in a clone."""
    name = "image" if target == "cpu" else f"image-{target}"
    with host_access() as flags:
        call("make", name, f"ARGS={flags}", f"IMAGE={image}", cwd=folder)


class Container:
    """A container of an image, whose commands run through the image's entry as `docker run` would start them."""

    def __init__(self, image: str) -> None:
        config = json.loads(call("buildah", "inspect", "--type", "image", image))["OCIv1"]["config"]
        self.entry, self.default, self.labels = config["Entrypoint"], config["Cmd"], config["Labels"]
        self.name = call("buildah", "from", "--pull-never", image)
        self.root = Path(call("buildah", "mount", self.name))

    def command(self, workspace: Path, *command: str, user: str | None = None) -> list[str]:
        """The command line that runs `command`, or the image's own, on a folder mounted at /workspace."""
        flags = ["--env", "TINI_SUBREAPER=1", f"--volume={workspace}:/workspace"]  # it is not process 1 under chroot
        flags += ["--user", user] if user else []
        return ["buildah", "run", *flags, self.name, "--", *self.entry, *(command or self.default)]

    def run(
        self, workspace: Path, *command: str, user: str | None = None, fails: bool = False
    ) -> subprocess.CompletedProcess[str]:
        """Run to the end. Raises AssertionError with all that it printed unless it ends as expected."""
        done = subprocess.run(
            self.command(workspace, *command, user=user), env=ENVIRONMENT, text=True, capture_output=True
        )
        if bool(done.returncode) != fails:
            raise AssertionError(f"{command} as {user} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
        return done

    def remove(self) -> None:
        """Drop the container; its image stays."""
        call("buildah", "rm", self.name)
