"""How is untrusted material set apart inside a prompt? Pure: the same call gets the same fence.

The subject wrote the material before the fence existed and does not know the trial's id, so it cannot
close the fence itself. It is derived, not drawn, so that a resumed trial sends the identical request
and gets its stored answer back.
"""

from trialbed.core.canonical import digest
from trialbed.core.verdict import FIRST, Asking

_LETTERS = str.maketrans("0123456789abcdef", "abcdefghijklmnop")


def fence_for(trial_id: str, task: str, material: str, asking: Asking = FIRST) -> str:
    """A tag that does not occur in `material`, in whatever letter case; each asking has its own."""
    which = [] if asking == FIRST else list(asking)
    folded = material.casefold()
    attempt = 0
    while True:
        # Letters only: the tag then reads as one word to a model and to a parser alike.
        fence = "transcript_" + digest([trial_id, task, material, *which, attempt]).translate(_LETTERS)
        if fence not in folded:
            return fence
        attempt += 1


def fenced(material: str, fence: str) -> str:
    """`material` on lines of its own between the opening and the closing tag."""
    return f"<{fence}>\n{material}\n</{fence}>"
