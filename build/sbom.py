#!/usr/bin/env python3
"""Prints the bill of materials of the program as CycloneDX 1.5: every crate that is built into it.

Made from Cargo.lock by `cargo metadata`; crates that only build or test it are left out.
"""

import json
import os
import subprocess
import uuid

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
TARGETS = [
    "x86_64-unknown-linux-gnu", "aarch64-unknown-linux-gnu", "armv7-unknown-linux-gnueabihf",
]


def metadata():
    command = [os.environ.get("CARGO", "cargo"), "metadata", "--locked", "--format-version", "1"]
    for target in TARGETS:
        command += ["--filter-platform", target]
    run = subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT)
    return json.loads(run.stdout)


def reached(nodes, root):
    """The packages that normal dependencies lead to, each with those that it depends on."""
    found, left = {}, [root]
    while left:
        package = left.pop()
        if package in found:
            continue
        normal = [
            dependency["pkg"] for dependency in nodes[package]["deps"]
            if any(kind["kind"] is None for kind in dependency["dep_kinds"])
        ]
        found[package] = sorted(normal)
        left += normal
    return found


def reference(package):
    return f"pkg:cargo/{package['name']}@{package['version']}"


def component(package, checksums):
    described = {
        "type": "library",
        "bom-ref": reference(package),
        "name": package["name"],
        "version": package["version"],
        "purl": reference(package),
    }
    if package.get("license"):
        described["licenses"] = [{"expression": package["license"].replace("/", " OR ")}]
    checksum = checksums.get((package["name"], package["version"]))
    if checksum:
        described["hashes"] = [{"alg": "SHA-256", "content": checksum}]
    return described


def locked():
    """The checksums of Cargo.lock."""
    checksums, name, version = {}, None, None
    with open(os.path.join(ROOT, "Cargo.lock"), encoding="utf-8") as file:
        text = file.read()
    for line in text.splitlines():
        key, _, value = line.partition(" = ")
        value = value.strip('"')
        if key == "name":
            name = value
        elif key == "version":
            version = value
        elif key == "checksum":
            checksums[name, version] = value
    return checksums, text


def main():
    found = metadata()
    checksums, lock = locked()
    packages = {package["id"]: package for package in found["packages"]}
    nodes = {node["id"]: node for node in found["resolve"]["nodes"]}
    root = found["resolve"]["root"]
    graph = reached(nodes, root)
    own = packages[root]
    parts = sorted((packages[package] for package in graph if package != root), key=reference)
    program = component(own, checksums) | {"type": "application"}
    document = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, own['version'] + lock)}",
        "version": 1,
        "metadata": {"component": program},
        "components": [component(package, checksums) for package in parts],
        "dependencies": sorted(
            (
                {
                    "ref": reference(packages[package]),
                    "dependsOn": sorted(reference(packages[other]) for other in others),
                }
                for package, others in graph.items()
            ),
            key=lambda entry: entry["ref"],
        ),
    }
    print(json.dumps(document, indent=1))


main()
