"""How large a YAML file may be, counted before it becomes Python: a few lines of aliases can stand for 10^9 entries.

PyYAML's parser tells events (YAML 1.2.2, figure 3.1): it goes into no depth of Python's own, and makes nothing of an
alias.
"""

import yaml

BYTES = 1_000_000
ENTRIES = 10_000  # keys, values and items, those that aliases stand for too; the suite's own file has some 500
DEPTH = 30  # brackets or indents inside each other
PARSER = yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader


def excess(text: str) -> str:
    """What of a YAML text is over the bounds, as the end of a sentence that begins with its name; "" where nothing is.

    Raises yaml.YAMLError where it is malformed, as far as it was read.
    """
    if (size := len(text.encode("utf-8", "surrogatepass"))) > BYTES:
        return f"has {size:,} bytes, over the limit of {BYTES:,}"
    anchored: dict[str, int] = {}  # entries of what an anchor names
    counts, anchors, total = [0], list[str | None]([None]), 0
    for event in yaml.parse(text, Loader=PARSER):
        if isinstance(event, yaml.CollectionStartEvent):
            counts.append(0)
            anchors.append(event.anchor)
            entries = 1
            if len(counts) - 1 > DEPTH:
                return f"is nested over {DEPTH} deep, in line {_line(event)}"
        elif isinstance(event, yaml.ScalarEvent):
            entries = 1
            if event.anchor:
                anchored[event.anchor] = 1
        elif isinstance(event, yaml.AliasEvent):
            if event.anchor in anchors:
                line = _line(event)
                return f"has an alias inside of what it stands for, *{event.anchor} in line {line}"
            entries = anchored.get(str(event.anchor), 1)
        elif isinstance(event, yaml.CollectionEndEvent):
            inside, anchor = counts.pop(), anchors.pop()
            counts[-1] += inside
            if anchor:
                anchored[anchor] = inside + 1
            continue
        else:
            continue
        counts[-1] += entries
        total += entries
        if total > ENTRIES:
            line = _line(event)
            return f"has over {ENTRIES:,} entries, with those that its aliases stand for, up to line {line}"
    return ""


def _line(event: yaml.Event) -> int:
    return event.start_mark.line + 1 if event.start_mark else 0
