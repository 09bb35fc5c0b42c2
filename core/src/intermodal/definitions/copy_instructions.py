"""COPY and ADD: files of the context, of the line itself, of stages and images, of archives and addresses."""

from __future__ import annotations

import posixpath
import tarfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from intermodal.definitions import dockerfile
from intermodal.definitions.contexts import Found
from intermodal.definitions.dockerfile import Instruction, refuse
from intermodal.definitions.fetching import fetch
from intermodal.definitions.reading import Reading
from intermodal.exception import Error, InvalidError
from intermodal.specs import AddArchive, CopyFiles, CopyFrom, FileEntry, FileTree, ImageStep

__all__ = ["read_copy"]

_ROOT = frozenset({"root", "0"})
#: Files of the context are root's anyway; those of other images are not.
_ROOTS = "0:0"


@dataclass(frozen=True)
class _Options:
    """What stands before the sources."""

    source: str = ""
    owner: str = ""
    mode: int | None = None
    checksum: str = ""


def read_copy(reading: Reading, instruction: Instruction) -> Iterator[ImageStep]:
    """One step, and one more for each archive of ADD."""
    given, rest = dockerfile.options(instruction)
    options = _options(reading, instruction, given)
    listed = dockerfile.json_words(rest)
    words = (
        reading.words(instruction, _without_heredocs(instruction, rest))
        if listed is None
        else [reading.word(instruction, word) for word in listed]
    )
    target = words.pop() if words else ""
    if not target or not (words or instruction.heredocs):
        raise InvalidError(f"{instruction.where}: {instruction.keyword} takes sources and a target")
    place = reading.place(target)
    several = len(words) + len(instruction.heredocs) > 1
    directory = several or target.endswith("/") or posixpath.basename(target) in (".", "..")
    if options.source:
        yield _copy_from(reading, instruction, options, words, place, directory)
        return
    owner = "" if options.owner == _ROOTS else options.owner
    found: list[Found] = _written(reading, instruction)
    for word in words:
        for each in _found(reading, instruction, options, word):
            if instruction.keyword == "ADD" and (archive := _archive(reading, each)):
                yield AddArchive(archive=archive, name=each.name, target=place, owner=owner)
            else:
                found.append(each)
    if found:
        into = "" if directory or len(found) > 1 or not found[0].name else found[0].name
        tree = _tree(found, options.mode, named=directory or len(found) > 1)
        yield CopyFiles(tree=tree, target=place, owner=owner, into=into)


def _options(reading: Reading, instruction: Instruction, given: Sequence[tuple[str, str]]) -> _Options:
    options = _Options()
    for name, text in given:
        value = reading.word(instruction, text)
        if name == "from" and instruction.keyword == "COPY":
            options = replace(options, source=value)
        elif name == "chown":
            options = replace(options, owner=_ROOTS if _ROOT.issuperset(value.split(":")) else value)
        elif name == "checksum" and instruction.keyword == "ADD":
            options = replace(options, checksum=value)
        elif name == "chmod":
            try:
                options = replace(options, mode=int(value, 8))
            except ValueError:
                raise refuse(instruction, "chmod", f"--chmod={value}: write it in octal, as in 755") from None
        elif name != "link":
            what = f"{instruction.keyword} --{name}"
            raise refuse(instruction, f"{instruction.keyword.lower()}-{name}", f"{what} is not supported")
    return options


def _without_heredocs(instruction: Instruction, rest: str) -> str:
    for each in instruction.heredocs:
        rest = rest.replace(each.word, "", 1)
    return rest


def _copy_from(
    reading: Reading, instruction: Instruction, options: _Options, words: Sequence[str], target: str, directory: bool
) -> CopyFrom:
    if instruction.heredocs:
        raise InvalidError(f"{instruction.where}: COPY --from= takes no heredocs")
    if options.source.lower() == "scratch":
        raise InvalidError(f"{instruction.where}: COPY --from=scratch: there is nothing in it")
    return CopyFrom(
        source=reading.source(options.source, instruction),
        paths=tuple(posixpath.normpath(posixpath.join("/", word)) for word in words),
        target=target,
        directory=directory,
        owner=options.owner,
        mode=options.mode,
    )


def _written(reading: Reading, instruction: Instruction) -> list[Found]:
    """The files whose text stands in the Dockerfile."""
    blobs, found = reading.making.shipping.blobs, []
    for each in instruction.heredocs:
        text = dockerfile.expand(each.text, reading.value, instruction) if each.expands else each.text
        data = text.encode()
        found.append(Found(each.name, [FileEntry("", blobs.add(data), len(data))]))
    return found


def _found(reading: Reading, instruction: Instruction, options: _Options, word: str) -> list[Found]:
    blobs = reading.making.shipping.blobs
    if instruction.keyword == "ADD" and (word.startswith("git@") or word.partition("#")[0].endswith(".git")):
        raise refuse(instruction, "add-git", f"ADD {word}: fetch it with RUN git clone")
    if instruction.keyword == "ADD" and word.startswith(("http://", "https://")):
        data = fetch(word, options.checksum, instruction)
        name = posixpath.basename(word.partition("?")[0].partition("#")[0])
        # As everywhere for files without a mode of their own that came from afar; and nobody unpacks them.
        return [Found(name, [FileEntry("", blobs.add(data), len(data), 0o600)], remote=True)]
    if options.checksum:
        raise InvalidError(f"{instruction.where}: --checksum is for what comes from http:// or https://")
    try:
        return reading.context.find(word, blobs)
    except Error as error:
        raise type(error)(f"{instruction.where}: {error}") from None


def _archive(reading: Reading, found: Found) -> str:
    """The hash of a local file that is a tar archive; "" for anything else."""
    if not found.name or found.remote or found.entries[0].kind != "file":
        return ""
    blob = found.entries[0].blob
    data = reading.making.shipping.blobs[blob]
    try:
        if isinstance(data, bytes):
            import io

            with tarfile.open(fileobj=io.BytesIO(data)):
                return blob
        with tarfile.open(data):
            return blob
    except (tarfile.TarError, EOFError, OSError):
        return ""


def _tree(found: Sequence[Found], mode: int | None, *, named: bool) -> FileTree:
    """One tree of all sources. `named`: files get their own names in it."""
    entries: dict[str, FileEntry] = {}
    for each in found:
        for entry in each.entries:
            path = each.name if each.name and named else entry.path
            changed = entry.mode if mode is None or entry.kind == "link" else mode
            entries[path] = replace(entry, path=path, mode=changed)
    return FileTree(tuple(entries[path] for path in sorted(entries)))
