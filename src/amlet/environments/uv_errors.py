"""What uv says when it fails, turned into one cause."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from typing import NamedTuple

from amlet.environments.conda_names import normalized

UNKNOWN = "unknown"
NO_VERSION = "no version"
NO_WHEEL = "no wheel"
CONFLICT = "conflict"
UNREACHABLE = "unreachable"
UNTRUSTED = "untrusted"
OFFLINE = "offline"
UNREADABLE = "unreadable"
BAD_HASH = "bad hash"
DISK_FULL = "disk full"
OTHER = "other"

_SPEC = r"[A-Za-z0-9][A-Za-z0-9._\-]*(?:\[[^\]]*\])?(?:[=<>!~]=?[^\s,;]+(?:,[=<>!~]=?[^\s,;]+)*)?"
_ALL = "all versions of "
_DEPENDS = re.compile(rf"((?:all versions of )?{_SPEC}) depends? on ({_SPEC})")
_REQUIRED = re.compile(r"(?<!conclude that )you require (.+?)(?=,? we can conclude|$)")
"""Of the spec's own: what uv concludes to be required is a step of its proof."""
_NO_WHEEL = re.compile(r"`?([A-Za-z0-9][A-Za-z0-9._\-]*)[^\s`]*`? (?:has|have) no (?:usable )?wheels")
_WHEELS_NEEDED = re.compile(r"Wheels are (?:required|available) for `([^`]+)`")
_NOT_CACHED = re.compile(r"([A-Za-z0-9][A-Za-z0-9._\-]*) was not found in the cache")
_CERTIFICATE_FAULTS = {
    "UnknownIssuer": "no authority that this machine knows has signed it",
    "CaUsedAsEndEntity": "it is signed by itself",
    "NotValidForName": "it is for another host",
    "Expired": "it has expired",
    "NotValidYet": "it is not valid yet",
}
_FILTERED = re.compile(r"`([^`]+)` was filtered by `exclude-newer`")


class Cause(NamedTuple):
    """Why uv failed."""

    kind: str
    packages: list[str]
    """Normalised names of the packages at fault, the spec's own first."""
    text: str
    """uv's reason in one sentence, without a full stop."""
    younger: list[str] = []
    """Packages that would have a version if the date allowed it."""


def cause_of(output: str, asked_for: Collection[str]) -> Cause:
    """Read uv's standard error.

    Args:
        output: As uv wrote it.
        asked_for: Normalised names that the spec itself asks for.
    """
    # Older releases draw the reason as a tree; all of them wrap it.
    text = " ".join(re.sub(r"[\u2500-\u257f\u25b6\u00d7]", " ", output).split())
    body = text.split(" hint: ")[0]
    younger = _unique(_FILTERED.findall(text))
    required = _required(body)

    def cause(kind: str, names: Collection[str], reason: str) -> Cause:
        ordered = sorted(_unique(names), key=lambda name: name not in asked_for)
        return Cause(kind, ordered, reason, younger)

    found = re.search(r"No space left on device|Disk quota exceeded", text)
    if found:
        path = re.search(r"copy to `([^`]+)`|to (/\S+?):? No space", text)
        return cause(DISK_FULL, [], path[1] or path[2] if path else "")
    found = re.search(r"Hash mismatch for `([A-Za-z0-9._\-]+)[^`]*`", text)
    if found:
        return cause(BAD_HASH, [found[1]], f"the file of {found[1]} is not the one that was locked")
    if "network was disabled" in text or "was not found in the cache" in text:
        missing = _NOT_CACHED.findall(text)
        what = f"has no {missing[0]}" if missing else "has not all packages"
        return cause(OFFLINE, missing[:1], f"the network is switched off, and uv's cache {what}")
    found = re.search(r"invalid peer certificate: (.+?)(?= cause: | hint: |$)", text)
    if found:
        return cause(UNTRUSTED, [], f"the certificate of {_host(text)} is not trusted: {_certificate(found[1])}")
    reason = _unreachable(text)
    if reason:
        return cause(UNREACHABLE, [], reason)
    found = re.search(r"Couldn't parse requirement.*?cause: ([^\n]*)\n\s*([^\n]*)", output, re.DOTALL)
    if found:
        return cause(UNREADABLE, [name for name in asked_for if name == _name(found[2])], found[1])
    found = re.search(r"(\S+) was not found in (?:the package registry|the provided package locations)", body)
    if found:
        return cause(UNKNOWN, [found[1]], f"there is no package {found[1]}")
    depends = _DEPENDS.findall(body)
    if len(required) > 1 or (depends and "does not satisfy Python" not in body):
        return _conflict(body, depends, required, asked_for, younger)
    found = re.search(rf"({_SPEC}) depends? on (Python\S+)", body)
    if found and "does not satisfy Python" in body:
        return cause(NO_WHEEL, [_name(found[1])], f"{found[1]} needs {found[2]}")
    wheel_less = _unique(_NO_WHEEL.findall(body) + _WHEELS_NEEDED.findall(text))
    if wheel_less:
        known = [name for name in wheel_less if name in asked_for] or wheel_less
        return cause(NO_WHEEL, known, f"{required[0] if required else known[0]} has no wheel")
    if required and not younger and required[0] == _name(required[0]) and f"no versions of {required[0]}" in body:
        return cause(NO_VERSION, required[:1], f"the index lists {required[0]} and has no file of it")
    if required and re.search(r"there (?:is|are) no versions? of|(?:is|are) available", body):
        only = re.search(rf"only ({_SPEC}) (?:is|are) available", body)
        reason = f"there is no {required[0]}" + (f" (only {only[1]})" if only else "")
        return cause(NO_VERSION, [_name(required[0])], reason)
    brief = re.sub(r"^(error: )?(No solution found when resolving dependencies:? )?(cause: )?", "", body)
    return cause(OTHER, [], brief[:500].rstrip(". ") or "uv gave no reason")


def _conflict(
    body: str, depends: list[tuple[str, str]], required: list[str], asked_for: Collection[str], younger: list[str]
) -> Cause:
    names = _unique(_name(item) for item in required)
    if depends:
        # The last step of uv's proof that speaks of what the spec itself pins is the one to act on.
        telling = [pair for pair in depends if _name(pair[1]) in asked_for] or depends
        who, what = telling[-1]
        other = next((item for item in required if _name(item) == _name(what)), None)
        second = next((pair for pair in reversed(depends) if _name(pair[1]) == _name(what) and pair[1] != what), None)
        reason = _needs(who, what) + (f", but {other} is asked for" if other else "")
        if other is None and second is not None:
            reason += f", but {_needs(*second)}"
            names = _unique([*names, _name(second[0].replace(_ALL, ""))])
        elif other is None and re.search(rf"{re.escape(_name(what))}[^ ]* (?:has|have) no (?:usable )?wheels", body):
            reason += ", which has no wheel"
        names = _unique([*names, _name(who.replace(_ALL, "")), _name(what)])
    else:
        reason = " and ".join(required) + " do not fit together"
    return Cause(CONFLICT, sorted(names, key=lambda name: name not in asked_for), reason, younger)


def _needs(who: str, what: str) -> str:
    return f"{who.replace(_ALL, 'every ')} needs {what}"


def _required(body: str) -> list[str]:
    """The requirements that the last sentence of a proof names; uv orders them as they come."""
    found: list[str] = []
    for match in _REQUIRED.findall(body):
        for item in re.split(r",? and |, (?=[A-Za-z])", match):
            # What has blanks is the next step of the proof: `scipy==1.16 depends on …`.
            item = item.strip(" ,.")
            if item and " " not in item and item not in found:
                found.append(item)
    return found


def _host(text: str) -> str:
    host = re.search(r"https?://(?:[^/\s`]*@)?([^/\s`)]+)", text)
    return host[1] if host else "the package index"


def _certificate(reason: str) -> str:
    """rustls's words in plain ones."""
    for word, plain in _CERTIFICATE_FAULTS.items():
        if word in reason:
            return plain
    return reason


def _unreachable(text: str) -> str | None:
    where = _host(text)
    if "lack of valid authentication credentials" in text:
        return f"{where} wants a user and a password that it accepts"
    status = re.search(r"HTTP status (?:client|server) error \((\d{3}[^)]*)\)", text)
    if status is None:
        status = re.search(r"An index \(\S+\) returned a (\d{3} [A-Z][A-Za-z ]+?) error", text)
    if status:
        return f"{where} answered {status[1]}"
    if re.search(r"error sending request|dns error|Request failed after|operation timed out|Connection refused", text):
        last = re.findall(r"cause: (.*?)(?= cause: | hint: |$)", text)
        detail = last[-1].split(" (os error")[0] if last else "no answer"
        return f"{where} cannot be reached: {detail}"
    return None


def _name(requirement: str) -> str:
    return normalized(re.split(r"[\[=<>!~ ;]", requirement, maxsplit=1)[0])


def _unique(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(normalized(name) for name in names))
