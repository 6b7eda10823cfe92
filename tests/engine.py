"""Docker, for the tests of images and containers, also where no registry of images is reached.

Environment:
    BASE_IMAGE: What the image is made from; the Dockerfile's own by default. ``debootstrap`` makes one from Debian's packages,
        for a machine that reaches no registry of images. It takes root.
    DOCKER_BUILD: More options of ``docker build``, such as those of the network.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import tempfile
from pathlib import Path

# Whom containers run as: nobody of the image's /etc/passwd where the tests may give files away, else who runs them.
USER, GROUP = (4711, 4711) if os.geteuid() == 0 else (os.getuid(), os.getgid())
_BASE = "lending-club-test-base"


def docker(*arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    """A command of Docker's; ends the tests with what it says where it fails."""
    environment = {"DOCKER_BUILDKIT": "1", **os.environ}
    done = subprocess.run(["docker", *arguments], capture_output=True, text=True, env=environment)
    if check and done.returncode:
        raise SystemExit(f"docker {' '.join(arguments)}\n{done.stdout}{done.stderr}")
    return done


def owned(directory: Path) -> Path:
    """A directory that belongs to whom containers run as, with all that is in it."""
    for path in (directory, *directory.rglob("*")):
        os.chown(path, USER, GROUP, follow_symlinks=False)
    return directory


def build(tag: str, directory: Path, *options: str) -> None:
    """Build an image as the environment says."""
    base = base_image()
    from_base = ["--build-arg", f"BASE_IMAGE={base}"] if base else []
    docker("build", "--tag", tag, *from_base, *shlex.split(os.environ.get("DOCKER_BUILD", "")), *options, str(directory))


def is_without_registry() -> bool:
    """Whether images are made from Debian's packages alone."""
    return os.environ.get("BASE_IMAGE") == "debootstrap"


def base_image() -> str:
    """What images are made from; nothing for what the Dockerfile says."""
    return _debootstrapped() if is_without_registry() else os.environ.get("BASE_IMAGE", "")


def _debootstrapped() -> str:
    if docker("image", "inspect", _BASE, check=False).returncode:
        with tempfile.TemporaryDirectory(prefix="lending-club-base-") as place:
            packages = "--include=ca-certificates,python3,python3-venv"
            subprocess.run(
                ["debootstrap", "--variant=minbase", packages, "bookworm", place], stdout=subprocess.DEVNULL, check=True
            )
            for name in ("var/lib/apt/lists", "var/cache/apt", "usr/share/doc", "usr/share/man", "usr/share/locale"):
                shutil.rmtree(Path(place, name))
            packed = subprocess.Popen(["tar", "--create", "--directory", place, "."], stdout=subprocess.PIPE)
            subprocess.run(["docker", "import", "-", _BASE], stdin=packed.stdout, stdout=subprocess.DEVNULL, check=True)
            assert packed.wait() == 0
    return _BASE
