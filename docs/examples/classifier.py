"""A model that is trained while its image is built, and served by a class in batches.

intermodal run docs/examples/classifier.py
"""

import json
import math
from collections import Counter
from pathlib import Path

import intermodal as modal

app = modal.App("classifier")
MODEL = Path("/root/model.json")
EXAMPLES = {
    "sea": ["the anchor is down", "waves over the bow", "a harbour at low tide", "the sailor ties the anchor rope"],
    "rail": [
        "the train leaves platform two",
        "a signal turns green",
        "the driver slows the train",
        "rails and sleepers",
    ],
    "road": [
        "the truck takes the exit",
        "a lorry in heavy traffic",
        "the driver fills the tank",
        "two lanes of traffic",
    ],
}


def train(kinds: list[str]) -> None:
    """Count words, and write the model into the image."""
    model = {kind: Counter(" ".join(EXAMPLES[kind]).split()) for kind in kinds}
    MODEL.write_text(json.dumps(model))
    print(f"trained on {sum(len(EXAMPLES[kind]) for kind in kinds)} examples")


base = modal.Image.debian_slim().env({"SMOOTHING": "0.5"})
image = base.run_function(train, args=(["rail", "road", "sea"],))


@app.cls(image=image, scaledown_window=30)
class Classifier:
    """Says what a text is about. `least` is how sure it has to be to say so."""

    least: int = modal.parameter(default=0)

    @modal.enter()
    def load(self) -> None:
        """Once in each container: read the model."""
        import os

        self.model = {kind: Counter(counts) for kind, counts in json.loads(MODEL.read_text()).items()}
        self.smoothing = float(os.environ["SMOOTHING"])

    @modal.batched(max_batch_size=8, wait_ms=50)
    def classify(self, texts: list[str]) -> list[str]:
        """One answer for each text; several callers' texts come together, as is best for a GPU."""
        return [self._answer(text) for text in texts]

    def _answer(self, text: str) -> str:
        scores = {kind: self._likelihood(kind, text) for kind in self.model}
        kind = max(sorted(scores), key=scores.__getitem__)
        sure = math.exp(scores[kind]) / sum(map(math.exp, scores.values()))
        return f"{kind} ({sure:.0%})" if sure * 100 >= self.least else "not sure"

    def _likelihood(self, kind: str, text: str) -> float:
        counts, words = self.model[kind], {word for each in self.model.values() for word in each}
        whole = sum(counts.values()) + self.smoothing * len(words)
        return sum(math.log((counts[word] + self.smoothing) / whole) for word in text.split())


@app.local_entrypoint()
def main():
    """Classify texts with a model that always answers, and with one that would rather not."""
    texts = ["the train is late", "drop the anchor", "traffic on the exit", "the harbour train", "the driver"]
    careful = Classifier(least=60)
    for text, answer, sure in zip(texts, Classifier().classify.map(texts), careful.classify.map(texts), strict=True):
        print(f"{text:<22}{answer:<14}{sure}")
