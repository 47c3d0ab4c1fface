"""layout_check.py LAYOUT TAG: reads an OCI layout as the specification says, with nothing of ours:
digests, sizes, config against manifest, diffIDs, and every layer laid over the last. Prints per
platform what the root file system is: one line per path."""
import gzip
import hashlib
import io
import json
import sys
import tarfile

layout, tag = sys.argv[1:]


def blob(d):
    algorithm, value = d["digest"].split(":")
    data = open(f"{layout}/blobs/{algorithm}/{value}", "rb").read()
    assert hashlib.new(algorithm, data).hexdigest() == value and len(data) == d["size"], d
    return data


assert json.load(open(f"{layout}/oci-layout")) == {"imageLayoutVersion": "1.0.0"}
top = [m for m in json.load(open(f"{layout}/index.json"))["manifests"]
       if m["annotations"]["org.opencontainers.image.ref.name"] == tag]
assert len(top) == 1, top
index = json.loads(blob(top[0]))
images = index["manifests"] if "manifests" in index else [top[0]]
for entry in images:
    manifest = json.loads(blob(entry))
    assert manifest["schemaVersion"] == 2 and manifest["mediaType"] == entry["mediaType"]
    config = json.loads(blob(manifest["config"]))
    if "platform" in entry:
        assert entry["platform"]["architecture"] == config["architecture"], config
    assert config["rootfs"]["type"] == "layers"
    assert len(config["rootfs"]["diff_ids"]) == len(manifest["layers"])
    assert len([h for h in config["history"] if not h.get("empty_layer")]) == len(manifest["layers"])
    root = {}
    for d, diff_id in zip(manifest["layers"], config["rootfs"]["diff_ids"]):
        data = blob(d)
        if d["mediaType"].endswith("+gzip"):
            data = gzip.decompress(data)
        assert "sha256:" + hashlib.sha256(data).hexdigest() == diff_id
        for e in tarfile.open(fileobj=io.BytesIO(data)):
            kind = "d" if e.isdir() else "l" if e.issym() else "h" if e.islnk() else "f"
            root[e.name] = f"{kind} {e.mode:04o} {e.linkname or e.size if kind != 'd' else ''}"
    print(config["os"], config["architecture"], json.dumps(config["config"], sort_keys=True))
    for name in sorted(root):
        print(name, root[name])
