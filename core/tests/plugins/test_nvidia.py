"""The host's accelerators: what NVML tells, and what it is called."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from intermodal.plugins.gpus import kind_of

#: A driver's library with three devices: a good one, one in MIG mode, one that fell off the bus.
LIBRARY = r"""
#include <string.h>
typedef struct { unsigned long long total, free, used; } Memory;
static const char *names[] = {"NVIDIA A100-SXM4-80GB", "NVIDIA A100-SXM4-40GB", "NVIDIA H100 80GB HBM3"};
static const char *uuids[] = {"GPU-11111111-0000", "GPU-22222222-0000", "GPU-33333333-0000"};
#define AT(handle) ((int)(long)(handle) - 1)
int nvmlInitWithFlags(unsigned flags) { return 0; }
int nvmlShutdown(void) { return 0; }
const char *nvmlErrorString(int code) { return "an error"; }
int nvmlDeviceGetCount_v2(unsigned *count) { *count = 3; return 0; }
int nvmlDeviceGetHandleByIndex_v2(unsigned index, void **handle) {
    if (index == 2) return 15;
    *handle = (void *)(long)(index + 1);
    return 0;
}
int nvmlDeviceGetName(void *handle, char *name, unsigned size) { strncpy(name, names[AT(handle)], size); return 0; }
int nvmlDeviceGetUUID(void *handle, char *uuid, unsigned size) { strncpy(uuid, uuids[AT(handle)], size); return 0; }
int nvmlDeviceGetMemoryInfo(void *handle, Memory *memory) { memory->total = 81920ULL << 20; return 0; }
int nvmlDeviceGetMigMode(void *handle, unsigned *now, unsigned *next) { *now = *next = AT(handle) == 1; return 0; }
"""
ASK = """
import json
from intermodal.plugins.gpus import counts, found_gpus
devices = found_gpus()
print(json.dumps([counts(devices), [[d.kind, d.index, d.uuid, d.memory] for d in devices]]))
"""
COMPILER = shutil.which("cc") or shutil.which("gcc")


def ask(library: Path) -> list[object]:
    """What a process with this library finds."""
    env = {**os.environ, "LD_LIBRARY_PATH": str(library)}
    done = subprocess.run([sys.executable, "-c", ASK], env=env, capture_output=True, text=True, check=True)
    found: list[object] = json.loads(done.stdout)
    return found


@pytest.mark.skipif(COMPILER is None, reason="a stand-in for the driver's library needs a C compiler")
def test_devices_are_found_through_nvml(tmp_path: Path) -> None:
    """Kind, index, uuid and memory of each; who is cut up or does not answer is left out."""
    source = tmp_path / "nvml.c"
    source.write_text(LIBRARY)
    library = tmp_path / "libnvidia-ml.so.1"
    subprocess.run([str(COMPILER), "-shared", "-fPIC", "-w", "-o", str(library), str(source)], check=True)
    assert ask(tmp_path) == [{"A100-80GB": 1}, [["A100-80GB", 0, "GPU-11111111-0000", 81920]]]


def test_no_driver_is_no_devices(tmp_path: Path) -> None:
    """And no error."""
    (tmp_path / "libnvidia-ml.so.1").write_text("no library")
    assert ask(tmp_path) == [{}, []]


@pytest.mark.parametrize(
    ("name", "gib", "kind"),
    [
        ("NVIDIA A100-SXM4-80GB", 80, "A100-80GB"),
        ("NVIDIA A100-PCIE-40GB", 40, "A100-40GB"),
        ("NVIDIA A100 80GB PCIe", 80, "A100-80GB"),
        ("NVIDIA H100 80GB HBM3", 80, "H100"),
        ("NVIDIA H100 PCIe", 80, "H100"),
        ("NVIDIA H100 NVL", 94, "H100"),
        ("NVIDIA H200", 141, "H200"),
        ("NVIDIA GH200 480GB", 96, "GH200"),
        ("NVIDIA GH200 144G HBM3e", 144, "GH200"),
        ("NVIDIA B200", 180, "B200"),
        ("Tesla T4", 16, "T4"),
        ("Tesla V100-SXM2-32GB", 32, "V100"),
        ("NVIDIA L4", 24, "L4"),
        ("NVIDIA L40S", 48, "L40S"),
        ("NVIDIA A10G", 24, "A10G"),
        ("NVIDIA RTX A6000", 48, "A6000"),
        ("NVIDIA RTX 6000 Ada Generation", 48, "RTX-6000-ADA"),
        ("NVIDIA RTX PRO 6000 Blackwell Server Edition", 96, "RTX-PRO-6000"),
        ("NVIDIA RTX PRO 6000 Blackwell Max-Q Workstation Edition", 96, "RTX-PRO-6000"),
        ("NVIDIA GeForce RTX 4090", 24, "RTX-4090"),
    ],
)
def test_names_of_the_driver_and_names_that_users_write(name: str, gib: int, kind: str) -> None:
    """The vendor's name and the memory give the name that `gpu=` takes."""
    assert kind_of(name, gib * 1024 * 99 // 100) == kind
