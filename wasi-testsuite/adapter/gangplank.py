"""Adapter of the official wasi-testsuite runner for Gangplank.

    ./run-tests -r path/to/adapter/gangplank.py

Environment:
    GANGPLANK_BIN            the program; else `gangplank` on PATH, else the one in target/release of this repository
    GANGPLANK_FS             how `root` is offered: host (default), mem or overlay
    GANGPLANK_HOST_RESOLVER  openat2 or portable: how paths are resolved on the host's filesystem
    GANGPLANK_ENGINE         the engine, cranelift by default
"""

import os
import shutil
import subprocess
from pathlib import Path
from typing import Dict, List, Optional, Tuple

_EXE = ".exe" if os.name == "nt" else ""


def _program() -> str:
    named = os.environ.get("GANGPLANK_BIN")
    if named:
        return named
    on_path = shutil.which("gangplank")
    if on_path:
        return on_path
    target = os.environ.get("CARGO_TARGET_DIR", Path(__file__).resolve().parents[2] / "target")
    return str(Path(target) / "release" / f"gangplank{_EXE}")


def _engine() -> str:
    return os.environ.get("GANGPLANK_ENGINE", "cranelift")


def _fs() -> str:
    return os.environ.get("GANGPLANK_FS", "host")


def _resolver() -> Optional[str]:
    return os.environ.get("GANGPLANK_HOST_RESOLVER")


def get_name() -> str:
    parts = ["gangplank", _engine(), _fs()]
    resolver = _resolver()
    if resolver:
        parts.append(resolver)
    return "-".join(parts)


def get_version() -> str:
    result = subprocess.run([_program(), "--version"], encoding="UTF-8", capture_output=True, check=True)
    return result.stdout.split()[-1]


def get_wasi_versions() -> List[str]:
    return ["wasm32-wasip1"]


def get_wasi_worlds() -> List[str]:
    return ["wasi:cli/command"]


def get_timeout_seconds() -> float:
    # Only machines that compile slowly need more than a second.
    return 20.0


def compute_argv(test_path: str,
                 args_env_root: Tuple[List[str], Dict[str, str], Optional[Path]],
                 proposals: List[str],
                 wasi_world: str,
                 wasi_version: str) -> List[str]:
    args, env, root = args_env_root
    argv = [_program(), "run", "--engine", _engine(), "--fs", _fs()]
    resolver = _resolver()
    if resolver:
        argv += ["--host-resolver", resolver]
    for key, value in env.items():
        argv += ["--env", f"{key}={value}"]
    if root:
        argv += ["--dir", f"{root}::/"]
    return argv + [str(test_path), *args]
