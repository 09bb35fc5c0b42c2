"""Functions that call functions: clean texts, score them side by side, put the results together, stream a report.

intermodal run docs/examples/pipeline.py
intermodal run docs/examples/pipeline.py --texts 100
"""

import random
from collections.abc import Iterator

import intermodal as modal

app = modal.App("pipeline")
PROVERB = "a calm sea never made a skilled sailor but a fair wind fills every sail and every harbour is home"


@app.function()
def clean(text: str) -> list[str]:
    """A text's words, without punctuation and case."""
    return [word.strip(".,!?").lower() for word in text.split()]


@app.function(retries=modal.Retries(max_retries=3, initial_delay=0.05))
def score(number: int, words: list[str], tries: modal.Dict) -> tuple[int, float]:
    """How many of a text's words differ, as a share. The network is bad: each seventh text needs two tries."""
    if number % 7 == 0 and tries.put(number, True, skip_if_exists=True):
        raise ConnectionError(f"text {number} was lost on the way")
    return number, len(set(words)) / len(words)


@app.function()
def rank(texts: list[str], tries: modal.Dict) -> list[tuple[int, float]]:
    """The texts' numbers and scores, the best first: other containers clean and score them all at once."""
    cleaned = clean.map(texts)
    scored = score.starmap([(number, words, tries) for number, words in enumerate(cleaned)], order_outputs=False)
    return sorted(scored, key=lambda one: (-one[1], one[0]))


@app.function()
def report(texts: list[str], tries: modal.Dict) -> Iterator[str]:
    """The lines of a report, as they are ready."""
    yield f"{len(texts)} texts"
    for place, (number, share) in enumerate(rank.remote(texts, tries)[:5], start=1):
        yield f"{place}. text {number:>3}  {share:6.1%}  {texts[number][:50]}"
    yield f"{len(tries)} texts needed a second try"


@app.local_entrypoint()
def main(texts: int = 40):
    """Rank that many texts, which are the same in each run."""
    chance = random.Random(7)
    made = [f"{' '.join(chance.choices(PROVERB.split(), k=12)).capitalize()}." for _ in range(texts)]
    with modal.Dict.ephemeral() as tries:
        for line in report.remote_gen(made, tries):
            print(line)
