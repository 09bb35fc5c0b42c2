"""A Dockerfile of everything, and what its image shows: the same on every backend."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

from builds import FileBlobs
from intermodal import Image, Secret
from intermodal.definitions.lowering import LoweredImage, lower_image

__all__ = ["EVERYTHING", "SEEN", "lower_with", "write_archive", "write_context"]

#: After `FROM ... AS base`; the base has Python, a shell and the usual users. MARK is for a word of one's own.
EVERYTHING = """\
RUN groupadd --gid 4321 crew && useradd --uid 1234 --gid crew --create-home sailor
RUN mkdir -p /made/sub /made/empty && echo one > /made/one && echo two > /made/sub/two && ln -s sub/two /made/link \\
    && chown 1234:4321 /made/sub/two && chmod 640 /made/sub/two && chmod 2750 /made/empty && ln /made/one /made/hard
USER sailor
RUN pwd
USER root

FROM base AS unneeded
RUN exit 7

FROM base AS tools
COPY --from=base /made/one /tools/one

FROM base
WORKDIR /yard
COPY --from=base /made copied
COPY --from=tools /tools/o* ./
COPY --from=base --chown=sailor:crew --chmod=755 /made/one /owned/sub/one
COPY --from=0 /made/link /followed
COPY <<heredoc /etc/heredoc
from the ${KIND:-file}
heredoc
COPY --chown=sailor tree tree
ADD data.tar.gz /unpacked
RUN <<END
set -e
for name in $(cat tree/names); do
  echo "$name" >> script
done
END
RUN --mount=type=secret,id=TOKEN,mode=0444 --mount=type=cache,target=/kept,id=intermodal-tests \\
    --mount=type=tmpfs,target=/quick --mount=target=/shown,source=tree \\
    --mount=type=bind,from=tools,source=/tools,target=/others <<END
set -e
wc -c < /run/secrets/TOKEN > beside
cat /shown/names /others/one >> beside
echo lost > /others/lost
echo again >> /kept/MARK
touch /quick/gone
wc -l < /kept/MARK > /counted
END
USER sailor
RUN id -u > ~/me && id -g >> ~/me && pwd >> ~/me
USER root
RUN find /yard /owned /unpacked /followed /etc/heredoc /home/sailor/me /kept /quick /shown /others /run/secrets \\
    -not -name '.*' -printf '%p %y %m %U:%G %l\\n' 2>/dev/null | sort > /list
"""

#: What /list says, apart from what is left of mount points.
SEEN = """\
/etc/heredoc f 644 0:0
/followed f 640 1234:4321
/home/sailor/me f 644 1234:4321
/owned d 755 1234:4321
/owned/sub d 755 1234:4321
/owned/sub/one f 755 1234:4321
/unpacked d 755 0:0
/unpacked/here f 600 11:12
/unpacked/there l 777 0:0 here
/yard d 755 0:0
/yard/beside f 644 0:0
/yard/copied d 755 0:0
/yard/copied/empty d 2750 0:0
/yard/copied/hard f 644 0:0
/yard/copied/link l 777 0:0 sub/two
/yard/copied/one f 644 0:0
/yard/copied/sub d 755 0:0
/yard/copied/sub/two f 640 1234:4321
/yard/one f 644 0:0
/yard/script f 644 0:0
/yard/tree d 755 1234:4321
/yard/tree/empty d 755 1234:4321
/yard/tree/link l 777 1234:4321 names
/yard/tree/names f 644 1234:4321
""".splitlines()


def write_context(folder: Path) -> None:
    """The build context of EVERYTHING."""
    (folder / "tree/empty").mkdir(parents=True)
    (folder / "tree/names").write_text("ahoy\navast\n")
    (folder / "tree/link").symlink_to("names")
    write_archive(folder / "data.tar.gz", [("here", tarfile.REGTYPE, ""), ("there", tarfile.SYMTYPE, "here")])


def write_archive(path: Path, members: list[tuple[str, bytes, str]]) -> None:
    """An archive of things by name, type and what they point to."""
    with tarfile.open(path, "w:gz") as archive:
        for name, kind, link in members:
            entry = tarfile.TarInfo(name)
            entry.type, entry.linkname = kind, link
            if kind == tarfile.REGTYPE:
                entry.mode, entry.uid, entry.gid, entry.size = 0o600, 11, 12, 2
            archive.addfile(entry, io.BytesIO(b"x\n") if entry.size else None)


def lower_with(blobs: FileBlobs, folder: Path, text: str, secrets: dict[str, str] | None = None) -> LoweredImage:
    """The image of a Dockerfile's text whose context is `folder`, its files among `blobs`."""
    file = folder / "Dockerfile"
    file.write_text(text)
    given = [Secret.from_dict(dict(secrets))] if secrets else []
    lowered = lower_image(Image.from_dockerfile(file, context_dir=folder, secrets=given, ignore=["Dockerfile"]))
    for name, content in lowered.blobs.items():
        data = content if isinstance(content, bytes) else content.read_bytes()
        assert blobs.add(data) == name
    return lowered
