#!/usr/bin/env python3
"""Writes an OCI image of the program without a daemon.

  build/image.py FILE.tar ARCHITECTURE=PROGRAM[:LIBRARIES]...

ARCHITECTURE is amd64, arm64 or arm (for ARMv7). LIBRARIES is the folder of the C library that the
program is linked with; without it, that of this machine is taken. The image holds the program, these
libraries and nothing else: no shell, no package manager. Several architectures come into one index.

Times are SOURCE_DATE_EPOCH or 0, and entries are in order: the same program makes the same image.
"""

import gzip
import hashlib
import io
import json
import os
import re
import subprocess
import sys
import tarfile

USER = 65532
PLATFORMS = {"amd64": {}, "arm64": {"variant": "v8"}, "arm": {"variant": "v7"}}
ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
EPOCH = int(os.environ.get("SOURCE_DATE_EPOCH", "0"))
LEVEL = int(os.environ.get("LEVEL", "9"))

ACCOUNTS = {
    "etc/passwd": f"root:x:0:0:root:/:/nonexistent\nmorelia:x:{USER}:{USER}::/data:/nonexistent\n",
    "etc/group": f"root:x:0:\nmorelia:x:{USER}:\n",
    "etc/nsswitch.conf": "hosts: files dns\n",
}


def fail(sentence):
    sys.exit(f"image.py: {sentence}")


def cargo(key):
    with open(os.path.join(ROOT, "Cargo.toml"), encoding="utf-8") as file:
        found = re.search(rf'^{key} = "(.*)"', file.read(), re.MULTILINE)
    return found.group(1)


def readelf(*arguments):
    return subprocess.run(
        ["readelf", "-W", *arguments], check=True, capture_output=True, text=True
    ).stdout


def libraries(program, folders):
    """The loader and the libraries of a program: the path that it asks for, and where that is here."""
    wanted, found = [program], {}
    loader = re.search(r"interpreter: (\S+)\]", readelf("-l", program))
    if loader:
        found[loader.group(1)] = locate(os.path.basename(loader.group(1)), folders)
    folder = "/lib"
    while wanted:
        for name in re.findall(r"\(NEEDED\).*\[(.+)\]", readelf("-d", wanted.pop())):
            path = f"{folder}/{name}"
            if any(os.path.basename(known) == name for known in found):
                continue
            found[path] = locate(name, folders)
            wanted.append(found[path])
    return found


def locate(name, folders):
    for folder in folders:
        path = os.path.join(folder, name)
        if os.path.exists(path):
            return path
    fail(f"the library {name} is in none of {', '.join(folders)}")


def layer(program, folders):
    """The file system, as an uncompressed tar."""
    files = {"usr/bin/morelia": (program, 0o755)}
    for path, source in libraries(program, folders).items():
        files[path.lstrip("/")] = (source, 0o755)
    contents = {}
    for path, (source, mode) in files.items():
        with open(source, "rb") as file:
            contents[path] = (file.read(), mode)
    for path, text in ACCOUNTS.items():
        contents[path] = (text.encode(), 0o644)
    folders_needed = {"data": (0o700, USER), "tmp": (0o1777, 0)}
    for path in contents:
        parts = path.split("/")[:-1]
        for end in range(1, len(parts) + 1):
            folders_needed["/".join(parts[:end])] = (0o755, 0)
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for path in sorted([*folders_needed, *contents]):
            entry = tarfile.TarInfo(path)
            entry.mtime = EPOCH
            if path in folders_needed:
                entry.type = tarfile.DIRTYPE
                entry.mode, entry.uid = folders_needed[path]
                entry.gid = entry.uid
                tar.addfile(entry)
            else:
                data, entry.mode = contents[path]
                entry.size = len(data)
                tar.addfile(entry, io.BytesIO(data))
    return out.getvalue()


class Blobs:
    """What is stored under its digest."""

    def __init__(self):
        self.blobs = {}

    def put(self, data, media_type, **more):
        digest = hashlib.sha256(data).hexdigest()
        self.blobs[f"blobs/sha256/{digest}"] = data
        return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": len(data), **more}

    def document(self, value, media_type, **more):
        return self.put(as_json(value), media_type, **more)


def as_json(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def image(blobs, architecture, program, folders):
    plain = layer(program, folders)
    packed = gzip.compress(plain, LEVEL, mtime=0)
    created = subprocess.run(
        ["date", "-u", "-d", f"@{EPOCH}", "+%Y-%m-%dT%H:%M:%SZ"],
        check=True, capture_output=True, text=True,
    ).stdout.strip()
    labels = {
        "org.opencontainers.image.title": "Morelia",
        "org.opencontainers.image.description": cargo("description"),
        "org.opencontainers.image.version": cargo("version"),
        "org.opencontainers.image.licenses": cargo("license"),
    }
    platform = {"architecture": architecture, "os": "linux", **PLATFORMS[architecture]}
    config = {
        **platform,
        "created": created,
        "config": {
            "User": f"{USER}:{USER}",
            "Env": ["MORELIA_CONFIG=/data/morelia.ini", "HOME=/data"],
            "Entrypoint": ["/usr/bin/morelia"],
            "Cmd": ["serve"],
            "WorkingDir": "/data",
            "Volumes": {"/data": {}},
            "ExposedPorts": {"8000/tcp": {}},
            "StopSignal": "SIGTERM",
            "Labels": labels,
            # Not part of the OCI specification; Docker and Podman read it.
            "Healthcheck": {
                "Test": ["CMD", "/usr/bin/morelia", "status", "--health"],
                "Interval": 30_000_000_000,
                "Timeout": 10_000_000_000,
                "StartPeriod": 10_000_000_000,
                "Retries": 3,
            },
        },
        "rootfs": {"type": "layers", "diff_ids": ["sha256:" + hashlib.sha256(plain).hexdigest()]},
        "history": [{"created": created, "created_by": "build/image.py"}],
    }
    oci = "application/vnd.oci.image"
    manifest = {
        "schemaVersion": 2,
        "mediaType": f"{oci}.manifest.v1+json",
        "config": blobs.document(config, f"{oci}.config.v1+json"),
        "layers": [blobs.put(packed, f"{oci}.layer.v1.tar+gzip")],
        "annotations": labels,
    }
    return blobs.document(manifest, f"{oci}.manifest.v1+json", platform=platform)


def main(arguments):
    if len(arguments) < 2:
        sys.exit(__doc__)
    target, blobs, manifests = arguments[0], Blobs(), []
    for argument in arguments[1:]:
        architecture, _, rest = argument.partition("=")
        if architecture not in PLATFORMS or not rest:
            fail(f"{argument}: say ARCHITECTURE=PROGRAM, with one of {', '.join(PLATFORMS)}")
        program, _, folder = rest.partition(":")
        folders = [folder] if folder else own_folders()
        manifests.append(image(blobs, architecture, program, folders))
    version = cargo("version")
    name = {"org.opencontainers.image.ref.name": version}
    index = blobs.document(
        {
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.index.v1+json",
            "manifests": manifests,
        },
        "application/vnd.oci.image.index.v1+json",
    )
    top = {"schemaVersion": 2, "manifests": [{**index, "annotations": name}]}
    if len(manifests) == 1:
        # Some tools look for an image and know no index inside an index.
        top["manifests"] = [{**manifests[0], "annotations": name}]
        index_path = "blobs/sha256/" + index["digest"].removeprefix("sha256:")
        del blobs.blobs[index_path]
    entries = {
        "oci-layout": as_json({"imageLayoutVersion": "1.0.0"}),
        "index.json": as_json(top),
        **blobs.blobs,
    }
    with tarfile.open(target, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for folder in ["blobs", "blobs/sha256"]:
            entry = tarfile.TarInfo(folder)
            entry.type, entry.mode, entry.mtime = tarfile.DIRTYPE, 0o755, EPOCH
            tar.addfile(entry)
        for path in sorted(entries):
            entry = tarfile.TarInfo(path)
            entry.size, entry.mode, entry.mtime = len(entries[path]), 0o644, EPOCH
            tar.addfile(entry, io.BytesIO(entries[path]))
    print(target)


def own_folders():
    triplet = subprocess.run(
        ["gcc", "-print-multiarch"], check=True, capture_output=True, text=True
    ).stdout.strip()
    return [f"/lib/{triplet}", f"/usr/lib/{triplet}", "/lib64", "/lib"]


main(sys.argv[1:])
